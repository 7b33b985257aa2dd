"""Uses a trained RD-GAN: expression sequences of a photo, predictions of a set, their scores.

RUN is a run's number, folder, name or `latest`, or a folder that import_checkpoints made.

Examples:
  python -m tf_facegan.rdgan synthesise photo.png --drive clip.mp4 --out moved.mp4
  python -m tf_facegan.rdgan evaluate latest --out evaluated
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tf_facegan import command_line, export_command
from tf_facegan.rdgan import commands
from tf_facegan.rdgan.retarget import MODES

EXAMPLES = {
    "predict": (
        "latest --out predicted --video",
        "3 --dataset data/other --mode reenact --source 0 --out reenacted",
    ),
    "synthesise": (
        "photo.png --drive clip.mp4 --out moved.mp4",
        "photo.png --drive frames/ --retarget shape --show all --run_id 3 --out all.gif",
    ),
    "real_time_predict": (
        "photo.png --camera 0 --window",
        "photo.png --video clip.mp4 --landmarks clip.csv --out moved.mp4",
    ),
    "landmarks": ("clip.mp4 --out clip.csv", "frames/ --out frames.csv"),
    "evaluate": ("latest --out evaluated", "3 --dataset data/other --coarse --out coarse"),
    "rank": ("full=evaluated coarse=coarse --out ranking.csv", "--choices answers.csv"),
    "import_checkpoints": (
        "--face facegan/ --fine finegan/ --out results/101-published",
        "--two_way model_1000.ckpt --published --out results/102-published",
    ),
    "export": ("latest sequences.onnx --format onnx", "3 sequences"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Parses the command line and runs it; returns the exit code."""
    parser, adders = command_line.program("rdgan", __doc__)
    for add_command in (
        _predict,
        _synthesise,
        _real_time,
        _landmarks,
        _evaluate,
        _rank,
        _import,
        _export,
    ):
        add_command(adders)
    args = command_line.parse(parser, adders, EXAMPLES, argv)
    return command_line.run(args.run_command, args)


def _predict(adders):
    add = _new(
        adders, "predict", commands.predict, "first frame of each sequence to every later one"
    )
    _add_run(add)
    _add_set(add)
    add("--out", required=True, metavar="DIR", help="folder to make")
    add("--mode", choices=("sequences", "reenact"), default="sequences", help=_REENACT)
    add(
        "--source",
        type=int,
        metavar="N",
        help="reenact: its place in the order of names (default: inference.source_frame)",
    )
    add("--video", action="store_true", help="write an MP4 of every sequence, too")
    add("--overwrite", action="store_true", help="replace the folder if it is there")


_REENACT = (
    "reenact: one frame to the boundary of every frame, whoever it shows (default: sequences)"
)


def _synthesise(adders):
    add = _new(adders, "synthesise", commands.synthesise, "animate a photo by other landmarks")
    _add_photo(add)
    add(
        "--drive",
        required=True,
        metavar="PATH",
        help="folder of frames (landmarks beside them, or found), video, or .csv of landmarks",
    )
    add("--out", required=True, metavar="FILE", help="clip to write, .mp4 or .gif")
    add(
        "--recursive",
        action="store_true",
        help="each result is the next source (an option of ours; published: the photo always)",
    )
    shown = ("face", "photo", "all")
    add(
        "--show",
        choices=shown,
        default="face",
        help="face: the synthesised crops; photo: pasted into the photo; all: source, drive, "
        "boundary and every network side by side (default: %(default)s)",
    )
    add("--fps", type=float, help="frames a second (default: the drive's, or inference.fps)")


