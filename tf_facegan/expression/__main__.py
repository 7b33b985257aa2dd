"""Faces of an expression, reconstructions and classification, from trained runs.

Examples:
  python -m tf_facegan.expression generate latest Happiness 10 samples
  python -m tf_facegan.expression interpolate latest moved --expressions Neutral Happiness
  python -m tf_facegan.expression classify 3 judged datasets/raf/test
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tf_facegan import command_line, export_command

ALL = "all"


EXAMPLES = {
    "generate": ("latest Happiness 10 samples", f"2 {ALL} 4 samples --seed 1"),
    "interpolate": (
        "latest moved --expressions Neutral Happiness --video gif",
        "2 moved --count 2 --steps 12",
    ),
    "reconstruct": (
        "latest reconstructed photos/ --crop face",
        "model_ae_tex.json reconstructed photo.png --weights model_ae_tex.h5",
    ),
    "classify": ("latest judged datasets/raf/test", "3 judged photo.png --crop face"),
    "export": ("latest samples", "3 classifier.tflite --format tflite"),
    "import_checkpoint": (
        "model_300_9550.ckpt results/010-published --representations Expression_Representation",
        "Check_points/model_1_10.ckpt results/012-published --representations reps",
    ),
    "import_autoencoder": (
        "model_ae_tex.json model_ae_tex.h5 results/011-published",
        "ae.json ae.h5 results/012-published",
    ),
    "distances": ("representations distances.png", "representations codes.png --codes"),
    "show": ("Happiness_300_10.npy sheet.png", "samples/Fear_15_4.npy fear.png"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Parses the command line and runs it; returns the exit code."""
    parser, commands = command_line.program("expression", __doc__)
    _add_commands(commands)
    args = command_line.parse(parser, commands, EXAMPLES, argv)
    return command_line.run(_COMMANDS[args.command], args)


def _add_commands(commands):
    of_generator = "run of expression-cwgan (number, folder, name, `latest`), or a published "
    of_generator += "checkpoint model_<epoch>_<iteration>.ckpt"

    add = _command(
        commands, "generate", "faces of an expression: PNG, a sheet, the published array"
    )
    add("run_id", metavar="RUN", help=of_generator)
    add("expression", metavar="EXPRESSION", help=f"name, as Happiness, or `{ALL}`")
    add("amount", metavar="AMOUNT", type=int, help="faces")
    add("out_dir", metavar="OUT_DIR", help="folder to write to")
    _add_sampling(add)

    add = _command(
        commands, "interpolate", "faces that move from expression to expression: a sheet"
    )
    add("run_id", metavar="RUN", help=of_generator)
    add("out_dir", metavar="OUT_DIR", help="folder to write to")
    add("--expressions", nargs="+", metavar="NAME", help="at least two (default: all, and back)")
    add("--count", type=int, default=4, help="faces (default: %(default)s)")
    add("--video", choices=("mp4", "gif"), help="a moving picture, too (default: none)")
    add("--steps", type=int, default=6, help="pictures from one to the next (default: %(default)s)")
    _add_sampling(add)

    add = _command(commands, "reconstruct", "faces, and what the autoencoder leaves of them")
    add("run_id", metavar="RUN", help="run of expression-autoencoder, or a published .json file")
    _add_faces(add)
    add("--weights", metavar="FILE", help="the .h5 file beside a published .json (default: none)")
    _add_run(add)

    add = _command(commands, "classify", "which expression faces show; a report where it is known")
    add("run_id", metavar="RUN", help="run of expression-vgg16")
    _add_faces(add)
    _add_run(add)

    add = _command(commands, "export", "the network of a run for other programs")
    add("run_id", metavar="RUN", help="run of one of the three systems")
    export_command.add_arguments(commands.choices["export"])
    _add_run(add)

    add = _command(commands, "import_checkpoint", "a published checkpoint as a run folder")
    add("checkpoint", metavar="CHECKPOINT", help="model_<epoch>_<iteration>.ckpt")
    add("out_dir", metavar="OUT_DIR", help="run folder to make, e.g. results/010-published")
    add("--representations", required=True, metavar="PATH", help="what it was trained with")

    add = _command(commands, "import_autoencoder", "a published autoencoder as a run folder")
    add("json", metavar="JSON", help="model_ae_tex.json")
    add("weights", metavar="H5", help="model_ae_tex.h5")
    add("out_dir", metavar="OUT_DIR", help="run folder to make, e.g. results/011-published")

    add = _command(commands, "distances", "distances between representations, as a picture")
    add("representations", metavar="REPRESENTATIONS", help="folder or file, ours or published")
    add("out", metavar="OUT", help=".png file to write")
    add("--codes", action="store_true", help="without the one-hot, which is equally far everywhere")

    add = _command(commands, "show", "a sheet of a published array of samples")
    add("samples", metavar="SAMPLES", help="<Expression>_<epoch>_<amount>.npy")
    add("out", metavar="OUT", help=".png file to write")


