"""`python -m tf_facegan.ganimation …`: expressions of photos by action units.

Action units (AUs) are intensities from 0 to 5, as OpenFace writes them. RUN is a run number,
folder, name or `latest` (the default), or a published …G.ckpt.

Examples:
  python -m tf_facegan.ganimation edit photo.png --expression happiness --out happy.png
  python -m tf_facegan.ganimation animate photo.png --drive clip.mp4 --out moved.mp4
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tf_facegan import command_line, export_command
from tf_facegan.ganimation import commands

_PHOTO = (
    "picture file; a picture of the network's size is taken whole, in others a face is searched"
)
EXAMPLES = {
    "edit": (
        "photo.png --expression happiness --out happy.png",
        "photo.png --au AU12=3 --au AU06=2 --strength 0.8 --run_id 3 --out smile.png",
    ),
    "animate": (
        "photo.png --drive clip.mp4 --out moved.mp4",
        "one.png two.png --drive openface.csv --smooth 2 --fps 25 --out both.gif",
    ),
    "random_batch": (
        "--drive aus.txt --out grid.mp4",
        "--dataset data/toy/test --count 5 --seed 1 --drive clip.mp4 --out grids",
    ),
    "sweep": ("photo.png --out sweep.png", "photo.png --au AU12 --au AU01 --steps 5 --out two.png"),
    "export": ("latest edit.tflite --format tflite", "3 edit"),
    "import": (
        "checkpoints/30-37_G.ckpt results/033-published",
        "checkpoints results/034-published --dataset data/faces/train",
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Parses the command line and runs it; returns the exit code."""
    args = parse(argv)
    return command_line.run(args.run_command, args)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser, adders = command_line.program("ganimation", __doc__)

    def command(name, function, help):
        sub = adders.add_parser(name, help=help, description=help)
        sub.set_defaults(run_command=function)
        return sub

    _add_edit(command("edit", commands.edit, "change the expression of a photo"))
    _add_animate(
        command("animate", commands.animate, "move the faces of photos by a sequence of AUs")
    )
    _add_random_batch(
        command(
            "random_batch", commands.random_batch, "move seven faces of a set by a sequence of AUs"
        )
    )
    _add_sweep(command("sweep", commands.sweep, "one AU after the other at rising intensity"))
    _add_export(
        command("export", commands.export_network, "write the generator for other programs")
    )
    _add_import(
        command("import", commands.import_published, "make a run folder of published checkpoints")
    )
    for sub in adders.choices.values():
        command_line.add_debug_flag(sub)
    return command_line.parse(parser, adders, EXAMPLES, argv)


def _add_run(sub):
    add = _add_snapshot(sub)
    add("--run_id", default="latest", metavar="RUN", help="default: %(default)s")


def _add_snapshot(sub):
    add = command_line.network_group(sub)
    add("--snapshot", type=int, metavar="KIMG", help="network snapshot (default: the newest)")
    add("--result_dir", default="results", metavar="DIR", help="default: %(default)s")
    return add


def _add_crop(sub):
    add = sub.add_argument_group("which part of a photo is the face").add_argument
    choices = ("auto", "face", "center", "none")
    add(
        "--crop",
        choices=choices,
        default="auto",
        help="auto: none for a picture of the network's size, else face (default: %(default)s)",
    )
    add(
        "--margin",
        type=float,
        default=0.1,
        help="around the face, as when the set was made (default: %(default)s)",
    )
    add("--align", type=int, choices=(0, 1), default=1, help="level the eyes (default: 1)")
    add(
        "--faces",
        choices=("largest", "confident", "one", "all"),
        default="largest",
        help="which of several faces (default: %(default)s)",
    )
    add(
        "--detector",
        choices=("cascade", "mediapipe"),
        default="cascade",
        help="default: %(default)s",
    )


def _add_edit(sub):
    add = sub.add_argument
    add("photo", help=_PHOTO)
    add(
        "--au",
        action="append",
        default=[],
        metavar="NAME=INTENSITY",
        help="an AU to show, as AU12=3, repeatable; all others stay as they are (default: none)",
    )
    add(
        "--expression",
        metavar="NAME",
        help="all AUs of an expression: happiness, surprise, … (default: none)",
    )
    add(
        "--like",
        metavar="PHOTO",
        help="the AUs that the critic reads in another photo (default: none)",
    )
    add("--strength", type=float, default=1.0, help="0 (as it is) to 1 (default: %(default)s)")
    add("--out", required=True, metavar="FILE", help=".png or .jpg")
    add(
        "--parts",
        metavar="FILE",
        help="also write face, mask, colour image and result (default: none)",
    )
    _add_crop(sub)
    _add_run(sub)


def _add_drive(sub):
    add = sub.add_argument_group("what drives, and what is made of it").add_argument
    add(
        "--drive",
        required=True,
        metavar="PATH",
        help="text list of AUs, OpenFace's .csv or folder "
        "of them; or a video or folder of frames, in which the critic reads the AUs",
    )
    add(
        "--smooth",
        type=float,
        default=0.0,
        metavar="FRAMES",
        help="smooth AUs over so many frames (default: 0, do not)",
    )
    add("--fps", type=float, help="frames a second of a clip (default: the video's, else 20)")
    add("--out", required=True, metavar="PATH", help=".mp4 or .gif, or a folder for pictures")


def _add_animate(sub):
    sub.add_argument(
        "photos", nargs="+", metavar="photo", help=_PHOTO + "; several stand side by side in a clip"
    )
    _add_drive(sub)
    _add_crop(sub)
    _add_run(sub)


def _add_random_batch(sub):
    add = sub.add_argument
    add("--dataset", metavar="DIR", help="set to take faces from (default: the run's)")
    add("--count", type=int, default=7, help="faces (default: %(default)s, as published)")
    add("--seed", type=int, default=0, help="of their choice (default: %(default)s)")
    add(
        "--drive_images",
        metavar="DIR",
        help="pictures of the driving frames, to be shown (default: none)",
    )
    _add_drive(sub)
    _add_run(sub)


def _add_sweep(sub):
    add = sub.add_argument
    add("photo", help=_PHOTO)
    add(
        "--au",
        action="append",
        default=[],
        metavar="NAME",
        help="AU, repeatable, a row each (default: all)",
    )
    add("--steps", type=int, default=9, help="intensities (default: %(default)s)")
    add(
        "--range",
        type=float,
        nargs=2,
        default=(0.0, 5.0),
        metavar=("FROM", "TO"),
        help="default: 0 5",
    )
    add("--out", required=True, metavar="FILE", help=".png or .jpg")
    _add_crop(sub)
    _add_run(sub)


def _add_export(sub):
    what = "run number, folder, name or `latest`, or a …G.ckpt"
    sub.add_argument("run_id", metavar="RUN", help=what)
    export_command.add_arguments(sub)
    _add_snapshot(sub)


def _add_import(sub):
    add = sub.add_argument
    add(
        "checkpoint",
        help="a …G.ckpt or .pth, or its folder; …D.ckpt and …_optim.ckpt beside it are taken along",
    )
    add("out", metavar="RUN_FOLDER", help="folder to make")
    add("--aus", metavar="AU01,AU02,…", help="the AUs that it knows (default: OpenFace's first)")
    add(
        "--dataset",
        metavar="DIR",
        help="set to go on training with: `train.py --resume` continues with the optimizers' state "
        "(default: none)",
    )
    add(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="with --dataset: change any field of the configuration, repeatable (default: none)",
    )


if __name__ == "__main__":
    sys.exit(main())
