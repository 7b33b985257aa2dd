"""Writes `options.md`, the tables of all options, from the configuration classes.

Usage: python docs/make_options.py
"""

import dataclasses
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tf_facegan import systems  # noqa: E402

PAGE = Path(__file__).with_name("options.md")
INTRODUCTION = """# Options

What `--set section.field=value` of `train.py` changes, with the defaults of each system. Presets
change some of them: `python train.py --preset NAME --dry_run` prints the result. This page is made
by `python docs/make_options.py`.
"""


def page():
    """Returns the text of the page."""
    parts = [INTRODUCTION]
    for name, system in systems.SYSTEMS.items():
        parts.append(f"\n## {name}\n\n| option | default | meaning |\n|---|---|---|\n")
        parts += [
            f"| `{option}` | `{default}` | {meaning} |\n"
            for option, default, meaning in rows(system.part("config")())
        ]
    return "".join(parts)


def rows(config, prefix=""):
    """Yields (dotted name, default, meaning) of every field of a configuration."""
    for field in dataclasses.fields(config):
        value, name = getattr(config, field.name), prefix + field.name
        if dataclasses.is_dataclass(value):
            yield from rows(value, f"{name}.")
        elif name != "system":
            meaning = field.metadata.get("help", "")
            yield name, escaped(repr(value)), escaped(meaning)


def escaped(text):
    """Keeps a text in its cell."""
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
