"""Hair, ears, neck and clothes: everything around the face."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tf_facegan.sources.toy_faces.drawing import Painter, ellipse, spline
from tf_facegan.sources.toy_faces.shading import light_colour

if TYPE_CHECKING:
    from tf_facegan.sources.toy_faces.geometry import Camera
    from tf_facegan.sources.toy_faces.identity import Identity
    from tf_facegan.sources.toy_faces.scene import Scene
    from tf_facegan.sources.toy_faces.shading import Shading


_LENGTH = {"bob": 1.15, "long": 2.3}  # how far down hair hangs beside the face
_FRONT = {  # the hairline from the image-left temple to the middle
    "receding": [(-0.99, -0.35), (-0.86, -0.75), (-0.62, -0.96), (-0.3, -1.04), (0.0, -0.98)],
    "short": [(-0.97, -0.25), (-0.83, -0.55), (-0.66, -0.85), (-0.35, -0.95), (0.0, -0.97)],
    "side": [(-0.97, -0.2), (-0.85, -0.5), (-0.68, -0.75), (-0.35, -0.84), (0.0, -0.92)],
    "fringe": [(-0.97, -0.1), (-0.86, -0.5), (-0.62, -0.66), (-0.3, -0.7), (0.0, -0.72)],
    "bob": [(-0.93, 0.1), (-0.8, -0.4), (-0.62, -0.72), (-0.3, -0.76), (0.0, -0.78)],
    "long": [(-0.92, 0.1), (-0.78, -0.4), (-0.55, -0.8), (-0.25, -0.98), (0.0, -1.05)],
    "curly": [(-0.95, -0.15), (-0.82, -0.5), (-0.64, -0.74), (-0.34, -0.84), (0.0, -0.86)],
}


def skull_outline(identity: Identity) -> np.ndarray:
    """float [N, 2] face coordinates: from the image-left ear over the top to the right one."""
    angles = np.linspace(np.pi, 2 * np.pi, 13)[1:-1]
    x = np.cos(angles) * identity.face_width
    y = -0.12 + 1.22 * np.sin(angles) * identity.forehead_height
    return np.stack([x, y], axis=1)


def behind_face(identity: Identity) -> np.ndarray | None:
    """Polygon [N, 2] (face coordinates, z = 0) of the hair behind the head, or None."""
    if identity.hair_style not in _LENGTH:
        return None
    width = 1.13 * identity.hair_volume * identity.face_width
    end = _LENGTH[identity.hair_style]
    top = _volume(identity)[2:-2]
    left = [(-0.55, end), (-width * 0.98, end), (-width * 1.04, 0.5 * end), (-width * 1.02, 0.0)]
    right = [(-x, y) for x, y in left[::-1]]
    return spline(np.array([*left, *top, *right]), closed=True)


def front(identity: Identity) -> np.ndarray | None:
    """Polygon [N, 2] (face coordinates, z = 0) of the hair before the forehead, or None."""
    if identity.hair_style == "bald":
        return None
    half = np.array(_FRONT[identity.hair_style])
    half = half * (identity.face_width, identity.forehead_height) - (0.0, identity.hairline)
    other = half[-2::-1] * (-1.0, 1.0)
    line = np.concatenate([half, other])
    if identity.hair_style == "side":
        # The hair falls from the parting to the other side.
        fall = 0.34 * np.clip(0.5 - line[:, 0] * np.sign(identity.parting or 1.0), 0, 1)
        line[1:-1, 1] += fall[1:-1] * abs(identity.parting) ** 0.5
    outline = _volume(identity)
    sides = np.array([(-1.0 * identity.face_width, 0.12)])
    if identity.hair_style in _LENGTH:
        low = 0.85 if identity.hair_style == "bob" else 1.5
        sides = np.array([(-0.98, low), (-1.12 * identity.hair_volume, low)]) * (
            identity.face_width,
            1.0,
        )
    mirrored = sides[::-1] * (-1.0, 1.0)
    return np.concatenate([sides, spline(outline), mirrored, spline(line[::-1])])


def _volume(identity):
    """The outer edge of the hair from left to right, float [N, 2]."""
    count = 29
    angles = np.linspace(np.pi, 2 * np.pi, count)
    swell = np.full(count, identity.hair_volume)
    if identity.hair_style == "curly":
        swell = swell * 1.06 + 0.035 * np.cos(np.arange(count) * np.pi * 0.75)
    x = np.cos(angles) * 1.03 * swell * identity.face_width
    y = -0.12 + 1.24 * np.sin(angles) * swell * identity.forehead_height
    return np.stack([x, y], axis=1)


def hair_image(identity: Identity, camera: Camera, shading: Shading) -> np.ndarray:
    """The colour of lit hair in each pixel: float32 [S, S, 3]."""
    angle, radius = shading.polar[..., 0], shading.polar[..., 1]
    strands = _strands(identity.texture_seed, identity.hair_style == "curly")
    across = (angle + np.float32(np.pi)) * np.float32((strands.shape[1] - 1) / (2 * np.pi))
    along = radius * np.float32((strands.shape[0] - 1) / 3.2)
    streak = cv2.remap(strands, across, along, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    scene = camera.scene
    towards = np.float32(np.radians(scene.light_azimuth * 1.4 - scene.roll))
    facing = np.cos(angle - towards)
    sheen = np.exp(-(((radius - 0.98) / 0.22) ** 2)) * np.maximum(facing, 0) ** 3
    light = 0.72 + (0.112 + 0.168 * scene.light_contrast) * facing + streak
    colour = np.array(identity.hair_colour, np.float32)
    gloss = (sheen * (1 + 3 * streak))[:, :, None]
    lit = colour * light[:, :, None] + (0.35 * colour + 0.05) * gloss
    return (lit * light_colour(scene)).astype(np.float32)


@functools.lru_cache(maxsize=128)
def _strands(seed, curly):
    random = np.random.default_rng((seed, 1))
    size = (512, 64)
    total = np.zeros(size[::-1], np.float32)
    for cells, strength in ((60, 0.07), (150, 0.07), (320, 0.05)):
        along = cells // 4 if curly else 4
        noise = random.normal(0, strength, (along, cells)).astype(np.float32)
        total += cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC)
    return total


def background_image(scene: Scene, size: int) -> np.ndarray:
    """float32 [size, size, 3]: a soft gradient with blotches, and sometimes an edge of a wall."""
    base = np.array(scene.background, np.float32)
    if not scene.background_seed:
        return np.broadcast_to(base, (size, size, 3)).copy()
    random = np.random.default_rng(scene.background_seed)
    cells = int(random.integers(3, 7))
    spread = random.uniform(0.02, 0.14)
    coarse = base + random.normal(0, spread, (cells, cells, 1))
    coarse += random.normal(0, spread / 4, (cells, cells, 3))
    image = _enlarged(coarse.astype(np.float32), size)
    if random.uniform() < 0.4:
        edge = random.uniform(0.05, 0.95) * size
        lean = random.uniform(-0.1, 0.1) * size
        wall = np.array([(edge, -1), (edge + lean, size + 1), (2 * size, size + 1), (2 * size, -1)])
        colour = np.clip(base * random.uniform(0.4, 1.5), 0.05, 0.95)
        Painter(image).fill([wall], colour, 0.7)
    return np.clip(image, 0.0, 1.0)


def _enlarged(coarse, size):
    """Cubic enlargement of [n, n, C] whose result means the same at every size."""
    step = len(coarse) / size
    matrix = np.array([[step, 0, step / 2 - 0.5], [0, step, step / 2 - 0.5]])
    return cv2.warpAffine(
        coarse,
        matrix,
        (size, size),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def flat(points: np.ndarray, depth: float = 0.0) -> np.ndarray:
    """float [N, 3]: face coordinates [N, 2] at one depth."""
    return np.concatenate([points, np.full((len(points), 1), depth)], axis=1)


def neck(identity: Identity, chin: float) -> np.ndarray:
    """Polygon [N, 2] of the neck; `chin` is the y of the chin."""
    width = 0.62 * identity.face_width * identity.jaw_width**0.5
    y = chin - 0.5
    half = np.array([(-width, y), (-0.96 * width, 1.3), (-1.08 * width, 1.75), (-1.5 * width, 2.6)])
    return np.concatenate([half, half[::-1] * (-1.0, 1.0)])


def clothes(identity: Identity) -> np.ndarray:
    """Polygon [N, 2] of the shoulders and the collar."""
    width = 0.62 * identity.face_width * identity.jaw_width**0.5
    half = np.array([(-2.7, 6.0), (-2.6, 1.9), (-1.5, 1.62), (-1.1 * width, 1.42)])
    collar = [(-0.5 * width, 1.72), (0.0, 1.8), (0.5 * width, 1.72)]
    return np.concatenate([half, collar, half[::-1] * (-1.0, 1.0)])


def ears(camera: Camera, identity: Identity) -> list[np.ndarray]:
    """Polygons in pixels of the ears that hair does not cover: a list of none or two."""
    if identity.hair_style in _LENGTH:
        return []
    places = np.array([(-1.02, 0.12), (1.02, 0.12)]) * (identity.face_width, 1.0)
    centres = camera.pixels(flat(places, -0.1))
    radii = np.array((0.11, 0.25)) * camera.scale
    roll = np.radians(camera.scene.roll)
    return [ellipse(centres[0], radii, roll - 0.12), ellipse(centres[1], radii, roll + 0.12)]