def _command(commands, name, help):
    parser = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
    command_line.add_debug_flag(parser)
    return parser.add_argument


def _add_run(add):
    add = command_line.network_group(add.__self__)
    add("--snapshot", type=int, metavar="KIMG", help="network snapshot (default: the newest)")
    add("--result_dir", default="results", metavar="DIR", help="default: %(default)s")


def _add_sampling(add):
    add("--seed", type=int, default=0, help="repeats a result (default: %(default)s)")
    add(
        "--statistics",
        choices=("moving", "batch"),
        help="of batch norm; batch is as published, and loses the expression (default: the run's; "
        "of a checkpoint moving)",
    )
    add(
        "--representations",
        metavar="PATH",
        help="conditions that a checkpoint was trained with (default: the run's)",
    )
    _add_run(add)


def _add_faces(add):
    add("out_dir", metavar="OUT_DIR", help="folder to write to")
    add("faces", nargs="+", metavar="FACES", help="pictures, folders of them, or one record set")
    add("--crop", default="none", choices=("none", "center", "face"), help="default: %(default)s")
    add("--limit", type=int, metavar="N", help="only the first N (default: all)")


def generate(args: argparse.Namespace) -> None:
    """Writes samples of one expression or of all; prints the paths."""
    from tf_facegan.expression import outputs

    if args.amount < 1:
        raise ValueError(f"AMOUNT is {args.amount}, at least 1 expected")
    pipeline = _generator(args)
    chosen = pipeline.names if args.expression == ALL else (args.expression,)
    for expression in chosen:
        output = pipeline(expression, args.amount, args.seed)
        _print(outputs.write_samples(args.out_dir, pipeline, expression, output))


def interpolate(args: argparse.Namespace) -> None:
    """Writes `interpolation.png`, a row for each face, and a moving picture."""
    from tf_facegan.expression import outputs

    for flag in ("count", "steps"):
        if getattr(args, flag) < 1:
            raise ValueError(f"--{flag} is {getattr(args, flag)}, at least 1 expected")
    pipeline = _generator(args)
    expressions = args.expressions or [*pipeline.names, pipeline.names[0]]
    images = pipeline.interpolate(expressions, args.steps, args.count, args.seed)
    _print(outputs.write_interpolation(args.out_dir, images, args.video))


def reconstruct(args: argparse.Namespace) -> None:
    """Writes every reconstruction, and a sheet of faces above their reconstructions."""
    from tf_facegan.expression import outputs
    from tf_facegan.expression.inference import AutoencoderPipeline

    if str(args.run_id).endswith(".json"):
        if not args.weights:
            raise ValueError(f"{args.run_id}: give its .h5 file with --weights")
        pipeline = AutoencoderPipeline.from_files(args.run_id, args.weights)
    elif args.weights:
        raise ValueError(f"--weights is for a published .json file, RUN is {args.run_id}")
    else:
        pipeline = AutoencoderPipeline.from_run(args.run_id, args.snapshot, args.result_dir)
    faces = _faces(args, pipeline.image_size)
    made = pipeline.reconstruct(faces.images)
    _print(outputs.write_reconstructions(args.out_dir, faces, made))