def _real_time(adders):
    add = _new(adders, "real_time_predict", commands.real_time_predict, "animate a photo live")
    _add_photo(add)
    add("--camera", type=int, metavar="N", help="camera's number (default: 0)")
    add("--video", metavar="FILE", help="a video instead of the camera (default: none)")
    add(
        "--landmarks",
        metavar="CSV",
        help="landmarks of the video's frames (default: they are found)",
    )
    add("--window", action="store_true", help="show it on screen; q or Esc ends it")
    add("--out", metavar="FILE", help="clip to write, .mp4 or .gif (default: none)")
    add("--frames", type=int, metavar="N", help="stop after so many (default: at the end)")


def _landmarks(adders):
    add = _new(
        adders, "landmarks", commands.landmarks, "find the landmarks of a video once, as .csv"
    )
    add("drive", help="folder of frames, or video")
    add("--out", required=True, metavar="CSV", help="file to write")


def _evaluate(adders):
    add = _new(adders, "evaluate", commands.evaluate, "SSIM and PSNR of predictions, with curves")
    _add_run(add)
    _add_set(add)
    add("--out", required=True, metavar="DIR", help="folder to make")
    add("--overwrite", action="store_true", help="replace the folder if it is there")


def _rank(adders):
    add = _new(adders, "rank", commands.rank, "TrueSkill ranking of several runs")
    add(
        "evaluations",
        nargs="*",
        metavar="NAME=DIR",
        help="folders that evaluate made; of every frame the run with the higher SSIM wins",
    )
    add(
        "--choices",
        metavar="CSV",
        help="people's choices instead: columns winner, loser[, draw] (default: the evaluations)",
    )
    add("--metric", choices=("ssim", "psnr"), default="ssim", help="what decides (default: ssim)")
    add("--out", metavar="CSV", help="file to write the ranking to, too (default: none)")


def _import(adders):
    about = "turn TensorFlow-1 checkpoints of the published code into a folder to use as RUN"
    add = _new(adders, "import_checkpoints", commands.import_checkpoints, about)
    add(
        "--face",
        metavar="PATH",
        help="FaceGAN's: folder (its newest) or model_….ckpt (default: none)",
    )
    add("--fine", metavar="PATH", help="FineGAN's, likewise (default: none)")
    add("--two_way", metavar="PATH", help="the two-way model's, instead of the two (default: none)")
    add("--published", action="store_true", help="behave as published: dropout at prediction, …")
    add("--out", required=True, metavar="DIR", help="folder to make")


def _export(adders):
    add = _new(adders, "export", commands.export, "write the generators for other programs")
    _add_run(add)
    export_command.add_arguments(adders.choices["export"])


def _new(adders, name, command, about):
    parser = adders.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
    parser.set_defaults(run_command=command)
    command_line.add_debug_flag(parser)
    return parser.add_argument


def _add_run(add):
    add("run_id", metavar="RUN", help="see above")
    _add_network(add)


def _add_network(add):
    add = command_line.network_group(add.__self__)
    add("--snapshot", type=int, metavar="KIMG", help="network snapshot (default: the newest)")
    add("--result_dir", default="results", metavar="DIR", help="default: %(default)s")
    add("--coarse", action="store_true", help="FaceGAN only, without FineGAN")


def _add_set(add):
    add("--dataset", metavar="DIR", help="set of sequences (default: the one trained on)")
    add(
        "--subjects",
        choices=("held_out", "all"),
        help="which of them (default: held_out of the set trained on, all of another one)",
    )


def _add_photo(add):
    add("photo", metavar="PHOTO", help="picture of the face to animate, neutral")
    add("--run_id", default="latest", metavar="RUN", help="default: %(default)s")
    _add_network(add)
    add(
        "--photo_landmarks",
        metavar="FILE",
        help=".pts, .ljson or CK+ .txt (default: one beside the photo, else they are found)",
    )
    add(
        "--retarget",
        choices=MODES,
        default="motion",
        help="motion: the photo's face moves as the drive does from its first, neutral frame; "
        "shape: the drive's face, of the photo's size and in its place; none: as it is "
        "(default: %(default)s)",
    )


if __name__ == "__main__":
    sys.exit(main())
