"""The only unpickler: reads data from pickles of unknown origin, and runs nothing of them.

A pickle is a program that may call whatever it can name. Here it can name only the rows of the
tables in `pickle_stand_ins`, and none of these is the real thing.
"""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tf_facegan import array_files, pickle_stand_ins, torch_files
from tf_facegan.pickle_stand_ins import RefusedPickle, State, finished

_UNREADABLE = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,  # includes UnicodeDecodeError
    struct.error,
)
_FREE_ITEMS, _ITEMS_PER_BYTE = 1 << 20, 4  # what may be copied while a pickle is read
_UNREADABLE_TORCH = (*_UNREADABLE, OSError, RuntimeError, zipfile.BadZipFile)


def load(path: str | Path) -> Any:
    """Reads a pickle of protocol 0 to 5; strings of Python 2 are read as latin-1.

    Args:
      path: the file.

    Returns:
      Plain Python values and numpy arrays (read-only: they share the file's bytes); objects of the
      known classes (menpo's containers) are `State`s.

    Raises:
      ValueError: a pickle that names anything but known data classes (the name is in the message;
        nothing of it has run), or a file that is truncated or no pickle.
      OSError: the file cannot be opened.
    """
    path = Path(path)
    with open(path, "rb") as file:
        return _load(file, path)


def _load(file, path, unpickler=None):
    try:
        return finished((unpickler or _Unpickler)(file, encoding="latin1").load(), {})
    except RefusedPickle as error:
        raise ValueError(f"{path}: refused, {error}") from None
    except _UNREADABLE as error:
        detail = str(error) or type(error).__name__
        raise ValueError(f"{path}: not a readable pickle ({detail})") from None


def load_array(path: str | Path) -> np.ndarray:
    """Reads one array from a `.npy` file or a pickle (an array, or a menpo image's pixels).

    Args:
      path: the file.

    Returns:
      numpy.ndarray as it was stored; read-only if it comes from a pickle.

    Raises:
      ValueError: as `load`, or the file holds something else than an array.
      OSError: the file cannot be opened.
    """
    path = Path(path)
    if path.suffix == ".npy":
        return array_files.read_npy(path)
    value = load(path)
    if isinstance(value, State):
        value = getattr(value, "pixels", value)
    if not isinstance(value, np.ndarray):
        raise ValueError(f"{path}: holds a {type(value).__name__}, an array expected")
    return value


def load_objects(path: str | Path) -> Any:
    """Reads what `np.save` wrote of something else than an array, a dictionary for example.

    Args:
      path: a `.npy` file that holds one object, or a list of them.

    Returns:
      The object, or the list, as from `load`.

    Raises:
      ValueError: as `load`, or the file holds an array of plain values or is no `.npy` file.
      OSError: the file cannot be opened.
    """
    path = Path(path)
    with open(path, "rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            read_header = getattr(np.lib.format, f"read_array_header_{version[0]}_{version[1]}")
            _, _, dtype = read_header(file)
        except array_files.DAMAGE as error:
            raise ValueError(f"{path}: not a readable .npy file ({error})") from None
        if dtype.kind != "O":
            raise ValueError(f"{path}: holds an array of {dtype}, an object expected")
        return _load(file, path, _ObjectUnpickler)


def load_torch(path: str | Path) -> Any:
    """Reads what `torch.save` wrote, without torch: the zip container and the one before 1.6.

    Args:
      path: the file.

    Returns:
      Plain Python values with a numpy array for every tensor, where it was saved from left out;
      arrays are read-only, and tensors that shared memory still do.

    Raises:
      ValueError: a file that names anything but data (a pickled module, for example; nothing of it
        has run), or one that is truncated or not written by `torch.save`.
      OSError: the file cannot be opened.
    """
    path = Path(path)
    with open(path, "rb") as file:
        try:
            return finished(torch_files.read(file, _load_torch_pickle), {})
        except RefusedPickle as error:
            raise ValueError(f"{path}: refused, {error}") from None
        except _UNREADABLE_TORCH as error:
            detail = str(error) or type(error).__name__
            raise ValueError(f"{path}: not a readable torch file ({detail})") from None


def _weight(value, depth=3):
    """How many items a value holds, those of its parts included."""
    if isinstance(value, (str, bytes, bytearray)):
        return len(value)
    if isinstance(value, dict):
        return len(value) + 1
    if isinstance(value, (tuple, list)) and depth and len(value) <= _FREE_ITEMS:
        return sum(_weight(item, depth - 1) for item in value) + 1
    return len(value) if isinstance(value, (tuple, list)) else 1


class _Unpickler(pickle._Unpickler):
    """Python's own reader in Python: the one in C takes gigabytes for a damaged length or index.

    What is called may copy its arguments, and the same ones again and again: together they may not
    hold more than a file of that size could.
    """

    dispatch = dict(pickle._Unpickler.dispatch)
    known = pickle_stand_ins.GLOBALS

    def __init__(self, file, **options):
        super().__init__(file, **options)
        begin = file.tell()
        self._budget = _FREE_ITEMS + _ITEMS_PER_BYTE * (file.seek(0, io.SEEK_END) - begin)
        file.seek(begin)

    def _spend(self, value):
        self._budget -= _weight(value)
        if self._budget < 0:
            raise RefusedPickle("it copies what it holds again and again")

    def load_reduce(self):
        self._spend(self.stack[-1])
        super().load_reduce()

    def load_build(self):
        self._spend(self.stack[-1])
        super().load_build()

    def load_newobj(self):
        self._spend(self.stack[-1])
        super().load_newobj()

    def _instantiate(self, klass, args):
        self._spend(list(args))
        super()._instantiate(klass, args)

    dispatch[pickle.REDUCE[0]] = load_reduce
    dispatch[pickle.BUILD[0]] = load_build
    dispatch[pickle.NEWOBJ[0]] = load_newobj

    def find_class(self, module, name):
        if (module, name) not in self.known:
            raise RefusedPickle(f"it asks for {module}.{name}, which is not data")
        return self.known[module, name]

    def persistent_load(self, pid):
        raise RefusedPickle("it refers to data outside the file")

    def load_bytearray8(self):
        # Allocates what is there, not what is announced.
        (length,) = struct.unpack("<Q", self.read(8))
        self.append(bytearray(self.read(length)))

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8


class _ObjectUnpickler(_Unpickler):
    """Reads a pickle that may hold arrays of objects."""

    known = pickle_stand_ins.OBJECT_GLOBALS


class _TorchUnpickler(_Unpickler):
    """Reads a pickle within a torch file, which refers to storages beside it."""

    known = pickle_stand_ins.TORCH_GLOBALS


def _load_torch_pickle(file, refer):
    unpickler = _TorchUnpickler(file, encoding="latin1")
    unpickler.persistent_load = refer
    return unpickler.load()
