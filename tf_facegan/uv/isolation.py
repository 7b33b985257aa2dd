"""Readers in C++ run in a process of their own: a file that crashes one is an error in a line."""

from __future__ import annotations

import os
import resource
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tf_facegan import array_files
from tf_facegan.command_line import one_line

if TYPE_CHECKING:
    import numpy as np


_ARRAYS, _ERROR = "arrays.npz", "error.txt"
_FREE_BYTES, _MEMORY_PER_BYTE = 4 << 30, 64  # what reading a file may take


class ReaderCrashed(ValueError):
    """The process that read a file has died."""


def arrays_of(
    read: Callable[[Any], dict[str, np.ndarray]], path: str | Path
) -> dict[str, np.ndarray]:
    """Calls a function in a copy of this process and hands its arrays on.

    Args:
      read: function of `path` that returns {name: ndarray}. What it imports should be imported
        before: the copy starts without a delay then.
      path: of an existing file.

    Returns:
      {name: ndarray}.

    Raises:
      ValueError: the function raised an error; its text.
      ReaderCrashed: the process died, or needed more memory than such a file justifies.
    """
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child == 0:
            _work(read, path, Path(folder))  # does not return
        _, status = os.waitpid(child, 0)
        error, arrays = Path(folder) / _ERROR, Path(folder) / _ARRAYS
        if os.WIFSIGNALED(status):
            name = signal.Signals(os.WTERMSIG(status)).name
            raise ReaderCrashed(f"its reader crashed ({name})")
        if error.is_file():
            raise ValueError(error.read_text(encoding="utf-8"))
        if not arrays.is_file():
            raise ReaderCrashed("its reader ended early")
        return array_files.read_npz(arrays)


def _work(read, path, folder):
    code = 1
    try:
        # A crash is what is expected: no files of the memory, no traces.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _limit_memory(_FREE_BYTES + _MEMORY_PER_BYTE * os.path.getsize(path))
        import faulthandler

        faulthandler.disable()
        try:
            array_files.write_npz(folder / _ARRAYS, read(path))
        except BaseException as error:
            (folder / _ERROR).write_text(one_line(error)[:1000], encoding="utf-8")
        code = 0
    finally:
        os._exit(code)


def _limit_memory(more):
    with open("/proc/self/statm", encoding="ascii") as file:
        here = int(file.read().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = here + more if hard == resource.RLIM_INFINITY else min(here + more, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
