"""The offset index of a record file: where every record begins."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from tf_facegan import array_files, files
from tf_facegan.records import example


def index_file(record_file: str | Path) -> Path:
    """Path of the index beside a record file."""
    return Path(record_file).with_suffix(".idx.npy")


def regular(count: int, record_size: int) -> np.ndarray:
    """The index of `count` records of one size: int64 [count + 1], the last is the file's size."""
    return np.arange(count + 1, dtype=np.int64) * record_size


def load(record_file: str | Path) -> np.ndarray:
    """Loads the index of a record file; makes it when there is none or when it is stale.

    A stale index is one that does not end where the file ends. A new index is kept beside the
    file when the folder can be written.

    Returns:
      int64 [count + 1]: record i takes the bytes from index[i] to index[i + 1].

    Raises:
      ValueError: a record is truncated or corrupt; names file and record number.
    """
    record_file = Path(record_file)
    size = record_file.stat().st_size
    path = index_file(record_file)
    if path.is_file():
        offsets = _read(path)
        if offsets is not None and _fits(offsets, size):
            return offsets
    offsets = scan(record_file)
    try:
        with files.atomic_file(path) as file:
            np.save(file, offsets)
    except OSError:
        pass  # a read-only set is scanned every time it is opened
    return offsets


def scan(record_file: str | Path) -> np.ndarray:
    """Makes the index of a record file by reading the length of every record.

    Raises:
      ValueError: a record is truncated or its length is corrupt; names file and record number.
    """
    offsets = [0]
    with open(record_file, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        while offsets[-1] < size:
            try:
                offsets.append(_end(file, offsets[-1], size))
            except example.CorruptRecord as error:
                number, reason = len(offsets) - 1, error
                if number and not _is_intact(file, *offsets[-2:]):
                    # Bytes too many, or missing, in the one before.
                    number -= 1
                    reason = "is corrupt: no record begins where it should end"
                raise ValueError(f"{record_file}: record {number} {reason}") from None
    return np.array(offsets, np.int64)


def _end(file, begin, size):
    """Where the record ends that begins at a byte; CorruptRecord says what is wrong with it."""
    header, end = os.pread(file.fileno(), example.HEADER_SIZE, begin), size + 1
    if len(header) == example.HEADER_SIZE:
        try:
            end = begin + example.HEADER_SIZE + example.payload_size(header) + example.FOOTER_SIZE
        except example.CorruptRecord as error:
            raise example.CorruptRecord(f"is corrupt: {error}") from None
    if end > size:
        raise example.CorruptRecord(f"is truncated: the file ends at byte {size}")
    return end


def _is_intact(file, begin, end):
    record = os.pread(file.fileno(), end - begin, begin)
    payload, footer = example.HEADER_SIZE, end - begin - example.FOOTER_SIZE
    try:
        example.check_payload(record[payload:footer], record[footer:])
    except example.CorruptRecord:
        return False
    return True


def _fits(offsets, size):
    shortest = example.HEADER_SIZE + example.FOOTER_SIZE
    return offsets[0] == 0 and offsets[-1] == size and bool((np.diff(offsets) >= shortest).all())


def _read(path):
    try:
        offsets = array_files.read_npy(path)
    except (ValueError, OSError):
        return None
    if offsets.ndim != 1 or offsets.dtype != np.int64 or len(offsets) == 0:
        return None
    return offsets
