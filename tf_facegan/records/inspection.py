"""Looking at sets: a contact sheet, PNG files, a comparison."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from tqdm import tqdm

from tf_facegan import files
from tf_facegan.records.reader import RecordSet

if TYPE_CHECKING:
    from tf_facegan.records.schema import SetInfo


_SHEET_WIDTH, _SHEET_HEIGHT = 1600, 900
_GAP = 4
_KEY_ESCAPE, _KEY_ENTER, _KEY_SPACE = 27, 13, 32
_SUFFIXES = {"shape": "_shp", "normals": "_nor"}
_BATCH = 16


def pictures(info: SetInfo, image: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """One picture for each modality of an example.

    Args:
      info: schema.SetInfo.
      image: array [C, H, W] of the set; its range is mapped to 0..255 and rounded (coordinates of
        shapes and normals show as colours).

    Returns:
      list of (modality name, uint8 array [H, W] or [H, W, 3] RGB). A modality of neither 1 nor 3
      channels shows its channels side by side.
    """
    lo, hi = info.range
    scaled = image
    if image.dtype != np.uint8 or (lo, hi) != (0, 255):
        scaled = (image.astype(np.float64) - lo) * (255 / (hi - lo))
        scaled = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    result, first = [], 0
    for name, channels in info.modalities:
        part = scaled[first : first + channels]
        first += channels
        if channels == 3:
            picture = np.ascontiguousarray(part.transpose(1, 2, 0))
        else:
            picture = np.concatenate(list(part), axis=1)
        result.append((name, picture))
    return result


def contact_sheet(
    record_set: RecordSet, indices: Sequence[int] | np.ndarray, resolution: int | None = None
) -> np.ndarray:
    """Puts examples into one picture, the modalities and companions of each side by side.

    Args:
      record_set: RecordSet.
      indices: sequence of N record numbers, shown row by row.
      resolution: int, the level; None is the largest.

    Returns:
      uint8 array [height, width, 3], RGB.
    """
    described = {None: record_set.info, **_companion_infos(record_set.info)}
    parts = [
        [_tile(info, image) for image in record_set.read(indices, resolution, companion)]
        for companion, info in described.items()
    ]
    tiles = [np.concatenate(tile, axis=1) for tile in zip(*parts)]
    height, width = tiles[0].shape[:2]
    columns = _columns(len(tiles), width + _GAP, height + _GAP)
    rows = -(-len(tiles) // columns)
    sheet = np.zeros((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, 3), np.uint8)
    for number, tile in enumerate(tiles):
        top = number // columns * (height + _GAP)
        left = number % columns * (width + _GAP)
        sheet[top : top + height, left : left + width] = tile
    return sheet


def display(
    path: str | Path, out: str | Path | None = None, count: int = 16, level: int | None = None
) -> None:
    """Shows a set as contact sheets and prints index, label and fields of each example.

    Args:
      path: folder of the set.
      out: PNG file for the first sheet; None shows sheet after sheet in a window (SPACE or ENTER:
        next, ESC: end).
      count: int, examples on a sheet.
      level: int, side of the level to show; None is the largest.

    Raises:
      ValueError: there is no display; `out` is no .png; a count below 1; no such level.
      FileNotFoundError: no folder for `out`.
    """
    if count < 1:
        raise ValueError(f"--count is {count}, a positive number expected")
    if out is not None:
        files.check_new_file("--out", out, ".png")
    record_set = RecordSet(path)
    if out is not None:
        indices = range(min(count, record_set.count))
        sheet = contact_sheet(record_set, indices, level)
        _print_labels(record_set, indices)
        with files.atomic_file(out) as file:
            file.write(_encoded(sheet))
        print(f"{out}: {len(indices)} of {record_set.count} examples of {record_set.name}")
        return
    _check_display()
    for first in range(0, record_set.count, count):
        indices = range(first, min(first + count, record_set.count))
        _print_labels(record_set, indices)
        if not _show(record_set.name, contact_sheet(record_set, indices, level)):
            break


def extract(path: str | Path, out_dir: str | Path) -> None:
    """Writes every example as PNG at full resolution, in the order of the records.

    The first modality is `img%08d.png` (the published name), shapes and normals end in `_shp` and
    `_nor`, others in `_<name>`; values of float sets are mapped to 0..255.

    Args:
      path: folder of the set.
      out_dir: folder to make.

    Raises:
      ValueError: `out_dir` holds something already.
    """
    record_set = RecordSet(path)
    out_dir = Path(os.path.abspath(out_dir))
    if out_dir.exists() and (not out_dir.is_dir() or any(out_dir.iterdir())):
        raise ValueError(f"{out_dir}: exists and is not empty; a new or empty folder expected")
    with files.atomic_folder(out_dir, overwrite=True) as folder:
        for number in tqdm(range(record_set.count), unit="example", disable=None):
            image = record_set.read([number])[0]
            for position, (name, picture) in enumerate(pictures(record_set.info, image)):
                suffix = _SUFFIXES.get(name, f"_{name}") if position else ""
                (folder / f"img{number:08d}{suffix}.png").write_bytes(_encoded(picture))
    print(f"{out_dir}: {record_set.count} examples")


def compare(path_a: str | Path, path_b: str | Path, ignore_labels: bool = False) -> bool:
    """Compares two sets record by record at full resolution and prints the differences.

    Prints `Image i is different`, `Label i is different` and how many are identical, as PGGAN's
    `dataset_tool` does.

    Returns:
      bool: the sets hold the same.
    """
    sets = [
        RecordSet(path, max_label_size=0 if ignore_labels else "full") for path in (path_a, path_b)
    ]
    a, b = sets
    if a.count != b.count:
        print(f"The sets have different numbers of images: {a.count} and {b.count}")
    count = min(a.count, b.count)
    same_images = same_labels = 0
    for first in tqdm(range(0, count, _BATCH), unit="batch", disable=None):
        numbers = range(first, min(first + _BATCH, count))
        for number, image_a, image_b in zip(numbers, a.read(numbers), b.read(numbers)):
            if _equal(image_a, image_b):
                same_images += 1
            else:
                tqdm.write(f"Image {number} is different")
            if _equal(a.labels[number], b.labels[number]):
                same_labels += 1
            elif not ignore_labels:
                tqdm.write(f"Label {number} is different")
    print(f"Identical images: {same_images} / {count}")
    if not ignore_labels:
        print(f"Identical labels: {same_labels} / {count}")
    return a.count == b.count and same_images == same_labels == count


def _equal(a, b):
    return a.dtype == b.dtype and np.array_equal(a, b)


def _companion_infos(info):
    """{name: what a set of a companion's images would say of itself}"""
    return {
        name: dataclasses.replace(
            info,
            shape=[companion["channels"], *info.shape[1:]],
            dtype=companion["dtype"],
            modalities=companion["modalities"],
            range=companion["range"],
            companions={},
        )
        for name, companion in info.companions.items()
    }


def _tile(info, image):
    shown = [
        picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)
        for _, picture in pictures(info, image)
    ]
    return np.concatenate(shown, axis=1)


