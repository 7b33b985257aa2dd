"""Checksums of the files of a folder, kept beside them, by which damage is noticed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import google_crc32c

from tf_facegan.files import write_text

FILE = "checksums.json"
_PART = 1 << 20


def write(folder: str | Path) -> None:
    """Writes `checksums.json`, {name of a file: [size, CRC-32C]}, for the files in a folder.

    The files are on the disk, not only in the system's memory, when it returns.
    """
    found = {}
    for path in sorted(Path(folder).iterdir()):
        with open(path, "rb") as file:
            os.fsync(file.fileno())
        found[path.name] = _measure(path)
    write_text(Path(folder) / FILE, json.dumps(found, indent=2) + "\n")


def check(folder: str | Path) -> None:
    """Compares the files in a folder with their checksums; without any there is nothing to compare.

    Raises:
      ValueError: a file is missing, cut short or altered, or the checksums are; names the file.
    """
    path = Path(folder) / FILE
    if not path.is_file():
        return
    try:
        stored = json.loads(path.read_bytes())
        expected = {name: (int(size), int(checksum)) for name, (size, checksum) in stored.items()}
    except (ValueError, TypeError, AttributeError):
        raise ValueError(f"{FILE} is damaged") from None
    for name, (size, checksum) in expected.items():
        file = Path(folder) / Path(name).name
        if not file.is_file():
            raise ValueError(f"{name} is missing")
        found = _measure(file)
        if found[0] != size:
            raise ValueError(f"{name} has {found[0]} bytes, {size} expected")
        if found[1] != checksum:
            raise ValueError(f"the checksum of {name} does not match")


def _measure(path):
    """[size, CRC-32C] of a file."""
    size = checksum = 0
    with open(path, "rb") as file:
        while part := file.read(_PART):
            size += len(part)
            checksum = google_crc32c.extend(checksum, part)
    return [size, checksum]
