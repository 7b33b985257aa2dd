"""Skin: its colour with mottling, freckles, blush and stubble; wrinkles and folds."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tf_facegan.sources.toy_faces.drawing import band, spline, taper
from tf_facegan.sources.toy_faces.geometry import lifted

if TYPE_CHECKING:
    from tf_facegan.sources.toy_faces.drawing import Painter
    from tf_facegan.sources.toy_faces.geometry import Camera
    from tf_facegan.sources.toy_faces.identity import Identity


_SIDE = 160  # of the texture
_LOW, _HIGH = np.array((-1.35, -1.75)), np.array((1.35, 1.95))  # the face coordinates it covers
_VISIBLE = 0.004
_FOLD = np.array((0.62, 0.5, 0.46))  # what the deepest fold makes of the skin's colour


def skin_image(identity: Identity, surface: np.ndarray) -> np.ndarray:
    """The colour of the skin in each pixel.

    Args:
      identity: Identity.
      surface: float32 [S, S, 2], face coordinates of the pixels.

    Returns:
      float32 [S, S, 3].
    """
    places = (surface - _LOW.astype(np.float32)) * ((_SIDE - 1) / (_HIGH - _LOW)).astype(np.float32)
    return cv2.remap(
        _texture(identity), places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


@functools.lru_cache(maxsize=128)
def _texture(identity):
    """float32 [_SIDE, _SIDE, 3]: skin laid flat."""
    random = np.random.default_rng(identity.texture_seed)
    x, y = np.meshgrid(np.linspace(_LOW[0], _HIGH[0], _SIDE), np.linspace(_LOW[1], _HIGH[1], _SIDE))
    factor = np.ones((_SIDE, _SIDE, 3))
    for cells, strength in ((7, 0.025), (28, 0.02), (80, 0.015)):
        factor *= 1 + strength * _noise(random, cells)[:, :, None]
    blush = sum(_spot(x, y, side * 0.58, 0.48, 0.24, 0.2) for side in (-1, 1))
    blush += 0.6 * _spot(x, y, 0, 0.5, 0.2, 0.14)
    factor *= 1 - (0.05 + 0.2 * identity.blush) * blush[:, :, None] * (0.0, 0.75, 0.65)
    beard = _smooth_step(y, 0.55, 0.95) * _smooth_step(np.abs(x) + 0.45 * y, 0.55, 0.95)
    beard = np.maximum(beard, _spot(x, y, 0, 0.79, 0.26, 0.07))
    beard = np.maximum(beard, 0.9 * _smooth_step(y, 1.05, 1.25))
    grain = 1 + 0.2 * _noise(random, 110)
    factor *= 1 - (0.55 * identity.stubble * beard * grain)[:, :, None] * (0.85, 0.8, 0.72)
    sockets = sum(_spot(x, y, side * 0.43, 0.06, 0.24, 0.15) for side in (-1, 1))
    factor *= 1 - (0.05 + 0.1 * identity.age) * sockets[:, :, None] * (0.8, 1.0, 0.9)
    freckles = random.normal((0, 0.42), (0.5, 0.2), (int(70 * identity.freckles), 2))
    factor *= 1 - 0.28 * _dots(x, y, freckles, 0.016)[:, :, None] * (0.6, 1.0, 1.1)
    moles = random.uniform((-0.75, 0.2), (0.75, 1.3), (random.integers(0, 3), 2))
    factor *= 1 - 0.55 * _dots(x, y, moles, 0.022)[:, :, None] * (0.8, 1.0, 1.1)
    return np.ascontiguousarray(identity.skin_colour * factor, np.float32)


def _noise(random, cells):
    coarse = random.normal(0, 1, (cells, cells)).astype(np.float32)
    return cv2.resize(coarse, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)


def _spot(x, y, centre_x, centre_y, width, height):
    return np.exp(-0.5 * (((x - centre_x) / width) ** 2 + ((y - centre_y) / height) ** 2))


def _dots(x, y, places, width):
    """Small spots at places [K, 2], in [0, 1]."""
    across = np.exp(-0.5 * ((x[0] - places[:, :1]) / width) ** 2)
    down = np.exp(-0.5 * ((y[:, 0] - places[:, 1:]) / width) ** 2)
    return np.minimum(np.einsum("ky,kx->yx", down, across), 1.0)


def _smooth_step(values, low, high):
    t = np.clip((values - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)


def draw_wrinkles(
    painter: Painter,
    camera: Camera,
    identity: Identity,
    points: np.ndarray,
    strength: dict[int, float],
) -> None:
    """Darkens the skin where it folds: always a little, more with age and with action units.

    Args:
      painter: drawing.Painter over the colours of the skin, before the light.
      camera: Camera.
      identity: Identity.
      points: float [68, 3], landmarks in face coordinates.
      strength: {number of an action unit: 0 to 1}.
    """
    fine, deep = [], []
    _forehead(fine, points, identity, strength)
    _around_eyes(fine, points, identity, strength)
    _nose_root(fine, points, strength)
    _chin(fine, points, strength)
    _cheek_folds(deep, points, identity, strength)
    _mouth_corners(deep, points, strength)
    for folds, half_width, blur in ((fine, 0.014, 0.012), (deep, 0.02, 0.022)):
        folds = sorted(folds, key=lambda fold: fold[1])  # the deepest over the others
        if not folds:
            continue
        pixels = camera.pixels(lifted(np.concatenate([places for places, _ in folds])))
        ends = np.cumsum([len(places) for places, _ in folds])[:-1]
        strokes = []
        for curve in (spline(part, steps=5) for part in np.split(pixels, ends)):
            strokes.append(band(curve, half_width * camera.scale * taper(len(curve))))
        painter.darken(strokes, _FOLD, blur * camera.scale, [fold[1] for fold in folds])


def _add(folds, places, strength):
    """Adds a fold through face coordinates, if it can be seen."""
    if strength > _VISIBLE:
        folds.append((np.asarray(places, np.float64), min(strength, 0.95)))


def _both(folds, places, strength):
    """Adds a fold of the image-left half, and its mirror image."""
    _add(folds, places, strength)
    _add(folds, np.asarray(places, np.float64) * (-1.0, 1.0), strength)


def _forehead(folds, points, identity, strength):
    inner, outer = points[21, :2], points[18, :2]
    for number, height in enumerate((0.15, 0.27, 0.39)):
        depth = 0.3 * identity.age * (number < 2)
        middle = depth + (0.75 - 0.15 * number) * strength[1]
        places = [
            (inner[0] - 0.16, inner[1] - height + 0.06),
            (-0.14, inner[1] - height),
            (0.14, inner[1] - height),
            (-inner[0] + 0.16, inner[1] - height + 0.06),
        ]
        _add(folds, places, middle)
        side = depth * 0.6 + (0.7 - 0.15 * number) * strength[2]
        arch = [(outer[0] - 0.02, -0.06), (outer[0] + 0.12, -0.12), (outer[0] + 0.27, -0.1)]
        _both(folds, [(x, outer[1] + dy - height + 0.04) for x, dy in arch], side)


def _around_eyes(folds, points, identity, strength):
    x, y = points[36, :2]
    feet = 0.25 * identity.age + 0.85 * strength[6]
    for angle in (-0.13, 0.0, 0.13):
        _both(
            folds,
            [(x - 0.06, y + 0.3 * angle), (x - 0.13, y + 0.8 * angle), (x - 0.22, y + 1.5 * angle)],
            feet,
        )
    below = points[[41, 40], 1].mean() + 0.075
    middle = points[[41, 40], 0].mean()
    pouch = 0.12 + 0.3 * identity.age + 0.5 * strength[6] + 0.55 * strength[7]
    arch = [(middle - 0.16, below - 0.03), (middle, below + 0.015), (middle + 0.17, below)]
    _both(folds, arch, pouch)


def _nose_root(folds, points, strength):
    x, y = points[21, :2]
    frown = 0.8 * strength[4]
    _both(folds, [(0.42 * x, y - 0.1), (0.36 * x, y + 0.02), (0.42 * x, y + 0.14)], frown)
    top = points[27, 1]
    for y in (top + 0.02, top + 0.1, top + 0.18):
        _both(folds, [(-0.03, y), (-0.09, y + 0.03), (-0.15, y + 0.09)], 0.85 * strength[9])
    _add(folds, [(-0.1, top - 0.04), (0, top - 0.02), (0.1, top - 0.04)], 0.6 * strength[9])


def _chin(folds, points, strength):
    for dx, dy in ((0.0, -0.27), (-0.11, -0.2), (0.11, -0.2), (-0.04, -0.14), (0.06, -0.13)):
        y = points[8, 1] + dy
        dent = [(dx - 0.035, y), (dx, y - 0.02), (dx + 0.035, y)]
        _add(folds, dent, 0.8 * strength[17])
    y = points[57, 1]
    crease = 0.25 + 0.5 * strength[17] + 0.15 * strength[15]
    _add(folds, [(-0.16, y + 0.07), (0, y + 0.05), (0.16, y + 0.07)], crease)


def _cheek_folds(folds, points, identity, strength):
    wing, corner = points[31, :2], points[48, :2]
    depth = 0.16 + 0.35 * identity.age + 0.55 * strength[12] + 0.4 * strength[10]
    depth += 0.35 * strength[9] + 0.15 * strength[6]
    bulge = 0.05 + 0.05 * strength[12]
    middle = (wing + corner) / 2
    _both(
        folds,
        [
            wing + (-0.05, -0.06),
            middle + (-0.1 - bulge, -0.05),
            corner + (-0.1 - bulge / 2, -0.01),
        ],
        depth,
    )


def _mouth_corners(folds, points, strength):
    x, y = points[48, :2]
    dimple = 0.9 * strength[14]
    _both(folds, [(x - 0.07, y - 0.08), (x - 0.1, y - 0.005), (x - 0.07, y + 0.08)], dimple)
    down = 0.75 * strength[15]
    _both(folds, [(x - 0.02, y + 0.02), (x - 0.06, y + 0.1), (x - 0.06, y + 0.2)], down)
    stretched = 0.6 * strength[20]
    for gap in (0.07, 0.14):
        fold = [(x - gap, y - 0.1), (x - gap - 0.03, y + 0.02), (x - gap, y + 0.14)]
        _both(folds, fold, stretched)
    pursed = 0.65 * strength[23]
    _both(folds, [(x + 0.1, points[49, 1] - 0.03), (x + 0.09, points[49, 1] - 0.09)], pursed)
    _both(folds, [(-0.05, points[51, 1] - 0.03), (-0.06, points[51, 1] - 0.1)], pursed)
    _both(folds, [(x + 0.12, points[58, 1] + 0.03), (x + 0.1, points[58, 1] + 0.09)], pursed)
