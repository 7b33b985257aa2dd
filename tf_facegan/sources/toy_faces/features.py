"""Eyes, brows, nose and mouth, drawn through the landmarks."""

import numpy as np

from tf_facegan.sources.toy_faces.drawing import band, ellipse, spline, taper
from tf_facegan.sources.toy_faces.geometry import lifted, neutral_landmarks

_SCLERA = np.array((0.93, 0.91, 0.90))
_LASH = np.array((0.10, 0.07, 0.06))
_MOUTH_INSIDE = np.array((0.22, 0.07, 0.07))
_TEETH = np.array((0.93, 0.90, 0.84))
_TONGUE = np.array((0.66, 0.32, 0.32))
_SHADOW = np.array((0.55, 0.42, 0.38))
_IRIS_RADIUS = 0.105


def draw_features(painter, camera, identity, points, strength):
    """Draws everything on the skin.

    Args:
      painter: drawing.Painter over the colours of the skin, before the light.
      camera: Camera.
      identity: Identity.
      points: float [68, 3], landmarks in face coordinates.
      strength: {number of an action unit: 0 to 1}.
    """
    marks = camera.pixels(points)
    rest = neutral_landmarks(identity)
    _draw_nose(painter, camera, identity, points, marks)
    for side, (eye, brow) in enumerate(((36, 17), (42, 22))):
        eye = list(range(eye, eye + 6))
        _draw_eye(painter, camera, identity, points, marks, rest, eye, side, strength[45])
        _draw_brow(painter, camera, identity, marks[brow : brow + 5], side)
    _draw_mouth(painter, camera, identity, marks, strength)


def _draw_eye(painter, camera, identity, points, marks, rest, eye, side, blink):
    scale = camera.scale
    upper = spline(marks[eye[:4]])
    lower = spline(marks[[eye[3], eye[4], eye[5], eye[0]]])
    opening = np.concatenate([upper, lower[1:-1]])
    seen = painter.fill([opening], _SCLERA)
    if seen is not None:
        _draw_iris(painter, camera, identity, points, rest, eye, seen)
        shadow = band(upper + (0, 0.02 * scale), 0.03 * scale)
        painter.darken([shadow], (0.55, 0.5, 0.5), 0.016 * scale, within=seen)
    outer_first = side == 0
    thick = np.linspace(1.3, 0.7, len(upper))
    thick = thick if outer_first else thick[::-1]
    lash = 0.017 * identity.lashes * scale * thick * taper(len(upper), 0.5, 0.5)
    painter.fill([band(upper, lash)], _LASH, 0.9, 0.005 * scale)
    lower_line = band(lower, 0.007 * scale * taper(len(lower)))
    painter.darken([lower_line], _SHADOW, 0.006 * scale)
    # The fold of the upper lid stays where the lid is at rest, and goes with the brow a little.
    crease = rest[eye[:4]].copy()
    crease[:, 1] += np.array([-0.015, -0.055, -0.055, -0.015])
    brow = slice(17, 22) if outer_first else slice(22, 27)
    crease[:, 1] += 0.3 * (points[brow, 1].mean() - rest[brow, 1].mean())
    crease[:, 1] = np.minimum(crease[:, 1], points[eye[:4], 1] - 0.02)
    curve = spline(camera.pixels(crease))
    stroke = band(curve, 0.011 * scale * taper(len(curve)))
    painter.darken([stroke], _SHADOW, 0.008 * scale, [0.75 - 0.5 * blink])


def _draw_iris(painter, camera, identity, points, rest, eye, seen):
    scale = camera.scale
    gaze = np.array(camera.scene.gaze) * (0.075, 0.04)
    middle = rest[eye, :2].mean(axis=0) + gaze + (0.0, -0.012)
    centre = camera.pixels(lifted([middle], -0.06))[0]
    radius = _IRIS_RADIUS * scale * identity.eye_size**0.5
    round_ = np.array((radius * np.cos(np.radians(camera.scene.yaw)), radius))
    colour = np.array(identity.eye_colour)
    soft = 0.008 * scale
    painter.fill([ellipse(centre, round_)], 0.45 * colour, 1.0, soft, within=seen)
    painter.fill([ellipse(centre, 0.82 * round_)], colour, 1.0, 2 * soft, within=seen)
    below = centre + (0, 0.3 * radius)
    painter.fill(
        [ellipse(below, 0.5 * round_)], np.minimum(1.5 * colour, 1), 0.6, 2 * soft, within=seen
    )
    painter.fill([ellipse(centre, 0.42 * round_)], (0.03, 0.03, 0.03), 1.0, soft, within=seen)
    azimuth = np.radians(camera.scene.light_azimuth)
    glint = centre + np.array((0.45 * np.sin(azimuth) + 0.1, -0.4)) * radius
    painter.fill([ellipse(glint, 0.22 * round_)], (1.0, 1.0, 1.0), 0.85, soft / 2, within=seen)


def _draw_brow(painter, camera, identity, marks, side):
    curve = spline(marks)
    profile = np.interp(
        np.linspace(0, 1, len(curve)), (0, 0.2, 0.6, 0.9, 1), (0.25, 0.6, 1, 1, 0.6)
    )
    profile = profile if side == 0 else profile[::-1]
    stroke = band(curve, 0.046 * identity.brow_thickness * camera.scale * profile)
    colour = 0.75 * np.array(identity.hair_colour) + 0.1 * identity.skin_colour
    painter.fill([stroke], colour, 0.85, 0.014 * camera.scale)


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
