"""Reading sets: random access with NumPy, endless batches with tf.data."""

import contextlib
import dataclasses
from pathlib import Path

import numpy as np

from tf_facegan.records import order, schema
from tf_facegan.records.level import LevelReader

_FOREIGN_RANGES = {"uint8": [0, 255], "float32": [-1, 1]}
_PARALLEL_READS = 2


class RecordSet:
    """A set of examples in TFRecord files: ours, or one made by the PGGAN or TBGAN tools.

    Args:
      path: folder of the set.
      dtype: "uint8" or "float32", checked against the files; None takes what they hold.
      dynamic_range: (lo, hi) to use instead of the set's own range.
      max_label_size: "full", 0 (no labels) or n (the first n components).

    Attributes:
      info: `schema.SetInfo`; of a foreign set (no json) it is found from the files.
      name, count, channels: of the set.
      resolution: int, height of the largest level (single-size sets: see `info.shape`).
      range: [lo, hi], values that stand for black and white.
      labels: float32 [count, L], raw; L may be 0.
      fields: {field name: array [count, ...]}.
      uv_layout: pathlib.Path of the set's `uv_layout.npz`, or None.

    Raises:
      FileNotFoundError: no such folder, or no record files in it.
      ValueError: a missing level, counts or shapes that contradict each other, a truncated or
        corrupt record, an option that does not fit the files.
    """

    def __init__(self, path, dtype=None, dynamic_range=None, max_label_size="full"):
        self.path = Path(path)
        name, stored = _find(self.path)
        self._readers = _open_readers(self.path, name, stored)
        info = stored or _foreign_info(self.path, name, self._readers)
        _check_readers(info, self._readers)
        if dtype is not None and dtype != info.dtype:
            raise ValueError(f"{self.path}: holds {info.dtype}, not dtype {dtype}")
        labels = _load_labels(self.path, info, is_foreign=stored is None)
        self.labels, label_info = _trim_labels(self.path, info, labels, max_label_size)
        value_range = list(info.range if dynamic_range is None else dynamic_range)
        self.info = dataclasses.replace(info, labels=label_info, range=value_range)
        self.fields = _load_fields(self.path, info)
        layout = self.path / schema.UV_LAYOUT
        self.uv_layout = layout if layout.is_file() else None
        self._failure = None

    @property
    def name(self):
        return self.info.name

    @property
    def count(self):
        return self.info.count

    @property
    def channels(self):
        return self.info.shape[0]

    @property
    def resolution(self):
        return self.info.shape[1]

    @property
    def range(self):
        return self.info.range

    def read(self, indices, resolution=None):
        """Reads examples by number.

        Args:
          indices: sequence of N record numbers.
          resolution: int, side of the level; None is the largest.

        Returns:
          array [N, C, H, W] of the stored dtype.

        Raises:
          IndexError: a number outside the set.
          ValueError: no such level; a truncated or corrupt record (names file and number).
        """
        indices = np.asarray(indices, np.int64)
        if indices.size and (indices.min() < 0 or indices.max() >= self.count):
            raise IndexError(f"{self.path}: {self.count} records, asked for {indices.tolist()}")
        reader = self._reader(resolution)
        images = np.empty((len(indices), *reader.shape), reader.dtype)
        reader.read_into(images, indices.tolist())
        return images

    def batches(self, batch, resolution=None, position=0, seed=0, shuffle=True, prefetch=2):
        """Endless batches; each epoch is a new permutation, and batches run across its end.

        Args:
          batch: int B, examples a batch.
          resolution: int, side of the level; None is the largest.
          position: int, examples consumed since the beginning of training; any value is free.
          seed: int, of the permutations.
          shuffle: without it, records come in the order of the file.
          prefetch: int, batches read ahead.

        Returns:
          tf.data.Dataset of dicts: `images` [B, C, H, W] in the stored dtype, `index` int64 [B]
          (record numbers), `labels` float32 [B, L], and every field [B, ...].

        Raises:
          ValueError: no such level. Reading errors surface as tf.errors; see `reading_errors`.
        """
        import tensorflow as tf

        reader = self._reader(resolution)
        arrays = {"labels": self.labels, **self.fields}

        def read(number):
            positions = position + int(number) * batch + np.arange(batch)
            indices = order.indices(positions, self.count, seed, shuffle)
            try:
                images = self.read(indices, resolution)
            except (ValueError, OSError) as error:
                self._failure = error
                raise
            return [images, indices, *(array[indices] for array in arrays.values())]

        types = [tf.as_dtype(reader.dtype), tf.int64]
        types += [tf.as_dtype(array.dtype) for array in arrays.values()]
        shapes = [reader.shape, (), *(array.shape[1:] for array in arrays.values())]

        def load(number):
            tensors = tf.numpy_function(read, [number], types, stateful=False)
            for tensor, shape in zip(tensors, shapes):
                tensor.set_shape((batch, *shape))
            return dict(zip(("images", "index", *arrays), tensors))

        numbers = tf.data.Dataset.range(np.iinfo(np.int64).max // batch)
        batches = numbers.map(load, num_parallel_calls=_PARALLEL_READS, deterministic=True)
        return batches.prefetch(prefetch)

    def iterate(self, *args, **kwargs):
        """Iterates over `batches(*args, **kwargs)`; reading errors are ValueErrors."""
        with self.reading_errors():
            yield from self.batches(*args, **kwargs)

    @contextlib.contextmanager
    def reading_errors(self):
        """Turns the tf.errors of a pipeline over `batches` into the error that caused them."""
        import tensorflow as tf

        try:
            yield
        except tf.errors.OpError as error:
            if self._failure is None or str(self._failure) not in str(error):
                raise
            raise self._failure from None

    def _reader(self, resolution):
        if resolution is None:
            resolution = self.resolution
        if resolution not in self._readers:
            sides = ", ".join(str(side) for side in sorted(self._readers))
            raise ValueError(f"{self.path}: no level of {resolution} pixels; there are {sides}")
        return self._readers[resolution]


def _find(path):
    """(name, SetInfo or None) of the set in a folder."""
    if not path.is_dir():
        raise FileNotFoundError(f"{path}: no such folder; the folder of a set expected")
    names = {parsed[0] for parsed in map(schema.parse_record_file, path.iterdir()) if parsed}
    described = [name for name in sorted(names) if schema.info_file(path, name).is_file()]
    candidates = described or sorted(names)
    if not candidates:
        raise FileNotFoundError(f"{path}: no *.tfrecords files; the folder of a set expected")
    if len(candidates) > 1:
        raise ValueError(f"{path}: holds several sets ({', '.join(candidates)}), one expected")
    name = candidates[0]
    return name, schema.load(schema.info_file(path, name)) if described else None


def _open_readers(path, name, info):
    """{side: LevelReader} of all levels of a set (one for a single-size set)."""
    if info is not None and info.kind == schema.SINGLE_SIZE:
        paths = [schema.single_size_file(path, name, *info.shape[1:])]
    else:
        paths = _level_paths(path, name, info)
    for file in paths:
        if not file.is_file():
            raise ValueError(f"{file}: missing; the set is incomplete")
    readers = [LevelReader(file) for file in paths]
    return {reader.shape[1]: reader for reader in readers}


def _level_paths(path, name, info):
    if info is not None:
        levels = info.levels
    else:
        parsed = [schema.parse_record_file(file) for file in path.iterdir()]
        own = [entry for entry in parsed if entry and entry[0] == name]
        logs = [log2 for _, log2, _ in own if log2 is not None]
        if not logs:
            sizes = sorted(size for _, _, size in own)
            return [schema.single_size_file(path, name, *size) for size in sizes[-1:]]
        levels = range(max(logs), 1, -1)
    return [schema.level_file(path, name, log2) for log2 in levels]


def _foreign_info(path, name, readers):
    largest = readers[max(readers)]
    is_single = schema.parse_record_file(largest.path)[1] is None
    try:
        return schema.SetInfo(
            name=name,
            kind=schema.SINGLE_SIZE if is_single else schema.MULTI_RESOLUTION,
            shape=list(largest.shape),
            dtype=largest.dtype,
            count=largest.count,
            modalities=schema.guess_modalities(largest.shape[0]),
            range=_FOREIGN_RANGES[largest.dtype],
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _check_readers(info, readers):
    for reader in readers.values():
        _, _, size = schema.parse_record_file(reader.path)
        found = [list(reader.shape), reader.dtype, reader.count]
        expected = [[info.shape[0], *size], info.dtype, info.count]
        if found != expected:
            raise ValueError(
                f"{reader.path}: holds {_describe(*found)}, {_describe(*expected)} expected"
            )


def _describe(shape, dtype, count):
    return f"{count} records of {dtype} {shape}"


def _load_labels(path, info, is_foreign):
    file = schema.labels_file(path, info.name)
    if is_foreign and not file.is_file():
        file = next(iter(sorted(path.glob("*.labels"))), file)
    size = None if is_foreign else (info.labels or {"size": 0})["size"]
    if not file.is_file():
        if size:
            raise ValueError(f"{file}: missing; {size} label components expected")
        return np.zeros((info.count, 0), np.float32)
    labels = _load_array(file)
    if labels.ndim != 2 or len(labels) != info.count or size not in (None, labels.shape[1]):
        wanted = f"[{info.count}, {'L' if size is None else size}]"
        raise ValueError(f"{file}: shape {list(labels.shape)}, {wanted} expected")
    return labels.astype(np.float32)


def _trim_labels(path, info, labels, max_label_size):
    size = labels.shape[1] if max_label_size == "full" else max_label_size
    if not isinstance(size, int) or not 0 <= size <= labels.shape[1]:
        raise ValueError(
            f"{path}: max_label_size is {max_label_size!r}; 'full' or 0 to {labels.shape[1]} "
            "expected"
        )
    if size == 0:
        return labels[:, :0], None
    described = info.labels or {"kind": "class", "names": None}
    names = described["names"] and described["names"][:size]
    return labels[:, :size], {"size": size, "kind": described["kind"], "names": names}


def _load_fields(path, info):
    fields = {}
    for field, described in info.fields.items():
        file = schema.field_file(path, info.name, field)
        if not file.is_file():
            raise ValueError(f"{file}: missing; the set is incomplete")
        fields[field] = _load_array(file)
        shape = [info.count, *described["shape"]]
        if list(fields[field].shape) != shape or str(fields[field].dtype) != described["dtype"]:
            raise ValueError(
                f"{file}: holds {fields[field].dtype} {list(fields[field].shape)}, "
                f"{described['dtype']} {shape} expected"
            )
    return fields


def _load_array(file):
    try:
        return np.load(file, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{file}: not an array file ({error})") from None
