"""The work of writing records, shared out over processes.

All records of a level are equally long, so a record's place in its file is known before it is made:
every process loads, down-scales, frames and writes its examples at their places. Nothing is sent
back but counts, and order and bytes cannot depend on who was first. Workers are spawned (forking
a process that runs TensorFlow deadlocks) and import neither TensorFlow nor anything else that is
slow.
"""

import collections
import dataclasses
import multiprocessing
import os
import signal
import threading
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np

from tf_facegan.records import levels, schema
from tf_facegan.records.example import RecordTemplate

_CHUNK_BYTES = 8 << 20
_CHUNK_EXAMPLES = 64
_CHUNKS_PER_WORKER = 2  # in work or waiting
_BEHIND_BYTES = 1 << 20  # smaller ranges are left to the system
_BEHIND_RANGES = 2  # on their way to the disk


@dataclasses.dataclass(frozen=True)
class Level:
    """One record file: where it is and what its records look like."""

    path: Path
    template: RecordTemplate


class Plan:
    """Everything a worker has to know.

    Args:
      folder: pathlib.Path, where the record files are.
      info: schema.SetInfo of the set to write.
      load: function giving the array of an example.
    """

    def __init__(self, folder, info, load):
        self.folder = folder
        self.info = info
        self.load = load
        channels, height, width = info.shape
        if info.kind == schema.SINGLE_SIZE:
            files = {schema.single_size_file(folder, info.name, height, width): info.shape}
        else:
            files = {
                schema.level_file(folder, info.name, log2): (channels, 1 << log2, 1 << log2)
                for log2 in info.levels
            }
        self.levels = [
            Level(path, RecordTemplate.for_arrays(shape, info.dtype))
            for path, shape in files.items()
        ]


def run(plan, examples, workers):
    """Writes the records of all examples.

    Args:
      plan: Plan.
      examples: sequence of what `plan.load` takes.
      workers: int, or None for one process a core.

    Yields:
      (examples done, {record number: (lowest, highest)} of those out of range) as work gets done.
    """
    if workers is None:
        workers = available_cores()
    if workers < 1:
        raise ValueError(f"--workers is {workers}, a positive number expected")
    size = _chunk_size(plan, len(examples), workers)
    chunks = ((first, examples[first : first + size]) for first in range(0, len(examples), size))
    if workers == 1 or len(examples) <= size:
        with _Writer(plan) as writer:
            for chunk in chunks:
                yield writer.write(*chunk)
    else:
        yield from _run_processes(plan, chunks, workers)


def available_cores():
    """int: cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_checked(load, example):
    """Loads an example and checks what does not depend on the other examples.

    Returns:
      array [C, H, W], uint8 or float32, C-contiguous and little endian.

    Raises:
      ValueError: another dtype or rank; names the example.
    """
    array = np.asarray(load(example))
    if array.ndim != 3 or str(array.dtype) not in schema.DTYPES:
        raise ValueError(
            f"{example}: an array {array.dtype} {list(array.shape)}, uint8 or float32 [C, H, W] "
            "expected"
        )
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<"))


def _chunk_size(plan, count, workers):
    size = _CHUNK_BYTES // plan.levels[0].template.size
    fair_share = -(-count // workers)
    return max(1, min(size, _CHUNK_EXAMPLES, fair_share))


class _Writer:
    """Writes examples into the record files of a plan."""

    def __init__(self, plan):
        self._plan = plan
        self._files = [os.open(level.path, os.O_WRONLY) for level in plan.levels]
        self._behind = [_WriteBehind(file) for file in self._files]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for file in self._files:
            os.close(file)

    def write(self, first, examples):
        """Writes consecutive records; returns (number written, those out of range)."""
        lo, hi = self._plan.info.range
        out_of_range = {}
        for number, example in enumerate(examples, first):
            array = self._load(example)
            if array.dtype == np.float32:
                lowest, highest = _limits(array, example)
                if lowest < lo or highest > hi:
                    out_of_range[number] = lowest, highest
            self._write_levels(number, array)
        for level, behind in zip(self._plan.levels, self._behind):
            behind.written(first * level.template.size, len(examples) * level.template.size)
        return len(examples), out_of_range

    def _load(self, example):
        info = self._plan.info
        array = load_checked(self._plan.load, example)
        if list(array.shape) != info.shape or str(array.dtype) != info.dtype:
            raise ValueError(
                f"{example}: {array.dtype} {list(array.shape)}, but the first example is "
                f"{info.dtype} {info.shape}"
            )
        return array

    def _write_levels(self, number, array):
        pyramid = levels.build(array, len(self._plan.levels))
        for file, level, image in zip(self._files, self._plan.levels, pyramid):
            template = level.template
            _write_at(file, template.frame(image), number * template.size)


def _limits(array, example):
    """The lowest and the highest value; NaN and infinities show in them."""
    lowest, highest = float(array.min()), float(array.max())
    if not np.isfinite(lowest) or not np.isfinite(highest):
        raise ValueError(f"{example}: holds NaN or infinite values")
    return lowest, highest


class _WriteBehind:
    """Sends what was written to the disk early and lets go of its pages.

    A set is far larger than what the system likes to keep unwritten. Left alone, the page cache
    fills with it, pushes out everything else, and writers wait for fresh pages and for each other.

    Args:
      file: descriptor of a file being written.
    """

    def __init__(self, file):
        self._file = file
        self._pending = collections.deque()

    def written(self, offset, size):
        """Takes note of a range that has been written."""
        if size < _BEHIND_BYTES or not hasattr(os, "posix_fadvise"):
            return
        self._pending.append((offset, size))
        # On pages that are not on the disk yet the advice starts writing them; a second time, a
        # little later, it frees them.
        self._advise(offset, size)
        if len(self._pending) > _BEHIND_RANGES:
            self._advise(*self._pending.popleft())

    def _advise(self, offset, size):
        os.posix_fadvise(self._file, offset, size, os.POSIX_FADV_DONTNEED)


def _write_at(file, buffers, offset):
    total = sum(len(buffer) for buffer in buffers)
    written = os.pwritev(file, buffers, offset)
    if written < total:
        rest = memoryview(b"".join(buffers))[written:]
        while rest:
            step = os.pwrite(file, rest, offset + written)
            rest, written = rest[step:], written + step


def _run_processes(plan, chunks, workers):
    """Shares chunks with `workers - 1` processes; this one works too, and needs no start."""
    pool = futures.ProcessPoolExecutor(
        workers - 1,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(plan,),
    )
    pending = set()
    try:
        with _Writer(plan) as writer:
            for chunk in chunks:
                if len(pending) < _CHUNKS_PER_WORKER * (workers - 1):
                    pending.add(pool.submit(_work, *chunk))
                    continue
                yield writer.write(*chunk)
                done = {future for future in pending if future.done()}
                pending -= done
                yield from (future.result() for future in done)
        yield from (future.result() for future in futures.as_completed(pending))
    except BrokenProcessPool:
        raise ChildProcessError(
            f"{plan.info.name}: a worker process died, perhaps of too little memory; try fewer "
            "with --workers"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_writer = None  # of a worker process


def _start_worker(plan):
    global _writer
    # Ctrl-C reaches the whole process group; the parent alone decides what becomes of the work.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    _writer = _Writer(plan)


def _exit_with_parent():
    # A parent that is killed cannot tell its workers to stop.
    multiprocessing.parent_process().join()
    os._exit(1)


def _work(first, examples):
    return _writer.write(first, examples)
