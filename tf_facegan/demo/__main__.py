"""A page in the browser to try trained runs: edit, recognise, transfer, animate and make faces.

Examples:
  python -m tf_facegan.demo
  python -m tf_facegan.demo --runs models --port 8000
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tf_facegan import command_line

RUNS = "results"  # without it the page says how to get some


def main(argv: Sequence[str] | None = None) -> int:
    """Parses the command line and serves the page until Ctrl-C; returns the exit code."""
    parser = command_line.ArgumentParser(
        prog="python -m tf_facegan.demo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument_group("what is shown").add_argument
    add(
        "--runs",
        default=RUNS,
        metavar="DIR",
        help="folder of run folders or model folders (default: %(default)s)",
    )
    add = parser.add_argument_group("where").add_argument
    add("--port", type=int, default=7860, help="default: %(default)s")
    add(
        "--host",
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 lets other machines in, without a password "
        "(default: %(default)s, this machine only)",
    )
    add(
        "--max_upload",
        type=float,
        default=10.0,
        metavar="MB",
        help="largest file that is taken (default: %(default)s)",
    )
    command_line.add_debug_flag(parser)
    args = parser.parse_args(sys.argv[1:] if argv is None else argv)
    command_line.quiet_tensorflow()
    return command_line.run(serve, args)


def serve(args: argparse.Namespace) -> None:
    """Serves the page."""
    from tf_facegan.demo import models, uploads

    if not 1 <= args.port <= 65535:
        raise ValueError(f"--port {args.port}: 1 to 65535 expected")
    if not args.max_upload > 0:
        raise ValueError(f"--max_upload {args.max_upload:g}: above 0 expected")
    if args.runs != RUNS and not Path(args.runs).is_dir():
        raise FileNotFoundError(f"--runs {args.runs}: no such folder")
    found = models.Models(args.runs)
    from tf_facegan.demo import app, parts

    parts.gradio()  # what is missing is said before an address is
    print(f"http://{args.host}:{args.port} ({found.describe()}; Ctrl-C ends)", flush=True)
    app.launch(found, uploads.Limits(args.max_upload), args.host, args.port)


if __name__ == "__main__":
    sys.exit(main())
