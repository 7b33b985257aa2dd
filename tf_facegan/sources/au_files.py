"""Files of action-unit intensities, in the forms that GANimation's data sets come in."""

from __future__ import annotations

import collections
import csv
import dataclasses
import re
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from tf_facegan import files, pickles
from tf_facegan.sources import images
from tf_facegan.sources.action_units import AUS, INTENSITY_RANGE
from tf_facegan.sources.matching import NAME_COLUMNS, shortened

PICKLES = ("aus_openface.pkl", "aus.pkl")
IDS = {"train": "train_ids.csv", "test": "test_ids.csv"}
_AU = re.compile(r"AU\d\d")


@dataclasses.dataclass
class Annotations:
    """The intensities of pictures.

    Attributes:
      vectors: {stem: float64 [17] in the order of AUS}, in the order of the file.
      faces: {stem: number of the chosen face among those in the picture}.
      failed: {stem: why OpenFace's result does not count}.
      problems: list of (stem, where, reason), rows that cannot be used.
      splits: {"train" | "test": list of stems} if the source divides them, else None.
      is_list: bool, the text list of the published training, whose order decides the test set.
    """

    vectors: dict = dataclasses.field(default_factory=dict)
    faces: dict = dataclasses.field(default_factory=dict)
    failed: dict = dataclasses.field(default_factory=dict)
    problems: list = dataclasses.field(default_factory=list)
    splits: dict | None = None
    is_list: bool = False

    def add(
        self, where: str, stem: str, values: Sequence[str] | Sequence[float] | np.ndarray
    ) -> None:
        """Takes a row, or notes what is wrong with it."""
        try:
            if stem in self.vectors:
                raise ValueError(f"a second row for {stem}")
            self.vectors[stem] = _checked(values)
        except ValueError as error:
            self.problems.append((stem, where, str(error)))


def _checked(values):
    """The intensities, float64 [17]; ValueError says what is wrong with them."""
    lo, hi = INTENSITY_RANGE
    try:
        vector = np.array(values[: len(AUS)], np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"a value is not a number ({error})") from None
    if vector.shape != (len(AUS),):
        raise ValueError(f"{vector.size} intensities, {len(AUS)} expected")
    if not np.isfinite(vector).all():
        raise ValueError("holds NaN or infinite intensities")
    if vector.min() < lo or vector.max() > hi:
        raise ValueError(
            f"intensities from {vector.min():g} to {vector.max():g}, {lo:g} to {hi:g} expected"
        )
    return vector


def read(path: str | Path, stems: Collection[str], min_confidence: float) -> Annotations:
    """Reads action-unit intensities.

    Args:
      path: OpenFace's CSV file of one picture or of all; a folder of `<stem>.csv` files; the text
        list `<file name> v0 … v16` with or without its two header lines; a pickled dictionary
        {stem: vector} (or its folder), with `train_ids.csv` and `test_ids.csv` beside it or not.
      stems: the pictures' stems, by which rows of numbered frames find theirs.
      min_confidence: float, a detection of less confidence has failed (published: 0.88).

    Returns:
      Annotations.

    Raises:
      FileNotFoundError: no such file or folder, no CSV file in it.
      ValueError: an unreadable file, missing columns.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder of action units")
    if path.is_dir():
        for name in PICKLES:
            if (path / name).is_file():
                return _read_pickle(path / name)
        return _read_folder(path, min_confidence)
    if path.suffix.lower() == ".pkl":
        return _read_pickle(path)
    if path.suffix.lower() == ".csv":
        return _read_table(path, stems, min_confidence)
    return _read_list(path)


def stem_of(name: str) -> str:
    """The stem that a file name in a list stands for; a dot need not begin an extension."""
    name = PurePosixPath(name.strip().replace("\\", "/"))
    return name.stem if name.suffix.lower() in images.SUFFIXES else name.name


def _read_folder(folder, min_confidence):
    found = sorted(folder.glob("*.csv"))
    if not found:
        raise FileNotFoundError(f"{folder}: no *.csv files and no {' or '.join(PICKLES)} in it")
    annotations = Annotations()
    for file in found:
        rows = _read_rows(file)
        if rows:
            _add_best(annotations, file, file.stem, rows, min_confidence)
        else:
            annotations.failed[file.stem] = "no face was found"
    return annotations


def _read_table(path, stems, min_confidence):
    """One file for all pictures, or for the one of the same name."""
    rows = _read_rows(path)
    if not rows:
        raise ValueError(f"{path}: no rows")
    columns = list(rows[0])
    key = next((column for column in columns if column.lower() in NAME_COLUMNS), None)
    by_stem = collections.defaultdict(list)
    if key is not None:
        for row in rows:
            by_stem[stem_of(row[key])].append(row)
    elif "frame" in columns:
        numbers = _frame_numbers(path, stems)
        for row in rows:
            by_stem[numbers.get(_integer(path, row["frame"]), f"frame {row['frame']}")].append(row)
    elif "face" in columns:
        by_stem[path.stem] = rows
    else:
        raise ValueError(
            f"{path}: columns {shortened(columns)}; a column of file names "
            f"({', '.join(NAME_COLUMNS)}) or OpenFace's frame or face expected"
        )
    annotations = Annotations()
    for stem, own in by_stem.items():
        _add_best(annotations, path, stem, own, min_confidence)
    return annotations


def _frame_numbers(path, stems):
    """{number at the end of a stem: stem}"""
    numbers = {}
    for stem in stems:
        digits = re.search(r"(\d+)\D*$", stem)
        if digits is None:
            continue
        number = int(digits[1])
        if number in numbers:
            raise ValueError(
                f"{path}: {stem} and {numbers[number]} both end in {number}, so that rows of "
                "frames do not find their picture; a column of file names expected"
            )
        numbers[number] = stem
    return numbers


def _integer(path, text):
    try:
        return int(float(text))
    except ValueError:
        raise ValueError(f"{path}: frame {text!r}, a number expected") from None


def _read_rows(path):
    """The rows of an OpenFace table as dictionaries."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            lines = [row for row in csv.reader(file, skipinitialspace=True) if row]
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path}: not a readable CSV file ({error})") from None
    header = [column.strip() for column in lines[0]] if lines else []
    missing = [column for column in AUS if column not in header]
    if missing:
        raise ValueError(
            f"{path}: no columns {shortened(missing)}; the intensities AUnn_r of OpenFace expected"
        )
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(header):
            raise ValueError(f"{path}: row {number} has {len(line)} values for {len(header)} names")
    return [dict(zip(header, line)) for line in lines[1:]]