def classify(args: argparse.Namespace) -> None:
    """Writes `predictions.csv`, and the report of a set; prints the accuracy."""
    from tf_facegan.expression import outputs
    from tf_facegan.expression.inference import ClassifierPipeline

    pipeline = ClassifierPipeline.from_run(args.run_id, args.snapshot, args.result_dir)
    faces = _faces(args, pipeline.image_size)
    made = pipeline.classify(faces.images)
    written, report = outputs.write_classification(args.out_dir, pipeline, faces, made)
    _print(written)
    if report:
        print(f"accuracy {report.accuracy:.1%} of {report.count}")


def export(args: argparse.Namespace) -> None:
    """Writes the network and prints how far the file is from the Keras one."""
    from tf_facegan.expression.inference import ExpressionPipeline

    export_command.carry_out(
        args, lambda a: ExpressionPipeline.from_run(a.run_id, a.snapshot, a.result_dir)
    )


def import_checkpoint(args: argparse.Namespace) -> None:
    """Makes the run folder and prints its path."""
    from tf_facegan.expression import import_runs

    made = import_runs.import_checkpoint(args.checkpoint, args.representations, args.out_dir)
    print(made.path)


def import_autoencoder(args: argparse.Namespace) -> None:
    """Makes the run folder and prints its path."""
    from tf_facegan.expression import import_runs

    print(import_runs.import_autoencoder(args.json, args.weights, args.out_dir).path)


def distances(args: argparse.Namespace) -> None:
    """Writes the picture and prints the distances."""
    from tf_facegan import files
    from tf_facegan.expression import representation
    from tf_facegan.utilities import charts

    files.check_new_file("OUT", args.out, ".png")
    found = representation.load(args.representations)
    if args.codes and not found.codes.size:
        raise ValueError(f"{args.representations}: nothing but a one-hot")
    values = found.distances(args.codes)
    title = f"distances of {Path(args.representations).name}"
    charts.write_matrix(args.out, title, found.names, values)
    for name, row in zip(found.names, values):
        print(f"{name:<10}" + "".join(f"{value:>9.4f}" for value in row))
    print(args.out)


def show(args: argparse.Namespace) -> None:
    """Writes the sheet."""
    from tf_facegan import files
    from tf_facegan.expression import outputs, sampling

    files.check_new_file("OUT", args.out, ".png")
    _print(outputs.write_sheet(args.out, sampling.load_published(args.samples)))


def _generator(args):
    from tf_facegan.expression.inference import GeneratorPipeline

    prefix = str(args.run_id).rstrip(".").removesuffix(".index")
    if Path(prefix + ".index").is_file():
        if not args.representations:
            raise ValueError(f"{prefix}: give its conditions with --representations")
        statistics = args.statistics or "moving"
        return GeneratorPipeline.from_checkpoint(prefix, args.representations, statistics)
    if args.representations:
        raise ValueError(f"--representations is for a published checkpoint, RUN is {args.run_id}")
    options = args.snapshot, args.result_dir
    return GeneratorPipeline.from_run(args.run_id, *options, statistics=args.statistics)


def _faces(args, side):
    from tf_facegan.expression import faces
    from tf_facegan.sources.faces import CropOptions

    if args.limit is not None and args.limit < 1:
        raise ValueError(f"--limit is {args.limit}, at least 1 expected")
    return faces.read(args.faces, side, CropOptions(crop=args.crop), args.limit)


def _print(paths):
    for path in paths:
        print(path)


_COMMANDS = {
    function.__name__: function
    for function in (
        generate,
        interpolate,
        reconstruct,
        classify,
        export,
        import_checkpoint,
        import_autoencoder,
        distances,
        show,
    )
}

if __name__ == "__main__":
    sys.exit(main())
