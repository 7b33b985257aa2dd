"""Random access to the records of one file."""

import os
import threading
from pathlib import Path

import numpy as np

from tf_facegan.records import example, index

_ITEM_SIZES = {1: "uint8", 4: "float32"}


class LevelReader:
    """Reads records of one file by number, in any order, from any thread.

    Args:
      path: the record file.

    Attributes:
      count: int, records in the file.
      shape: (C, H, W) of every record.
      dtype: "uint8" or "float32", from the size of the data.

    Raises:
      ValueError: an empty file, a truncated or corrupt record (named), data that is neither uint8
        nor float32.
    """

    def __init__(self, path):
        self.path = Path(path)
        self._offsets = index.load(self.path)
        self.count = len(self._offsets) - 1
        if self.count == 0:
            raise ValueError(f"{self.path}: holds no records")
        self._file = None
        self._opening = threading.Lock()
        payload = self._payload(0)
        self.shape, offset, size = self._parsed(payload, 0)
        self._template = _template(payload, offset, size)
        self.dtype = self._dtype(size)

    def read_into(self, out, numbers):
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
        return int(self._offsets[number]), int(self._offsets[number + 1])

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

    def _dtype(self, size):
        items = int(np.prod(self.shape))
        if len(self.shape) != 3 or items == 0 or size % items or size // items not in _ITEM_SIZES:
            raise ValueError(
                f"{self.path}: record 0 holds {size} bytes for shape {list(self.shape)}; [C, H, W] "
                "with 1 (uint8) or 4 (float32) bytes a value expected"
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

    Attributes and errors are those of `LevelReader`; `path` is the first file.
    """

    def __init__(self, paths):
        filled = [path for path in paths if path.stat().st_size]
        self._readers = [LevelReader(path) for path in filled or paths[:1]]
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

    def read_into(self, out, numbers):
        """Reads records into an array: see `LevelReader.read_into`."""
        for image, number in zip(out, numbers):
            shard = int(np.searchsorted(self._ends, number, side="right"))
            begin = int(self._ends[shard - 1]) if shard else 0
            self._readers[shard].read_into(image[np.newaxis], [number - begin])


def _template(payload, offset, size):
    return example.RecordTemplate(payload[:offset], payload[offset + size :], size)
