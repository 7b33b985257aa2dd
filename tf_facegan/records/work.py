"""The work of writing records, shared out over processes.

A record's place in its file is known before it is made (`places`): every process loads,
down-scales, frames and writes its examples at their places. Nothing is sent back but counts, and
order and bytes cannot depend on who was first. Workers are spawned (forking a process that runs
TensorFlow deadlocks) and import neither TensorFlow nor anything else that is slow.
"""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np

from tf_facegan.records import places, schema

_CHUNK_BYTES = 96 << 20  # to hand a chunk over costs as much as half a megabyte of records
_CHUNK_EXAMPLES = 64
_CHUNKS_LEFT = 4  # a worker, at least
_CHUNKS_PER_WORKER = 2  # in work or waiting


@dataclasses.dataclass(frozen=True)
class Plan:
    """Everything a worker has to know.

    Attributes:
      name: str, of the set.
      streams: list of places.Stream.
      counts: list of int, examples in each shard.
      skip: bool, leave out an example that cannot be loaded; else that is an error.
      begun: None, or the time (seconds since the epoch) at which an interrupted build began that
        this one goes on with: examples that are written and whose files are older stay.
    """

    name: str
    streams: list
    counts: list
    skip: bool
    begun: float


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Consecutive examples of one shard: the number of the first, and its place in the files."""

    examples: list
    first: int
    shard: int
    place: int


@dataclasses.dataclass
class Done:
    """What came of some examples.

    Attributes:
      count: int, examples that were looked at.
      out_of_range: {record number: (lowest, highest)} of those outside the range.
      skipped: {record number: what was wrong} of those left out.
    """

    count: int = 0
    out_of_range: dict = dataclasses.field(default_factory=dict)
    skipped: dict = dataclasses.field(default_factory=dict)

    def add(self, other: Done) -> None:
        self.count += other.count
        self.out_of_range.update(other.out_of_range)
        self.skipped.update(other.skipped)


def run(plan: Plan, examples: Sequence[Any], workers: int | None) -> Iterator[Done]:
    """Writes the records of all examples.

    Args:
      plan: Plan.
      examples: sequence of what the streams' `load` takes.
      workers: int, or None for one process a core.

    Yields:
      Done of some examples, as work gets done.
    """
    if workers is None:
        workers = available_cores()
    if workers < 1:
        raise ValueError(f"--workers is {workers}, a positive number expected")
    size = max(1, min(_CHUNK_BYTES // plan.streams[0].levels[0].template.size, _CHUNK_EXAMPLES))
    if workers == 1 or len(examples) == 1:
        with _Writer(plan) as writer:
            for chunk in _chunks(examples, plan.counts, size, 1):
                yield writer.write(chunk)
    else:
        chunks = _chunks(examples, plan.counts, size, _CHUNKS_LEFT * workers)
        yield from _run_processes(plan, chunks, workers)


def available_cores() -> int:
    """int: cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Holds Ctrl-C back; processes started meanwhile never see it: it is the parent's to handle."""
    held = []
    is_main = threading.current_thread() is threading.main_thread()
    # The mask is what new processes inherit. It does not keep the signal from another thread of
    # this one, which would interrupt the main thread all the same.
    handler = signal.signal(signal.SIGINT, lambda *_: held.append(1)) if is_main else None
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if is_main:
            signal.signal(signal.SIGINT, handler)
        if held:
            signal.raise_signal(signal.SIGINT)


def load_checked(load: Callable[[Any], np.ndarray], example: Any) -> np.ndarray:
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


