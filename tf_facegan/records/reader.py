"""Reading sets: random access with NumPy, endless batches with tf.data."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import logging

from tf_facegan.records import order, schema, set_files

if TYPE_CHECKING:
    import tensorflow as tf


_PARALLEL_READS = 2
ON_CORRUPT = ("stop", "skip")
_REPORTED = 20  # corrupt records that get a line of their own


class RecordSet:
    """A set of examples in TFRecord files: ours, or one made by the PGGAN or TBGAN tools.

    Args:
      path: folder of the set.
      dtype: "uint8" or "float32", checked against the files; None takes what they hold.
      dynamic_range: (lo, hi) to use instead of the set's own range.
      max_label_size: "full", 0 (no labels) or n (the first n components).
      part: (k, n), to read only the shards k, k + n, k + 2n, … as if they were the set; the others
        need not be there. None is all of it.
      on_corrupt: "stop": a corrupt record is an error when it is read. "skip": all records are read
        once, and a corrupt one is reported and gives way, with its labels and fields, to the next
        good one of the set; numbers and order stay as they are.

    Attributes:
      info: `schema.SetInfo` (of the part); of a foreign set (no json) it is found from the files.
      name, count, channels: of the set.
      resolution: int, height of the largest level (single-size sets: see `info.shape`).
      range: [lo, hi], values that stand for black and white.
      labels: float32 [count, L], raw; L may be 0.
      fields: {field name: array [count, ...]}.
      corrupt: {record number: str, what is wrong} of the records that gave way.
      uv_layout: pathlib.Path of the set's `uv_layout.npz`, or None.

    Raises:
      FileNotFoundError: no such folder, or no record files in it.
      ValueError: a missing level, counts or shapes that contradict each other, a truncated or
        corrupt record, an option that does not fit the files.
    """

    def __init__(
        self,
        path: str | Path,
        dtype: str | None = None,
        dynamic_range: Sequence[float] | None = None,
        max_label_size: int | str = "full",
        part: tuple[int, int] | None = None,
        on_corrupt: str = "stop",
    ):
        if on_corrupt not in ON_CORRUPT:
            raise ValueError(f"--on_corrupt is {on_corrupt!r}, {' or '.join(ON_CORRUPT)} expected")
        skips = on_corrupt == "skip"
        self.path = Path(path)
        name, stored = set_files.find(self.path)
        shards = set_files.chosen_shards(self.path, stored, part)
        self._readers = set_files.open_readers(
            set_files.level_paths(self.path, name, stored), shards, stored, skips
        )
        info = stored or set_files.foreign_info(self.path, name, self._readers)
        self._companions = {
            companion: set_files.open_readers(
                schema.level_files(self.path, info, companion), shards, info, skips
            )
            for companion in info.companions
        }
        if dtype is not None and dtype != info.dtype:
            raise ValueError(f"{self.path}: holds {info.dtype}, not dtype {dtype}")
        rows = set_files.rows(info, shards)
        labels = set_files.load_labels(self.path, info, is_foreign=stored is None)[rows]
        self.labels, label_info = set_files.trim_labels(self.path, info, labels, max_label_size)
        value_range = list(info.range if dynamic_range is None else dynamic_range)
        fields = set_files.load_fields(self.path, info)
        self.fields = {field: array[rows] for field, array in fields.items()}
        self.info = dataclasses.replace(
            set_files.part_info(info, shards), labels=label_info, range=value_range
        )
        self._check_files()
        self.corrupt, self._numbers = {}, None
        if skips:
            self._leave_out_corrupt()
        layout = self.path / schema.UV_LAYOUT
        self.uv_layout = layout if layout.is_file() else None
        self._failure = None

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def count(self) -> int:
        return self.info.count

    @property
    def channels(self) -> int:
        return self.info.shape[0]

    @property
    def resolution(self) -> int:
        return self.info.shape[1]

    @property
    def range(self) -> list[float]:
        return self.info.range

    def read(
        self,
        indices: Sequence[int] | np.ndarray,
        resolution: int | None = None,
        companion: str | None = None,
    ) -> np.ndarray:
        """Reads examples by number.

        Args:
          indices: sequence of N record numbers.
          resolution: int, side of the level; None is the largest.
          companion: name of the companion images to read instead.

        Returns:
          array [N, C, H, W] of the stored dtype.

        Raises:
          IndexError: a number outside the set.
          ValueError: no such level; a truncated or corrupt record (names file and number).
        """
        indices = np.asarray(indices, np.int64)
        if indices.size and (indices.min() < 0 or indices.max() >= self.count):
            raise IndexError(f"{self.path}: {self.count} records, asked for {indices.tolist()}")
        if self._numbers is not None:
            indices = self._numbers[indices]
        reader = self._reader(resolution, companion)
        images = np.empty((len(indices), *reader.shape), reader.dtype)
        reader.read_into(images, indices.tolist())
        return images

    def batches(
        self,
        batch: int,
        resolution: int | None = None,
        position: int = 0,
        seed: int = 0,
        shuffle: bool = True,
        prefetch: int = 2,
        rows: Sequence[int] | np.ndarray | None = None,
    ) -> tf.data.Dataset:
        """Endless batches; each epoch is a new permutation, and batches run across its end.

        Args:
          batch: int B, examples a batch.
          resolution: int, side of the level; None is the largest.
          position: int, examples consumed since the beginning of training; any value is free.
          seed: int, of the permutations.
          shuffle: without it, records come in the order of the file.
          prefetch: int, batches read ahead.
          rows: int array, the rows of each batch that are read, and that the result holds (B is
            their number then); None is all.

        Returns:
          tf.data.Dataset of dicts: `images` [B, C, H, W] in the stored dtype, `index` int64 [B]
          (record numbers), `labels` float32 [B, L], every field [B, ...] and every companion
          [B, c, H, W].

        Raises:
          ValueError: no such level. Reading errors surface as tf.errors; see `reading_errors`.
        """
        import tensorflow as tf

        rows = np.arange(batch) if rows is None else np.asarray(rows)
        sources = [None, *self._companions]
        readers = [self._reader(resolution, companion) for companion in sources]
        arrays = {"labels": self.labels, **self.fields}

        def read(number):
            positions = position + int(number) * batch + rows
            indices = order.indices(positions, self.count, seed, shuffle)
            try:
                images = [self.read(indices, resolution, companion) for companion in sources]
            except (ValueError, OSError) as error:
                self._failure = error
                raise
            return [*images, indices, *(array[indices] for array in arrays.values())]

        names = ["images", *self._companions, "index", *arrays]
        types = [*(reader.dtype for reader in readers), np.int64]
        types = [tf.as_dtype(kind) for kind in (*types, *(a.dtype for a in arrays.values()))]
        shapes = [*(reader.shape for reader in readers), ()]
        shapes += [array.shape[1:] for array in arrays.values()]

        def load(number):
            tensors = tf.numpy_function(read, [number], types, stateful=False)
            for tensor, shape in zip(tensors, shapes):
                tensor.set_shape((len(rows), *shape))
            return dict(zip(names, tensors))

        numbers = tf.data.Dataset.range(np.iinfo(np.int64).max // batch)
        batches = numbers.map(load, num_parallel_calls=_PARALLEL_READS, deterministic=True)
        # There is nothing to tune, and on a single core a tuned pipeline takes up to a minute to
        # end: in every epoch of a system that opens its data anew.
        options = tf.data.Options()
        options.autotune.enabled = False
        return batches.prefetch(prefetch).with_options(options)

    def iterate(self, *args: Any, **kwargs: Any) -> Iterator[dict[str, tf.Tensor]]:
        """Iterates over `batches(*args, **kwargs)`; reading errors are ValueErrors."""
        with self.reading_errors():
            yield from self.batches(*args, **kwargs)

    @contextlib.contextmanager
    def reading_errors(self) -> Iterator[None]:
        """Turns the tf.errors of a pipeline over `batches` into the error that caused them."""
        import tensorflow as tf

        try:
            yield
        except tf.errors.OpError as error:
            if self._failure is None or str(self._failure) not in str(error):
                raise
            raise self._failure from None

    def _reader(self, resolution, companion=None):
        if resolution is None:
            resolution = self.resolution
        readers = self._readers if companion is None else self._companions[companion]
        if resolution not in readers:
            sides = ", ".join(str(side) for side in sorted(readers))
            raise ValueError(f"{self.path}: no level of {resolution} pixels; there are {sides}")
        return readers[resolution]

    def _leave_out_corrupt(self):
        """Lets every corrupt record give way to the next good one, which it repeats."""
        for readers in (self._readers, *self._companions.values()):
            for reader in readers.values():
                self.corrupt.update(reader.corrupt())
        if not self.corrupt:
            return
        self._numbers = _next_good(self.corrupt, self.count, self.path)
        for number in sorted(self.corrupt)[:_REPORTED]:
            logging.warning(
                "%s; record %d is shown instead", self.corrupt[number], self._numbers[number]
            )
        logging.warning(
            "%s: %d of %d records are corrupt and left out",
            self.path,
            len(self.corrupt),
            self.count,
        )
        self.labels = self.labels[self._numbers]
        self.fields = {name: array[self._numbers] for name, array in self.fields.items()}

    def _check_files(self):
        info = self.info
        set_files.check_readers(self._readers, info.shape[0], info.dtype, info.count)
        for companion, readers in self._companions.items():
            described = info.companions[companion]
            set_files.check_readers(readers, described["channels"], described["dtype"], info.count)


def _next_good(corrupt, count, path):
    """int64 [count]: for each record its number, or that of the next good one, round the end."""
    good = np.array([number for number in range(count) if number not in corrupt], np.int64)
    if not len(good):
        raise ValueError(f"{path}: all {count} records are corrupt; {next(iter(corrupt.values()))}")
    return good[np.searchsorted(good, np.arange(count)) % len(good)]
