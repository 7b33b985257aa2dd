"""A crop as a map from photo to crop, and its inverse: pasting an edited crop back."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np

from tf_facegan.sources.faces.detection import check_image

_FEATHER = 0.15  # of the crop's side: how wide the mask fades to nothing at its border
_ROUNDING = 1e-6  # pixels


@dataclasses.dataclass(frozen=True, eq=False)
class Crop:
    """A rectangle of a photo, turned or not, and the size it is resized to.

    Attributes:
      matrix: float64 [2, 3], maps (x, y, 1) in the photo to (x, y) in the crop.
      size: (width, height) of the crop in pixels.
    """

    matrix: np.ndarray
    size: tuple

    @classmethod
    def square(
        cls,
        centre: Sequence[float] | np.ndarray,
        side: float,
        angle: float = 0.0,
        size: int | None = None,
    ) -> Crop:
        """A square of the photo.

        Args:
          centre: (x, y) of its middle.
          side: float, pixels.
          angle: degrees; a face turned clockwise by this is upright in the crop.
          size: int, side of the crop in pixels; None for the side in the photo, rounded.
        """
        size = size or max(1, round(side))
        zoom, turn = size / side, np.deg2rad(angle)
        linear = zoom * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        middle = np.full(2, (size - 1) / 2)
        return cls(np.column_stack([linear, middle - linear @ centre]), (size, size))

    @classmethod
    def box(
        cls, left: int, top: int, right: int, bottom: int, size: Sequence[int] | None = None
    ) -> Crop:
        """A rectangle of whole pixels, `photo[top:bottom, left:right]`, resized to `size`.

        Args:
          left, top, right, bottom: int; may lie outside the photo.
          size: (width, height); None for no resizing.
        """
        width, height = right - left, bottom - top
        size = size or (width, height)
        zoom = np.array(size) / (width, height)
        shift = (0.5 - np.array([left, top])) * zoom - 0.5
        return cls(np.column_stack([np.diag(zoom), shift]), tuple(size))

    def corners(self) -> np.ndarray:
        """Its outer corners in the photo: float64 [4, 2], clockwise from the crop's top left."""
        width, height = self.size
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]]) - 0.5
        return self.to_photo(corners)

    def to_crop(self, points: Sequence | np.ndarray) -> np.ndarray:
        """Brings places [N, 2] of the photo into the crop (landmarks, say)."""
        return np.asarray(points) @ self.matrix[:, :2].T + self.matrix[:, 2]

    def to_photo(self, points: Sequence | np.ndarray) -> np.ndarray:
        """Brings places [N, 2] of the crop into the photo."""
        back = cv2.invertAffineTransform(self.matrix)
        return np.asarray(points) @ back[:, :2].T + back[:, 2]


def cut(photo: np.ndarray, crop: Crop) -> np.ndarray:
    """Cuts a crop out of a photo.

    Shrinking averages over areas, enlarging is bicubic. Outside the photo its outermost pixels are
    repeated: a mirror image would show eyes a second time. A crop of whole pixels that is not
    resized is a copy.

    Args:
      photo: uint8 [H, W, 3], RGB.
      crop: Crop.

    Returns:
      uint8 [height, width, 3], RGB.

    Raises:
      ValueError: the photo is not as above.
    """
    return _to_bytes(_cut(check_image(photo, "photo"), crop))


