"""What it is called when a disk does not take a file: an OSError that names it, whoever wrote."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import tensorflow as tf

_CODES = {
    tf.errors.ResourceExhaustedError: errno.ENOSPC,
    tf.errors.PermissionDeniedError: errno.EACCES,
    tf.errors.NotFoundError: errno.ENOENT,
}
# Errors that a run survives: it goes on from its last checkpoint when the disk takes files again.
_PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EFBIG)


@contextlib.contextmanager
def disk_errors(path: str | Path) -> Iterator[None]:
    """Turns what TensorFlow raises when it cannot write into an OSError.

    Args:
      path: what is written.
    """
    try:
        yield
    except tf.errors.OpError as error:
        code = _CODES.get(type(error), errno.EIO)
        reason = os.strerror(code)
        if code == errno.EIO:
            reason = re.sub(r"\{\{.*?\}\}\s*", "", str(error).splitlines()[0])
        raise OSError(code, reason, str(path)) from None


@contextlib.contextmanager
def resumable(run_path: str | Path, saved_kimg: Callable[[], float | None]) -> Iterator[None]:
    """Says in an error of the disk how the run goes on.

    Args:
      run_path: of the run folder.
      saved_kimg: function that returns where the newest checkpoint is, in thousand images, or None.
    """
    try:
        yield
    except OSError as error:
        kimg = saved_kimg()
        if error.errno not in _PASSING or kimg is None:
            raise
        reason = (
            f"{error.strerror} (the checkpoint at {kimg:.1f} kimg is intact; when the disk takes "
            f"files again: python train.py --resume {run_path})"
        )
        raise OSError(error.errno, reason, error.filename) from None
