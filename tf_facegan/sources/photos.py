"""Photos as users give them: the name of a file, a Pillow picture or an array."""

import os

import numpy as np
from PIL import Image

from tf_facegan.sources.images import open_rgb


def read_photo(photo):
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


def describe(photo):
    """Returns what errors call a photo: its file, or "photo"."""
    return str(photo) if isinstance(photo, (str, os.PathLike)) else "photo"