def paste_back(
    photo: np.ndarray, edited: np.ndarray, crop: Crop, mask: np.ndarray | None = None
) -> np.ndarray:
    """Puts an edited crop back into its photo.

    Only the difference between the edited crop and the crop as it was is enlarged and added, so
    that what was not edited keeps the detail of the photo, which the crop may not have.

    Args:
      photo: uint8 [H, W, 3], RGB, that the crop was cut from.
      edited: [height, width, 3], the size of the crop; uint8, or float in [0, 255].
      crop: Crop.
      mask: float [height, width] in [0, 1], 1 where the edited crop counts; None for all of it.
        In both cases it fades to 0 towards the border of the crop.

    Returns:
      uint8 [H, W, 3], RGB: a new picture, equal to the photo where the mask is 0.

    Raises:
      ValueError: shapes that do not fit.
    """
    photo = check_image(photo, "photo")
    width, height = crop.size
    edited = np.asarray(edited)
    if edited.shape != (height, width, 3):
        raise ValueError(
            f"edited crop: shape {list(edited.shape)}, {[height, width, 3]} expected, as the crop"
        )
    if mask is not None and np.shape(mask) != (height, width):
        raise ValueError(
            f"mask: shape {list(np.shape(mask))}, {[height, width]} expected, as the crop"
        )
    pasted = photo.copy()
    corners = crop.corners()
    lowest = np.maximum(np.floor(corners.min(axis=0)).astype(int) - 1, 0)
    highest = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 2, photo.shape[1::-1])
    if (lowest >= highest).any():
        return pasted
    (left, top), (right, bottom) = lowest, highest
    back = cv2.invertAffineTransform(crop.matrix)
    back[:, 2] -= lowest
    size = (int(right - left), int(bottom - top))
    weight = _feather(width, height) if mask is None else _feather(width, height) * mask
    weight = _warp(weight.astype(np.float32), back, size, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)
    difference = edited.astype(np.float32) - cut(photo, crop)
    difference = _warp(difference, back, size, cv2.INTER_CUBIC, cv2.BORDER_REPLICATE)
    region = pasted[top:bottom, left:right]
    region[...] = _to_bytes(region + difference * weight[..., None])
    return pasted


def _cut(photo, crop):
    box = _whole_box(crop)
    if box is None:
        values = photo.astype(np.float32)
        return _warp(values, crop.matrix, crop.size, cv2.INTER_CUBIC, cv2.BORDER_REPLICATE)
    left, top, right, bottom = box
    height, width = photo.shape[:2]
    inside = photo[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if inside.shape[:2] != (bottom - top, right - left):
        rows = np.clip(np.arange(top, bottom), 0, height - 1)
        inside = photo[rows[:, None], np.clip(np.arange(left, right), 0, width - 1)]
    if (right - left, bottom - top) == crop.size:
        return inside
    shrinks = crop.size[0] <= right - left and crop.size[1] <= bottom - top
    return cv2.resize(
        inside, crop.size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    )


def _whole_box(crop):
    """(left, top, right, bottom) of a crop of whole pixels that is not turned, else None."""
    corners = crop.corners()
    whole = np.rint(corners + 0.5).astype(int)
    if np.abs(corners + 0.5 - whole).max() > _ROUNDING:
        return None
    (left, top), (right, _), (_, bottom), _ = whole
    upright = (whole == [[left, top], [right, top], [right, bottom], [left, bottom]]).all()
    return (left, top, right, bottom) if upright and left < right and top < bottom else None


def _warp(image, matrix, size, interpolation, border):
    """`cv2.warpAffine` that averages over areas where it shrinks."""
    zoom = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    fine = max(1, int(np.ceil(1 / zoom - _ROUNDING)))
    matrix = matrix * fine
    matrix[:, 2] += (fine - 1) / 2
    width, height = size
    warped = cv2.warpAffine(
        image, matrix, (width * fine, height * fine), flags=interpolation, borderMode=border
    )
    return warped if fine == 1 else cv2.resize(warped, size, interpolation=cv2.INTER_AREA)


def _feather(width, height):
    """1 inside, fading smoothly to 0 at the border: float64 [height, width]."""

    def profile(count):
        distance = np.minimum(np.arange(count), np.arange(count)[::-1])
        rise = np.clip(distance / max(1.0, _FEATHER * count), 0, 1)
        return rise * rise * (3 - 2 * rise)

    return np.outer(profile(height), profile(width))


def _to_bytes(values):
    if values.dtype == np.uint8:
        return values.copy()
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
