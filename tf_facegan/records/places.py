"""Records at their places in the files of a set that is being written.

All records of a level are equally long, so where a record goes is known before it is made, and
whether it has been written can be seen from the file alone.
"""

from __future__ import annotations

import collections
import ctypes
import dataclasses
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tf_facegan.records import levels, schema
from tf_facegan.records.example import RecordTemplate

_BEHIND_BYTES = 1 << 20  # sent at a time, at least
_BEHIND_RANGES = 2  # on their way to the disk
_COPY_BYTES = 16 << 20


@dataclasses.dataclass(frozen=True)
class Level:
    """The record files of one resolution, one for every shard, and what a record looks like."""

    paths: list
    shape: list
    template: RecordTemplate


@dataclasses.dataclass(frozen=True)
class Stream:
    """One kind of image that every example has: the set's own, or that of a companion.

    Attributes:
      load: function giving the array of an example.
      shape: [C, H, W].
      dtype: "uint8" or "float32".
      range: [lo, hi] of the values.
      levels: list of Level, largest first.
    """

    load: Callable[[Any], np.ndarray]
    shape: list
    dtype: str
    range: list
    levels: list


def streams(
    folder: Path,
    info: schema.SetInfo,
    load: Callable[[Any], np.ndarray],
    companions: dict[str, Callable[[Any], np.ndarray]],
) -> list[Stream]:
    """The streams of a set.

    Args:
      folder: pathlib.Path, where the record files are.
      info: schema.SetInfo.
      load: function giving the set's own image of an example.
      companions: {name: function giving a companion's image of an example}.
    """
    result = [_stream(folder, info, None, load, info.shape[0], info.dtype, info.range)]
    for name, described in info.companions.items():
        images = described["channels"], described["dtype"], described["range"]
        result.append(_stream(folder, info, name, companions[name], *images))
    return result


def _stream(folder, info, companion, load, channels, dtype, value_range):
    made = []
    for paths in schema.level_files(folder, info, companion):
        shape = [channels, *schema.parse_record_file(paths[0]).size]
        made.append(Level(paths, shape, RecordTemplate.for_arrays(shape, dtype)))
    return Stream(load, [channels, *info.shape[1:]], dtype, value_range, made)


def allocate(plan_streams: list[Stream], counts: list[int]) -> None:
    """Makes the files at their final sizes, with their place on the disk; what is there stays.

    Args:
      plan_streams: list of Stream.
      counts: list of int, examples in each shard.
    """
    for stream in plan_streams:
        for level in stream.levels:
            for path, count in zip(level.paths, counts):
                with open(path, "ab") as file:
                    file.truncate(level.template.size * count)
                    _reserve(file, level.template.size * count)


class ShardFiles:
    """The open files of one shard.

    Args:
      plan_streams: list of Stream.
      shard: int.
    """

    def __init__(self, plan_streams: list[Stream], shard: int):
        self.shard = shard
        self._streams = [
            [(level, os.open(level.paths[shard], os.O_RDWR)) for level in stream.levels]
            for stream in plan_streams
        ]
        self._behind = [
            [(level.template.size, _WriteBehind(file)) for level, file in files]
            for files in self._streams
        ]

    def close(self) -> None:
        for files in self._streams:
            for _, file in files:
                os.close(file)

    def write(self, stream: int, place: int, array: np.ndarray) -> None:
        """Writes the levels of an array.

        Args:
          stream: int, number of the stream.
          place: int, number of the record in its files.
          array: C-contiguous array of the stream's shape and dtype.
        """
        files = self._streams[stream]
        for (level, file), image in zip(files, levels.build(array, len(files))):
            _write_at(file, level.template.frame(image), place * level.template.size)

    def sent(self, place: int) -> None:
        """Takes note of an example whose records have been written."""
        for behind in self._behind:
            for size, file in behind:
                file.written(place * size, size)

    def read(self, stream: int, place: int, dtype: np.dtype | str) -> np.ndarray | None:
        """Reads back what `write` wrote; None unless the record is intact in every level."""
        largest = None
        for level, file in self._streams[stream]:
            image = np.empty(level.shape, dtype)
            template, data = level.template, image.reshape(-1).view(np.uint8)
            head, tail = bytearray(template.head_size), bytearray(template.tail_size)
            os.preadv(file, [head, data, tail], place * template.size)
            if not template.matches(head, data, tail):
                return None
            largest = image if largest is None else largest
        return largest


def close_gaps(plan_streams: list[Stream], counts: list[int], gaps: list[int]) -> list[int]:
    """Takes records out of the files; those behind them move up.

    Args:
      plan_streams: list of Stream.
      counts: list of int, examples in each shard.
      gaps: list of int, numbers of the records to take out.

    Returns:
      list of int, the examples that are left in each shard.
    """
    left = []
    begin = 0
    for shard, count in enumerate(counts):
        own = sorted(gap - begin for gap in gaps if begin <= gap < begin + count)
        begin += count
        left.append(count - len(own))
        if not own:
            continue
        for stream in plan_streams:
            for level in stream.levels:
                _close_gaps(level.paths[shard], level.template.size, count, own)
    return left


def _close_gaps(path, size, count, gaps):
    with open(path, "r+b") as file:
        target = gaps[0] * size
        for gap, after in zip(gaps, [*gaps[1:], count]):
            source, end = (gap + 1) * size, after * size
            while source < end:
                block = os.pread(file.fileno(), min(_COPY_BYTES, end - source), source)
                _write_at(file.fileno(), [block], target)
                source += len(block)
                target += len(block)
        file.truncate(target)


class _WriteBehind:
    """Sends what was written to the disk early and lets go of its pages.

    A set is far larger than what the system likes to keep unwritten. Left alone, the page cache
    fills with it, pushes out everything else, and writers wait for fresh pages and for each other.

    Args:
      file: descriptor of a file being written.
    """

    def __init__(self, file):
        self._file = file
        self._begin = self._end = 0
        self._pending = collections.deque()

    def written(self, offset, size):
        """Takes note of a range that has been written."""
        if offset != self._end:
            self._begin = offset  # what was too small to be sent is left to the system
        self._end = offset + size
        if self._end - self._begin >= _BEHIND_BYTES and hasattr(os, "posix_fadvise"):
            self._send(self._begin, self._end - self._begin)
            self._begin = self._end

    def _send(self, offset, size):
        self._pending.append((offset, size))
        # On pages that are not on the disk yet the advice starts writing them; a second time, a
        # little later, it frees them.
        self._advise(offset, size)
        if len(self._pending) > _BEHIND_RANGES:
            self._advise(*self._pending.popleft())

    def _advise(self, offset, size):
        os.posix_fadvise(self._file, offset, size, os.POSIX_FADV_DONTNEED)


def _reserve(file, size):
    """Has the file system find the blocks of a file at once, which is faster than page by page.

    Where it cannot they are found later: os.posix_fallocate would write to every block instead.
    """
    fallocate = getattr(ctypes.CDLL(None, use_errno=True), "fallocate64", None)
    if not size or fallocate is None:
        return
    arguments = file.fileno(), 0, ctypes.c_int64(0), ctypes.c_int64(size)
    if fallocate(*arguments) and ctypes.get_errno() == errno.ENOSPC:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), file.name)


def _write_at(file, buffers, offset):
    total = sum(len(buffer) for buffer in buffers)
    written = os.pwritev(file, buffers, offset)
    if written < total:
        rest = memoryview(b"".join(buffers))[written:]
        while rest:
            step = os.pwrite(file, rest, offset + written)
            rest, written = rest[step:], written + step
