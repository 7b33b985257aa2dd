"""Array files of NumPy, `.npy` and `.npz`: no pickles, no more memory than a file has bytes for.

NumPy believes what a file says of its shape and takes the memory before it looks for the values; an
archive may promise more than a machine has. Files come from elsewhere, so both are checked first.
"""

from __future__ import annotations

import contextlib
import os
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tf_facegan.files import atomic_file

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# How much larger than the file the content of a compressed archive may be.
_MAX_RATIO, _FREE_BYTES = 64, 64 << 20
# What NumPy, zipfile and Python's parser raise for damaged files.
DAMAGE = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    EOFError,
    SyntaxError,
    RecursionError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    AttributeError,
    OSError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_npy(path: str | Path) -> np.ndarray:
    """Reads an `.npy` file.

    Returns:
      ndarray; never of objects.

    Raises:
      OSError: the file cannot be opened.
      ValueError: not an array file, or cut short; names the file.
    """
    with open(path, "rb") as file:
        try:
            return _read_array(file, os.fstat(file.fileno()).st_size)
        except DAMAGE as error:
            raise ValueError(f"{path}: not an array file ({_reason(error)})") from None


def read_npz(path: str | Path, prefix: str = "") -> dict[str, np.ndarray]:
    """Reads the arrays of an `.npz` archive.

    Args:
      path: the file.
      prefix: str; only arrays whose names begin so are read, and it is taken off.

    Returns:
      dict of name to ndarray.

    Raises:
      OSError: the file cannot be opened.
      ValueError: not an archive of arrays, or cut short, or far larger inside; names the file.
    """
    with _opened(path) as archive:
        return {
            _name(entry)[len(prefix) :]: _read_entry(archive, entry)
            for entry in archive.infolist()
            if entry.filename.startswith(prefix)
        }


def npz_names(path: str | Path) -> list[str]:
    """Returns the names of the arrays of an `.npz` archive; errors as of `read_npz`."""
    with _opened(path) as archive:
        return [_name(entry) for entry in archive.infolist()]


@contextlib.contextmanager
def _opened(path):
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            with zipfile.ZipFile(file) as archive:
                _check_size(archive, size)
                yield archive
        except DAMAGE as error:
            raise ValueError(f"{path}: not an archive of arrays ({_reason(error)})") from None


def _name(entry):
    return entry.filename.removesuffix(".npy")


def write_npz(path: str | Path, arrays: Mapping[str, Any], compresses: bool = False) -> None:
    """Writes an `.npz` archive atomically.

    Unlike `numpy.savez` it closes the archive when the disk does not take it.

    Args:
      path: the file.
      arrays: dict of name to array, none of objects.
      compresses: bool.

    Raises:
      OSError: the disk does not take it; names the file.
    """
    method = zipfile.ZIP_DEFLATED if compresses else zipfile.ZIP_STORED
    with atomic_file(Path(path)) as file, zipfile.ZipFile(file, "w", method) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asanyarray(array), allow_pickle=False)


def _check_size(archive, size):
    inside = sum(entry.file_size for entry in archive.infolist())
    if inside > _MAX_RATIO * size + _FREE_BYTES:
        raise ValueError(f"{inside} bytes in a file of {size}")


def _read_entry(archive, entry):
    with archive.open(entry) as file:
        return _read_array(file, entry.file_size)


def _read_array(file, size):
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"format version {version[0]}.{version[1]}")
    shape, is_fortran, dtype = _HEADERS[version](file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    count = 1
    for side in shape:
        count *= side
    if min(shape, default=1) < 0 or dtype.itemsize == 0 or count * dtype.itemsize > size:
        raise ValueError(f"{dtype} {list(shape)} in {size} bytes")
    array = np.empty(count, dtype)
    if count and file.readinto(array.view(np.uint8)) < array.nbytes:
        raise ValueError("it is cut short")
    if is_fortran:
        return array.reshape(shape[::-1]).transpose()
    return array.reshape(shape)


def _reason(error):
    return " ".join(str(error).split())[:200] or type(error).__name__
