"""Landmarks of a video as a CSV file: the columns of OpenFace (Baltrusaitis et al. 2018)."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from tf_facegan.files import atomic_file, read_text
from tf_facegan.sources.landmarks import COUNT

FRAME = "frame"
COLUMNS = tuple(f"{axis}_{number}" for axis in "xy" for number in range(COUNT))
_LARGEST = np.finfo(np.float32).max
_SUCCESS = "success"  # OpenFace: 0 where it found no face


def read_table(path: str | Path) -> dict[int, np.ndarray]:
    """Reads the landmarks of the frames of a video.

    Args:
      path: `.csv` file with a line of names and the columns `x_0` … `x_67`, `y_0` … `y_67` among
        them, pixels. `frame` numbers the rows, else they are numbered from 0; rows with `success` 0
        are left out.

    Returns:
      {frame: float32 [68, 2], (x, y)}, in the order of the file.

    Raises:
      ValueError: columns are missing, a cell is no finite number, a frame is there twice, or
        nothing is left; names the file and the row.
      OSError: the file cannot be opened.
    """
    rows = csv.DictReader(read_text(path).splitlines(), skipinitialspace=True)
    names = {name.strip() for name in rows.fieldnames or [] if name}
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise ValueError(
            f"{path}: no column {missing[0]}; x_0 … x_{COUNT - 1} and y_0 … y_{COUNT - 1} expected"
        )
    found = {}
    for number, row in enumerate(rows):
        where = f"{path}, row {number + 2}"
        row = {name.strip(): cell for name, cell in row.items() if name}
        if _SUCCESS in names and _number(row[_SUCCESS], where, _SUCCESS) == 0:
            continue
        frame = int(_number(row[FRAME], where, FRAME)) if FRAME in names else number
        if frame in found:
            raise ValueError(f"{where}: a second row of frame {frame}")
        values = [_number(row[name], where, name) for name in COLUMNS]
        found[frame] = np.array(values, np.float32).reshape(2, COUNT).T.copy()
    if not found:
        raise ValueError(f"{path}: no rows with landmarks")
    return found


def write_table(path: str | Path, landmarks: dict[int, np.ndarray]) -> None:
    """Writes what `read_table` reads: {frame: array [68, 2]}."""
    with atomic_file(path, "w") as file:
        file.write(",".join((FRAME, *COLUMNS)) + "\n")
        for frame, points in landmarks.items():
            values = np.asarray(points).T.ravel().tolist()
            file.write(",".join((str(frame), *(f"{value:.3f}" for value in values))) + "\n")


def _number(cell, where, name):
    try:
        value = float(cell)
    except (TypeError, ValueError):
        value = np.nan
    if not abs(value) <= _LARGEST:
        raise ValueError(f"{where}: {name} is {cell!r}, a number expected")
    return value
