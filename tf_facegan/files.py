"""Writing files and folders so that nothing half-made is ever found at their place."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path


@contextlib.contextmanager
def atomic_file(path, mode="wb"):
    """Opens a file beside `path` that takes its place when the block ends without an error.

    Args:
      path: where the file shall be.
      mode: "wb" or "w" (UTF-8).
    """
    path = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        encoding = None if "b" in mode else "utf-8"
        with os.fdopen(handle, mode, encoding=encoding) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def write_text(path, text):
    """Writes a text file (UTF-8) atomically."""
    with atomic_file(path, "w") as file:
        file.write(text)


@contextlib.contextmanager
def atomic_folder(path, overwrite=False):
    """Gives a new folder beside `path` that takes its place when the block ends without an error.

    Args:
      path: where the folder shall be; missing parents are made.
      overwrite: replace a folder that is there.

    Yields:
      pathlib.Path of the temporary folder to fill.

    Raises:
      ValueError: when `path` exists and `overwrite` is False, before anything is written.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise ValueError(f"{path} exists already; remove it or give --overwrite")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        os.chmod(temporary, 0o777 & ~_umask())
        yield temporary
        if path.exists():
            replaced = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
            os.replace(path, replaced / path.name)
            os.replace(temporary, path)
            shutil.rmtree(replaced)
        else:
            os.replace(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
