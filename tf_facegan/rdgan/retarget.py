"""Another face's landmarks brought to the source face: NumPy only.

A network that is shown the boundary of another person draws that person's proportions. What it is
to show instead is the source face, of its size and in its place, moving as the other one does.
"""

from __future__ import annotations

import numpy as np

from tf_facegan.config import check_choice

MODES = ("motion", "shape", "none")


class Retargeter:
    """Brings one frame after another to the source face.

    Args:
      source: array [68, 2], landmarks of the source in pixels of its photo.
      mode: "motion": the source's own points, moved as the other face has moved since its first
        frame, which is taken for its neutral one; scaled and turned from that frame to the source.
        "shape": the other face's points, scaled, turned and shifted onto the source in every frame.
        "none": the other face's points as they are, in pixels of the source's photo.

    Raises:
      ValueError: an unknown mode.
    """

    def __init__(self, source: np.ndarray, mode: str = "motion"):
        check_choice("retarget", mode, MODES)
        self._source, self._mode = np.asarray(source, np.float64), mode
        self._first = self._linear = None
        self._last = self._source

    def __call__(self, points: np.ndarray | None) -> np.ndarray:
        """Takes [68, 2] of a frame, or None where no face was found, which keeps the last result.

        Returns:
          float32 [68, 2], pixels of the source's photo; the source's own before any face is found.
        """
        if points is not None:
            self._last = self._moved(np.asarray(points, np.float64))
        return self._last.astype(np.float32)

    def _moved(self, points):
        if self._mode == "none":
            return points
        if self._mode == "shape":
            linear, shift = similarity(points, self._source)
            return points @ linear.T + shift
        if self._first is None:
            self._first = points
            self._linear, _ = similarity(points, self._source)
        return self._source + (points - self._first) @ self._linear.T


def similarity(points: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least-squares scaling, turning and shifting of points to others (Umeyama 1991).

    Args:
      points, target: float64 [n, 2].

    Returns:
      (linear [2, 2], shift [2]): `points @ linear.T + shift` is nearest to `target`; without
      mirroring.

    Raises:
      ValueError: the points are all in one place.
    """
    middle, target_middle = points.mean(axis=0), target.mean(axis=0)
    x, y = (points - middle).T
    u, v = (target - target_middle).T
    spread = (x**2 + y**2).sum()
    if not spread > 0:
        raise ValueError("landmarks that are all in one place, a face expected")
    cosine, sine = (x * u + y * v).sum() / spread, (x * v - y * u).sum() / spread
    linear = np.array([[cosine, -sine], [sine, cosine]])
    return linear, target_middle - linear @ middle
