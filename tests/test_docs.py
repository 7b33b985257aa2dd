"""What the pages say: commands parse, Python runs, tables are in step with the code."""

import importlib
import importlib.util
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

import dataset_tool
import train
from tests import untrained
from tests.sources import sequences as drawn
from tf_facegan import command_line, systems
from tf_facegan import config as configuration
from tf_facegan.demo.models import HOW_TO
from tf_facegan.sources.toy_faces import Identity, Scene, render
from tf_facegan.utilities.images import write_image

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^    (?=python ).*\n)", re.MULTILINE)
_IN_A_LINE = re.compile(r"`(python (?:train|dataset_tool)\.py [^`]+|python -m tf_facegan[^`]+)`")
_ELLIPSIS = re.compile(r"[…<>]|\.\.\.|\bNAME\b|\bRUN\b")


def commands_of(text):
    """Words of every command of the package in a page, as a shell would split them."""
    text, lines = text.replace("\\\n", " "), []
    for language, block in _BLOCK.findall(text):
        if language in ("", "sh"):
            lines += block.splitlines()
    lines += _INDENTED.findall(re.sub(_BLOCK, "", text))
    lines += _IN_A_LINE.findall(text)
    for line in lines:
        line = line.strip()
        if line.startswith("python ") and not _ELLIPSIS.search(line):
            yield shlex.split(line, comments=True)[1:]


def parse(words, monkeypatch):
    """Parses a command as the program would, and for a training builds its configuration."""
    if words[0] == "train.py":
        args = train.parse(words[1:])
        if args.utility:
            options = systems.utility(args.utility).Options()
            configuration.override(options, configuration.parse_assignments(args.set))
        elif not args.resume:
            args.dry_run = True
            train.new_config(args)
    elif words[0] == "dataset_tool.py":
        dataset_tool.parse(words)
    elif words[0] == "-m" and words[1].startswith("tf_facegan."):
        module = words[1]
        if not module.endswith(("reference", "check")):
            module += ".__main__"
        found = importlib.import_module(module)
        with monkeypatch.context() as context:
            context.setattr(command_line, "run", lambda *_: 0)
            if len(words) > 2 or module.endswith("__main__"):
                assert found.main(words[2:]) == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_parse(page, monkeypatch, capsys):
    for words in commands_of(page.read_text(encoding="utf-8")):
        try:
            parse(words, monkeypatch)
        except (SystemExit, ValueError) as error:
            said = capsys.readouterr().err
            raise AssertionError(f"{page.name}: {shlex.join(words)}: {said or error}") from None


def test_commands_are_found():
    text = "\n    python train.py --resume 1\n```sh\npython -m tf_facegan.x \\\n  y\n```\n"
    text += "and `python dataset_tool.py check data/faces`.\n```\n$ other\n```\n"
    assert list(commands_of(text)) == [
        ["-m", "tf_facegan.x", "y"],
        ["train.py", "--resume", "1"],
        ["dataset_tool.py", "check", "data/faces"],
    ]


@pytest.mark.parametrize("system", HOW_TO)
def test_commands_of_the_page_in_the_browser_parse(system, monkeypatch):
    for line in HOW_TO[system].splitlines():
        if line.startswith("python "):
            parse(shlex.split(line)[1:], monkeypatch)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_compiles_and_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for language, block in _BLOCK.findall(text):
        if language == "python":
            compile(block, str(page), "exec")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_python_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = [block for language, block in _BLOCK.findall(text) if language == "python"]
    assert len(blocks) >= 5
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        assert len([line for line in block.splitlines() if line and "import" not in line]) <= 3
        (system,) = re.findall(r'load\("([^"]+)"\)', block)
        run = untrained.make_run(system, tmp_path / f"made-{system}")
        shutil.copytree(run, tmp_path / "results" / run.name)
    for number, name in enumerate(("photo.png", "other.png")):
        face = render(Identity.random(3 + number), np.zeros(17), Scene.random(4), 160).image
        write_image(tmp_path / name, np.pad(face, ((60, 30), (50, 110), (0, 0)), mode="edge"))
    drawn.write_points(tmp_path / "photo_landmarks.txt", 0)
    for number in range(3):
        drawn.write_points(tmp_path / "frames" / f"{number}.txt", number)
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    assert {"face_0000.png", "happy.png", "transferred.png", "moved.mp4", "happy_0009.png"} <= {
        path.name for path in tmp_path.iterdir()
    }
    assert "[" in capsys.readouterr().out


def test_options_are_those_of_the_code():
    spec = importlib.util.spec_from_file_location("make_options", ROOT / "docs/make_options.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), (
        "docs/options.md: run `python docs/make_options.py`"
    )


@pytest.mark.parametrize("system", ["tbgan", "ganimation", "tdgan", "rdgan", "expression"])
def test_every_sub_command_has_two_examples_that_parse(system, monkeypatch, capsys):
    module = importlib.import_module(f"tf_facegan.{system}.__main__")
    for name, examples in module.EXAMPLES.items():
        assert re.search(rf"^    {name}\b", help_of(capsys, module, ["-h"]), re.MULTILINE)
        said = help_of(capsys, module, [name, "-h"])
        assert said.count(f"  python -m tf_facegan.{system} {name} ") == len(examples) == 2
        for example in examples:
            parse(["-m", f"tf_facegan.{system}", name, *shlex.split(example)], monkeypatch)
    whole = help_of(capsys, module, ["-h"])
    listed = re.findall(r"^    (\w+)\b", whole, re.MULTILINE)
    assert set(listed) <= {*module.EXAMPLES, "COMMAND"}


def help_of(capsys, module, words):
    """What a command prints for `words`, which end it."""
    capsys.readouterr()
    with pytest.raises(SystemExit):
        module.main(words)
    return capsys.readouterr().out
