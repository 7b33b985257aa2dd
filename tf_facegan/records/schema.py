"""What a set holds: `SetInfo`, its json file, and the file names of a set."""

import dataclasses
import json
import re
from pathlib import Path

FORMAT_VERSION = 1
MULTI_RESOLUTION = "multi-resolution"
SINGLE_SIZE = "single-size"
KINDS = (MULTI_RESOLUTION, SINGLE_SIZE)
DTYPES = ("uint8", "float32")
LABEL_KINDS = ("class", "intensity")
RESERVED_FIELDS = ("images", "index", "labels")  # what every batch holds already
UV_LAYOUT = "uv_layout.npz"

_RECORD_FILE = re.compile(
    r"(?P<name>.*)-(r(?P<log2>\d\d)|s(?P<height>\d+)x(?P<width>\d+))\.tfrecords"
)


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
      fields: {field name: {"shape": list of int, without the example axis, "dtype": str}}, what
        belongs to an example and not to a level, stored as `<name>-<field>.npy`.
      format_version: int.

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
    labels: dict = None
    fields: dict = dataclasses.field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    def __post_init__(self):
        if self.format_version != FORMAT_VERSION:
            raise ValueError(
                f"format_version is {self.format_version}, this program reads {FORMAT_VERSION}"
            )
        _check_choice("kind", self.kind, KINDS)
        _check_choice("dtype", self.dtype, DTYPES)
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(f"shape is {self.shape}, three positive numbers [C, H, W] expected")
        if self.kind == MULTI_RESOLUTION:
            check_power_of_two(self.shape)
        if sum(channels for _, channels in self.modalities) != self.shape[0]:
            raise ValueError(
                f"modalities {self.modalities} do not add up to {self.shape[0]} channels"
            )
        if len(self.range) != 2 or not self.range[0] < self.range[1]:
            raise ValueError(f"range is {self.range}, [lo, hi] expected")
        if self.labels is not None:
            _check_labels(self.labels)
        for field in self.fields:
            if field in RESERVED_FIELDS:
                raise ValueError(f"field {field} has a name that batches use already")

    @property
    def levels(self):
        """list of int: the log2 resolutions of a multi-resolution set, largest first."""
        return list(range(self.shape[1].bit_length() - 1, 1, -1))


def check_power_of_two(shape):
    """Raises ValueError unless [C, H, W] is square with a power of two of at least 4."""
    _, height, width = shape
    if height != width or height < 4 or height & (height - 1):
        raise ValueError(
            f"the size is {height}x{width}; a multi-resolution set needs square images whose side "
            "is a power of two of at least 4"
        )


def guess_modalities(channels):
    """Modalities of a set that does not name them: thirds as TBGAN has them, or one image."""
    known = {9: ("texture", "shape", "normals"), 6: ("texture", "shape")}
    if channels in known:
        return [[name, 3] for name in known[channels]]
    return [["image", channels]]


def level_file(directory, name, log2):
    """Path of the record file of the level with side 2**log2 (published name)."""
    return Path(directory) / f"{name}-r{log2:02d}.tfrecords"


def single_size_file(directory, name, height, width):
    """Path of the record file of a single-size set."""
    return Path(directory) / f"{name}-s{height}x{width}.tfrecords"


def labels_file(directory, name):
    """Path of the label file (an .npy array, published name)."""
    return Path(directory) / f"{name}-rxx.labels"


def field_file(directory, name, field):
    """Path of the array of one field."""
    return Path(directory) / f"{name}-{field}.npy"


def info_file(directory, name):
    """Path of the json file."""
    return Path(directory) / f"{name}.json"


def parse_record_file(path):
    """Takes a record file's name apart.

    Returns:
      (set name, log2 of the side or None, (height, width)), or None for any other file.
    """
    match = _RECORD_FILE.fullmatch(Path(path).name)
    if match is None:
        return None
    if match["log2"] is not None:
        side = 1 << int(match["log2"])
        return match["name"], int(match["log2"]), (side, side)
    return match["name"], None, (int(match["height"]), int(match["width"]))


def save(info, directory):
    """Writes `<name>.json` into `directory`."""
    text = json.dumps(dataclasses.asdict(info), indent=2)
    info_file(directory, info.name).write_text(text + "\n", encoding="utf-8")


def load(path):
    """Reads a `<name>.json`.

    Raises:
      ValueError: not json, unknown or missing fields (named), or a value that cannot be.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not a json file ({error})") from None
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
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None


def _check_choice(field, value, choices):
    if value not in choices:
        raise ValueError(f"{field} is {value!r}, one of {', '.join(choices)} expected")


def _check_labels(labels):
    if set(labels) != {"size", "kind", "names"}:
        raise ValueError(f"labels is {labels}, the keys size, kind and names expected")
    _check_choice("labels.kind", labels["kind"], LABEL_KINDS)
    if labels["names"] is not None and len(labels["names"]) != labels["size"]:
        raise ValueError(
            f"labels has {len(labels['names'])} names for {labels['size']} label components"
        )
