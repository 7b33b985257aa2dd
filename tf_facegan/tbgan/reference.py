"""Published parameter names and layouts of TBGAN's (and PGGAN's) networks.

The networks keep the published layouts, so that nothing is transposed: convolutions are HWIO,
`Conv0_up` is [h, w, out, in], dense weights are [in, out] with features flattened in NCHW order.
Weights are stored without the factor of equalized learning rate.

    python -m tf_facegan.tbgan.reference import network-final.pkl results/032-published
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tf_facegan import command_line, reference_weights

if TYPE_CHECKING:
    import numpy as np

    from tf_facegan.tbgan.networks import ProgressiveNetwork


DESCRIPTION = """Imports published networks. Nothing in a pickle is run.

Examples:
  python -m tf_facegan.tbgan.reference import network-final.pkl results/032-published
  python -m tf_facegan.tbgan.reference import tbgan.pkl results/033-faces --uv_dict 512_UV_dict.pkl
"""
EXAMPLES = {
    "import": (
        "network-final.pkl results/032-published",
        "network-snapshot-010000.pkl results/033-faces --uv_dict 512_UV_dict.pkl",
    ),
}
IGNORED = ("lod",)  # the level of detail is an argument here, not a variable


def assign(model: ProgressiveNetwork, arrays: dict[str, np.ndarray]) -> None:
    """Fills a network from published arrays.

    Args:
      model: `networks.Generator` or `networks.Discriminator`.
      arrays: {local name (`8x8/Conv0_up/weight`, ...): array in the published layout}; `lod` may
        be there.

    Raises:
      ValueError: lists every missing, unexpected and mis-shaped name; the network is left as it
        was.
    """
    reference_weights.assign(model.named_variables, arrays, ignored=IGNORED)


def extract(model: ProgressiveNetwork) -> dict[str, np.ndarray]:
    """Returns {local name: numpy array} of a network, in published order, without `lod`."""
    return reference_weights.extract(model.named_variables)


def main(argv: Sequence[str] | None = None) -> int:
    """Parses the command line and runs it; returns the exit code."""
    parser, commands = command_line.program("tbgan.reference", DESCRIPTION)
    command = commands.add_parser("import", help="network pickle to run folder")
    command.add_argument("pickle", help="network-snapshot-<kimg>.pkl or network-final.pkl")
    command.add_argument("out_dir", help="run folder to make, e.g. results/032-published")
    command.add_argument(
        "--uv_dict", metavar="FILE", help="512_UV_dict.pkl, to make meshes (default: none)"
    )
    command_line.add_debug_flag(command)
    args = command_line.parse(parser, commands, EXAMPLES, argv)
    return command_line.run(import_networks, args)


def import_networks(args: argparse.Namespace) -> None:
    """Makes the run folder and prints its path."""
    from tf_facegan.tbgan import published

    print(published.import_networks(args.pickle, args.out_dir, args.uv_dict).path)


if __name__ == "__main__":
    sys.exit(main())
