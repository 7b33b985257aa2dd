"""What a set holds: `SetInfo`, its json file, and the file names of a set."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Sequence
from pathlib import Path

from tf_facegan.files import read_json

FORMAT_VERSION = 1
MULTI_RESOLUTION = "multi-resolution"
SINGLE_SIZE = "single-size"
KINDS = (MULTI_RESOLUTION, SINGLE_SIZE)
DTYPES = ("uint8", "float32")
LABEL_KINDS = ("class", "intensity")
INTENSITY_RANGE = (0.0, 5.0)  # of an action unit: absent and maximum
RESERVED_FIELDS = ("images", "index", "labels")  # what every batch holds already
UV_LAYOUT = "uv_layout.npz"

_RECORD_FILE = re.compile(
    r"(?P<name>.*)-(r(?P<log2>\d\d)|s(?P<height>\d+)x(?P<width>\d+))"
    r"(-(?P<shard>\d{5})-of-(?P<shards>\d{5}))?\.tfrecords"
)


@dataclasses.dataclass(frozen=True)
class RecordFile:
    """What the name of a record file says.

    Attributes:
      name: str, of the set, with "-<companion>" behind it if it holds companion images.
      log2: int, log2 of the side in a multi-resolution set, else None.
      size: (height, width).
      shard: int, counted from 0.
      shards: int, 1 if the level is in one file.
    """

    name: str
    log2: int
    size: tuple
    shard: int
    shards: int


@dataclasses.dataclass(frozen=True)
class SetInfo:
    """The description of a set, stored as `<name>.json`.

    Attributes:
      name: str, the prefix of the set's files.
      kind: "multi-resolution" (square, a power of two, one record file a level from 4x4 up) or
        "single-size" (one record file, any height and width).
      shape: [C, H, W] of the largest level.
      dtype: "uint8" or "float32".
      count: int, examples.
      modalities: [[name, channels], ...] in channel order; the channels sum to C.
      range: [lo, hi], the values that stand for black and white (or the ends of a coordinate).
      labels: None, or {"size": int, "kind": "class" (softmax) | "intensity" (action units, stored
        raw, 0 to 5), "names": list of str or None}.
      fields: {field name: {"shape": list of int, without the example axis, "dtype": str, "names":
        list of str, absent where nothing is named}}, what belongs to an example and not to a level,
        stored as `<name>-<field>.npy`. The names are those of a vector's components, or of what an
        integer field counts.
      format_version: int.
      companions: {name: {"channels": int, "dtype": str, "modalities": [[name, channels], ...],
        "range": [lo, hi]}}, further images of every example, of the same size and in the same
        order, in record files of their own.
      shards: list of int, the examples in each of the files that a level is divided into; None
        where every level is one file.

    Raises:
      ValueError: a value contradicts the above.
    """

    name: str
    kind: str
    shape: list
    dtype: str
    count: int
    modalities: list
    range: list
    labels: dict | None = None
    fields: dict = dataclasses.field(default_factory=dict)
    format_version: int = FORMAT_VERSION
    companions: dict = dataclasses.field(default_factory=dict)
    shards: list | None = None

    def __post_init__(self):
        if self.format_version != FORMAT_VERSION:
            raise ValueError(
                f"format_version is {self.format_version}, this program reads {FORMAT_VERSION}"
            )
        _check_name("name", self.name)
        _check_choice("kind", self.kind, KINDS)
        _check_choice("dtype", self.dtype, DTYPES)
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(f"shape is {self.shape}, three positive numbers [C, H, W] expected")
        if self.kind == MULTI_RESOLUTION:
            check_power_of_two(self.shape)
        _check_images(self.shape[0], self.modalities, self.range)
        if self.labels is not None:
            _check_labels(self.labels)
        for name, field in self.fields.items():
            _check_name("a field", name)
            _check_keys(f"field {name}", field, ("shape", "dtype"))
        for name, companion in self.companions.items():
            _check_name("a companion", name)
            described = ("channels", "dtype", "modalities", "range")
            _check_keys(f"companion {name}", companion, described)
            _check_choice(f"companion {name}: dtype", companion["dtype"], DTYPES)
            _check_images(companion["channels"], companion["modalities"], companion["range"])
        names = [*RESERVED_FIELDS, *self.fields, *self.companions]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name} is a name that batches use already")
        if sum(self.shard_counts) != self.count:
            raise ValueError(f"shards {self.shards} do not add up to {self.count} examples")

    @property
    def levels(self) -> list[int]:
        """list of int: the log2 resolutions of a multi-resolution set, largest first."""
        return list(range(self.shape[1].bit_length() - 1, 1, -1))

    @property
    def shard_counts(self) -> list[int]:
        """list of int: examples in each file of a level."""
        return self.shards or [self.count]


def check_power_of_two(shape: Sequence[int]) -> None:
    """Raises ValueError unless [C, H, W] is square with a power of two of at least 4."""
    _, height, width = shape
    if height != width or height < 4 or height & (height - 1):
        raise ValueError(
            f"the size is {width}x{height}; a multi-resolution set needs square images whose side "
            "is a power of two of at least 4"
        )


def guess_modalities(channels: int) -> list[list]:
    """Modalities of a set that does not name them: thirds as TBGAN has them, or one image."""
    known = {9: ("texture", "shape", "normals"), 6: ("texture", "shape")}
    if channels in known:
        return [[name, 3] for name in known[channels]]
    return [["image", channels]]


def level_file(
    directory: str | Path, name: str, log2: int, shard: int = 0, shards: int = 1
) -> Path:
    """Path of the record file of the level with side 2**log2 (published name, but for shards)."""
    return Path(directory) / f"{name}-r{log2:02d}{_of(shard, shards)}.tfrecords"


def single_size_file(
    directory: str | Path, name: str, height: int, width: int, shard: int = 0, shards: int = 1
) -> Path:
    """Path of the record file of a single-size set."""
    return Path(directory) / f"{name}-s{height}x{width}{_of(shard, shards)}.tfrecords"


def level_files(
    directory: str | Path, info: SetInfo, companion: str | None = None
) -> list[list[Path]]:
    """The record files of a set's images or of a companion's.

    Returns:
      list, largest level first (one level for a single-size set), of lists of pathlib.Path, one
      for every shard.
    """
    name = info.name if companion is None else f"{info.name}-{companion}"
    shards = len(info.shard_counts)
    if info.kind == SINGLE_SIZE:
        levels = [functools.partial(single_size_file, directory, name, *info.shape[1:])]
    else:
        levels = [functools.partial(level_file, directory, name, log2) for log2 in info.levels]
    return [[level(shard, shards) for shard in range(shards)] for level in levels]


def _of(shard, shards):
    return "" if shards == 1 else f"-{shard:05d}-of-{shards:05d}"


def labels_file(directory: str | Path, name: str) -> Path:
    """Path of the label file (an .npy array, published name)."""
    return Path(directory) / f"{name}-rxx.labels"


def field_file(directory: str | Path, name: str, field: str) -> Path:
    """Path of the array of one field."""
    return Path(directory) / f"{name}-{field}.npy"


def info_file(directory: str | Path, name: str) -> Path:
    """Path of the json file."""
    return Path(directory) / f"{name}.json"


def skipped_file(directory: str | Path, name: str) -> Path:
    """Path of the report on what was left out of a set."""
    return Path(directory) / f"{name}-skipped.csv"


def parse_record_file(path: str | Path) -> RecordFile | None:
    """Takes a record file's name apart.

    Returns:
      RecordFile, or None for any other file.
    """
    match = _RECORD_FILE.fullmatch(Path(path).name)
    if match is None:
        return None
    log2 = None if match["log2"] is None else int(match["log2"])
    size = (int(match["height"]), int(match["width"])) if log2 is None else (1 << log2, 1 << log2)
    return RecordFile(
        match["name"], log2, size, int(match["shard"] or 0), int(match["shards"] or 1)
    )


def save(info: SetInfo, directory: str | Path) -> None:
    """Writes `<name>.json` into `directory`."""
    text = json.dumps(dataclasses.asdict(info), indent=2)
    info_file(directory, info.name).write_text(text + "\n", encoding="utf-8")


def load(path: str | Path) -> SetInfo:
    """Reads a `<name>.json`.

    Raises:
      ValueError: not json, unknown or missing fields (named), or a value that cannot be.
    """
    path = Path(path)
    content = read_json(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: a json object expected, found a {type(content).__name__}")
    fields = {field.name: field for field in dataclasses.fields(SetInfo)}
    unknown = sorted(set(content) - set(fields))
    if unknown:
        raise ValueError(
            f"{path}: unknown fields {', '.join(unknown)}; written by a newer version?"
        )
    required = {
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    missing = sorted(required - set(content))
    if missing:
        raise ValueError(f"{path}: fields {', '.join(missing)} are missing")
    try:
        return SetInfo(**content)
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise ValueError(f"{path}: {error}") from None


def _check_name(what, name):
    """Names are parts of file names: none may lead to another folder."""
    if not isinstance(name, str) or not name or "/" in name or "\\" in name or "\0" in name:
        raise ValueError(f"{what} is called {name!r}, a part of a file name expected")


def _check_choice(field, value, choices):
    if value not in choices:
        raise ValueError(f"{field} is {value!r}, one of {', '.join(choices)} expected")


def _check_keys(what, described, keys):
    missing = [key for key in keys if key not in described]
    if missing:
        raise ValueError(f"{what} is {described}, but {', '.join(missing)} expected too")


def _check_images(channels, modalities, value_range):
    if sum(count for _, count in modalities) != channels:
        raise ValueError(f"modalities {modalities} do not add up to {channels} channels")
    if len(value_range) != 2 or not value_range[0] < value_range[1]:
        raise ValueError(f"range is {value_range}, [lo, hi] expected")


def _check_labels(labels):
    if set(labels) != {"size", "kind", "names"}:
        raise ValueError(f"labels is {labels}, the keys size, kind and names expected")
    _check_choice("labels.kind", labels["kind"], LABEL_KINDS)
    if labels["names"] is not None and len(labels["names"]) != labels["size"]:
        raise ValueError(
            f"labels has {len(labels['names'])} names for {labels['size']} label components"
        )
