"""Files matched by stem: the name of a file without folder and extension."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

NAME_COLUMNS = ("filename", "file", "image", "name", "stem", "path")  # of tables, in lower case


def files_in(folder: str | Path, suffixes: Sequence[str]) -> list[Path]:
    """Lists the files of a folder.

    Args:
      folder: the folder; sub-folders and hidden files are left out.
      suffixes: tuple of lower-case extensions, e.g. (".png",); case does not matter in the files.

    Returns:
      list of pathlib.Path, sorted by name, at least one.

    Raises:
      FileNotFoundError: no such folder, or no such files in it.
    """
    folder = Path(folder)
    wanted = " or ".join(f"*{suffix}" for suffix in suffixes)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; a folder of {wanted} files expected")
    found = [
        path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in suffixes and not path.name.startswith(".") and not path.is_dir()
    ]
    if not found:
        raise FileNotFoundError(f"{folder}: no {wanted} files in it")
    return found


def files_by_stem(folder: str | Path, suffixes: Sequence[str]) -> dict[str, Path]:
    """`by_stem` of `files_in`."""
    return by_stem(files_in(folder, suffixes))


def by_stem(paths: Iterable[Path]) -> dict[str, Path]:
    """Lists files by stem.

    Args:
      paths: list of pathlib.Path.

    Returns:
      {stem: pathlib.Path}, sorted by stem.

    Raises:
      ValueError: two files with one stem.
    """
    found = {}
    for path in paths:
        if path.stem in found:
            raise ValueError(f"{path}: a second file for {path.stem}, beside {found[path.stem]}")
        found[path.stem] = path
    return dict(sorted(found.items()))


def check_partners(folders: Sequence[str | Path], found: Sequence[dict[str, Path]]) -> None:
    """Checks that every stem of one folder has its partner in all others.

    Args:
      folders: list of folders, for the message.
      found: list of {stem: path}, one for each folder.

    Raises:
      ValueError: names the folder and the stems that it lacks.
    """
    stems = set().union(*found)
    for folder, files in zip(folders, found):
        missing = sorted(stems - set(files))
        if missing:
            raise ValueError(
                f"{folder}: no file for {shortened(missing)}, which the other folders have"
            )


def left_out(problems: list[tuple[str, str]], on_error: str) -> list[tuple[str, str]]:
    """What becomes of examples that do not match: an error, or a report.

    Args:
      problems: list of (what, reason), str: an image without labels, a row without an image, ….
      on_error: "stop" or "skip".

    Returns:
      `problems`, for `write_set(skipped=…)`.

    Raises:
      ValueError: "stop" and there are any; the first is named.
    """
    if problems and on_error == "stop":
        what, reason = problems[0]
        more = f" ({len(problems)} such in all)" if len(problems) > 1 else ""
        raise ValueError(f"{what}: {reason}{more}; --on_error skip leaves it out")
    return problems


def natural(name: str) -> list:
    """Sorting key that puts frame10 behind frame9."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def shortened(names: Sequence[str], shown: int = 5) -> str:
    """Joins names for a message; of many, the first ones and how many there are."""
    names = list(names)
    if len(names) <= shown:
        return ", ".join(names)
    return f"{', '.join(names[:shown])}, … ({len(names)} in all)"
