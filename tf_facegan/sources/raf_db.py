"""RAF-DB's basic set (Li et al. 2017): faces with one of seven expressions."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tf_facegan import files, pickles
from tf_facegan.sources import images, pictures
from tf_facegan.sources.expressions import EXPRESSIONS
from tf_facegan.sources.matching import left_out

if TYPE_CHECKING:
    from tf_facegan.records import schema


LIST = Path("EmoLabel") / "list_patition_label.txt"  # spelled so
ALIGNED = Path("Image") / "aligned"
LABEL_FILES = ("RAF_example_label.npy", "RAF_example_label.npz", "RAF_data_examples.npz")
SPLITS = ("train", "test")
_LINE = re.compile(r"(?P<stem>(?P<split>train|test)_\d+)\.jpg\s+(?P<label>[1-7])")
DIGITS = {"train": 5, "test": 4}


def create_set(
    path: str | Path,
    folder: str | Path,
    resolution: int | None = None,
    gray: bool = False,
    on_error: str = "stop",
    **options: Any,
) -> dict[str, schema.SetInfo]:
    """Builds the sets `path`/train and `path`/test of RAF-DB's aligned faces, field `expression`.

    Args:
      path: folder to make.
      folder: RAF-DB (the folder `basic` or the one above it), or TDGAN's layout: `img` beside
        `RAF_example_label.npy`.
      resolution: int, length of the shorter side, resized bilinearly by Pillow (TDGAN trains with
        144); None keeps 100x100.
      gray: convert to grey before that, as TDGAN does; still stored as three channels.
      on_error: "stop" or "skip" at a label without picture, or a picture without label.
      options: as for `pictures.write`.

    Returns:
      {"train": schema.SetInfo, "test": schema.SetInfo}.

    Raises:
      FileNotFoundError: neither layout is there.
      ValueError: a label that is none, and what `write_set` raises.
    """
    pictures.check_positive(resolution=resolution)
    labels, picture_dir = read_labels(folder)
    present = set()
    if picture_dir.is_dir():
        present = {file for file in picture_dir.iterdir() if _is_picture(file)}
    if not present:
        raise FileNotFoundError(f"{picture_dir}: no pictures train_00001_aligned.jpg in it")
    lacking = [(str(file), "listed, but missing") for file in labels if file not in present]
    surplus = [(str(file), "has no label") for file in sorted(present - set(labels))]
    skipped = left_out(lacking + surplus, on_error)
    parts = {}
    for name in SPLITS:
        own = [file for file in labels if file in present and file.name.startswith(name)]
        left = [entry for entry in skipped if Path(entry[0]).name.startswith(name)]
        expressions = np.array([labels[file] for file in own], np.int64)
        parts[name] = pictures.Part(own, {"expression": expressions}, left)
        pictures.print_counts(name, expressions, EXPRESSIONS)
    return pictures.write(
        path,
        parts,
        functools.partial(load_picture, side=resolution, gray=gray),
        field_names={"expression": EXPRESSIONS},
        on_error=on_error,
        **options,
    )


def load_picture(path: str | Path, side: int | None, gray: bool = False) -> np.ndarray:
    """Loads a picture as `images.fitted` gives it, uint8 [3, H, W] RGB."""
    return images.fitted(images.open_rgb(path), side, gray)


def read_labels(folder: str | Path) -> tuple[dict[Path, int], Path]:
    """Reads the labels of RAF-DB in either layout.

    Args:
      folder: as for `create_set`.

    Returns:
      ({pathlib.Path of an aligned picture: number in EXPRESSIONS}, pathlib.Path of their folder).

    Raises:
      FileNotFoundError: neither layout is there.
      ValueError: a line or an array that is no label; names the file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; the folder of RAF-DB expected")
    for base in (folder / "basic", folder):
        if (base / LIST).is_file():
            return _read_list(base / LIST, base / ALIGNED), base / ALIGNED
    for name in LABEL_FILES:
        if (folder / name).is_file():
            return _read_arrays(folder / name, folder / "img"), folder / "img"
    raise FileNotFoundError(
        f"{folder}: no basic/{LIST.as_posix()} and no {LABEL_FILES[0]} in it; RAF-DB expected"
    )


def _read_list(path, picture_dir):
    labels = {}
    for number, line in enumerate(files.read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise ValueError(
                f"{path}, line {number}: {line[:40]!r}, a line like `train_00001.jpg 5` with a "
                "label from 1 to 7 expected"
            )
        file = picture_dir / f"{match['stem']}_aligned.jpg"
        if file in labels:
            raise ValueError(f"{path}, line {number}: a second label for {match['stem']}")
        labels[file] = int(match["label"]) - 1
    return labels


def _read_arrays(path, picture_dir):
    """TDGAN's label file: `train_y` and `test_y`, one-hot [7, N], pictures numbered from 1."""
    arrays = _load_arrays(path)
    labels = {}
    for split in SPLITS:
        scores = np.asarray(arrays[f"{split}_y"])
        if scores.ndim != 2 or len(scores) != len(EXPRESSIONS) or scores.dtype.kind not in "fiub":
            raise ValueError(
                f"{path}: {split}_y has shape {list(scores.shape)}, [{len(EXPRESSIONS)}, N] "
                "expected, a column for each picture"
            )
        if not ((scores == scores.max(axis=0)).sum(axis=0) == 1).all():
            raise ValueError(f"{path}: {split}_y has columns without one largest value")
        for number, label in enumerate(scores.argmax(axis=0), 1):
            stem = f"{split}_{number:0{DIGITS[split]}d}_aligned"
            labels[picture_dir / f"{stem}.jpg"] = int(label)
    return labels


def _load_arrays(path):
    if path.suffix == ".npz":
        return pictures.load_npz(path, [f"{split}_y" for split in SPLITS])
    content = pickles.load_objects(path)
    if not isinstance(content, dict) or not {f"{split}_y" for split in SPLITS} <= set(content):
        raise ValueError(f"{path}: a dictionary with train_y and test_y expected")
    return content


def _is_picture(file):
    return re.fullmatch(r"(train|test)_\d+_aligned\.jpg", file.name) is not None
