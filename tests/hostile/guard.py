"""Watches what reading a file does: what it opens, what it starts, how much memory it takes."""

import contextlib
import os
import resource
import sys
import tempfile

import pytest

_REFUSED = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "subprocess.Popen",
    "socket.connect",
    "socket.getaddrinfo",
    "os.remove",
    "os.rename",
)
_MEMORY = 1 << 30  # bytes that reading a file of some kilobytes may take
_state = {"roots": None, "found": []}
_ROOTS = (sys.prefix, sys.base_prefix, "/proc", "/sys", "/dev", "/usr", "/etc/localtime", "/lib")


def _hook(event, args):
    roots = _state["roots"]
    if roots is None:
        return
    if event == "open" and isinstance(args[0], (str, bytes, os.PathLike)):
        path = os.path.realpath(os.fsdecode(args[0]))
        if not path.startswith(roots):
            _state["found"].append(f"open {path} {args[1]}")
    elif event in _REFUSED and not _inside(args, roots):
        _state["found"].append(f"{event} {args}")


def _inside(args, roots):
    if not args or not isinstance(args[0], (str, os.PathLike)):
        return False
    if args[-1] != -1 and isinstance(args[-1], int):  # relative to an open folder
        return "/" not in str(args[0])
    return os.path.realpath(args[0]).startswith((roots[0], tempfile.gettempdir()))


sys.addaudithook(_hook)


@contextlib.contextmanager
def watched(folder):
    """Fails the test if the block opens a file outside a folder, starts anything, or needs much
    memory."""
    root = os.path.realpath(folder)
    project = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    _state["found"] = []
    size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size + _MEMORY, hard))
    _state["roots"] = (root, project, os.path.realpath(tempfile.gettempdir()), *_ROOTS)
    try:
        yield
    finally:
        _state["roots"] = None
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        assert not _state["found"], _state["found"]


def refused(folder, message, function, *args):
    """Asserts that a function refuses what is in a folder, in one line, and touches nothing
    else."""
    with watched(folder), pytest.raises(ValueError, match=message) as caught:
        function(*args)
    assert "\n" not in str(caught.value)