def _add_best(annotations, path, stem, rows, min_confidence):
    """Takes the row of the most confident detection, if that is confident enough."""
    try:
        confidences = np.array([float(row.get("confidence", 1)) for row in rows])
        faces = [int(float(row.get("face", 0))) for row in rows]
    except ValueError as error:
        reason = f"confidence or face is not a number ({error})"
        annotations.problems.append((stem, f"{path}, {stem}", reason))
        return
    best = int(np.nan_to_num(confidences, nan=-np.inf).argmax())
    row, confidence = rows[best], confidences[best]
    if row.get("success", "1").strip() == "0":
        annotations.failed[stem] = "not detected (success is 0)"
        return
    if not confidence >= min_confidence:  # negated, so that NaN fails too
        annotations.failed[stem] = f"detected with a confidence of {confidence:g} only"
        return
    annotations.faces[stem] = faces[best]
    where = str(path) if path.stem == stem else f"{path}, {stem}"
    annotations.add(where, stem, [row[column] for column in AUS])


def _read_list(path):
    lines = files.read_text(path).splitlines()
    rows = [(number, line.split()) for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise ValueError(f"{path}: is empty")
    annotations = Annotations(is_list=True)
    for number, (name, *values) in rows[_header_lines(path, [row for _, row in rows]) :]:
        annotations.add(f"{path}, line {number}", stem_of(name), values)
    return annotations


def _header_lines(path, rows):
    """How many of the first lines are a header: none, or CelebA's count and names."""
    if len(rows[0]) > 1:
        return 0
    if not rows[0][0].isdigit():
        raise ValueError(f"{path}: begins with {rows[0][0]!r}, a count or a file name with values")
    names = [name for name in (rows[1] if len(rows) > 1 else []) if _AU.match(name)]
    if names and [name[:4] for name in names[: len(AUS)]] != [name[:4] for name in AUS]:
        raise ValueError(f"{path}: columns {shortened(names)}; {', '.join(AUS)} expected")
    return 2


def _read_pickle(path):
    content = pickles.load(path)
    if not isinstance(content, dict):
        raise ValueError(
            f"{path}: holds a {type(content).__name__}, a dictionary of names and intensities "
            "expected"
        )
    annotations = Annotations()
    for name, values in content.items():
        annotations.add(f"{path}, {name}", stem_of(str(name)), np.ravel(values))
    lists = {split: path.parent / name for split, name in IDS.items()}
    if any(file.is_file() for file in lists.values()):
        annotations.splits = {split: _read_ids(file) for split, file in lists.items()}
        both = set(annotations.splits["train"]) & set(annotations.splits["test"])
        if both:
            raise ValueError(f"{lists['test']}: {shortened(sorted(both))} also in train_ids.csv")
    return annotations


def _read_ids(path):
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file, beside the other list of names")
    lines = files.read_text(path).splitlines()
    return list(dict.fromkeys(stem_of(line) for line in lines if line.strip()))
