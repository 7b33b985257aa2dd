"""The texture layout of TBGAN's fitting (595 x 377) and the square maps of its networks (512)."""

from __future__ import annotations

import numpy as np

HEIGHT, WIDTH, SIDE = 377, 595, 512
LEFT, TOP = 41, 67  # where the square lies on the texture, and the texture in the square
_RIGHT, _BOTTOM = WIDTH - SIDE - LEFT, SIDE - HEIGHT - TOP
_LAST = WIDTH - 43  # the last column that the published code keeps


def to_square(texture: np.ndarray) -> np.ndarray:
    """Cuts a texture at the sides and pads it above and below (`crop_im`, `crop_im_512`).

    Args:
      texture: [377, 595, C], uint8, or float in [0, 1] (values beyond are cut off).

    Returns:
      [512, 512, C] of the same dtype, 0 above and below.

    Raises:
      ValueError: another size.
    """
    texture = _checked(texture, (HEIGHT, WIDTH))
    middle = texture[:, LEFT : WIDTH - _RIGHT]
    return np.pad(middle, ((TOP, _BOTTOM), (0, 0), (0, 0)))


def from_square(square: np.ndarray) -> np.ndarray:
    """The way back (`crop_im_377`): the sides repeat their last column.

    As published, the first column that the square does hold is among those replaced.

    Args:
      square: [512, 512, C], uint8, or float in [0, 1] (values beyond are cut off).

    Returns:
      [377, 595, C] of the same dtype.

    Raises:
      ValueError: another size.
    """
    square = _checked(square, (SIDE, SIDE))
    texture = np.pad(rows_of_texture(square), ((0, 0), (LEFT, _RIGHT), (0, 0)))
    texture[:, : LEFT + 1] = texture[:, LEFT + 1 : LEFT + 2]
    texture[:, _LAST:] = texture[:, _LAST : _LAST + 1]
    return texture


def rows_of_texture(square: np.ndarray) -> np.ndarray:
    """The rows [377, 512, C] of a square map [512, 512, C] that a texture fills."""
    return square[TOP : TOP + HEIGHT]


def _checked(picture, size):
    picture = np.asarray(picture)
    if picture.ndim != 3 or picture.shape[:2] != size:
        raise ValueError(f"picture is {list(picture.shape)}, expected [{size[0]}, {size[1]}, C]")
    return picture if picture.dtype == np.uint8 else np.clip(picture, 0, 1)
