"""Writing files and folders so that nothing half-made is ever found at their place."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import fnmatch
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


_FINGERPRINT = "fingerprint"  # beside a resumable folder
_RANDOM = 8  # characters that `tempfile` adds to a name


@contextlib.contextmanager
def atomic_file(path: str | Path, mode: str = "wb") -> Iterator[IO]:
    """Opens a file beside `path` that takes its place when the block ends without an error.

    Args:
      path: where the file shall be.
      mode: "wb" or "w" (UTF-8).
    """
    path = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        encoding = None if "b" in mode else "utf-8"
        with named(path), os.fdopen(handle, mode, encoding=encoding) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def remove_leftovers(folder: str | Path, names: Sequence[str]) -> None:
    """Removes what `atomic_file` leaves in a folder when its process is killed.

    Args:
      folder: no process may be writing there.
      names: patterns of the files' names.
    """
    for path in Path(folder).glob(".*"):
        name, dot, end = path.name[1:].rpartition(".")
        if dot and len(end) == _RANDOM and any(fnmatch.fnmatch(name, one) for one in names):
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def named(path: str | Path) -> Iterator[None]:
    """Puts `path` into an error of the disk that names no file: a full one's, for example."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def check_new_file(flag: str, path: str | Path, suffix: str) -> None:
    """Raises unless a file can be made at `path`.

    Args:
      flag: str, the flag that names the file.
      path: where it shall be.
      suffix: str, ".png" for example.

    Raises:
      ValueError: another suffix, or a folder.
      FileNotFoundError: there is no folder to put it into.
    """
    path = Path(path)
    if path.suffix.lower() != suffix or path.is_dir():
        raise ValueError(f"{flag} {path}: a {suffix} file expected")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{flag} {path}: no folder {path.parent}")


def write_image(path: str | Path, picture: np.ndarray, options: Sequence[int] = ()) -> None:
    """Writes a picture; `cv2.imwrite` does not say why it cannot, and lets libpng print lines.

    Args:
      path: file, whose suffix is the format.
      picture: uint8 [H, W] or [H, W, 3], BGR.
      options: as for `cv2.imencode`.

    Raises:
      OSError: it cannot be written.
    """
    import cv2

    path = Path(path)
    path.write_bytes(cv2.imencode(path.suffix, picture, options)[1].tobytes())


def write_text(path: str | Path, text: str) -> None:
    """Writes a text file (UTF-8) atomically."""
    with atomic_file(path, "w") as file:
        file.write(text)


