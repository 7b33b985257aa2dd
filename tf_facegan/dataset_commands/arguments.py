"""What the sub-commands of `dataset_tool.py` are made of, and the arguments that several share.

Imports nothing heavy, so that `-h` answers at once.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class Argument:
    """One argument of a sub-command.

    `shown` replaces the default in the help where the value itself says little; `group` is the
    heading that the argument stands under in the help.
    """

    name: str
    help: str
    default: object = None
    shown: str | None = None
    options: dict = dataclasses.field(default_factory=dict)
    group: str | None = None

    def add_to(self, parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
        if not self.name.startswith("-"):
            parser.add_argument(self.name, help=self.help, **self.options)
            return
        shown = self.default if self.shown is None else self.shown
        help_text = f"{self.help} (default: {shown})"
        parser.add_argument(self.name, default=self.default, help=help_text, **self.options)


@dataclasses.dataclass(frozen=True)
class Command:
    """A sub-command: what it is called, what it takes, and the function that does it."""

    name: str
    summary: str
    examples: tuple[str, ...]
    arguments: tuple[Argument, ...]
    function: Callable[[argparse.Namespace], int | None]

    def add_to(self, commands: Any) -> argparse.ArgumentParser:
        """Adds the sub-command to what `add_subparsers` returned."""
        parser = commands.add_parser(
            self.name, help=self.summary.replace("%", "%%"), description=self.summary
        )
        groups = {None: parser}
        for argument in self.arguments:
            if argument.group not in groups:
                groups[argument.group] = parser.add_argument_group(argument.group)
            argument.add_to(groups[argument.group])
        parser.set_defaults(command=self.function)
        return parser


def write_options(args: argparse.Namespace) -> dict[str, Any]:
    """What WRITE_OPTIONS say, as keyword arguments of `records.writer.write_set`."""
    return {name: getattr(args, name) for name in map(_attribute, WRITE_OPTIONS)}


def label_options(args: argparse.Namespace) -> dict[str, Any]:
    """What SHUFFLE, LABELS and WRITE_OPTIONS say, as keyword arguments of a `create_set`."""
    names = ("labels", "label_names", "label_kind")
    chosen = {name: getattr(args, name) for name in names}
    return {"shuffle": bool(args.shuffle), **chosen, **write_options(args)}


def picture_options(args: argparse.Namespace) -> dict[str, Any]:
    """What a resolution, KIND and WRITE_OPTIONS say, as keyword arguments of a `create_set`."""
    return {"resolution": args.resolution, "kind": args.kind, **write_options(args)}


def crop_options(args: argparse.Namespace) -> dict[str, Any]:
    """What CROP_OPTIONS say, as keyword arguments of a `create_set`."""
    from tf_facegan.sources.faces import CropOptions

    names = [field.name for field in dataclasses.fields(CropOptions)]
    chosen = {name: getattr(args, name) for name in names}
    return {"crop": CropOptions(**{**chosen, "align": bool(args.align)}), "preview": args.preview}


def _attribute(argument):
    return argument.name.lstrip("-")


def _grouped(group, *arguments):
    return tuple(dataclasses.replace(argument, group=group) for argument in arguments)


NEW_SET = Argument("tfrecord_dir", "folder to make; its name becomes the name of the set")
NEW_FOLDER = Argument("out_dir", "folder to make")
SHUFFLE = Argument(
    "--shuffle",
    "1: shuffle the examples with a fixed seed, 0: keep them sorted by name",
    default=1,
    options={"type": int, "choices": (0, 1)},
)
WRITE_OPTIONS = _grouped(
    "how it is written",
    Argument(
        "--workers", "processes that do the work", shown="one for every core", options={"type": int}
    ),
    Argument(
        "--overwrite",
        "replace the output if it exists",
        default=False,
        shown="off: an output that exists is an error",
        options={"action": "store_true"},
    ),
    Argument("--max_images", "write only the first so many", shown="all", options={"type": int}),
    Argument(
        "--shards",
        "files that every level is divided into, so that machines can read parts",
        default=1,
        options={"type": int},
    ),
    Argument(
        "--on_error",
        "stop at a file that cannot be used (the same command goes on from there), or skip and "
        "report it",
        default="stop",
        options={"choices": ("stop", "skip")},
    ),
)
WORKERS, OVERWRITE = WRITE_OPTIONS[:2]
CROP_OPTIONS = _grouped(
    "which part of a picture is the face",
    Argument(
        "--crop",
        "face: find the face and cut it out; center: cut the largest square out of the middle",
        default="none",
        options={"choices": ("none", "center", "face")},
    ),
    Argument(
        "--margin",
        "--crop face: what is added on each side of the square from the brows to the chin, in "
        "units of its side",
        default=0.1,
        options={"type": float},
    ),
    Argument(
        "--align",
        "--crop face: 1 turns the picture so that the eyes are level, 0 does not",
        default=1,
        options={"type": int, "choices": (0, 1)},
    ),
    Argument(
        "--faces",
        "--crop face: of several, the largest or the most confident one; one demands a single face",
        default="largest",
        options={"choices": ("largest", "confident", "one")},
    ),
    Argument(
        "--min_face",
        "--crop face: the square must be larger than this, in pixels",
        default=0.0,
        options={"type": float},
    ),
    Argument(
        "--detector",
        "--crop face: OpenCV's cascade, or MediaPipe, which is an extra",
        default="cascade",
        options={"choices": ("cascade", "mediapipe")},
    ),
    Argument(
        "--preview",
        "write a sheet of up to 16 pictures before and after the crop to this .png file first",
        shown="no sheet",
    ),
)
LABELS = _grouped(
    "labels",
    Argument(
        "--labels",
        "labels by stem: a .csv file (OpenFace's too), a folder of OpenFace's .csv files, a .pkl "
        "dictionary, or a .npy array with a .txt file of stems beside it",
        shown="no labels",
    ),
    Argument(
        "--label_names",
        "text file with a name for each label component, one a line",
        shown="the columns of a .csv file, else none",
    ),
    Argument(
        "--label_kind",
        "class: scores of expressions; intensity: action units from 0 to 5",
        shown="intensity for OpenFace's AUnn_r columns, else class",
        options={"choices": ("class", "intensity")},
    ),
)
KIND = Argument(
    "--kind",
    "single-size: any size, the same for all; multi-resolution: square images whose side is a "
    "power of two, for progressive training",
    default="single-size",
    options={"choices": ("multi-resolution", "single-size")},
)
