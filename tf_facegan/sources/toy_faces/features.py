"""Eyes, brows, nose and mouth, drawn through the landmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tf_facegan.sources.toy_faces.drawing import band, ellipse, spline, taper
from tf_facegan.sources.toy_faces.geometry import lifted, neutral_landmarks

if TYPE_CHECKING:
    from tf_facegan.sources.toy_faces.drawing import Painter
    from tf_facegan.sources.toy_faces.geometry import Camera
    from tf_facegan.sources.toy_faces.identity import Identity


_SCLERA = np.array((0.93, 0.91, 0.90))
_LASH = np.array((0.10, 0.07, 0.06))
_MOUTH_INSIDE = np.array((0.22, 0.07, 0.07))
_TEETH = np.array((0.93, 0.90, 0.84))
_TONGUE = np.array((0.66, 0.32, 0.32))
_SHADOW = np.array((0.55, 0.42, 0.38))
_PUPIL = np.array((0.03, 0.03, 0.03))
_GLINT = np.array((1.0, 1.0, 1.0))
_IRIS_RADIUS = 0.105
_UPPER_LIDS = ((36, 37, 38, 39), (42, 43, 44, 45))
_LOWER_LIDS = ((39, 40, 41, 36), (45, 46, 47, 42))
_LID_FOLD = np.array([(0, -0.015, 0), (0, -0.055, 0), (0, -0.055, 0), (0, -0.015, 0)])


def draw_features(
    painter: Painter,
    camera: Camera,
    identity: Identity,
    points: np.ndarray,
    strength: dict[int, float],
) -> None:
    """Draws everything on the skin.

    Args:
      painter: drawing.Painter over the colours of the skin, before the light.
      camera: Camera.
      identity: Identity.
      points: float [68, 3], landmarks in face coordinates.
      strength: {number of an action unit: 0 to 1}.
    """
    marks = camera.pixels(points)
    _draw_nose(painter, camera, identity, points, marks)
    _draw_eyes(painter, camera, identity, points, marks, strength[45])
    _draw_brows(painter, camera, identity, marks)
    _draw_mouth(painter, camera, identity, marks, strength)


def _draw_eyes(painter, camera, identity, points, marks, blink):
    scale = camera.scale
    upper = [spline(marks[[*lid]]) for lid in _UPPER_LIDS]
    lower = [spline(marks[[*lid]]) for lid in _LOWER_LIDS]
    openings = [np.concatenate([above, below[1:-1]]) for above, below in zip(upper, lower)]
    rest = neutral_landmarks(identity)
    seen = painter.fill(openings, _SCLERA)
    if seen is not None:
        _draw_irises(painter, camera, identity, rest, seen)
        shadows = [band(lid + (0, 0.02 * scale), 0.03 * scale) for lid in upper]
        painter.darken(shadows, (0.55, 0.5, 0.5), 0.016 * scale, within=seen)
    count = len(upper[0])
    thick = 0.017 * identity.lashes * scale * taper(count, 0.5, 0.5) * np.linspace(1.3, 0.7, count)
    lashes = [band(upper[0], thick), band(upper[1], thick[::-1])]
    painter.fill(lashes, _LASH, 0.9, 0.005 * scale)
    lines = [band(lid, 0.007 * scale * taper(count)) for lid in lower]
    painter.darken(lines, _SHADOW, 0.006 * scale)
    folds = [
        band(spline(camera.pixels(fold)), 0.011 * scale * taper(count))
        for fold in (_lid_fold(points, rest, side) for side in (0, 1))
    ]
    painter.darken(folds, _SHADOW, 0.008 * scale, [0.75 - 0.5 * blink] * 2)


def _lid_fold(points, rest, side):
    """The fold of the upper lid: it stays where the lid is at rest, and follows the brow a bit."""
    lid, brow = list(_UPPER_LIDS[side]), slice(17 + 5 * side, 22 + 5 * side)
    fold = rest[lid] + _LID_FOLD
    fold[:, 1] += 0.3 * (points[brow, 1].mean() - rest[brow, 1].mean())
    fold[:, 1] = np.minimum(fold[:, 1], points[lid, 1] - 0.02)
    return fold


def _draw_irises(painter, camera, identity, rest, seen):
    scale = camera.scale
    gaze = np.array(camera.scene.gaze) * (0.075, 0.04)
    middles = np.array([rest[36:42, :2].mean(axis=0), rest[42:48, :2].mean(axis=0)])
    centres = camera.pixels(lifted(middles + gaze + (0.0, -0.012), -0.06))
    radius = _IRIS_RADIUS * scale * identity.eye_size**0.5
    radii = np.array((radius * np.cos(np.radians(camera.scene.yaw)), radius))
    colour = np.array(identity.eye_colour)
    azimuth = np.radians(camera.scene.light_azimuth)
    glint = np.array((0.45 * np.sin(azimuth) + 0.1, -0.4)) * radius
    soft = 0.008 * scale
    for move, size, paint, opacity, blur in (
        (0.0, 1.0, 0.45 * colour, 1.0, soft),
        (0.0, 0.82, colour, 1.0, 2 * soft),
        ((0.0, 0.3 * radius), 0.5, np.minimum(1.5 * colour, 1.0), 0.6, 2 * soft),
        (0.0, 0.42, _PUPIL, 1.0, soft),
        (glint, 0.22, _GLINT, 0.85, soft / 2),
    ):
        discs = [ellipse(centre, size * radii) for centre in centres + move]
        painter.fill(discs, paint, opacity, blur, within=seen)


def _draw_brows(painter, camera, identity, marks):
    curves = [spline(marks[17:22]), spline(marks[26:21:-1])]  # both from the outside to the inside
    places = np.linspace(0, 1, len(curves[0]))
    profile = np.interp(places, (0, 0.2, 0.6, 0.9, 1), (0.25, 0.6, 1, 1, 0.6))
    width = 0.046 * identity.brow_thickness * camera.scale * profile
    colour = 0.75 * np.array(identity.hair_colour) + 0.1 * identity.skin_colour
    painter.fill([band(curve, width) for curve in curves], colour, 0.85, 0.014 * camera.scale)


def _draw_nose(painter, camera, identity, points, marks):
    scale = camera.scale
    base = spline(marks[31:36])
    shade = band(base + (0, 0.012 * scale), 0.026 * scale * taper(len(base)))
    painter.darken([shade], _SHADOW, 0.02 * scale, [0.75])
    nostrils = []
    for wing, inner in ((31, 32), (35, 34)):
        centre = (0.38 * marks[wing] + 0.62 * marks[inner]) + (0, -0.012 * scale)
        tilt = 0.3 if wing == 31 else -0.3
        radii = np.array((0.052 * identity.nose_width, 0.026)) * scale
        nostrils.append(ellipse(centre, radii, -tilt + np.radians(camera.scene.roll)))
    painter.fill(nostrils, 0.28 * identity.skin_colour, 0.85, 0.013 * scale)
    creases = []
    for wing, side in ((31, -1.0), (35, 1.0)):
        path = points[wing] + np.array([(0.05, -0.17), (-0.03, -0.11), (-0.035, -0.03), (0, 0)]) @ (
            np.array([[-side, 0, 0], [0, 1, 0]])
        )
        curve = spline(camera.pixels(path))
        creases.append(band(curve, 0.013 * scale * taper(len(curve))))
    painter.darken(creases, _SHADOW, 0.014 * scale, [0.8, 0.8])


def _draw_mouth(painter, camera, identity, marks, strength):
    scale = camera.scale
    upper_edge, lower_edge = spline(marks[48:55]), spline(marks[[*range(54, 60), 48]])
    upper_seam, lower_seam = spline(marks[60:65]), spline(marks[[64, 65, 66, 67, 60]])
    lips = identity.lip_colour
    soft = 0.009 * scale
    upper_lip = np.concatenate([upper_edge, marks[64:65], upper_seam[::-1]])
    lower_lip = np.concatenate([lower_edge, marks[60:61], lower_seam[::-1]])
    painter.fill([lower_lip], lips, 0.95, soft)
    painter.fill([upper_lip], 0.86 * lips, 0.95, soft)
    inside = np.concatenate([upper_seam, lower_seam[1:-1]])
    gap = np.linalg.norm(marks[66] - marks[62])
    seen = painter.fill([inside], _MOUTH_INSIDE)
    if seen is not None and gap > 0.02 * scale:
        _draw_teeth_and_tongue(painter, camera, marks, upper_seam, gap, seen)
    seam = band(upper_seam, 0.01 * scale * taper(len(upper_seam), 0.5, 0.5))
    painter.darken([seam], (0.4, 0.27, 0.27), 0.008 * scale)
    tight = 1.0 + 1.1 * strength[14]
    corners = [ellipse(marks[mark], np.array((0.03, 0.024)) * scale * tight) for mark in (48, 54)]
    painter.darken(corners, _SHADOW, 0.016 * scale, [0.8, 0.8])


def _draw_teeth_and_tongue(painter, camera, marks, upper_seam, gap, seen):
    scale = camera.scale
    down = marks[66] - marks[62]
    down = down / gap
    tongue = marks[66] - down * 0.02 * scale
    painter.fill(
        [ellipse(tongue, np.array((0.17, 0.09)) * scale)], _TONGUE, 0.9, 0.03 * scale, seen
    )
    row = upper_seam + down * 0.1 * scale * taper(len(upper_seam))[:, None]
    teeth = np.concatenate([upper_seam - down * 0.02 * scale, row[::-1]])
    painter.fill([teeth], _TEETH, 0.95, 0.006 * scale, seen)
    shade = band(upper_seam, 0.02 * scale)
    painter.darken([shade], (0.7, 0.62, 0.6), 0.014 * scale, within=seen)
    ends = [ellipse(marks[mark], np.array((0.13, 0.13)) * scale) for mark in (60, 64)]
    painter.darken(ends, (0.55, 0.45, 0.43), 0.05 * scale, within=seen)
