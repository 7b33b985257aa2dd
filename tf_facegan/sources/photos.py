"""Photos as users give them: the name of a file, a Pillow picture or an array."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tf_facegan.sources import faces
from tf_facegan.sources.images import open_rgb

AUTO = "auto"
"""How a face is cut out: a photo of the size that a network sees is one, in others it is found."""


def read_photo(photo: str | Path | Image.Image | np.ndarray) -> np.ndarray:
    """Makes an RGB array of a photo.

    Args:
      photo: path of an image file, PIL.Image.Image, or uint8 array [H, W], [H, W, 1] or [H, W, 3].

    Returns:
      uint8 [H, W, 3], RGB, C-contiguous; grey is repeated.

    Raises:
      FileNotFoundError, ValueError: naming the file, or what the array is.
    """
    if isinstance(photo, (str, os.PathLike)):
        return np.array(open_rgb(photo))
    if isinstance(photo, Image.Image):
        return np.array(photo.convert("RGB"))
    array = np.asarray(photo)
    if array.ndim == 2:
        array = array[..., None]
    if (
        array.dtype != np.uint8
        or array.ndim != 3
        or array.shape[2] not in (1, 3)
        or 0 in array.shape
    ):
        raise ValueError(
            f"photo: an array {array.dtype} {list(np.shape(photo))}, uint8 [H, W, 3] or [H, W] "
            "expected"
        )
    return np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:2], 3)))


def describe(photo: str | Path | Image.Image | np.ndarray) -> str:
    """Returns what errors call a photo: its file, or "photo"."""
    return str(photo) if isinstance(photo, (str, os.PathLike)) else "photo"


def as_list(photos: Any) -> list:
    """Makes a list of one photo, a list of photos, or an array [N, H, W, 3] of them."""
    if isinstance(photos, (str, os.PathLike, Image.Image)):
        return [photos]
    if isinstance(photos, np.ndarray):
        return list(photos) if photos.ndim == 4 else [photos]
    return list(photos)


def crop_options(
    photo: np.ndarray,
    size: int | Sequence[int],
    crop: str | faces.CropOptions = AUTO,
    options: faces.CropOptions | None = None,
) -> faces.CropOptions:
    """Settles what AUTO means.

    Args:
      photo: uint8 [H, W, 3].
      size: int, or several of them, sides of the faces that a network sees.
      crop: AUTO, or `faces.CropOptions`, which is returned as it is.
      options: `faces.CropOptions`, how faces are found; None: the default.
    """
    if crop != AUTO:
        return crop
    height, width = photo.shape[:2]
    is_face = height == width and height in np.atleast_1d(size)
    return faces.WHOLE if is_face else options or faces.CropOptions()


def read_faces(photos: Any, size: int, crop: str | faces.CropOptions = AUTO) -> np.ndarray:
    """Cuts a face out of every photo.

    Args:
      photos: a photo, see `read_photo`, or a list of them.
      size: int S, side of the faces.
      crop: as of `crop_options`.

    Returns:
      uint8 [N, S, S, 3], RGB.

    Raises:
      FileNotFoundError, ValueError: not a photo, no face in it (named); no photos.
    """
    found = []
    for photo in as_list(photos):
        source, picture = describe(photo), read_photo(photo)
        options = crop_options(picture, size, crop)
        found.append(faces.cut(picture, faces.find_crop(picture, options, size, source)))
    if not found:
        raise ValueError("no photos")
    return np.stack(found)
