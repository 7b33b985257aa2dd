"""The sub-command `export` of every system's command line. Imports no TensorFlow."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tf_facegan.pipelines import Pipeline


FORMATS = ("savedmodel", "tflite", "onnx")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what `export` takes beside the run."""
    add = parser.add_argument
    add("out", metavar="OUT", help="folder (savedmodel) or .tflite or .onnx file to make")
    add("--format", choices=FORMATS, default="savedmodel", help="default: %(default)s")
    add("--overwrite", action="store_true", help="replace what is there")


def carry_out(args: argparse.Namespace, load: Callable[[argparse.Namespace], Pipeline]) -> None:
    """Exports the network of a pipeline, and prints how far the file is from the Keras network.

    Args:
      args: parsed arguments with `out`, `format` and `overwrite`.
      load: function of `args` that loads the pipeline, called once the flags are known to fit.

    Raises:
      ValueError, FileNotFoundError, ImportError: as of `load` and `export.export`.
    """
    from tf_facegan import export

    export.check_destination(args.out, args.format, args.overwrite)
    for name, difference in load(args).export(args.out, args.format, args.overwrite).items():
        print(f"{name}: differs from Keras by at most {difference:.2g}")
    print(args.out)