def _columns(count, width, height):
    """Columns of the grid whose form comes closest to that of a screen."""
    screen = _SHEET_WIDTH / _SHEET_HEIGHT

    def distance(columns):
        rows = -(-count // columns)
        return abs(np.log(columns * width / (rows * height) / screen))

    return min(range(1, count + 1), key=distance)


def _encoded(picture):
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".png", picture)[1].tobytes()


def _print_labels(record_set, indices):
    for number in indices:
        label = " ".join(f"{value:.3f}" for value in record_set.labels[number])
        described = [label or "no label"] if label or not record_set.fields else []
        for name, array in record_set.fields.items():
            if array.ndim < 3:
                names = record_set.info.fields[name].get("names")
                described.append(f"{name} {_value(array[number], names)}")
        print(f"{number}: {', '.join(described)}")


def _value(value, names):
    """A field's value for the eye: a text, the name of a class, or numbers."""
    if value.dtype.kind in "SU":
        return " ".join(np.atleast_1d(value.astype(str)))
    if value.ndim:
        return " ".join(f"{component:g}" for component in np.round(value, 3))
    if value.dtype.kind in "iu" and names:
        return names[value] if 0 <= value < len(names) else "none"
    return f"{value:g}"


def _check_display():
    is_linux = sys.platform.startswith("linux")
    # Without a display OpenCV's Qt window ends the process instead of raising an error.
    if is_linux and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise ValueError(
            "there is no display to show the set on; write a file with --out sheet.png"
        )


def _show(title, sheet):
    """Shows a sheet until a key is pressed; returns whether to go on."""
    scale = min(1.0, _SHEET_WIDTH / sheet.shape[1], _SHEET_HEIGHT / sheet.shape[0])
    if scale < 1.0:
        sheet = cv2.resize(sheet, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    try:
        cv2.imshow(title, cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
        while True:
            key = cv2.waitKey(50)
            if key == _KEY_ESCAPE or cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) < 1:
                return False
            if key in (_KEY_ENTER, _KEY_SPACE):
                return True
    except cv2.error as error:
        raise ValueError(
            f"OpenCV cannot open a window ({error.err}); write a file with --out sheet.png"
        ) from None
