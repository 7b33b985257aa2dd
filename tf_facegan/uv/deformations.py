"""Smooth deformations of a face on a regular grid: identities, expressions, an opening mouth.

All fields are sums of Gaussian bumps around landmarks of the 68-point markup, in millimetres on the
unrolled face, so that nothing tears and any mixture stays smooth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

EXPRESSIONS = ("neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise")


class Bump(NamedTuple):
    """A movement (away from the middle, up, forward) in mm of what lies around landmarks.

    `left` are the landmarks on the left of the picture; the mirrored bump is around `right`,
    or there is none when the landmarks lie in the middle.
    """

    move: tuple
    spread: tuple  # sigmas across and up, mm
    left: tuple
    right: tuple | None = None


# One unit of an action is about as far as a face goes.
ACTIONS = {
    "corners_up": [
        Bump((4.0, 8.0, -2.0), (13, 12), (48,), (54,)),
        Bump((1.0, 3.0, 3.5), (16, 14), (31, 48, 41), (35, 54, 46)),
    ],
    "corners_down": [Bump((1.0, -8.0, -1.0), (12, 12), (48,), (54,))],
    "corners_out": [Bump((6.0, 0.0, -3.0), (13, 10), (48,), (54,))],
    "corners_in": [Bump((-5.0, 0.0, 2.5), (12, 10), (48,), (54,))],
    "lip_raise": [
        Bump((0.5, 6.0, 1.0), (10, 8), (50,), (52,)),
        Bump((0, 3.0, 0.5), (10, 7), (33,)),
    ],
    "lip_pout": [Bump((0.0, 2.5, 3.5), (14, 7), (57,)), Bump((0.0, 3.0, 1.0), (16, 12), (8,))],
    "lips_press": [Bump((0, -1.5, -2.0), (16, 4), (51,)), Bump((0, 2.5, -2.0), (16, 5), (57,))],
    "nose_wrinkle": [
        Bump((1.0, 4.5, 1.5), (8, 9), (31,), (35,)),
        Bump((0.0, -3.0, 1.5), (10, 8), (27,)),
    ],
    "cheeks_up": [Bump((0.0, 4.0, 3.0), (14, 10), (41, 41, 31), (46, 46, 35))],
    "inner_brows_up": [Bump((0.0, 7.0, 0.5), (11, 12), (20, 21), (22, 23))],
    "outer_brows_up": [Bump((0.0, 7.0, 0.0), (13, 12), (17, 18, 19), (24, 25, 26))],
    "brows_down": [
        Bump((-2.5, -6.5, 1.5), (13, 9), (20, 21), (22, 23)),
        Bump((0.0, -4.0, 0.5), (12, 9), (18, 19), (24, 25)),
    ],
    "outer_brows_down": [Bump((0.0, -4.0, 0.0), (11, 10), (17, 18), (25, 26))],
    "eyes_open": [
        Bump((0.0, 3.0, 0.5), (9, 4), (37, 38), (43, 44)),
        Bump((0.0, -1.8, 0.0), (9, 4), (40, 41), (46, 47)),
    ],
    "eyes_narrow": [
        Bump((0.0, -1.8, 0.0), (10, 4), (37, 38), (43, 44)),
        Bump((0.0, 2.0, 0.5), (10, 4), (40, 41), (46, 47)),
    ],
}

# Amounts of actions; "opening" is the mouth's gap in mm, "teeth" how much they show.
RECIPES = {
    "neutral": {},
    "anger": {
        "brows_down": 1.2,
        "eyes_narrow": 0.6,
        "lips_press": 1.0,
        "corners_in": 0.5,
        "corners_down": 0.35,
        "nose_wrinkle": 0.3,
    },
    "disgust": {
        "nose_wrinkle": 1.1,
        "lip_raise": 1.0,
        "brows_down": 0.6,
        "eyes_narrow": 0.8,
        "cheeks_up": 0.8,
        "corners_down": 0.6,
        "opening": 3.0,
        "teeth": 0.5,
    },
    "fear": {
        "inner_brows_up": 1.0,
        "outer_brows_up": 0.45,
        "eyes_open": 1.0,
        "corners_out": 1.0,
        "corners_down": 0.35,
        "opening": 8.0,
        "teeth": 0.6,
    },
    "happiness": {
        "corners_up": 1.1,
        "corners_out": 0.5,
        "cheeks_up": 0.8,
        "eyes_narrow": 0.5,
        "opening": 6.0,
        "teeth": 1.0,
    },
    "sadness": {
        "inner_brows_up": 1.0,
        "outer_brows_down": 0.8,
        "corners_down": 1.1,
        "eyes_narrow": 0.5,
        "lip_pout": 0.8,
    },
    "surprise": {
        "inner_brows_up": 1.1,
        "outer_brows_up": 1.2,
        "eyes_open": 1.1,
        "corners_in": 0.5,
        "opening": 19.0,
    },
}

# Movements in mm for one standard deviation of each trait of an identity.
TRAITS = {
    "chin_length": [Bump((0.0, -5.0, 0.0), (32, 24), (8,))],
    "chin_forward": [Bump((0.0, 0.0, 4.0), (24, 18), (8,))],
    "jaw_width": [Bump((5.0, 0.0, 0.0), (28, 26), (4,), (12,))],
    "cheek_fullness": [Bump((2.5, 0.0, 3.0), (22, 20), (2, 31), (14, 35))],
    "cheekbones": [Bump((2.0, 0.0, 2.5), (16, 10), (1, 41), (15, 46))],
    "temples": [Bump((3.0, 0.0, 0.0), (26, 30), (0, 17), (16, 26))],
    "forehead": [Bump((0.0, 0.0, 4.0), (40, 28), (19, 24, 19, 24, 27))],
    "brow_ridge": [Bump((0.0, 0.0, 2.0), (16, 8), (19,), (24,))],
    "brow_height": [Bump((0.0, 2.0, 0.0), (18, 9), (19,), (24,))],
    "eye_spacing": [Bump((1.8, 0.0, 0.0), (14, 10), (36, 39), (42, 45))],
    "eye_size": [
        Bump((0.0, 0.8, 0.0), (11, 4), (37, 38), (43, 44)),
        Bump((0.0, -0.7, 0.0), (11, 4), (40, 41), (46, 47)),
    ],
    "nose_length": [Bump((0.0, -2.8, 0.0), (13, 12), (30, 33))],
    "nose_projection": [Bump((0.0, 0.0, 3.2), (9, 13), (30,))],
    "nose_bridge": [Bump((0.0, 0.0, 2.2), (7, 13), (28,))],
    "nose_width": [Bump((2.0, 0.0, 0.0), (7, 8), (31,), (35,))],
    "mouth_width": [Bump((2.8, 0.0, 0.0), (12, 9), (48,), (54,))],
    "mouth_height": [Bump((0.0, 2.2, 0.0), (30, 14), (62, 66))],
    "upper_lip": [Bump((0.0, 0.8, 1.2), (14, 5), (51,))],
    "lower_lip": [Bump((0.0, -0.8, 1.4), (14, 5), (57,))],
}


def fields(
    table: Mapping[str, Sequence[Bump]], unrolled: np.ndarray, landmarks: np.ndarray
) -> dict[str, np.ndarray]:
    """Turns a table of bumps into displacement fields.

    Args:
      table: {name: list of Bump}.
      unrolled: float [V, 2], (across, up) of the vertices on the unrolled face, mm.
      landmarks: float [68, 2], the same of the landmarks.

    Returns:
      {name: float64 [V, 3]}, millimetres of (x, y, z) for one unit.
    """
    return {
        name: sum(_field(bump, unrolled, landmarks) for bump in bumps)
        for name, bumps in table.items()
    }


def _field(bump, unrolled, landmarks):
    sides = [(bump.left, -1.0)] if bump.right is None else [(bump.left, -1.0), (bump.right, 1.0)]
    total = np.zeros([len(unrolled), 3])
    for marks, outward in sides:
        distance = (unrolled - landmarks[list(marks)].mean(axis=0)) / np.asarray(bump.spread)
        weight = np.exp(-0.5 * (distance**2).sum(axis=1))
        total += weight[:, None] * np.array(bump.move) * [outward, 1.0, 1.0]
    return total


class Mouth:
    """The closed mouth of the scan, and what happens around it when it opens.

    Between the lips the grid gets a lens of its own, which holds the inside of the mouth: its upper
    rim goes with the upper lip, its lower rim with the jaw.
    """

    RISE, DROP = 0.15, 0.85  # shares of the gap that the upper lip and the jaw take
    LENS = 0.3  # half height of the lens on the unrolled face, of the gap ...
    THICKEST = 3.6  # ... and at most, mm
    LIPS = np.array([8.0, 11.0])  # upper, lower: up to here lips make room for the lens, mm
    DEPTH = 7.0  # of the inside behind the lips, mm
    SWING = 0.35  # the jaw goes back by this share of its drop

    def __init__(self, landmarks: np.ndarray):
        """Takes the landmarks [68, 2] on the unrolled face, mm."""
        line = landmarks[[48, 60, 61, 62, 63, 64, 54]].copy()
        line[2:5, 1] = (landmarks[[61, 62, 63], 1] + landmarks[[67, 66, 65], 1]) / 2
        order = np.argsort(line[:, 0])
        self._line = line[order]
        self._middle = line[[0, -1], 0].mean()
        self._half_width = np.ptp(line[:, 0]) / 2 * 0.92

    def height(self, across: np.ndarray) -> np.ndarray:
        """Height of the lip line at places `across`, mm."""
        return np.interp(across, self._line[:, 0], self._line[:, 1])

    def lens(self, across: np.ndarray, opening: float) -> np.ndarray:
        """Half height of the lens at places `across` for a gap of `opening` mm, mm."""
        distance = np.clip((across - self._middle) / self._half_width, -1.0, 1.0)
        return min(self.LENS * opening, self.THICKEST) * (1.0 - distance**2)

    def within(self, unrolled: np.ndarray, opening: float) -> np.ndarray:
        """Where places [N, 2] lie between the rims: [N], -1 at the lower rim, 1 at the upper."""
        half = np.maximum(self.lens(unrolled[:, 0], opening), 0.05)
        return (unrolled[:, 1] - self.height(unrolled[:, 0])) / half

    def displacement(self, unrolled: np.ndarray, opening: float) -> np.ndarray:
        """Movement of vertices [V, 2] when the mouth opens by `opening` mm: [V, 3], mm."""
        if opening <= 0:
            return np.zeros([len(unrolled), 3])
        place = np.clip(self.within(unrolled, opening), -1.0, 1.0)
        above = (place + 1.0) / 2.0
        distance = np.abs(unrolled[:, 1] - self.height(unrolled[:, 0]))
        rise = self._reach(unrolled, 0.6 * distance) * np.exp(-((distance / 12.0) ** 2))
        drop = self._reach(unrolled, distance)
        moved = np.zeros([len(unrolled), 3])
        moved[:, 1] = opening * (above * self.RISE * rise - (1 - above) * self.DROP * drop)
        moved[:, 2] = -opening * (1 - above) * self.DROP * self.SWING * drop
        inside = np.clip(1.0 - place**2, 0.0, 1.0) * min(1.0, opening / 6.0)
        moved[:, 2] -= self.DEPTH * inside * (self.lens(unrolled[:, 0], opening) > 0.1)
        return moved

    def _reach(self, unrolled, distance):
        """1 in the middle, nearly 0 at the corners of the mouth, wider away from the lips."""
        width = self._half_width + 1.1 * distance
        return np.exp(-3.0 * np.abs((unrolled[:, 0] - self._middle) / width) ** 3)

    def source(self, unrolled: np.ndarray, opening: float) -> np.ndarray:
        """Where on the scan the texture of places [N, 2] comes from when lips make room: [N, 2]."""
        line, half = self.height(unrolled[:, 0]), self.lens(unrolled[:, 0], opening)
        away = unrolled[:, 1] - line
        lip = np.where(away > 0, self.LIPS[0], self.LIPS[1])
        squeezed = lip * np.clip((np.abs(away) - half) / (lip - half), 0.0, 1.0)
        distance = np.where(np.abs(away) < lip, squeezed, np.abs(away))
        return np.stack([unrolled[:, 0], line + np.sign(away) * distance], axis=1)
