"""Grids of images and their files, as PGGAN and TBGAN write them. NCHW arrays, no TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from tf_facegan.files import atomic_file

# Endings of the files of a grid with several modalities (TBGAN's save_image_grid).
_ENDINGS = {"texture": "", "shape": "_shp", "normals": "_nor"}
_PUBLISHED = (("texture", 3), ("shape", 3), ("normals", 3))


def adjust_dynamic_range(
    values: np.ndarray, source: Sequence[float], target: Sequence[float]
) -> np.ndarray:
    """Maps `source` = (low, high) linearly to `target`; returns float32."""
    scale = np.float32(target[1] - target[0]) / np.float32(source[1] - source[0])
    return np.asarray(values, np.float32) * scale + (np.float32(target[0]) - source[0] * scale)


def to_uint8(values: np.ndarray, value_range: Sequence[float]) -> np.ndarray:
    """Maps `value_range` to 0..255, rounded half to even and clipped; returns uint8."""
    scaled = adjust_dynamic_range(values, value_range, (0, 255))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def image_grid(images: np.ndarray, size: Sequence[int] | None = None) -> np.ndarray:
    """Puts images side by side, row by row; missing cells are 0.

    Args:
      images: array [N, C, H, W].
      size: (columns, rows), or None for a near-square grid.

    Returns:
      array [C, rows * H, columns * W] of the same dtype.

    Raises:
      ValueError: when the grid has fewer cells than there are images.
    """
    images = np.asarray(images)
    count, channels, height, width = images.shape
    if size is None:
        columns = max(int(np.ceil(np.sqrt(count))), 1)
        size = (columns, max((count - 1) // columns + 1, 1))
    columns, rows = size
    if columns * rows < count:
        raise ValueError(f"{count} images do not fit into a grid of {columns} x {rows}")
    grid = np.zeros((channels, rows * height, columns * width), images.dtype)
    for i, image in enumerate(images):
        x, y = i % columns * width, i // columns * height
        grid[:, y : y + height, x : x + width] = image
    return grid


def shrink(images: np.ndarray, factor: int) -> np.ndarray:
    """Averages boxes of factor x factor pixels: [N, C, H, W] -> [N, C, H / factor, W / factor].

    Raises:
      ValueError: the option `image_shrink` does not divide the images.
    """
    count, channels, height, width = images.shape
    if factor < 1 or height % factor or width % factor:
        raise ValueError(f"image_shrink={factor}: expected a divisor of {width}")
    shape = (count, channels, height // factor, factor, width // factor, factor)
    return images.reshape(shape).mean(axis=(3, 5))


def split_modalities(
    image: np.ndarray, modalities: Sequence[Sequence] | None = None
) -> dict[str, np.ndarray]:
    """Splits the channels of [..., C, H, W].

    Args:
      image: array; `modalities`: (name, channels) in channel order, or None: as published, C = 6 is
        texture and shape, 9 also normals, anything else one image.

    Returns:
      dict of modality name to array [..., channels, H, W].
    """
    channels = image.shape[-3]
    if modalities is None:
        modalities = _PUBLISHED[: channels // 3] if channels in (6, 9) else (("image", channels),)
    parts, start = {}, 0
    for name, width in modalities:
        parts[name] = image[..., start : start + width, :, :]
        start += width
    return parts


def as_rgb(image: np.ndarray) -> np.ndarray:
    """Makes a picture [H, W, 3] of [C, H, W]: the first three channels, or the first as grey."""
    shown = image[:3] if image.shape[0] >= 3 else np.repeat(image[:1], 3, axis=0)
    return np.ascontiguousarray(shown.transpose(1, 2, 0))


IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")


def check_image_file(flag: str, path: str | Path) -> None:
    """Raises unless `write_image` can make a file, before there is an image.

    Args:
      flag: str, the flag that names the file.
      path: where it shall be.

    Raises:
      ValueError: another ending, or a folder. FileNotFoundError: no folder to put it into.
    """
    path = Path(path)
    if path.suffix.lower() not in IMAGE_SUFFIXES or path.is_dir():
        raise ValueError(f"{flag} {path}: a .png or .jpg file expected")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{flag} {path}: no folder {path.parent}")


def write_image(path: str | Path, image: np.ndarray) -> None:
    """Writes a uint8 image [H, W] (grey) or [H, W, 3] (RGB); the ending picks the format.

    JPEG has quality 95. Raises ValueError for an ending that is not known.
    """
    path = Path(path)
    if image.ndim == 3 and image.shape[-1] == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    options = [cv2.IMWRITE_JPEG_QUALITY, 95] if path.suffix.lower() in (".jpg", ".jpeg") else []
    try:
        written, data = cv2.imencode(path.suffix, image, options)
    except cv2.error:
        written = False
    if not written:
        raise ValueError(f"{path}: images are written as .png or .jpg")
    with atomic_file(path) as file:
        file.write(data.tobytes())


def save_image_grid(
    images: np.ndarray,
    path: str | Path,
    value_range: Sequence[float] = (-1, 1),
    size: Sequence[int] | None = None,
    modalities: Sequence[Sequence] | None = None,
) -> list[Path]:
    """Writes a grid of images, a file for each modality (`_shp`, `_nor` for shape and normals).

    All modalities are mapped with the same range: shapes and normals appear as RGB of their values.

    Args:
      images: array [N, C, H, W].
      path: file to write, `.png` or `.jpg`.
      value_range: (black, white).
      size: (columns, rows) or None.
      modalities: as for `split_modalities`.

    Returns:
      list of pathlib.Path written.
    """
    path = Path(path)
    grid = to_uint8(image_grid(images, size), value_range)
    parts = split_modalities(grid, modalities)
    written = []
    for name, part in parts.items():
        ending = _ENDINGS.get(name, f"_{name}") if len(parts) > 1 else ""
        grey = part.shape[0] < 3
        written.append(path.with_name(path.stem + ending + path.suffix))
        write_image(written[-1], part[0] if grey else as_rgb(part))
    return written
