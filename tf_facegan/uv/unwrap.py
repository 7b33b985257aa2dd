"""Cylindrical unwrapping of aligned faces, cropped to the face."""

from __future__ import annotations

import dataclasses

import numpy as np

from tf_facegan.uv.dependency import require_menpo3d
from tf_facegan.uv.landmarks import BROWS, COUNT, JAW, NOSE_BRIDGE

FOREHEAD = 0.45  # of the height from chin to brows, added above the brows
MARGIN = 1.04  # around the face, so that its rim is inside


@dataclasses.dataclass(frozen=True)
class CylinderWindow:
    """A square window on a cylinder around a face.

    Attributes:
      axis: float64 [3], a point of the vertical (y) axis.
      radius: float, of the cylinder.
      centre: float64 [2], (arc length, height) that lies in the middle of the window.
      half: float64 [2], half the extent of the window in both directions.
    """

    axis: np.ndarray
    radius: float
    centre: np.ndarray
    half: np.ndarray

    @classmethod
    def around(cls, points: np.ndarray, landmarks: np.ndarray | None = None) -> CylinderWindow:
        """Fits the cylinder to points and the window to landmarks, or to all points without.

        Args:
          points: float [N, 3], aligned: y up, z towards the viewer.
          landmarks: float [68, 3] in the 68-point markup, or None.

        Raises:
          ImportError: menpo3d is missing.
        """
        if landmarks is None or len(landmarks) != COUNT or not np.isfinite(landmarks).all():
            axis, radius = _fit_cylinder(points)
            window = cls(axis, radius, np.zeros(2), np.ones(2))
            unrolled = window._unrolled(points)[:, :2]
            low, high = unrolled.min(axis=0), unrolled.max(axis=0)
            return dataclasses.replace(window, centre=(low + high) / 2, half=(high - low) / 2)
        chin, brows = landmarks[JAW, 1].min(), landmarks[BROWS, 1].mean()
        axis, radius = _fit_cylinder(points[(points[:, 1] > chin) & (points[:, 1] < brows)])
        window = cls(axis, radius, np.zeros(2), np.ones(2))
        top = brows + FOREHEAD * (brows - chin)
        half = MARGIN * (top - chin) / 2
        nose = window._unrolled(landmarks[NOSE_BRIDGE])[:, 0].mean()
        return dataclasses.replace(
            window, centre=np.array([nose, (top + chin) / 2]), half=np.array([half, half])
        )

    def tcoords(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Unrolls points.

        Args:
          points: float [N, 3], aligned.

        Returns:
          float64 [N, 2], (u, v), in [0, 1] inside the window, and float64 [N], the distance from
          the axis, larger is nearer to the viewer.
        """
        unrolled = self._unrolled(points)
        return (unrolled[:, :2] - self.centre) / (2 * self.half) + 0.5, unrolled[:, 2]

    def whole(self, tcoords: np.ndarray, trilist: np.ndarray) -> np.ndarray:
        """Leaves out the triangles [T, 3] that are torn apart where the cylinder is cut open."""
        return trilist[~self._torn(tcoords, trilist)]

    def closed(
        self, tcoords: np.ndarray, trilist: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Closes the cut by vertices that continue the right side with the left one's.

        Args:
          tcoords: float [V, 2]; trilist: int [T, 3], all triangles, as of `tcoords`.

        Returns:
          (float64 [V + N, 2] texture coordinates, int [V + N] the vertex that each of them is,
          int [T, 3] triangles, those torn apart with corners among the N).
        """
        torn = self._torn(tcoords, trilist)
        corners = trilist[torn]
        is_left = tcoords[corners][:, :, 0] < tcoords[corners][:, :, 0].mean(axis=1, keepdims=True)
        doubled, places = np.unique(corners[is_left], return_inverse=True)
        corners[is_left] = len(tcoords) + places.reshape(-1)
        trilist = trilist.copy()
        trilist[torn] = corners
        around = 2 * np.pi * self.radius / (2 * self.half[0])
        right = np.clip(tcoords[doubled] + [around, 0.0], 0.0, 1.0)
        sources = np.concatenate([np.arange(len(tcoords)), doubled])
        return np.concatenate([tcoords, right]), sources, trilist

    def _torn(self, tcoords, trilist):
        """bool [T]: triangles with corners on both sides of the cut."""
        width = np.ptp(tcoords[trilist][:, :, 0], axis=1)
        return width >= np.pi * self.radius / (2 * self.half[0])

    def _unrolled(self, points):
        unwrap = require_menpo3d("menpo3d.unwrap")
        return unwrap.CylindricalUnwrap(self.radius).apply(points - self.axis)


def _fit_cylinder(points):
    """Returns a point of the axis and the radius of menpo3d's best cylinder."""
    unwrap = require_menpo3d("menpo3d.unwrap")
    from menpo.shape import PointCloud

    chain = unwrap.optimal_cylindrical_unwrap(PointCloud(points))
    translation, cylinder = chain.transforms
    return -translation.translation_component, cylinder.radius