def read_text(path: str | Path) -> str:
    """Reads a text file (UTF-8, with or without a byte order mark).

    Raises:
      ValueError: other bytes; names the file.
      OSError: the file cannot be opened.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text file ({error})") from None


def read_json(path: str | Path) -> Any:
    """Reads a JSON file.

    Raises:
      ValueError: something else; names the file.
      OSError: the file cannot be opened.
    """
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: not a json file ({error})") from None
    except RecursionError:
        raise ValueError(f"{path}: not a json file (nested too deeply)") from None


def read_json_lines(path: str | Path) -> list[dict]:
    """Reads a file of JSON objects, one a line; what was cut short when it was written is left out.

    Raises:
      ValueError: not a text file; names it.
      OSError: the file cannot be opened.
    """
    found = []
    for line in read_text(path).splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            found.append(json.loads(line))
    return [values for values in found if isinstance(values, dict)]


def put_json_line(path: str | Path, values: dict, key: str) -> None:
    """Puts a line into a file of JSON lines, atomically, in place of those that are not before it.

    A run that was killed behind a line and goes on from before it writes the line again.

    Args:
      path: the file; it need not be there.
      values: dict of JSON values.
      key: str, whose value grows from line to line.
    """
    kept = []
    for line in read_text(path).splitlines() if Path(path).is_file() else ():
        with contextlib.suppress(ValueError, TypeError, LookupError):  # cut short by an old version
            if json.loads(line)[key] < values[key]:
                kept.append(line)
    write_text(path, "".join(f"{line}\n" for line in [*kept, json.dumps(values)]))


@contextlib.contextmanager
def atomic_folder(
    path: str | Path, overwrite: bool = False, owned: Sequence[str] = ("*",)
) -> Iterator[Path]:
    """Gives a new folder beside `path` that takes its place when the block ends without an error.

    Args:
      path: where the folder shall be; missing parents are made.
      overwrite: replace a folder that is there.
      owned: patterns of names; a folder that holds anything else is not replaced.

    Yields:
      pathlib.Path of the temporary folder to fill.

    Raises:
      ValueError: when `path` exists and `overwrite` is False, or is not to be replaced, before
        anything is written.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise ValueError(f"{path} exists already; remove it or give --overwrite")
    _check_replaceable(path, owned)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        os.chmod(temporary, 0o777 & ~_umask())
        with named(path):
            yield temporary
        _move_into_place(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _check_replaceable(path, owned):
    if not path.exists():
        return
    if not path.is_dir():
        raise ValueError(f"{path}: is a file; a folder to make expected")
    names = sorted(entry.name for entry in path.iterdir())
    foreign = [name for name in names if not any(fnmatch.fnmatch(name, own) for own in owned)]
    if foreign:
        raise ValueError(
            f"{path}: not replaced, because it holds more than what is made there: "
            f"{', '.join(foreign[:5])}"
        )


def partial_folder(path: Path) -> Path:
    """Where `resumable_folder` keeps what is done so far."""
    path = Path(path)
    return path.with_name(f".{path.name}.partial")


@contextlib.contextmanager
def resumable_folder(
    path: str | Path, fingerprint: str, overwrite: bool = False
) -> Iterator[tuple[Path, float | None]]:
    """`atomic_folder` whose content outlives an interruption.

    The folder stays where it is when the block ends with an error, unless it is empty or gone. The
    next call for the same `path` goes on with it if the fingerprint is the same, and else begins
    anew.

    Args:
      path: where the folder shall be; missing parents are made.
      fingerprint: str, of everything that decides what shall be in it.
      overwrite: replace a folder that is there.

    Yields:
      (pathlib.Path of the folder to fill, None or the time at which the interrupted call began,
      in seconds since the epoch).

    Raises:
      ValueError: when `path` exists and `overwrite` is False, or another process fills the folder;
        before anything is written.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise ValueError(f"{path} exists already; remove it or give --overwrite")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_folder(path)
    partial.mkdir(exist_ok=True)
    mark = partial / _FINGERPRINT
    folder = partial / path.name
    with open(mark, "a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError(f"{path}: another process is building it") from None
        lock.seek(0)
        begun = mark.stat().st_mtime
        # A clock that was set back says nothing of what has changed since.
        is_behind = time.time() < begun
        if is_behind or lock.read() != fingerprint or not folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)
            lock.truncate(0)
            lock.write(fingerprint)
            lock.flush()
            begun = None
        folder.mkdir(exist_ok=True)
        try:
            yield folder, begun
            if path.exists():
                rule_out_going_on(folder)  # what is replaced may be in its place for a moment
            _move_into_place(folder, path)
            shutil.rmtree(partial)
        except BaseException:
            if not folder.is_dir() or not any(folder.iterdir()):
                shutil.rmtree(partial, ignore_errors=True)
            raise


def rule_out_going_on(folder: str | Path) -> None:
    """Makes the next `resumable_folder` for the same path begin anew.

    For the moment from which on the content of `folder` is no longer what an interrupted call
    leaves behind.
    """
    with open(Path(folder).parent / _FINGERPRINT, "r+b") as mark:
        mark.truncate(0)
        os.fsync(mark.fileno())


def _move_into_place(folder, path):
    if not path.exists():
        os.replace(folder, path)
        return
    if _exchange(folder, path):
        shutil.rmtree(folder)
        return
    replaced = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    os.replace(path, replaced / path.name)
    os.replace(folder, path)
    shutil.rmtree(replaced)


def _exchange(first, second):
    """Lets two folders change places at once, so that a process that is killed leaves the one or
    the other; False where the system cannot."""
    try:
        rename = ctypes.CDLL(None).renameat2
    except (OSError, AttributeError):
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return rename(here, os.fsencode(first), here, os.fsencode(second), exchange) == 0


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
