"""A sheet that shows what the face preparation does, before anything is built."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tf_facegan.command_line import one_line
from tf_facegan.files import atomic_file, check_new_file
from tf_facegan.sources.faces.crops import cut
from tf_facegan.sources.faces.preparation import find_crop
from tf_facegan.sources.images import read_grey_or_rgb

if TYPE_CHECKING:
    from tf_facegan.sources.faces.preparation import CropOptions


_PAIRS, _COLUMNS = 16, 4
_SIDE, _GAP = 192, 4  # pixels
_BOX_COLOUR, _TEXT_COLOUR = (64, 255, 64), (255, 160, 96)
_CHARACTERS = 28  # of a message, that fit a line


def write_preview(
    path: str | Path, photos: Sequence[str | Path], options: CropOptions, size: int | None = None
) -> None:
    """Shows photos before, with the crop drawn, and after: a grid of up to 16 pairs.

    Args:
      path: PNG file to write.
      photos: list of image files; of many, 16 spread evenly.
      options: CropOptions.
      size: int, side of the crops, as in the set.

    Raises:
      ImportError: MediaPipe is asked for and missing.
      FileNotFoundError: no folder for `path`.
      ValueError: `path` is no .png. What is wrong with a photo stands in the sheet in its place.
    """
    check_new_file("--preview", path, ".png")
    chosen = np.unique(np.linspace(0, len(photos) - 1, min(_PAIRS, len(photos))).astype(int))
    tiles = [_pair(photos[number], options, size) for number in chosen]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % min(_COLUMNS, len(tiles)))
    columns = min(_COLUMNS, len(tiles))
    rows = [np.hstack(tiles[first : first + columns]) for first in range(0, len(tiles), columns)]
    with atomic_file(path) as file:
        file.write(cv2.imencode(".png", np.vstack(rows)[:, :, ::-1])[1].tobytes())
    print(f"{path}: {len(chosen)} of {len(photos)} photos, before and after")


def _pair(photo_path, options, size):
    before = np.zeros([_SIDE, _SIDE, 3], np.uint8)
    try:
        photo = read_grey_or_rgb(photo_path)
        before = photo = np.repeat(photo, 3 // photo.shape[2], axis=2)
        crop = find_crop(photo, options, size, Path(photo_path).name)
        before, after = _outlined(photo, crop), cut(photo, crop)
    except (ValueError, OSError) as error:
        after = _message(one_line(error))
    return np.hstack([_tile(before), _tile(after)])


def _outlined(photo, crop):
    """The photo with the crop drawn, which may reach beyond it: what is shown before."""
    height, width = photo.shape[:2]
    corners = crop.corners()
    low = np.floor(np.minimum(corners.min(axis=0), 0)).astype(int)
    high = np.ceil(np.maximum(corners.max(axis=0), (width, height))).astype(int)
    canvas = np.zeros([high[1] - low[1], high[0] - low[0], 3], np.uint8)
    canvas[-low[1] : height - low[1], -low[0] : width - low[0]] = photo
    small = _fitted(canvas)
    zoom = len(small) / len(canvas)
    outline = np.rint((corners - low + 0.5) * zoom - 0.5).astype(np.int32)
    return cv2.polylines(small, [outline], True, _BOX_COLOUR, 2, cv2.LINE_AA)


def _fitted(picture):
    height, width = picture.shape[:2]
    zoom = _SIDE / max(height, width)
    size = (max(1, round(width * zoom)), max(1, round(height * zoom)))
    way = cv2.INTER_AREA if zoom < 1 else cv2.INTER_NEAREST
    return cv2.resize(np.ascontiguousarray(picture), size, interpolation=way)


def _tile(picture):
    tile = np.zeros([_SIDE + _GAP, _SIDE + _GAP, 3], np.uint8)
    fitted = _fitted(picture)
    height, width = fitted.shape[:2]
    top, left = (_SIDE - height) // 2, (_SIDE - width) // 2
    tile[top : top + height, left : left + width] = fitted
    return tile


def _message(text):
    picture = np.zeros([_SIDE, _SIDE, 3], np.uint8)
    lines = [text[first : first + _CHARACTERS] for first in range(0, len(text), _CHARACTERS)]
    for number, line in enumerate(lines[:8]):
        place = (6, 24 + 20 * number)
        cv2.putText(
            picture, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.35, _TEXT_COLOUR, 1, cv2.LINE_AA
        )
    return picture
