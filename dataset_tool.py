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


def parse(argv):
    """Parses the command line; `args.command` is the function to call."""
    parser = command_line.ArgumentParser(
        prog=Path(argv[0]).name,
        description="Builds, shows, extracts, checks and compares data sets.",
        epilog="`%(prog)s <command> -h` shows the arguments of a command.",
    )
    commands = parser.add_subparsers(metavar="<command>", required=True)
    for command in COMMANDS:
        sub_parser = commands.add_parser(
            command.name,
            help=command.summary.replace("%", "%%"),
            description=command.summary,
            epilog=f"example:\n  python {parser.prog} {command.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        for argument in command.arguments:
            argument.add_to(sub_parser)
        command_line.add_debug_flag(sub_parser)
        sub_parser.set_defaults(command=command.function)
    return parser.parse_args(argv[1:])


def main(args):
    # Being told to end is no different from Ctrl-C: no half-made set is left.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return command_line.run(args.command, args)


if __name__ == "__main__":
    app.run(main, flags_parser=parse)