def _chunks(examples, counts, size, parts):
    """Yields chunks of up to `size` examples; a part of what is left, so that none is late."""
    first = 0
    for shard, count in enumerate(counts):
        place = 0
        while place < count:
            begin = first + place
            share = max(1, (len(examples) - begin) // parts)
            end = min(begin + min(size, share), first + count)
            yield Chunk(examples[begin:end], begin, shard, place)
            place += end - begin
        first += count


class _Writer:
    """Writes examples into the record files of a plan."""

    def __init__(self, plan):
        self._plan = plan
        self._files = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._files is not None:
            self._files.close()

    def write(self, chunk):
        """Writes a chunk; returns Done."""
        self._open(chunk.shard)
        done = Done(len(chunk.examples))
        for offset, example in enumerate(chunk.examples):
            self._write_example(example, chunk.first + offset, chunk.place + offset, done)
        return done

    def _write_example(self, example, number, place, done):
        # A function of its own: its arrays are gone, their memory at hand, when the next begins.
        try:
            new, limits = self._images(example, place)
        except (ValueError, OSError) as error:
            if not self._plan.skip:
                raise
            done.skipped[number] = str(error)
            return
        if limits is not None:
            done.out_of_range[number] = limits
        for stream, image in enumerate(new):
            self._files.write(stream, place, image)
        self._files.sent(place)

    def _open(self, shard):
        if self._files is not None and self._files.shard != shard:
            self._files.close()
            self._files = None
        if self._files is None:
            self._files = places.ShardFiles(self._plan.streams, shard)

    def _images(self, example, place):
        """The images of an example that have to be written, and its values out of range."""
        kept = self._kept(example, place)
        images = kept or [_load(stream, example) for stream in self._plan.streams]
        return [] if kept else images, _limits(self._plan.streams, images, example)

    def _kept(self, example, place):
        """The images of an example that an interrupted build has written; else none."""
        begun = self._plan.begun
        if begun is None or any(_changed(path) >= begun for path in _files_of(example)):
            return []
        found = [
            self._files.read(number, place, stream.dtype)
            for number, stream in enumerate(self._plan.streams)
        ]
        return [] if any(image is None for image in found) else found


def _load(stream, example):
    array = load_checked(stream.load, example)
    if list(array.shape) != stream.shape or str(array.dtype) != stream.dtype:
        raise ValueError(
            f"{example}: {array.dtype} {list(array.shape)}, but the first example is "
            f"{stream.dtype} {stream.shape}"
        )
    return array


def _limits(streams, images, example):
    """(lowest, highest) of the first image with values outside its range, or None."""
    for stream, image in zip(streams, images):
        if image.dtype != np.float32:
            continue
        lowest, highest = float(image.min()), float(image.max())
        if not np.isfinite(lowest) or not np.isfinite(highest):
            raise ValueError(f"{example}: holds NaN or infinite values")
        if lowest < stream.range[0] or highest > stream.range[1]:
            return lowest, highest
    return None


def _files_of(example):
    """Paths of the files that an example names."""
    if isinstance(example, (str, Path)):
        return [example] if os.path.isfile(example) else []
    if dataclasses.is_dataclass(example):
        example = [getattr(example, field.name) for field in dataclasses.fields(example)]
    if isinstance(example, (list, tuple)):
        return [path for part in example for path in _files_of(part)]
    return []


def _changed(path):
    """When a file's content, name or place last changed, in seconds since the epoch."""
    status = os.stat(path)
    return max(status.st_mtime, status.st_ctime)  # a file that is moved here keeps its st_mtime


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
                    with interrupts_held():  # it may start a process
                        pending.add(pool.submit(_work, chunk))
                    continue
                yield writer.write(chunk)
                done = {future for future in pending if future.done()}
                pending -= done
                yield from (future.result() for future in done)
        yield from (future.result() for future in futures.as_completed(pending))
    except BrokenProcessPool:
        raise ChildProcessError(
            f"{plan.name}: a worker process died, perhaps of too little memory; try fewer "
            "with --workers"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_writer = None  # of a worker process


def _start_worker(plan):
    global _writer
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    _writer = _Writer(plan)


def _exit_with_parent():
    # A parent that is killed cannot tell its workers to stop.
    multiprocessing.parent_process().join()
    os._exit(1)


def _work(chunk):
    return _writer.write(chunk)
