"""Label files: one vector for each example, found by the example's stem."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from absl import logging

from tf_facegan import files, pickles
from tf_facegan.sources import images
from tf_facegan.sources.action_units import INTENSITY_RANGE, is_intensity_column
from tf_facegan.sources.matching import NAME_COLUMNS, shortened

_FILE_SUFFIXES = (*images.SUFFIXES, ".pkl", ".npy", ".obj", ".ply")


@dataclasses.dataclass(frozen=True)
class Labels:
    """Labels of a list of examples.

    Attributes:
      values: float32 [N, L], as the file has them.
      kind: "class" (scores or probabilities of expressions; training applies the softmax) or
        "intensity" (action units, 0 to 5).
      names: list of L str, or None.
      unused: list of str, entries of the file that belong to none of the examples.
    """

    values: np.ndarray
    kind: str
    names: list
    unused: list


@dataclasses.dataclass(frozen=True)
class _Table:
    """What a label file holds: a vector for each name, as the file spells it."""

    vectors: dict
    names: list | None = None
    kind: str = "class"


def read_labels(
    path: str | Path,
    stems: Sequence[str],
    kind: str | None = None,
    names_file: str | Path | None = None,
) -> Labels:
    """Reads the labels of examples.

    Formats: a CSV file with a header, whose first column (or the column `filename`, `file`,
    `image`, `name`, `stem` or `path`) is a stem or file name and whose other columns are numbers;
    a CSV file of OpenFace, of which the columns `AUnn_r` are taken; a folder of OpenFace's CSV
    files, `<stem>.csv`; a pickled dictionary {stem: vector}; a pickled or `.npy` array [n, L]
    beside a text file of the same name (`faces.npy`, `faces.txt`) that lists the stems.
    Several faces in one picture: the row with the highest confidence counts.

    Args:
      path: the file or folder.
      stems: list of N str.
      kind: "class" or "intensity"; None is "intensity" for OpenFace's columns, else "class".
      names_file: text file with a name for each of the L components, one a line.

    Returns:
      Labels, in the order of `stems`.

    Raises:
      FileNotFoundError: no such file.
      ValueError: an unreadable file, stems without labels (named), lengths that differ, values
        that are not finite, intensities outside 0 to 5.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such label file")
    table = _read_table(path, stems)
    by_stem = _by_stem(path, table.vectors)
    missing = [stem for stem in stems if stem not in by_stem]
    if missing:
        raise ValueError(f"{path}: no labels for {shortened(missing)}")
    values = _stack(path, [by_stem[stem] for stem in stems], stems)
    kind = kind or table.kind
    _check_values(path, values, stems, kind)
    names = table.names if names_file is None else _read_names(names_file, values.shape[1])
    used = set(stems)
    unused = [name for name in table.vectors if not used & _stems_of(name)]
    return Labels(values, kind, names, unused)


def label_options(
    path: str | Path | None,
    stems: Sequence[str],
    kind: str | None = None,
    names_file: str | Path | None = None,
) -> dict[str, Any]:
    """What `writer.write_set` is told about labels; entries that name no example are reported.

    Args:
      path: label file or folder, or None for a set without labels.
      stems, kind, names_file: as in `read_labels`.

    Returns:
      dict of keyword arguments, empty without labels.

    Raises:
      As `read_labels`; ValueError for a kind or names of labels that are not there.
    """
    if path is None:
        if kind is not None or names_file is not None:
            flag = "--label_names" if kind is None else "--label_kind"
            raise ValueError(f"{flag} describes labels, but --labels is missing")
        return {}
    found = read_labels(path, stems, kind, names_file)
    if found.unused:
        logging.warning("%s: no example for %s", path, shortened(found.unused))
    return {"labels": found.values, "label_kind": found.kind, "label_names": found.names}


def _read_table(path, stems):
    if path.is_dir():
        return _read_openface_folder(path, stems)
    readers = {".csv": _read_csv, ".pkl": _read_pickle, ".npy": _read_array}
    if path.suffix.lower() not in readers:
        raise ValueError(f"{path}: a .csv, .pkl or .npy file or a folder of .csv files expected")
    return readers[path.suffix.lower()](path)


def _read_csv(path):
    frame = _read_frame(path)
    lower = [column.lower() for column in frame.columns]
    key = next((name for name in NAME_COLUMNS if name in lower), None)
    key_column = frame.columns[0 if key is None else lower.index(key)]
    units = _au_columns(frame)
    columns = units or [column for column in frame.columns if column != key_column]
    if not columns:
        raise ValueError(f"{path}: no columns of numbers beside {key_column}")
    keys = [key.strip() for key in frame[key_column]]
    rows = _best_rows(path, frame, keys)
    values = _numbers(path, frame, columns)
    vectors = {keys[row]: values[row] for row in rows}
    return _Table(vectors, columns, "intensity" if units else "class")


def _read_openface_folder(path, stems):
    """Reads `<stem>.csv` of each stem; other files are left alone."""
    vectors, names = {}, None
    for stem in stems:
        file = path / f"{stem}.csv"
        if not file.is_file():
            continue
        frame = _read_frame(file)
        units = _au_columns(frame)
        if not units or names not in (None, units):
            raise ValueError(
                f"{file}: columns AUnn_r expected, the same as in the other files of the folder"
            )
        names = units
        if len(frame) == 0:
            raise ValueError(f"{file}: no face was found in the picture, one row expected")
        (row,) = _best_rows(file, frame, [stem] * len(frame))
        vectors[stem] = _numbers(file, frame, units)[row]
    return _Table(vectors, names, "intensity")


