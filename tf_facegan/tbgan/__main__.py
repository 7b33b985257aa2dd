"""Pictures from a trained run, and its generator for other programs.

Examples:
  python -m tf_facegan.tbgan generate latest --out pictures --expression happiness
  python -m tf_facegan.tbgan export latest faces.onnx --format onnx
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tf_facegan import command_line, export_command

_RUN = "run number, folder, name or `latest`, or a model folder"


EXAMPLES = {
    "generate": (
        "latest --out pictures --count 16 --seed 1",
        "0 --out pictures --expression happiness",
    ),
    "export": ("latest faces", "0 faces.onnx --format onnx"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Parses the command line and runs it; returns the exit code."""
    parser, commands = command_line.program("tbgan", __doc__)
    generate_parser = commands.add_parser(
        "generate", help="random faces of a run as PNG, a sheet for each modality"
    )
    add = generate_parser.add_argument
    add("run_id", metavar="RUN", help=_RUN)
    add("--out", default=".", metavar="DIR", help="folder to write to (default: %(default)s)")
    add("--count", type=int, default=16, help="faces (default: %(default)s)")
    add("--seed", type=int, default=0, help="repeats a result (default: %(default)s)")
    add("--expression", help="name of a label component (default: all in turn)")
    export_parser = commands.add_parser("export", help="write the generator for other programs")
    export_parser.add_argument("run_id", metavar="RUN", help=_RUN)
    export_command.add_arguments(export_parser)
    for sub, function in ((generate_parser, generate), (export_parser, export_network)):
        add = command_line.network_group(sub)
        add("--snapshot", type=int, metavar="KIMG", help="network snapshot (default: the newest)")
        add("--result_dir", default="results", metavar="DIR", help="default: %(default)s")
        command_line.add_debug_flag(sub)
        sub.set_defaults(run_command=function)
    args = command_line.parse(parser, commands, EXAMPLES, argv)
    return command_line.run(args.run_command, args)


def export_network(args: argparse.Namespace) -> None:
    """Writes the generator and prints how far the file is from the Keras network."""
    export_command.carry_out(args, _pipeline)


def generate(args: argparse.Namespace) -> None:
    """Writes `<run>-<snapshot>.png` (and a file for each further modality) and prints the paths."""
    import numpy as np

    from tf_facegan.utilities.images import save_image_grid

    if args.count < 1:
        raise ValueError(f"--count {args.count}: expected at least 1")
    pipeline = _pipeline(args)
    labels = None
    if args.expression:
        labels = np.repeat(pipeline.label(args.expression)[None], args.count, axis=0)
    output = pipeline(args.count, labels, args.seed)
    folder = Path(args.out)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{pipeline.name}.png"
    for written in save_image_grid(output.images, path, modalities=pipeline.info.modalities):
        print(written)


def _pipeline(args):
    from tf_facegan.tbgan.inference import TBGANPipeline

    return TBGANPipeline.from_run(args.run_id, args.snapshot, args.result_dir)


if __name__ == "__main__":
    sys.exit(main())
