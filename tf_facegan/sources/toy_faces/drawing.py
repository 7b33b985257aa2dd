"""Smooth curves, and polygons painted with exact coverage of every pixel.

Coordinates are pixels (x, y), pixel centres at integers. Coverage is counted on a finer grid, so
that edges are as smooth at 32 pixels as at 1024.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import cv2
import numpy as np

_SHIFT = 4  # bits of a coordinate behind the point, for OpenCV


def spline(points: np.ndarray, closed: bool = False, steps: int = 6) -> np.ndarray:
    """A Catmull-Rom curve through points.

    Args:
      points: float array [N, 2].
      closed: whether it returns to the first point.
      steps: int, places between two points.

    Returns:
      float array [M, 2] that holds every one of `points`.
    """
    return _spline_weights(len(points), closed, steps) @ points


@functools.lru_cache(maxsize=64)
def _spline_weights(count, closed, steps):
    """float64 [M, count]: what each point counts at each place of the curve."""
    points = np.eye(count)
    if closed:
        padded = points[np.arange(-1, count + 2) % count]
    else:
        ends = (2 * points[0] - points[1], 2 * points[-1] - points[-2])
        padded = np.concatenate([ends[0][None], points, ends[1][None]])
    segments = np.stack([padded[k : len(padded) - 3 + k] for k in range(4)])
    t = np.arange(steps)[:, None] / steps
    powers = np.concatenate([t**0, t, t**2, t**3], axis=1)
    basis = powers @ (0.5 * np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]))
    weights = np.einsum("tk,knd->ntd", basis, segments).reshape(-1, count)
    return weights if closed else np.concatenate([weights, points[-1:]])


def band(curve: np.ndarray, half_widths: float | np.ndarray) -> np.ndarray:
    """The outline of a stroke along a curve [N, 2] (half widths a number or [N]): [2 N, 2]."""
    tangent = np.empty_like(curve)
    tangent[1:-1] = curve[2:] - curve[:-2]
    tangent[0], tangent[-1] = curve[1] - curve[0], curve[-1] - curve[-2]
    scale = half_widths / (np.hypot(tangent[:, 0], tangent[:, 1]) + 1e-9)
    across = np.stack([tangent[:, 1] * scale, -tangent[:, 0] * scale], axis=1)
    return np.concatenate([curve + across, (curve - across)[::-1]])


@functools.lru_cache(maxsize=64)
def taper(count: int, start: float = 0.0, end: float = 0.0) -> np.ndarray:
    """Factors [count] of a stroke's width: `start` and `end` at its ends, 1 in the middle."""
    t = np.linspace(0.0, 1.0, count)
    ends = np.where(t < 0.5, start, end)
    return ends + (1.0 - ends) * np.sqrt(np.sin(np.pi * t))


def ellipse(
    centre: Sequence[float] | np.ndarray,
    radii: Sequence[float] | np.ndarray,
    angle: float = 0.0,
    steps: int = 24,
) -> np.ndarray:
    """float [steps, 2]: an ellipse, `angle` in radians, clockwise in the image."""
    circle = _circle(steps) * radii
    cos, sin = np.cos(angle), np.sin(angle)
    return centre + circle @ np.array([[cos, sin], [-sin, cos]])


@functools.lru_cache(maxsize=4)
def _circle(steps):
    angles = np.arange(steps) * (2 * np.pi / steps)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def box_around(
    polygons: Sequence[np.ndarray], size: int, margin: float = 0.0
) -> tuple[int, int, int, int] | None:
    """The part of a square image that polygons may touch: (top, bottom, left, right) or None."""
    points = polygons[0] if len(polygons) == 1 else np.concatenate(polygons)
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    left, top = np.maximum(np.floor(low - 0.5), 0).astype(int)
    right, bottom = np.minimum(np.ceil(high + 1.5), size).astype(int)
    return (top, bottom, left, right) if top < bottom and left < right else None


def coverage(
    polygons: Sequence[np.ndarray],
    box: tuple[int, int, int, int],
    size: int,
    blur: float = 0.0,
    values: Sequence[float] | None = None,
) -> np.ndarray:
    """How much of each pixel polygons cover.

    Args:
      polygons: list of float [N, 2]; a later one covers an earlier one.
      box: (top, bottom, left, right) in pixels.
      size: int, side of the image: decides how fine the grid is.
      blur: standard deviation of a Gaussian, pixels.
      values: list of float in [0, 1], what each polygon counts; None is 1.

    Returns:
      float32 [bottom - top, right - left, 1] in [0, 1].
    """
    fine = 4 if size <= 256 else 2
    margin = int(np.ceil(3 * blur))
    top, bottom, left, right = box
    height, width = bottom - top + 2 * margin, right - left + 2 * margin
    canvas = np.zeros((height * fine, width * fine), np.uint8)
    origin = np.array((left - margin - 0.5, top - margin - 0.5))
    for number, polygon in enumerate(polygons):
        places = ((polygon - origin) * fine - 0.5) * (1 << _SHIFT)
        value = 255 if values is None else int(round(255 * min(values[number], 1.0)))
        cv2.fillPoly(canvas, [np.rint(places).astype(np.int32)], value, cv2.LINE_8, _SHIFT)
    mask = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    if blur > 0.15:
        mask = cv2.GaussianBlur(mask, (0, 0), blur, borderType=cv2.BORDER_CONSTANT)
    if margin:
        mask = mask[margin:-margin, margin:-margin]
    return mask[:, :, None] * np.float32(1 / 255)


class Painter:
    """Paints on a float32 image [S, S, 3] in place."""

    def __init__(self, image: np.ndarray):
        self.image = image
        self.size = len(image)

    def fill(
        self,
        polygons: Sequence[np.ndarray],
        colour: Sequence[float] | np.ndarray,
        opacity: float = 1.0,
        blur: float = 0.0,
        within: tuple[tuple, np.ndarray] | None = None,
    ) -> tuple[tuple, np.ndarray] | None:
        """Lays a colour over polygons.

        Args:
          polygons: list of float [N, 2].
          colour: RGB, or an image [S, S, 3].
          opacity: 0 to 1.
          blur: standard deviation in pixels of the soft edge.
          within: (box, coverage) that the colour must not leave, e.g. an earlier result.

        Returns:
          (box, coverage) of what was painted, None if that lies outside the image.
        """
        found = self._mask(polygons, blur, within)
        if found is None:
            return None
        (top, bottom, left, right), mask = found
        part = self.image[top:bottom, left:right]
        if np.ndim(colour) == 3:
            colour = colour[top:bottom, left:right]
        part += (np.asarray(colour, np.float32) - part) * (mask * np.float32(opacity))
        return found

    def darken(
        self,
        polygons: Sequence[np.ndarray],
        factor: Sequence[float] | np.ndarray,
        blur: float = 0.0,
        values: Sequence[float] | None = None,
        within: tuple[tuple, np.ndarray] | None = None,
    ) -> None:
        """Multiplies what polygons cover by a factor RGB (1 changes nothing)."""
        found = self._mask(polygons, blur, within, values)
        if found is not None:
            (top, bottom, left, right), mask = found
            part = self.image[top:bottom, left:right]
            part *= 1.0 + (np.asarray(factor, np.float32) - 1.0) * mask

    def _mask(self, polygons, blur, within, values=None):
        if not polygons:
            return None
        if within is not None:
            box, limit = within
            return box, coverage(polygons, box, self.size, blur, values) * limit
        box = box_around(polygons, self.size, 3 * blur)
        return box and (box, coverage(polygons, box, self.size, blur, values))
