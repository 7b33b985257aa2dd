"""The files of a set: which there are, what they hold, and whether they fit each other."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from tf_facegan import array_files
from tf_facegan.records import schema
from tf_facegan.records.level import ShardedReader

_FOREIGN_RANGES = {"uint8": [0, 255], "float32": [-1, 1]}


def find(path: Path) -> tuple[str, schema.SetInfo | None]:
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


def chosen_shards(
    path: Path, info: schema.SetInfo | None, part: tuple[int, int] | None
) -> list[int] | None:
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


def rows(info: schema.SetInfo, shards: list[int] | None) -> slice | np.ndarray:
    """The record numbers of what is in some shards."""
    if shards is None:
        return slice(None)
    ends = np.cumsum(info.shard_counts)
    ranges = [np.arange(ends[shard] - info.shard_counts[shard], ends[shard]) for shard in shards]
    return np.concatenate(ranges)


def part_info(info: schema.SetInfo, shards: list[int] | None) -> schema.SetInfo:
    if shards is None:
        return info
    counts = [info.shard_counts[shard] for shard in shards]
    return dataclasses.replace(info, count=sum(counts), shards=counts)


def open_readers(
    levels: list[list[Path]], shards: list[int] | None, info: schema.SetInfo | None, salvages: bool
) -> dict[int, ShardedReader]:
    """{side: ShardedReader} of all levels (one for a single-size set)."""
    counts = None if info is None else info.shard_counts
    if shards is not None:
        levels = [[files[shard] for shard in shards] for files in levels]
        counts = counts and [counts[shard] for shard in shards]
    for file in (file for files in levels for file in files):
        if not file.is_file():
            raise ValueError(f"{file}: missing; the set is incomplete")
    readers = [ShardedReader(files, salvages, counts) for files in levels]
    return {reader.shape[1]: reader for reader in readers}


def level_paths(path: Path, name: str, info: schema.SetInfo | None) -> list[list[Path]]:
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


def foreign_info(path: Path, name: str, readers: dict[int, ShardedReader]) -> schema.SetInfo:
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


def check_readers(
    readers: dict[int, ShardedReader], channels: int, dtype: np.dtype | str, count: int
) -> None:
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


def load_labels(path: Path, info: schema.SetInfo, is_foreign: bool) -> np.ndarray:
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


def trim_labels(
    path: Path, info: schema.SetInfo, labels: np.ndarray, max_label_size: int | str
) -> tuple[np.ndarray, dict | None]:
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


def load_fields(path: Path, info: schema.SetInfo) -> dict[str, np.ndarray]:
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
