"""Reading sets: random access with NumPy, endless batches with tf.data."""

import contextlib
import dataclasses
from pathlib import Path

import numpy as np

from tf_facegan import array_files
from tf_facegan.records import order, schema
from tf_facegan.records.level import ShardedReader

_FOREIGN_RANGES = {"uint8": [0, 255], "float32": [-1, 1]}
_PARALLEL_READS = 2


class RecordSet:
    """A set of examples in TFRecord files: ours, or one made by the PGGAN or TBGAN tools.

    Args:
      path: folder of the set.
      dtype: "uint8" or "float32", checked against the files; None takes what they hold.
      dynamic_range: (lo, hi) to use instead of the set's own range.
      max_label_size: "full", 0 (no labels) or n (the first n components).
      part: (k, n), to read only the shards k, k + n, k + 2n, … as if they were the set; the others
        need not be there. None is all of it.

    Attributes:
      info: `schema.SetInfo` (of the part); of a foreign set (no json) it is found from the files.
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

    def __init__(self, path, dtype=None, dynamic_range=None, max_label_size="full", part=None):
        self.path = Path(path)
        name, stored = _find(self.path)
        shards = _chosen_shards(self.path, stored, part)
        self._readers = _open_readers(_level_paths(self.path, name, stored), shards)
        info = stored or _foreign_info(self.path, name, self._readers)
        self._companions = {
            companion: _open_readers(schema.level_files(self.path, info, companion), shards)
            for companion in info.companions
        }
        if dtype is not None and dtype != info.dtype:
            raise ValueError(f"{self.path}: holds {info.dtype}, not dtype {dtype}")
        rows = _rows(info, shards)
        labels = _load_labels(self.path, info, is_foreign=stored is None)[rows]
        self.labels, label_info = _trim_labels(self.path, info, labels, max_label_size)
        value_range = list(info.range if dynamic_range is None else dynamic_range)
        fields = _load_fields(self.path, info)
        self.fields = {field: array[rows] for field, array in fields.items()}
        self.info = dataclasses.replace(
            _part_info(info, shards), labels=label_info, range=value_range
        )
        self._check_files()
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

    def read(self, indices, resolution=None, companion=None):
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
        reader = self._reader(resolution, companion)
        images = np.empty((len(indices), *reader.shape), reader.dtype)
        reader.read_into(images, indices.tolist())
        return images

    def batches(
        self, batch, resolution=None, position=0, seed=0, shuffle=True, prefetch=2, rows=None
    ):
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

    def _reader(self, resolution, companion=None):
        if resolution is None:
            resolution = self.resolution
        readers = self._readers if companion is None else self._companions[companion]
        if resolution not in readers:
            sides = ", ".join(str(side) for side in sorted(readers))
            raise ValueError(f"{self.path}: no level of {resolution} pixels; there are {sides}")
        return readers[resolution]

    def _check_files(self):
        info = self.info
        _check_readers(self._readers, info.shape[0], info.dtype, info.count)
        for companion, readers in self._companions.items():
            described = info.companions[companion]
            _check_readers(readers, described["channels"], described["dtype"], info.count)


def _find(path):
    """(name, SetInfo or None) of the set in a folder."""
    if not path.is_dir():
        raise FileNotFoundError(f"{path}: no such folder; the folder of a set expected")
    parsed = map(schema.parse_record_file, path.iterdir())
    names = {entry.name for entry in parsed if entry}
    described = [name for name in sorted(names) if schema.info_file(path, name).is_file()]
    candidates = described or sorted(names)
    if not candidates:
        inside = sorted({file.parent.name for file in path.glob("[!.]*/*.tfrecords")})
        hint = f" (there are sets in it: {', '.join(inside[:5])})" if inside else ""
        raise FileNotFoundError(f"{path}: no *.tfrecords files; the folder of a set expected{hint}")
    if len(candidates) > 1:
        raise ValueError(f"{path}: holds several sets ({', '.join(candidates)}), one expected")
    name = candidates[0]
    return name, schema.load(schema.info_file(path, name)) if described else None


def _chosen_shards(path, info, part):
    """The numbers of the shards to read; None is all."""
    if part is None:
        return None
    number, parts = part
    shards = 1 if info is None else len(info.shard_counts)
    if not 0 <= number < parts <= shards:
        raise ValueError(
            f"{path}: part {number} of {parts} asked for, but a level is {shards} files; build the "
            f"set with --shards {parts} or more"
        )
    return list(range(number, shards, parts))


def _rows(info, shards):
    """The record numbers of what is in some shards."""
    if shards is None:
        return slice(None)
    ends = np.cumsum(info.shard_counts)
    ranges = [np.arange(ends[shard] - info.shard_counts[shard], ends[shard]) for shard in shards]
    return np.concatenate(ranges)


def _part_info(info, shards):
    if shards is None:
        return info
    counts = [info.shard_counts[shard] for shard in shards]
    return dataclasses.replace(info, count=sum(counts), shards=counts)


def _open_readers(levels, shards):
    """{side: ShardedReader} of all levels (one for a single-size set)."""
    if shards is not None:
        levels = [[files[shard] for shard in shards] for files in levels]
    for file in (file for files in levels for file in files):
        if not file.is_file():
            raise ValueError(f"{file}: missing; the set is incomplete")
    readers = [ShardedReader(files) for files in levels]
    return {reader.shape[1]: reader for reader in readers}


def _level_paths(path, name, info):
    """Record files of the levels, largest first, a list of shards each."""
    if info is not None:
        return schema.level_files(path, info)
    parsed = [schema.parse_record_file(file) for file in path.iterdir()]
    own = [entry for entry in parsed if entry and entry.name == name]
    logs = [entry.log2 for entry in own if entry.log2 is not None]
    if not logs:
        sizes = sorted(entry.size for entry in own)
        return [[schema.single_size_file(path, name, *size)] for size in sizes[-1:]]
    return [[schema.level_file(path, name, log2)] for log2 in range(max(logs), 1, -1)]


def _foreign_info(path, name, readers):
    largest = readers[max(readers)]
    is_single = schema.parse_record_file(largest.path).log2 is None
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


def _check_readers(readers, channels, dtype, count):
    for reader in readers.values():
        size = schema.parse_record_file(reader.path).size
        found = [list(reader.shape), reader.dtype, reader.count]
        expected = [[channels, *size], dtype, count]
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
    labels = array_files.read_npy(file)
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
        fields[field] = array_files.read_npy(file)
        shape = [info.count, *described["shape"]]
        if list(fields[field].shape) != shape or str(fields[field].dtype) != described["dtype"]:
            raise ValueError(
                f"{file}: holds {fields[field].dtype} {list(fields[field].shape)}, "
                f"{described['dtype']} {shape} expected"
            )
    return fields