def _read_pickle(path):
    content = pickles.load(path)
    if isinstance(content, dict):
        return _Table({str(key): np.asarray(value) for key, value in content.items()})
    if isinstance(content, np.ndarray):
        return _listed(path, content)
    raise ValueError(
        f"{path}: holds a {type(content).__name__}, a dictionary of stems or an array expected"
    )


def _read_array(path):
    return _listed(path, pickles.load_array(path))


def _listed(path, array):
    """An array whose stems are in a text file beside it."""
    listing = path.with_suffix(".txt")
    if not listing.is_file():
        raise FileNotFoundError(
            f"{listing}: missing; {path.name} is an array, whose stems this file has to list"
        )
    stems = [line.strip() for line in files.read_text(listing).splitlines()]
    stems = [stem for stem in stems if stem]
    if array.ndim != 2 or len(array) != len(stems):
        raise ValueError(
            f"{path}: shape {list(array.shape)}, [{len(stems)}, L] expected, as {listing.name} "
            f"lists {len(stems)} stems"
        )
    return _Table(dict(zip(stems, array)))


def _read_frame(path):
    import pandas

    try:
        frame = pandas.read_csv(
            path, dtype=str, skipinitialspace=True, keep_default_na=False, encoding="utf-8-sig"
        )
    except (ValueError, OSError) as error:  # pandas' parser errors are ValueErrors
        raise ValueError(f"{path}: not a readable CSV file ({error})") from None
    if not isinstance(frame.index, pandas.RangeIndex):  # pandas' reading of longer rows
        raise ValueError(f"{path}: rows hold more values than the first line has names")
    frame.columns = [str(column).strip() for column in frame.columns]
    others = frame.columns[1:]
    if len(others) and all(_is_number(column) for column in others):
        raise ValueError(f"{path}: the first line must name the columns, it holds numbers")
    return frame


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def _au_columns(frame):
    return [column for column in frame.columns if is_intensity_column(column)]


def _numbers(path, frame, columns):
    try:
        return frame[columns].to_numpy(np.float64)
    except ValueError:
        row, column = next(
            (row, column)
            for row, values in enumerate(frame[columns].to_numpy())
            for column, value in zip(columns, values)
            if not _is_number(value)
        )
        found = frame[column][row]
        raise ValueError(f"{path}: row {row + 2}, {column}: {found!r} is not a number") from None


def _best_rows(path, frame, keys):
    """Row numbers, one for each key: the most confident one where a key has several rows."""
    if len(set(keys)) == len(keys):
        return list(range(len(keys)))
    if "confidence" not in frame.columns:
        twice = [key for key, rows in collections.Counter(keys).items() if rows > 1]
        raise ValueError(f"{path}: more than one row for {shortened(twice)}")
    confidence = np.nan_to_num(_numbers(path, frame, ["confidence"])[:, 0], nan=-np.inf)
    best = {}
    for row, key in enumerate(keys):
        if key not in best or confidence[row] > confidence[best[key]]:
            best[key] = row
    return list(best.values())


def _stems_of(name):
    """The stems that an entry's name may stand for; a dot in it need not begin an extension."""
    base = PurePosixPath(name.replace("\\", "/"))
    return {base.name, base.stem} if base.suffix.lower() in _FILE_SUFFIXES else {base.name}


def _by_stem(path, vectors):
    by_stem = {}
    for name, vector in vectors.items():
        for stem in _stems_of(name):
            if stem in by_stem:
                raise ValueError(f"{path}: more than one entry for {stem}")
            by_stem[stem] = vector
    return by_stem


def _stack(path, vectors, stems):
    vectors = [np.asarray(vector).reshape(-1) for vector in vectors]
    for stem, vector in zip(stems, vectors):
        if vector.dtype.kind not in "fiub" or vector.size == 0:
            raise ValueError(f"{path}: the label of {stem} is no vector of numbers")
        if vector.size != vectors[0].size:
            raise ValueError(
                f"{path}: {vector.size} values for {stem}, {vectors[0].size} for {stems[0]}"
            )
    with np.errstate(over="ignore"):  # infinite, which is found next
        return np.stack(vectors).astype(np.float32)


def _check_values(path, values, stems, kind):
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        raise ValueError(f"{path}: NaN or infinite labels for {shortened(_chosen(stems, bad))}")
    if kind == "intensity":
        lo, hi = INTENSITY_RANGE
        outside = ((values < lo) | (values > hi)).any(axis=1)
        if outside.any():
            raise ValueError(
                f"{path}: intensities are {lo:g} to {hi:g} (OpenFace's scale), found "
                f"{values.min():g} to {values.max():g}, e.g. {_chosen(stems, outside)[0]}"
            )


def _chosen(stems, mask):
    return [stem for stem, is_chosen in zip(stems, mask) if is_chosen]


def _read_names(path, size):
    names = [line.strip() for line in files.read_text(path).splitlines()]
    names = [name for name in names if name]
    if len(names) != size:
        raise ValueError(f"{path}: {len(names)} names, {size} expected, one for each component")
    return names
