"""`-h` of every command line is complete, and what is mistyped is told what is nearest."""

import argparse
import importlib

import pytest

import dataset_tool
import train
from tf_facegan import command_line, systems
from tf_facegan.config import check_choice

PROGRAMS = (
    "train",
    "dataset_tool",
    "tf_facegan.tbgan.__main__",
    "tf_facegan.tbgan.reference",
    "tf_facegan.ganimation.__main__",
    "tf_facegan.tdgan.__main__",
    "tf_facegan.rdgan.__main__",
    "tf_facegan.expression.__main__",
    "tf_facegan.demo.__main__",
)


class Found(Exception):
    """Carries a parser out of the function that made it."""


def parser_of(program, monkeypatch):
    def carry_out(parser, *_):
        raise Found(parser)

    with monkeypatch.context() as context:
        context.setattr(command_line.ArgumentParser, "parse_args", carry_out)
        with pytest.raises(Found) as found:
            if program == "train":
                train.parse([])
            elif program == "dataset_tool":
                dataset_tool.parse(["dataset_tool.py"])
            else:
                importlib.import_module(program).main([])
    return found.value.args[0]


def with_sub_commands(parser):
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.values()


def of_a_command(parser, name):
    return next(p for p in with_sub_commands(parser) if p.prog.endswith(f" {name}"))


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_has_groups_defaults_and_examples(program, monkeypatch):
    for parser in with_sub_commands(parser_of(program, monkeypatch)):
        lines = (parser.format_help()).splitlines()
        assert len([line for line in lines if line.startswith("  python ")]) >= 2, parser.prog
        options = [
            action
            for action in parser._actions
            if action.option_strings
            and action.help is not argparse.SUPPRESS
            and action.dest not in ("help", "helpfull", "debug")
        ]
        for option in options:
            assert option.help, (parser.prog, option.option_strings)
            if not (option.required or option.nargs == 0):
                assert "default" in option.help, (parser.prog, option.option_strings)
        titles = [group.title for group in parser._action_groups if group._group_actions]
        assert len(options) <= 8 or len(titles) >= 3, (parser.prog, titles)


@pytest.mark.parametrize(
    ("program", "words", "message"),
    [
        ("train", ["--datasets", "x"], "unrecognized arguments: --datasets x (did you mean '--da"),
        ("train", ["--on_corrupt", "skp"], "choice: 'skp' (did you mean 'skip'?); there are: stop"),
        ("dataset_tool", ["creat_ck"], "invalid choice: 'creat_ck' (did you mean 'create_ck'?)"),
        ("dataset_tool", ["check", "x", "--dbug"], "--dbug (did you mean '--debug'?) (dataset_too"),
        ("tf_facegan.rdgan.__main__", ["syntesise"], "'syntesise' (did you mean 'synthesise'?)"),
        ("tf_facegan.tbgan.__main__", ["generate", "0", "--sed", "1"], "mean '--seed'?)"),
        ("tf_facegan.demo.__main__", ["--runs", "x", "--prt", "8000"], "(did you mean '--port'?)"),
    ],
)
def test_what_is_mistyped_is_one_line_with_what_is_nearest(program, words, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        if program == "train":
            train.parse(words)
        elif program == "dataset_tool":
            dataset_tool.parse(["dataset_tool.py", *words])
        else:
            importlib.import_module(program).main(words)
    assert stopped.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1
    assert message in said


def test_names_that_are_unknown():
    with pytest.raises(ValueError, match=r"unknown system 'tdgam' \(did you mean 'tdgan'\?\)"):
        systems.get("tdgam")
    with pytest.raises(ValueError, match=r"'generate_fake_image' \(did you mean 'generate_fake_im"):
        systems.utility("generate_fake_image")
    with pytest.raises(ValueError) as error:
        check_choice("data.layout", "nhcw", ("nhwc", "scrambled"))
    assert str(error.value) == (
        "data.layout is 'nhcw' (did you mean 'nhwc'?), expected one of nhwc, scrambled"
    )
    check_choice("data.layout", "nhwc", ("nhwc", "scrambled"))
