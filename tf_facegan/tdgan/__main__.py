"""`python -m tf_facegan.tdgan COMMAND`: recognise expressions, transfer them, measure, export.

Examples:
  python -m tf_facegan.tdgan classify latest photos/ --out result.csv
  python -m tf_facegan.tdgan transfer latest --face a.jpg --expression b.jpg --out c.png
  python -m tf_facegan.tdgan interpolate latest --face a.jpg --expression b.jpg c.jpg --out d.gif
  python -m tf_facegan.tdgan evaluate latest --split test
  python -m tf_facegan.tdgan import checkpoints/ results/100-published
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence

from tf_facegan import command_line, export_command
from tf_facegan.dataset_commands.arguments import CROP_OPTIONS

_PHOTO_CROPS = tuple(
    dataclasses.replace(argument, default="face") if argument.name == "--crop" else argument
    for argument in CROP_OPTIONS
    if argument.name != "--preview"
)


EXAMPLES = {
    "classify": ("latest photo.png", "latest photos/ clip.mp4 --out result.csv"),
    "transfer": (
        "latest --face photo.png --expression other.png --out transferred.png",
        "latest --face a.png b.png --expression c.png d.png --seed 1 --out table.png",
    ),
    "interpolate": (
        "latest --face a.png --expression b.png c.png --out strip.png",
        "latest --face a.png b.png --expression c.png --steps 31 --out moving.gif",
    ),
    "features": (
        "latest photos/ --out codes.npy",
        "latest photos/ --branch face --crop none --out codes.csv",
    ),
    "evaluate": ("latest --split test --probe", "3 --snapshot final --dataset data/other"),
    "import": ("checkpoints/ results/100-published", "published results/101-published"),
    "export": ("latest classifier.tflite --format tflite", "3 classifier --snapshot best"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Parses the command line and runs it; returns the exit code."""
    parser, commands = command_line.program("tdgan", __doc__)
    for add_command in (
        _add_classify,
        _add_transfer,
        _add_interpolate,
        _add_features,
        _add_evaluate,
        _add_import,
        _add_export,
    ):
        add_command(commands)
    args = command_line.parse(parser, commands, EXAMPLES, argv)
    return command_line.run(_carry_out, args)


def _carry_out(args):
    from tf_facegan.tdgan import commands

    return getattr(commands, f"{args.command}_command")(args)


def _add_run(commands, name, summary, crops=True):
    """Adds a command on a trained run; returns a function that adds its arguments."""
    parser = commands.add_parser(name, help=summary, description=summary)
    add = parser.add_argument
    add(
        "run_id",
        metavar="RUN",
        help="run number, folder, name or `latest`; or a folder of published checkpoint files",
    )
    network = command_line.network_group(parser)
    network(
        "--snapshot",
        metavar="S",
        help="best (of the validation), final, or a number, kimg (default: best if there is one)",
    )
    network("--result_dir", default="results", metavar="DIR", help="default: %(default)s")
    if crops:
        group = parser.add_argument_group("which part of a photo is the face")
        for argument in _PHOTO_CROPS:
            argument.add_to(group)
    command_line.add_debug_flag(parser)
    return add


def _add_classify(commands):
    add = _add_run(
        commands, "classify", "Says which expression photos, a video or a camera's pictures show."
    )
    add("photos", nargs="*", metavar="PHOTO|DIR|VIDEO", help="pictures, folders of them, videos")
    add(
        "--camera",
        type=int,
        metavar="N",
        help="a camera instead, live, until Ctrl-C (default: none)",
    )
    add("--show", action="store_true", help="--camera: show the pictures in a window")
    add("--out", metavar="FILE.csv", help="write a row for each picture (default: print lines)")


def _add_transfer(commands):
    add = _add_run(commands, "transfer", "Gives a face the expression of another photo.")
    add("--face", nargs="+", required=True, metavar="PHOTO", help="whose face")
    add("--expression", nargs="+", required=True, metavar="PHOTO", help="whose expression")
    add(
        "--out",
        required=True,
        metavar="FILE.png",
        help="the picture; several faces or expressions make a table with the photos at its edges",
    )
    add("--seed", type=int, default=0, help="of the noise (default: %(default)s)")


def _add_interpolate(commands):
    add = _add_run(
        commands, "interpolate", "Goes from one expression, or one face, to another in even steps."
    )
    add("--face", nargs="+", required=True, metavar="PHOTO", help="one photo, or two")
    add("--expression", nargs="+", required=True, metavar="PHOTO", help="two photos, or one")
    add("--out", required=True, metavar="FILE", help=".png: side by side; .gif or .mp4: moving")
    add("--steps", type=int, metavar="N", help="pictures (default: 11 side by side, 21 moving)")
    add("--fps", type=float, default=20.0, help="pictures a second (default: %(default)s)")
    add("--seed", type=int, default=0, help="of the noise (default: %(default)s)")


def _add_features(commands):
    add = _add_run(commands, "features", "Writes the code of each photo, for use elsewhere.")
    add("photos", nargs="+", metavar="PHOTO|DIR", help="pictures or folders of them")
    add("--out", required=True, metavar="FILE", help=".npy ([N, D], names in a .txt) or .csv")
    add(
        "--branch",
        default="expression",
        choices=("expression", "face"),
        help="which encoder (default: %(default)s)",
    )


def _add_evaluate(commands):
    add = _add_run(
        commands,
        "evaluate",
        "Accuracies, precision, recall, F1 and confusion matrix on a split of the run's sets.",
        crops=False,
    )
    add("--split", default="test", metavar="NAME", help="test, validation or train (default: test)")
    add(
        "--dataset",
        metavar="DIR",
        help="another set with the field `expression` (default: the run's)",
    )
    add("--probe", action="store_true", help="also: how much the codes say about who is shown")
    add("--out", metavar="DIR", help="folder to write to (default: `evaluation` in the run)")


def _add_import(commands):
    summary = "Makes a run folder of published checkpoint files. Nothing in them is run."
    parser = commands.add_parser("import", help=summary, description=summary)
    add = parser.add_argument
    add("folder", help="holds Enc_FR_G.pkl, Enc_ER_G.pkl, fc_ER_G.pkl, dec.pkl; Dis_*.pkl or not")
    add("out_dir", help="run folder to make, e.g. results/100-published")
    command_line.add_debug_flag(parser)


def _add_export(commands):
    summary = "Writes the classifier for use without this package."
    _add_run(commands, "export", summary, crops=False)
    export_command.add_arguments(commands.choices["export"])


if __name__ == "__main__":
    sys.exit(main())
