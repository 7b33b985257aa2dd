"""What files of PyTorch are made of: tensors over shared storages, in one of two containers.

Nothing here needs PyTorch, and nothing here unpickles: `pickles.load_torch` does, and lends its
unpickler.
"""

from __future__ import annotations

import io
import os
import struct
import zipfile
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

import numpy as np

DTYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "|b1",
}
_ZIP_START = b"PK\x03\x04"
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001


class Tensor:
    """A strided view of a storage, checked and made an array when the storage has been read.

    Args:
      storage: `Storage`.
      offset: int, first element.
      shape, strides: tuples of ints; strides in elements.
    """

    __slots__ = ("_storage", "_offset", "_shape", "_strides")

    def __init__(self, storage: Storage, offset: int, shape: Sequence[int], strides: Sequence[int]):
        self._storage, self._offset = storage, offset
        self._shape, self._strides = tuple(shape), tuple(strides)

    def __setstate__(self, state):
        raise ValueError("it sets the state of a tensor")

    def view(self, offset: int, shape: Sequence[int], strides: Sequence[int]) -> Tensor:
        """Another view of the same storage; `self` must be the whole of it or a stretch."""
        return Tensor(self._storage, self._offset + offset, shape, strides)

    @property
    def array(self) -> np.ndarray:
        """Read-only ndarray on the storage's memory; ValueError for one that leaves it."""
        elements = self._storage.elements
        if elements is None:
            raise ValueError(f"storage {self._storage.key} is missing")
        numbers = (self._offset, *self._shape, *self._strides)
        if min(numbers) < 0 or len(self._shape) != len(self._strides):
            raise ValueError(f"a tensor of shape {self._shape} and strides {self._strides}")
        if 0 in self._shape:
            return np.zeros(self._shape, elements.dtype)
        last = self._offset + sum((n - 1) * s for n, s in zip(self._shape, self._strides))
        if last >= len(elements):
            raise ValueError(
                f"a tensor reaches element {last} of storage {self._storage.key}, which has "
                f"{len(elements)}"
            )
        strides = [stride * elements.itemsize for stride in self._strides]
        return np.lib.stride_tricks.as_strided(
            elements[self._offset :], self._shape, strides, writeable=False
        )


class Storage:
    """Elements that tensors share.

    Attributes:
      key: str, its name in the file.
      dtype, count: of its elements.
      elements: read-only ndarray [count], None until it has been read.
    """

    __slots__ = ("key", "dtype", "count", "elements")

    def __init__(self, key: str, dtype: np.dtype | str, count: int):
        self.key, self.dtype, self.count = key, np.dtype(dtype), count
        self.elements = None

    def fill(self, content: bytes) -> None:
        if len(content) != self.count * self.dtype.itemsize:
            raise ValueError(f"storage {self.key} has {len(content)} bytes, {self.count} elements")
        self.elements = np.frombuffer(content, self.dtype)


class Storages:
    """The storages that one file names, {key: Storage} in `found`."""

    def __init__(self):
        self.found = {}

    def refer(self, pid: tuple) -> Tensor:
        """Returns the storage that a pickle refers to, as a one-dimensional `Tensor`.

        Args:
          pid: ("storage", name in `DTYPES`, key, location, count) and, in files of old, a view:
            None or (key of the view, offset, count).
        """
        kind, dtype, key, _, count, *view = pid
        if kind != "storage" or dtype not in DTYPES or not isinstance(count, int):
            raise ValueError(f"it refers to {pid!r}, a storage expected")
        storage = self.found.setdefault(str(key), Storage(str(key), DTYPES[dtype], count))
        whole = Tensor(storage, 0, (count,), (1,))
        if not view or view[0] is None:
            return whole
        _, offset, length = view[0]
        return whole.view(offset, (length,), (1,))


def rebuild_tensor(
    storage: Tensor, offset: int, shape: Sequence[int], strides: Sequence[int], *_: Any
) -> Tensor:
    """`torch._utils._rebuild_tensor` and its second version, without gradients and hooks."""
    if not isinstance(storage, Tensor):
        raise ValueError("it holds a tensor without a storage")
    return storage.view(offset, shape, strides)


def rebuild_parameter(tensor: Tensor, *_: Any) -> Tensor:
    """`torch._utils._rebuild_parameter`: the tensor itself."""
    return tensor


def read(file: BinaryIO, unpickle: Callable[[BinaryIO, Callable], Any]) -> Any:
    """Reads what `torch.save` wrote, in either container.

    Args:
      file: binary file, seekable.
      unpickle: function of (binary file, function of a persistent id) that reads one pickle and
        stops right after it.

    Returns:
      The object, with a `Tensor` for every tensor.

    Raises:
      ValueError, or what `zipfile`, `unpickle` and damaged numbers raise.
    """
    start = file.read(len(_ZIP_START))
    file.seek(0)
    return (_read_zip if start == _ZIP_START else _read_legacy)(file, unpickle)


def _read_zip(file, unpickle):
    size = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(file) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > size:
            raise ValueError("its entries are larger than the file")
        roots = [n[: -len("data.pkl")] for n in archive.namelist() if n.endswith("/data.pkl")]
        roots = [root for root in roots if root.count("/") == 1]
        if len(roots) != 1:
            raise ValueError("a zip file without data.pkl in its folder")
        names = set(archive.namelist())
        if f"{roots[0]}byteorder" in names:
            order = _entry(archive, f"{roots[0]}byteorder")
            if order != b"little":
                raise ValueError(f"byte order is {order!r}, little expected")
        storages = Storages()
        content = io.BytesIO(_entry(archive, f"{roots[0]}data.pkl"))
        value = unpickle(content, storages.refer)
        for key, storage in storages.found.items():
            storage.fill(_entry(archive, f"{roots[0]}data/{key}"))
        return value


def _entry(archive, name):
    if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed, plain bytes expected")
    return archive.read(name)


def _read_legacy(file, unpickle):
    def refuse(pid):
        raise ValueError(f"it refers to {pid!r} before its content")

    if unpickle(file, refuse) != _LEGACY_MAGIC or unpickle(file, refuse) != _LEGACY_PROTOCOL:
        raise ValueError("it does not begin as one")
    if not unpickle(file, refuse)["little_endian"]:
        raise ValueError("byte order is big, little expected")
    storages = Storages()
    value = unpickle(file, storages.refer)
    size = os.fstat(file.fileno()).st_size
    for key in unpickle(file, refuse):
        storage = storages.found[key]
        (count,) = struct.unpack("<q", file.read(8))
        length = count * storage.dtype.itemsize
        if not 0 <= length <= size - file.tell():
            raise ValueError(f"storage {key} ends after the file")
        storage.fill(file.read(length))
    return value
