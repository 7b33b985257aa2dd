"""Pictures and clips of edited faces: published grids, sweeps, photos side by side."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tf_facegan.files import atomic_folder
from tf_facegan.sources.photos import read_photo
from tf_facegan.utilities.images import to_uint8, write_image
from tf_facegan.utilities.video import animation_writer

if TYPE_CHECKING:
    from tf_facegan.ganimation.outputs import Edit, Output


CLIPS = (".mp4", ".gif")
TILES = 8  # in a row of the published grids
_PADDING = 2


def tile_grid(tiles: np.ndarray, columns: int = TILES, padding: int = _PADDING) -> np.ndarray:
    """Puts tiles side by side as torchvision does, with black lines between and around them.

    Args:
      tiles: uint8 [N, S, S, 3].
      columns: int, at most so many in a row.
      padding: int, pixels.

    Returns:
      uint8 [rows * (S + padding) + padding, columns * (S + padding) + padding, 3].
    """
    count, height, width, _ = tiles.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    size = (rows * (height + padding) + padding, columns * (width + padding) + padding, 3)
    grid = np.zeros(size, np.uint8)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        top, left = (
            place * (side + padding) + padding for place, side in ((row, height), (column, width))
        )
        grid[top : top + height, left : left + width] = tile
    return grid


def published_grid(
    photos: np.ndarray, made: Output, picture: str | Path | np.ndarray | None = None
) -> np.ndarray:
    """Draws the published picture of `animate_random_batch`: two rows of tiles.

    Args:
      photos: uint8 [N, S, S, 3].
      made: `inference.Output` for them.
      picture: file or uint8 [H, W, 3] of the driving frame, or None.

    Returns:
      uint8 [2S + 6, (N + 1)(S + 2) + 2, 3]: black and the photos; the driving frame, or black, and
      the results.
    """
    side = photos.shape[1]
    black = np.zeros((1, side, side, 3), np.uint8)
    shown = black
    if picture is not None:
        shown = cv2.resize(read_photo(picture), (side, side), interpolation=cv2.INTER_AREA)[None]
    tiles = [black, photos, shown, to_uint8(made.images, (-1, 1))]
    return tile_grid(np.concatenate(tiles), columns=len(photos) + 1)


def parts_sheet(edit: Edit) -> np.ndarray:
    """Draws what an edit was made of: a row a face, with the face, mask (white keeps the photo),
    colour image and result.

    Args:
      edit: `inference.Edit`.

    Returns:
      uint8 [H, W, 3].
    """
    made = edit.faces
    mask = np.repeat(to_uint8(made.attention, (0, 1)), 3, axis=3)
    parts = [edit.photos, mask, *(to_uint8(v, (-1, 1)) for v in (made.color, made.images))]
    return tile_grid(np.concatenate(list(np.stack(parts, axis=1))), columns=len(parts))


def sweep_sheet(
    images: np.ndarray, names: Sequence[str], intensities: Sequence[float] | np.ndarray
) -> np.ndarray:
    """Draws a sheet of a sweep: a row an action unit, a column an intensity, with their names.

    Args:
      images: uint8 [rows, columns, S, S, 3].
      names: of the rows; intensities: of the columns.

    Returns:
      uint8 [H, W, 3].
    """
    side = images.shape[2]
    rows = [tile_grid(row, columns=len(row)) for row in images]
    sheet = np.concatenate(rows)
    left, top = max(48, side // 2), 20
    canvas = np.full((sheet.shape[0] + top, sheet.shape[1] + left, 3), 255, np.uint8)
    canvas[top:, left:] = sheet
    for number, name in enumerate(names):
        middle = top + round((number + 0.5) * len(sheet) / len(rows))
        _write(canvas, name.removesuffix("_r"), (4, middle))
    for number, value in enumerate(intensities):
        middle = left + round((number + 0.5) * (side + _PADDING))
        _write(canvas, f"{value:.2g}", (middle, 14), centred=True)
    return canvas


def side_by_side(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Puts pictures uint8 [H, W, 3] side by side, at the height of the lowest one."""
    height = min(len(picture) for picture in pictures)
    scaled = []
    for picture in pictures:
        if len(picture) != height:
            width = max(1, round(picture.shape[1] * height / len(picture)))
            picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        scaled.append(picture)
    return np.concatenate(scaled, axis=1)


def check_clip(out: str | Path) -> None:
    """Raises what `clip_or_folder` would for its `out`, before anything is computed.

    Raises:
      ValueError: a file of another ending, or a folder that is there. FileNotFoundError: no folder
        to put a clip into.
    """
    out = Path(out)
    if out.suffix.lower() in CLIPS:
        if not out.parent.is_dir():
            raise FileNotFoundError(f"--out {out}: no folder {out.parent}")
    elif out.suffix:
        raise ValueError(f"--out {out}: a clip ({' or '.join(CLIPS)}) or a new folder expected")
    elif out.exists():
        raise ValueError(f"--out {out}: exists; a new folder or a clip expected")


@contextlib.contextmanager
def clip_or_folder(
    out: str | Path, fps: float
) -> Iterator[Callable[[Sequence[np.ndarray], Sequence[str]], None]]:
    """Opens a clip, or a folder of pictures.

    Args:
      out: `.mp4` or `.gif` file, or a folder to make.
      fps: float, of a clip.

    Yields:
      function of (pictures, names): a list of uint8 [H, W, 3], side by side in a clip; in a folder
      each is `<name>.png`.
    """
    check_clip(out)
    if Path(out).suffix.lower() in CLIPS:
        with animation_writer(out, fps) as append:
            yield lambda pictures, names: append(side_by_side(pictures))
        return
    with atomic_folder(out) as folder:

        def write(pictures, names):
            for picture, name in zip(pictures, names):
                write_image(folder / f"{name}.png", picture)

        yield write


def _write(canvas, text, place, centred=False):
    font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.36
    (width, _), _ = cv2.getTextSize(text, font, size, 1)
    place = (place[0] - centred * width // 2, place[1])
    cv2.putText(canvas, text, place, font, size, (0, 0, 0), 1, cv2.LINE_AA)
