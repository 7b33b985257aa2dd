"""What every command line of the package shares: one line for an error, exit code 1."""

from __future__ import annotations

import argparse
import os
import select
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from absl.flags import argparse_flags

from tf_facegan.config import nearest

INTERRUPTED = 130  # the shell's exit code for Ctrl-C
UNREAD = 141  # and for a pipe that nobody reads from any more


class ArgumentParser(argparse_flags.ArgumentParser):
    """argparse (with absl's flags) whose errors are one line and exit code 1, sub-commands' too.

    Of a flag, choice or sub-command that is none, the line names what is nearest.
    """

    def parse_known_args(
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        parsed, others = super().parse_known_args(args, namespace)
        if others:
            shown = [a for a in self._actions if a.help is not argparse.SUPPRESS]
            flags = [flag for action in shown for flag in action.option_strings]
            near = nearest(others[0].partition("=")[0], flags)
            self.error(f"unrecognized arguments: {' '.join(others)}{near}")
        return parsed, others

    def _check_value(self, action, value):
        if action.choices is not None and value not in action.choices:
            near, known = nearest(value, action.choices), ", ".join(map(str, action.choices))
            raise argparse.ArgumentError(
                action, f"invalid choice: {value!r}{near}; there are: {known}"
            )

    def error(self, message: str) -> NoReturn:
        self.exit(1, f"error: {message} ({self.prog} -h lists what there is)\n")


def program(name: str, description: str) -> tuple[ArgumentParser, Any]:
    """Returns the parser of `python -m tf_facegan.<name>`, and what its sub-commands are added to.

    Args:
      name: of the module within the package.
      description: the module's docstring, with examples.
    """
    parser = ArgumentParser(
        prog=f"python -m tf_facegan.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser, parser.add_subparsers(dest="command", required=True, metavar="COMMAND")


def parse(
    parser: ArgumentParser,
    commands: Any,
    examples: Mapping[str, Sequence[str]],
    argv: Sequence[str] | None,
) -> argparse.Namespace:
    """Parses the command line of a `program`.

    Args:
      parser, commands: as `program` returned them, with all sub-commands added.
      examples: as of `add_examples`.
      argv: words; None: those that the process was started with.
    """
    add_examples(commands, examples)
    args = parser.parse_args(sys.argv[1:] if argv is None else argv)
    quiet_tensorflow()
    return args


def add_examples(commands: Any, examples: Mapping[str, Sequence[str]]) -> None:
    """Puts examples below the help of sub-commands.

    Args:
      commands: what `add_subparsers` returned.
      examples: {name of a sub-command: what follows it in each example}.
    """
    for name, lines in examples.items():
        parser = commands.choices[name]
        program = parser.prog if parser.prog.startswith("python") else f"python {parser.prog}"
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.epilog = "examples:\n" + "\n".join(f"  {program} {line}" for line in lines)


def network_group(parser: argparse.ArgumentParser) -> Callable[..., argparse.Action]:
    """Returns `add_argument` of the group of flags that choose a network."""
    return parser.add_argument_group("which network").add_argument


def add_debug_flag(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Adds `--debug` to an argparse parser (or sub-parser)."""
    parser.add_argument(
        "--debug", action="store_true", help="show the traceback of an error, not only its line"
    )


def run(command: Callable[[argparse.Namespace], int | None], args: argparse.Namespace) -> int:
    """Calls `command(args)` and turns what a user can get wrong into one line on stderr.

    Args:
      command: callable taking the parsed arguments; an int it returns is the exit code.
      args: argparse.Namespace; `args.debug` (bool, optional) re-raises errors.

    Returns:
      int exit code: the command's own or 0, 1 after an error, 130 after Ctrl-C, 141 when what reads
      the output ended (`… | head`).
    """
    try:
        code = command(args) or 0
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except (ValueError, OSError, ImportError) as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return UNREAD
        if getattr(args, "debug", False):
            traceback.print_exc()
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 1


def _nobody_reads():
    """Whether stdout is a pipe whose other end is closed; what is left for it goes nowhere then."""
    try:
        descriptor = sys.stdout.fileno()
    except OSError:  # a stand-in without a file
        return False
    poll = select.poll()
    poll.register(descriptor, 0)
    broken = any(event & select.POLLERR for _, event in poll.poll(0))
    if broken:
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    return broken


def one_line(error: BaseException) -> str:
    """Returns an exception's message as one line of text; the disk's as "file: what is wrong"."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        names = [name for name in (error.filename, error.filename2) if name is not None]
        files = " to ".join(os.fsdecode(n) if isinstance(n, bytes) else str(n) for n in names)
        return f"{files}: {error.strerror[0].lower()}{error.strerror[1:]}"
    return " ".join(str(error).split()) or type(error).__name__


def quiet_tensorflow() -> None:
    """Keeps TensorFlow's C++ start-up messages off the terminal; call before importing it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
