"""Builds, shows, extracts, checks and compares data sets: `python dataset_tool.py -h`.

A sub-command is one entry of a table in `tf_facegan/dataset_commands`; what it needs is imported
when it runs, so that `-h` answers at once.
"""

import argparse
import signal
from pathlib import Path

from absl import app

from tf_facegan import command_line
from tf_facegan.dataset_commands import faces, images, sets, uv

COMMANDS = (*uv.COMMANDS, *images.COMMANDS, *faces.COMMANDS, *sets.COMMANDS)


EPILOG = """\
`%(prog)s <command> -h` shows the arguments of a command.

examples:
  python %(prog)s create_toy_faces data/toy --count 4000
  python %(prog)s display data/toy/train --out sheet.png"""


def parse(argv):
    """Parses the command line; `args.command` is the function to call."""
    parser = command_line.ArgumentParser(
        prog=Path(argv[0]).name,
        description="Builds, shows, extracts, checks and compares data sets.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="<command>", required=True)
    for command in COMMANDS:
        command_line.add_debug_flag(command.add_to(commands))
    command_line.add_examples(commands, {command.name: command.examples for command in COMMANDS})
    return parser.parse_args(argv[1:])


def main(args):
    # Being told to end is no different from Ctrl-C: no half-made set is left.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return command_line.run(args.command, args)


if __name__ == "__main__":
    app.run(main, flags_parser=parse)
