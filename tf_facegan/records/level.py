"""Random access to the records of one file."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tf_facegan.records import example, index, salvage

_ITEM_SIZES = {1: "uint8", 4: "float32"}


class LevelReader:
    """Reads records of one file by number, in any order, from any thread.

    Args:
      path: the record file.
      salvages: bool, open a damaged file, too, with what is left of it; lost records stay corrupt.
      count: int, records that there have to be; used to number what is left.

    Attributes:
      count: int, records in the file.
      shape: (C, H, W) of every record.
      dtype: "uint8" or "float32", from the size of the data.

    Raises:
      ValueError: an empty file, a truncated or corrupt record (named), data that is neither uint8
        nor float32.
    """

    def __init__(self, path: str | Path, salvages: bool = False, count: int | None = None):
        self.path = Path(path)
        self._spans = _load_spans(self.path, salvages, count)
        self.count = len(self._spans)
        if self.count == 0:
            raise ValueError(f"{self.path}: holds no records")
        self._file = None
        self._opening = threading.Lock()
        self._take_first(range(self.count) if salvages else [0])

    def read_into(self, out: np.ndarray, numbers: Sequence[int] | np.ndarray) -> None:
        """Reads records into an array.

        Args:
          out: array [N, C, H, W] of the file's dtype.
          numbers: sequence of N record numbers.

        Raises:
          ValueError: a record is truncated, corrupt or of another shape; names file and number.
        """
        for image, number in zip(out, numbers):
            data = image.reshape(-1).view(np.uint8)
            if not self._read_as_before(data, number):
                self._read_anew(data, number)

    def corrupt(self) -> dict[int, str]:
        """Reads all records; returns {number: what is wrong} of those that cannot be read."""
        found, image = {}, np.empty((1, *self.shape), self.dtype)
        for number in range(self.count):
            try:
                self.read_into(image, [number])
            except ValueError as error:
                found[number] = str(error)
        return found

    def _take_first(self, numbers):
        """Takes shape and dtype from the first of some records that can be read."""
        failure = None
        for number in numbers:
            try:
                payload = self._payload(number)
                self.shape, offset, size = self._parsed(payload, number)
                self._template = _template(payload, offset, size)
                self.dtype = self._dtype(number, size)
                return
            except ValueError as error:
                failure = failure or error
        raise failure

    def _read_as_before(self, data, number):
        """Reads a record in place; False unless it is intact and framed as the one before it.

        All records that one program wrote share the bytes around their data, so none has to be
        taken apart, or copied.
        """
        template = self._template
        begin, end = self._span(number)
        if end - begin != template.size:
            return False
        head, tail = bytearray(template.head_size), bytearray(template.tail_size)
        found = os.preadv(self._descriptor(), [head, data, tail], begin)
        return found == template.size and template.matches(head, data, tail)

    def _read_anew(self, data, number):
        """Takes a record apart, and remembers the bytes around its data."""
        payload = self._payload(number)
        shape, offset, size = self._parsed(payload, number)
        if shape != self.shape or size != self._template.data_size:
            raise ValueError(
                f"{self.path}: record {number} has shape {list(shape)} in {size} bytes, the first "
                f"has {list(self.shape)} in {self._template.data_size}"
            )
        self._template = _template(payload, offset, size)
        data[:] = np.frombuffer(payload, np.uint8, size, offset)

    def _span(self, number):
        begin, end = self._spans[number].tolist()
        if begin == salvage.LOST:
            raise ValueError(f"{self.path}: record {number} is lost: bytes are missing or altered")
        return begin, end

    def _payload(self, number):
        begin, end = self._span(number)
        record = os.pread(self._descriptor(), end - begin, begin)
        if len(record) != end - begin:
            raise ValueError(
                f"{self.path}: record {number} is truncated: {end - begin} bytes expected, "
                f"{len(record)} found"
            )
        try:
            length = example.payload_size(record[: example.HEADER_SIZE])
            if length != end - begin - example.HEADER_SIZE - example.FOOTER_SIZE:
                raise example.CorruptRecord("its length differs from the one in the index")
            payload = record[example.HEADER_SIZE : -example.FOOTER_SIZE]
            example.check_payload(payload, record[-example.FOOTER_SIZE :])
        except example.CorruptRecord as error:
            raise self._corrupt(number, error) from None
        return payload

    def _parsed(self, payload, number):
        try:
            return example.parse(payload)
        except example.CorruptRecord as error:
            raise self._corrupt(number, error) from None

    def _corrupt(self, number, error):
        return ValueError(f"{self.path}: record {number} is corrupt: {error}")

    def _dtype(self, number, size):
        items = int(np.prod(self.shape))
        if len(self.shape) != 3 or items == 0 or size % items or size // items not in _ITEM_SIZES:
            raise ValueError(
                f"{self.path}: record {number} holds {size} bytes for shape {list(self.shape)}; "
                "[C, H, W] with 1 (uint8) or 4 (float32) bytes a value expected"
            )
        return _ITEM_SIZES[size // items]

    def _descriptor(self):
        if self._file is None:
            with self._opening:
                if self._file is None:
                    self._file = open(self.path, "rb")
        return self._file.fileno()


class ShardedReader:
    """Reads records by number from several files, as if they were one after the other.

    Args:
      paths: list of record files; those without records are passed over.
      salvages: as of `LevelReader`.
      counts: list of int, records that there have to be in each; None where it is not known.

    Attributes and errors are those of `LevelReader`; `path` is the first file.
    """

    def __init__(
        self, paths: Sequence[Path], salvages: bool = False, counts: Sequence[int] | None = None
    ):
        counts = counts or [None] * len(paths)
        filled = [pair for pair in zip(paths, counts) if pair[0].stat().st_size or pair[1]]
        filled = filled or [(paths[0], counts[0])]
        self._readers = [LevelReader(path, salvages, count) for path, count in filled]
        first = self._readers[0]
        self.path, self.shape, self.dtype = first.path, first.shape, first.dtype
        for reader in self._readers:
            if (reader.shape, reader.dtype) != (self.shape, self.dtype):
                raise ValueError(
                    f"{reader.path}: holds {reader.dtype} {list(reader.shape)}, but {first.path} "
                    f"{self.dtype} {list(self.shape)}"
                )
        self._ends = np.cumsum([reader.count for reader in self._readers])
        self.count = int(self._ends[-1])

    def read_into(self, out: np.ndarray, numbers: Sequence[int] | np.ndarray) -> None:
        """Reads records into an array: see `LevelReader.read_into`."""
        for image, number in zip(out, numbers):
            shard = int(np.searchsorted(self._ends, number, side="right"))
            begin = int(self._ends[shard - 1]) if shard else 0
            self._readers[shard].read_into(image[np.newaxis], [number - begin])

    def corrupt(self) -> dict[int, str]:
        """Reads all records: see `LevelReader.corrupt`."""
        found, begin = {}, 0
        for reader in self._readers:
            found.update({begin + number: why for number, why in reader.corrupt().items()})
            begin += reader.count
        return found


def _load_spans(path, salvages, count):
    """int64 [n, 2], where the records of a file begin and end."""
    try:
        offsets = index.load(path)
    except ValueError:
        if not salvages:
            raise
        return salvage.salvage(path, count)
    if salvages and count is not None and len(offsets) - 1 != count:
        return salvage.salvage(path, count)
    return np.stack([offsets[:-1], offsets[1:]], axis=1)


def _template(payload, offset, size):
    return example.RecordTemplate(payload[:offset], payload[offset + size :], size)
