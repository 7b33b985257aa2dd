"""Where the 68 landmarks of a toy face are, and the way from the face to the image.

Face coordinates: x to the right of the image, y down, z towards the viewer, in half face widths,
with the origin between the eyes. Landmarks are in the iBUG order of 68.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tf_facegan.sources.toy_faces import muscles

if TYPE_CHECKING:
    from tf_facegan.sources.toy_faces.identity import Identity
    from tf_facegan.sources.toy_faces.scene import Scene


MIRROR = np.array(
    [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)]
    + [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
    + [*range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), *range(67, 64, -1)]
)
"""The landmark on the other side of the face, for each of the 68."""

CENTRE = np.array((0.0, 0.1, 0.0))  # what stays in the middle of the image
HALF_VIEW = 1.62  # half the side of the image at zoom 1
SKULL = np.array((1.15, 2.0, 0.95))  # half axes of the ellipsoid that the face lies on

_JAW = np.array(
    [(-1.0, 0.02), (-0.99, 0.28), (-0.965, 0.54), (-0.9, 0.8), (-0.785, 1.03)]
    + [(-0.62, 1.22), (-0.42, 1.37), (-0.21, 1.47), (0.0, 1.5)]
)
_JAW_DEPTH = np.array([-0.05, -0.05, 0.0, 0.05, 0.15, 0.28, 0.4, 0.5, 0.55])
_NOSE_LIFT = np.array([0.1, 0.18, 0.27, 0.34, 0.12, 0.18, 0.22, 0.18, 0.12])


@dataclasses.dataclass(frozen=True)
class Camera:
    """The view of a scene onto an image of `size` pixels."""

    scene: Scene
    size: int

    @functools.cached_property
    def rotation(self) -> np.ndarray:
        """float64 [3, 3], yaw and pitch of the head; the roll turns the image."""
        yaw, pitch = np.radians((self.scene.yaw, self.scene.pitch))
        cos, sin = np.cos(yaw), np.sin(yaw)
        around_y = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
        cos, sin = np.cos(pitch), np.sin(pitch)
        around_x = np.array([[1, 0, 0], [0, cos, sin], [0, -sin, cos]])
        return around_y @ around_x

    @functools.cached_property
    def scale(self) -> float:
        """float, pixels in half a face width."""
        return self.size * self.scene.zoom / (2 * HALF_VIEW)

    @functools.cached_property
    def similarity(self) -> np.ndarray:
        """float64 [2, 3]: from the rotated head's (x, y) to pixels."""
        roll = np.radians(self.scene.roll)
        cos, sin = np.cos(roll) * self.scale, np.sin(roll) * self.scale
        turn = np.array([[cos, -sin], [sin, cos]])
        middle = (self.size - 1) / 2 + np.array(self.scene.shift) * self.size / (2 * HALF_VIEW)
        return np.concatenate([turn, middle[:, None]], axis=1)

    def plane(self, points: np.ndarray) -> np.ndarray:
        """(x, y) of points [N, 3] of the head after it has been turned: float [N, 2]."""
        return (points - CENTRE) @ self.rotation[:2].T

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """(x, y) in pixels of points [N, 3] of the head: float [N, 2]."""
        similarity = self.similarity
        return self.plane(points) @ similarity[:, :2].T + similarity[:, 2]


def depth(points: np.ndarray) -> np.ndarray:
    """z of the ellipsoid above face coordinates [..., 2]."""
    x, y = points[..., 0] / SKULL[0], (points[..., 1] - 0.05) / SKULL[1]
    return SKULL[2] * np.sqrt(np.maximum(1.0 - x * x - y * y, 0.04))


def lifted(points: Sequence | np.ndarray, lift: float | np.ndarray = 0.0) -> np.ndarray:
    """float [N, 3]: face coordinates [N, 2] on the ellipsoid, `lift` above it."""
    points = np.asarray(points, np.float64)
    return np.concatenate([points, (depth(points) + lift)[:, None]], axis=1)


