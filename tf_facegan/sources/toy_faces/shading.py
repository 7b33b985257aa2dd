"""Light on the head: smooth, so it is worked out on a grid of its own, whatever the size.

The head is an ellipsoid with bumps (nose, cheekbones, brow ridge, chin) and hollows (eye sockets).
The grid lies in the turned head's plane; `Shading.warp` brings it to the pixels of an image.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tf_facegan.sources.toy_faces.geometry import CENTRE, SKULL, lifted

if TYPE_CHECKING:
    from tf_facegan.sources.toy_faces.geometry import Camera
    from tf_facegan.sources.toy_faces.identity import Identity
    from tf_facegan.sources.toy_faces.scene import Scene


SIDE = 100
HALF = 2.1  # half the side of the grid, half face widths
_STEP = 2 * HALF / (SIDE - 1)


class Shading:
    """Light and surface coordinates of a head.

    Attributes:
      light: float32 [S, S, 3], factors of the colours of matt skin.
      gloss: float32 [S, S, 1], highlights to be added.
      surface: float32 [S, S, 2], face coordinates (x, y) of the skin in each pixel.
      polar: float32 [S, S, 2], angle (radians, 0 is up) and distance around the crown of the head.
    """

    def __init__(
        self, camera: Camera, identity: Identity, points: np.ndarray, strength: dict[int, float]
    ):
        """Works the light out.

        Args:
          camera: Camera.
          identity: Identity.
          points: float [68, 3], landmarks in face coordinates.
          strength: {number of an action unit: 0 to 1}.
        """
        position, normal = _ellipsoid(camera.rotation)
        height = _relief(camera, _bumps(identity, points, strength))
        slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=1 / (8 * _STEP))
        slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=1 / (8 * _STEP))
        normal[0] -= slope_x
        normal[1] -= slope_y
        normal /= np.sqrt((normal * normal).sum(axis=0))
        scene = camera.scene
        direction = _light_direction(scene)
        facing = _product(normal, direction)
        halfway = direction + np.array((0, 0, 1), np.float32)
        halfway /= np.linalg.norm(halfway)
        gloss = np.maximum(_product(normal, halfway), 0) ** 2
        gloss = (gloss * gloss * gloss) ** 2  # Blinn's exponent is 24
        gloss = gloss * gloss * (0.10 + 0.16 * scene.light_contrast)
        diffuse = np.clip((facing + 0.35) / 1.35, 0.0, 1.0)
        depth = 0.35 + 0.55 * scene.light_contrast
        light = (1.0 - depth + depth * diffuse) * (1.0 + 0.28 * depth)
        light = light * np.clip(1.0 + 0.9 * np.minimum(height, 0.0), 0.6, 1.0)
        maps = np.stack([light, gloss, *position, *_polar()], axis=2)
        warped = warp(maps.astype(np.float32), camera)
        self.light = warped[:, :, :1] * light_colour(scene)
        self.gloss = warped[:, :, 1:2]
        self.surface = warped[:, :, 2:4]
        self.polar = np.stack([np.arctan2(warped[..., 4], warped[..., 5]), warped[..., 6]], axis=2)


def _product(vectors, vector):
    """Scalar products of [3, ...] with [3]."""
    return vectors[0] * vector[0] + vectors[1] * vector[1] + vectors[2] * vector[2]


def warp(maps: np.ndarray, camera: Camera) -> np.ndarray:
    """Brings maps [SIDE, SIDE, C] of the grid to the pixels of the image: [S, S, C]."""
    to_plane = np.array([[_STEP, 0, -HALF], [0, _STEP, -HALF]])
    similarity = camera.similarity
    matrix = similarity[:, :2] @ to_plane
    matrix[:, 2] += similarity[:, 2]
    size = (camera.size, camera.size)
    parts = [
        cv2.warpAffine(
            np.ascontiguousarray(maps[:, :, k : k + 4]),
            matrix,
            size,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        for k in range(0, maps.shape[2], 4)
    ]
    return np.concatenate([np.atleast_3d(part) for part in parts], axis=2)


def light_colour(scene: Scene) -> np.ndarray:
    """float32 [3]: what the light makes of white."""
    tint = 1.0 + scene.warmth * np.array((0.05, 0.0, -0.08))
    return (scene.brightness * tint).astype(np.float32)


def _light_direction(scene):
    """float32 [3], towards the light, in the plane of the turned head (before the roll)."""
    azimuth, elevation, roll = np.radians((scene.light_azimuth, scene.light_elevation, scene.roll))
    x, y = np.sin(azimuth) * np.cos(elevation), -np.sin(elevation)
    z = np.cos(azimuth) * np.cos(elevation)
    cos, sin = np.cos(roll), np.sin(roll)
    return np.array((cos * x + sin * y, cos * y - sin * x, z), np.float32)


@functools.lru_cache(maxsize=1)
def _axis():
    return np.linspace(-HALF, HALF, SIDE).astype(np.float32)


@functools.lru_cache(maxsize=1)
def _polar():
    """float32 [3, SIDE, SIDE]: (sine, cosine) of the angle around the crown times, and distance."""
    x, y = np.meshgrid(_axis(), _axis() + np.float32(CENTRE[1] + 0.35))
    return np.stack([x, -y, np.hypot(x, y)])


def _ellipsoid(rotation):
    """Face coordinates (x, y) [2, SIDE, SIDE] and normals [3, SIDE, SIDE] of the turned head."""
    rotation = rotation.astype(np.float32)
    form = rotation @ np.diag(1.0 / SKULL**2).astype(np.float32) @ rotation.T
    x, y = np.meshgrid(_axis(), _axis())
    a = form[2, 2]
    b = form[0, 2] * x + form[1, 2] * y
    c = form[0, 0] * x * x + 2 * form[0, 1] * x * y + form[1, 1] * y * y - 1.0
    # Beyond the outline the surface goes on, curving less and less, rather than ending.
    root = np.maximum(b * b - a * c, 0.0)
    z = (np.sqrt(root + 0.02) - b) / a
    point = np.stack([x, y, z])
    normal = np.stack([_product(point, row) for row in form])
    normal /= np.sqrt((normal * normal).sum(axis=0))
    position = [_product(point, axis) + start for axis, start in zip(rotation.T, CENTRE[:2])]
    return position, normal


def _bumps(identity, points, strength):
    """Bumps of the skin: places [K, 3], and [K, 3] with widths (x, y) and height."""
    eye = points[36:42].mean(axis=0)
    brow = points[19] * 0.5 + points[20] * 0.5
    mouth = points[[48, 54, 51, 57]].mean(axis=0)
    cheek_up = 0.1 * strength[6] + 0.07 * strength[12]
    cheek = 0.055 + 0.05 * identity.cheek_fullness + 0.09 * strength[6] + 0.06 * strength[12]
    hollow = -0.05 * (1 - identity.cheek_fullness)
    nose = 0.24 * identity.nose_height
    width = identity.nose_width
    chin = points[8] + (0.0, -0.17, 0.0)
    pairs = [
        (eye + (0.04, -0.02, 0.0), (0.2, 0.12, -0.085)),
        (eye + (0.16, -0.02, 0.0), (0.1, 0.12, -0.06)),
        (brow + (0.0, 0.0, 0.0), (0.3, 0.07, 0.035 + 0.03 * strength[4])),
        (lifted([(-0.6 * identity.face_width, 0.5 - cheek_up)])[0], (0.23, 0.2, cheek)),
        (lifted([(-0.62 * identity.face_width, 0.98)])[0], (0.2, 0.22, hollow)),
        (points[31] + (0.03, -0.02, 0.0), (0.075 * width, 0.075, 0.075)),
        (points[31] + (-0.12, 0.03, 0.0), (0.08, 0.14, -0.03)),
        (points[48] + (-0.1, 0.0, 0.0), (0.07, 0.11, -0.11 * strength[14])),
    ]
    single = [
        ((points[27] + points[28]) / 2, (0.085 * width, 0.2, 0.5 * nose)),
        (points[29], (0.1 * width, 0.2, 0.75 * nose)),
        (points[30], (0.14 * width, 0.12, 0.7 * nose)),
        (mouth, (0.36, 0.24, 0.07)),
        (points[50] * 0.5 + points[52] * 0.5, (0.22, 0.05, 0.025)),
        (points[57] + (0.0, -0.05, 0.0), (0.2, 0.055, 0.045)),
        (points[57] + (0.0, 0.08, 0.0), (0.2, 0.06, -0.05)),
        (chin, (0.19, 0.12, 0.07 + 0.1 * strength[17])),
        (lifted([(0.0, -0.62)])[0], (0.6, 0.25, 0.03)),
    ]
    mirrored = [((-place[0], place[1], place[2]), shape) for place, shape in pairs]
    everything = pairs + mirrored + single
    places = np.array([place for place, _ in everything])
    return places, np.array([shape for _, shape in everything], np.float32)


def _relief(camera, bumps):
    """float32 [SIDE, SIDE]: the bumps' height above the ellipsoid, a sum of separable Gaussians."""
    places, shapes = bumps
    centres = camera.plane(places).astype(np.float32)
    across = (_axis()[None] - centres[:, :1]) / shapes[:, :1]
    down = (_axis()[None] - centres[:, 1:]) / shapes[:, 1:2]
    across = np.exp(-0.5 * across * across)
    down = np.exp(-0.5 * down * down) * shapes[:, 2:]
    # Not `@`: its threads would be in the way where every core runs a process.
    return np.einsum("ky,kx->yx", down, across)
