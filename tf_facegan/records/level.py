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
        self._data_size = size
        self._learn_surroundings(payload, offset)
        self.dtype = self._dtype(size)

    def read_into(self, out, numbers):
        """Reads records into an array.

        Args:
          out: array [N, C, H, W] of the file's dtype.
          numbers: sequence of N record numbers.

        Raises:
          ValueError: a record is truncated, corrupt or of another shape; names file and number.
        """
        size = self._data_size
        flat = out.reshape(len(out), -1).view(np.uint8)
        for row, number in zip(flat, numbers):
            payload = self._payload(number)
            # All records written by one program share the bytes around their data, so an Example
            # is taken apart only when these differ from the record before.
            prefix, suffix = self._surroundings
            start = len(prefix)
            if not (payload.startswith(prefix) and payload.endswith(suffix)):
                shape, start, found = self._parsed(payload, number)
                if shape != self.shape or found != size:
                    raise ValueError(
                        f"{self.path}: record {number} has shape {list(shape)} in {found} bytes, "
                        f"the first has {list(self.shape)} in {size}"
                    )
                self._learn_surroundings(payload, start)
            row[:] = np.frombuffer(payload, np.uint8, size, start)

    def _learn_surroundings(self, payload, start):
        self._surroundings = payload[:start], payload[start + self._data_size :]

    def _payload(self, number):
        begin, end = int(self._offsets[number]), int(self._offsets[number + 1])
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
                    self._file = open(self.path, "rb")  # noqa: SIM115 - lives as long as the reader
        return self._file.fileno()