def landmarks(identity: Identity, intensities: np.ndarray) -> np.ndarray:
    """The landmarks of a face that shows action units.

    Args:
      identity: Identity.
      intensities: float [17], 0 to 5, in the order of `action_units.AUS`.

    Returns:
      float64 [68, 3], face coordinates.
    """
    neutral = neutral_landmarks(identity)
    return muscles.contract(neutral, intensities, MIRROR)


@functools.lru_cache(maxsize=256)
def neutral_landmarks(identity: Identity) -> np.ndarray:
    """float64 [68, 3], not to be written to: the landmarks of an identity at rest."""
    left = np.zeros((68, 3))
    _jaw(left, identity)
    _brow(left, identity)
    _eye(left, identity)
    _nose(left, identity)
    _mouth(left, identity)
    points = _symmetric(left)
    points.flags.writeable = False
    return points


def _symmetric(points):
    """Fills the image-right half with the mirrored image-left half."""
    mirrored = points[MIRROR] * (-1.0, 1.0, 1.0)
    given = np.any(points != 0.0, axis=1)
    return np.where(given[:, None], points, mirrored)


def _jaw(points, identity):
    x, y = _JAW.T
    low = np.clip((y - 0.3) / 0.7, 0.0, 1.0)
    chin = np.array([0, 0, 0, 0, 0, 0.3, 0.8, 1, 0])
    x = x * identity.face_width
    x = x * (1 + (identity.jaw_width - 1) * low) * (1 + (identity.chin_width - 1) * chin)
    points[:9] = np.stack([x, y * identity.face_length, _JAW_DEPTH], axis=1)


def _brow(points, identity):
    x = np.array([-0.8, -0.66, -0.5, -0.33, -0.17]) * identity.eye_distance
    y = np.array([-0.24, -0.34, -0.38, -0.35, -0.3]) - identity.brow_height
    y -= np.array([0, 1, 1, 0.3, 0]) * identity.brow_arch
    y -= np.array([1, 0.7, 0.2, -0.3, -0.6]) * identity.brow_tilt
    points[17:22] = lifted(np.stack([x, y], axis=1), 0.02)


def _eye(points, identity):
    width = 0.215 * identity.eye_size
    upper = 0.112 * identity.eye_size * identity.eye_roundness
    lower = 0.068 * identity.eye_size * identity.eye_roundness
    x = np.array([-1.0, -0.38, 0.32, 1.0, 0.34, -0.36]) * width - 0.45 * identity.eye_distance
    y = np.array([0.0, -upper, -upper, 0.02, lower, lower])
    y -= np.array([1.0, 0.6, 0.0, -0.3, 0.1, 0.6]) * identity.eye_tilt
    points[36:42] = lifted(np.stack([x, y], axis=1), -0.06)


def _nose(points, identity):
    x = np.array([0, 0, 0, 0, -0.2, -0.105, 0]) * identity.nose_width
    y = np.array([-0.06, 0.12, 0.3, 0.47, 0.57, 0.612, 0.635]) * identity.nose_length
    points[27:34] = lifted(np.stack([x, y], axis=1))
    points[27:34, 2] += _NOSE_LIFT[:7] * identity.nose_height


def _mouth(points, identity):
    width, middle = 0.38 * identity.mouth_width, 0.95 * identity.face_length - identity.mouth_height
    upper, lower = 0.085 * identity.upper_lip, 0.115 * identity.lower_lip
    outer_x = np.array([-1, -0.6, -0.2, 0, 0, -0.27, -0.64]) * width
    outer_y = np.array([0, -0.62 * upper, -upper, -0.82 * upper, lower, 0.95 * lower, 0.62 * lower])
    inner_x = np.array([-0.84, -0.3, 0, 0, -0.3]) * width
    inner_y = np.array([0.0, -0.005, 0.006, 0.012, 0.004])
    outer = lifted(np.stack([outer_x, outer_y + middle], axis=1), 0.05)
    inner = lifted(np.stack([inner_x, inner_y + middle], axis=1), 0.04)
    points[48:52], points[57:60] = outer[:4], outer[4:]
    points[60:63], points[66:68] = inner[:3], inner[3:]
