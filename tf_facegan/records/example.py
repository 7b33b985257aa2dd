"""TFRecord framing and the tf.train.Example of one array, without TensorFlow.

A record file is a sequence of: length (uint64), masked CRC-32C of the length, payload, masked
CRC-32C of the payload, all little endian. The payload is a serialized `tf.train.Example` with the
features `shape` (int64 list C, H, W) and `data` (raw C-order bytes), as PGGAN defines it. Encoding
it here lets worker processes start without TensorFlow and write an array without copying it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import google_crc32c
import numpy as np

HEADER_SIZE = 12
FOOTER_SIZE = 4
_BYTES_LIST, _INT64_LIST = 1, 3  # fields of tf.train.Feature
_VARINT, _LENGTH_DELIMITED = 0, 2  # wire types


class CorruptRecord(ValueError):
    """A record whose checksum or content is not what it should be."""


class RecordTemplate:
    """The bytes around the data of a record: the same for all records of one file and writer.

    Args:
      prefix, suffix: bytes before and after the data in the serialized Example.
      data_size: int, bytes of data.

    Attributes:
      data_size: as given.
      head_size, tail_size: int, bytes of a record before and after its data, framing included.
      size: int, bytes of a whole record.
    """

    def __init__(self, prefix: bytes, suffix: bytes, data_size: int):
        self.data_size = data_size
        self._suffix = suffix
        self._prefix_checksum = google_crc32c.value(prefix)
        length = struct.pack("<Q", len(prefix) + data_size + len(suffix))
        self._head = length + struct.pack("<I", _masked_crc(length)) + prefix
        self.head_size = len(self._head)
        self.tail_size = len(suffix) + FOOTER_SIZE
        self.size = self.head_size + data_size + self.tail_size

    @classmethod
    def for_arrays(cls, shape: Sequence[int], dtype: np.dtype | str) -> RecordTemplate:
        """The template that we write arrays [C, H, W] with."""
        data_size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        return cls(*_surroundings(shape, data_size), data_size)

    def frame(self, data: np.ndarray) -> list[bytes | np.ndarray]:
        """The buffers of one record, to be written one after the other.

        Args:
          data: C-contiguous array of `data_size` bytes.
        """
        return [self._head, data.reshape(-1).view(np.uint8), self._tail(data)]

    def matches(self, head: bytes | bytearray, data: np.ndarray, tail: bytes | bytearray) -> bool:
        """Whether the three parts, as `frame` cuts them, are an intact record of this template."""
        return head == self._head and tail == self._tail(data)

    def _tail(self, data):
        checksum = google_crc32c.extend(self._prefix_checksum, data)
        checksum = google_crc32c.extend(checksum, self._suffix)
        return self._suffix + struct.pack("<I", _mask(checksum))


def payload_size(header: bytes) -> int:
    """Payload bytes announced by a record's 12-byte header.

    Raises:
      CorruptRecord: the header's checksum does not match.
    """
    length, checksum = struct.unpack("<QI", header)
    if _masked_crc(header[:8]) != checksum:
        raise CorruptRecord("the checksum of its length does not match")
    return length


def check_payload(payload: bytes, footer: bytes) -> None:
    """Raises CorruptRecord unless the payload's checksum is the one in its 4-byte footer."""
    if _masked_crc(payload) != struct.unpack("<I", footer)[0]:
        raise CorruptRecord("the checksum of its content does not match")


def parse(payload: bytes) -> tuple[tuple[int, ...], int, int]:
    """Finds shape and data in a serialized tf.train.Example.

    Returns:
      (shape as a tuple of int, offset of the data in `payload`, bytes of data).

    Raises:
      CorruptRecord: no Example, or one without the features `shape` and `data`.
    """
    try:
        return _parse_example(payload)
    except (IndexError, KeyError, UnicodeDecodeError):
        raise CorruptRecord("it is not an Example with the features 'shape' and 'data'") from None


def _mask(checksum):
    return (((checksum >> 15) | (checksum << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _masked_crc(data):
    return _mask(google_crc32c.value(data))


def _varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _tag(field, size):
    return _varint(field << 3 | _LENGTH_DELIMITED) + _varint(size)


def _delimited(field, content):
    return _tag(field, len(content)) + content


def _surroundings(shape, data_size):
    """Bytes before and after the data, features in the order of deterministic serialization."""
    # The nesting is Example.features.feature[key] = {key, value}, value.bytes_list.value.
    head = b""
    size = data_size
    for field in (1, _BYTES_LIST, 2):
        head = _tag(field, size) + head
        size = data_size + len(head)
    head = _delimited(1, b"data") + head
    head = _tag(1, data_size + len(head)) + head

    packed = _delimited(1, b"".join(_varint(side) for side in shape))
    value = _delimited(2, _delimited(_INT64_LIST, packed))
    tail = _delimited(1, _delimited(1, b"shape") + value)

    head = _tag(1, len(head) + data_size + len(tail)) + head
    return head, tail


def _read_varint(buffer, position):
    value = shift = 0
    while True:
        byte = buffer[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _fields(buffer, start, end):
    """Yields (field number, wire type, start, end) of a message; a varint's value is its start."""
    position = start
    while position < end:
        tag, position = _read_varint(buffer, position)
        if tag & 7 == _LENGTH_DELIMITED:
            size, position = _read_varint(buffer, position)
            if position + size > end:
                raise IndexError(position)
            yield tag >> 3, _LENGTH_DELIMITED, position, position + size
            position += size
        elif tag & 7 == _VARINT:
            value, position = _read_varint(buffer, position)
            yield tag >> 3, _VARINT, value, position
        else:
            raise KeyError(tag & 7)


def _only(buffer, start, end, field):
    """(start, end) of the last occurrence of a length-delimited field."""
    found = {number: (a, b) for number, kind, a, b in _fields(buffer, start, end) if kind}
    return found[field]


def _parse_example(payload):
    start, end = _only(payload, 0, len(payload), 1)
    features = {}
    for _, _, a, b in _fields(payload, start, end):
        key = _only(payload, a, b, 1)
        features[payload[slice(*key)].decode()] = _only(payload, a, b, 2)
    begin, stop = _only(payload, *_only(payload, *features["data"], _BYTES_LIST), 1)
    shape = []
    for _, kind, a, b in _fields(payload, *_only(payload, *features["shape"], _INT64_LIST)):
        if kind == _VARINT:  # one value a field, the unpacked form
            shape.append(a)
        while kind == _LENGTH_DELIMITED and a < b:
            value, a = _read_varint(payload, a)
            shape.append(value)
    return tuple(shape), begin, stop - begin
