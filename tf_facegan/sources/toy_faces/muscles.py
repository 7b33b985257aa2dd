"""What the 17 action units do to the landmarks (after the Facial Action Coding System).

Each effect is linear in the intensity. Displacements are in half face widths, y down, given for the
image-left half of the face; the other half mirrors it.
"""

from __future__ import annotations

import numpy as np

from tf_facegan.sources.action_units import AUS, INTENSITY_RANGE

NUMBERS = tuple(int(name[2:4]) for name in AUS)
"""The numbers of the action units in the order of `AUS`."""

_MOVES = {
    1: {17: (0, -0.01), 18: (0, -0.02), 19: (0, -0.06), 20: (0, -0.14), 21: (0, -0.19)},
    2: {17: (-0.01, -0.11), 18: (0, -0.18), 19: (0, -0.14), 20: (0, -0.05)},
    4: {
        17: (0.02, 0.02),
        18: (0.03, 0.06),
        19: (0.04, 0.1),
        20: (0.05, 0.13),
        21: (0.07, 0.14),
        37: (0, 0.012),
        38: (0, 0.02),
    },
    5: {37: (0, -0.075), 38: (0, -0.08), 40: (0, 0.012), 41: (0, 0.012)},
    6: {
        17: (0, 0.03),
        18: (0, 0.02),
        36: (0.02, 0.0),
        37: (0, 0.012),
        40: (0, -0.04),
        41: (0, -0.055),
    },
    7: {37: (0, 0.045), 38: (0, 0.045), 40: (0, -0.05), 41: (0, -0.05)},
    9: {
        20: (0.02, 0.05),
        21: (0.03, 0.08),
        30: (0, -0.03),
        31: (-0.02, -0.08),
        32: (-0.01, -0.05),
        33: (0, -0.03),
        38: (0, 0.012),
        40: (0, -0.03),
        41: (0, -0.02),
        49: (0, -0.05),
        50: (0, -0.06),
        51: (0, -0.05),
    },
    10: {
        31: (-0.02, -0.035),
        32: (0, -0.02),
        49: (-0.03, -0.13),
        50: (-0.02, -0.13),
        51: (0, -0.1),
        61: (0, -0.06),
        62: (0, -0.055),
        60: (0, -0.02),
    },
    12: {
        48: (-0.14, -0.17),
        49: (-0.08, -0.075),
        50: (-0.02, 0.015),
        51: (0, 0.02),
        57: (0, -0.02),
        58: (-0.03, -0.025),
        59: (-0.09, -0.09),
        60: (-0.12, -0.145),
        61: (-0.03, -0.01),
        67: (-0.03, -0.015),
        31: (-0.02, -0.01),
        3: (-0.02, -0.02),
        4: (-0.03, -0.03),
        5: (-0.02, -0.02),
    },
    14: {
        48: (0.07, -0.03),
        49: (0.04, 0.02),
        59: (0.04, -0.04),
        60: (0.07, -0.03),
        50: (0.01, 0.02),
        58: (0.015, -0.025),
        67: (0.01, 0),
        61: (0.01, 0),
    },
    15: {
        48: (-0.02, 0.15),
        49: (-0.015, 0.06),
        59: (-0.02, 0.085),
        60: (-0.015, 0.115),
        61: (0, 0.02),
        67: (0, 0.02),
        58: (0, 0.015),
    },
    17: {
        50: (0, -0.03),
        51: (0, -0.035),
        49: (0, -0.01),
        55: (0, 0),
        57: (0, -0.085),
        58: (0, -0.075),
        59: (0, -0.03),
        60: (0, 0.01),
        61: (0, -0.04),
        62: (0, -0.055),
        66: (0, -0.055),
        67: (0, -0.04),
        7: (0, -0.04),
        8: (0, -0.055),
        6: (0, -0.015),
    },
    20: {
        48: (-0.16, 0.05),
        49: (-0.1, 0.04),
        50: (-0.03, 0.025),
        51: (0, 0.02),
        57: (0, -0.02),
        58: (-0.04, -0.02),
        59: (-0.1, 0.02),
        60: (-0.14, 0.045),
        61: (-0.04, 0.01),
        67: (-0.04, 0.01),
        4: (-0.01, 0),
        5: (-0.015, 0.01),
    },
    23: {
        48: (0.06, 0.0),
        49: (0.03, 0.045),
        50: (0.01, 0.055),
        51: (0, 0.045),
        57: (0, -0.065),
        58: (0.015, -0.062),
        59: (0.03, -0.045),
        60: (0.05, 0),
        61: (0.01, 0),
        67: (0.01, 0),
    },
    25: {
        50: (0, -0.015),
        51: (0, -0.015),
        57: (0, 0.07),
        58: (0, 0.068),
        59: (0, 0.04),
        61: (0, -0.03),
        62: (0, -0.032),
        66: (0, 0.075),
        67: (0, 0.07),
    },
    26: {
        2: (0, 0.01),
        3: (0.01, 0.06),
        4: (0.02, 0.15),
        5: (0.02, 0.21),
        6: (0.01, 0.24),
        7: (0, 0.25),
        8: (0, 0.25),
        48: (0.04, 0.06),
        49: (0.02, 0.015),
        57: (0, 0.23),
        58: (0.01, 0.225),
        59: (0.02, 0.15),
        60: (0.03, 0.065),
        61: (0, -0.005),
        66: (0, 0.2),
        67: (0, 0.185),
    },
}
_EYELIDS = ((37, 41), (38, 40), (43, 47), (44, 46))
_LIPS = ((61, 67), (62, 66), (63, 65))
_LIP_EDGES = ((49, 61), (50, 61), (51, 62), (52, 63), (53, 63))
_LOWER_LIP_EDGES = ((55, 65), (56, 65), (57, 66), (58, 67), (59, 67))
_THINNEST_EYE = 0.035
_THINNEST_LIP = 0.02


def _displacements():
    """float64 [17, 68, 2]: of the image-left half at the highest intensity."""
    table = np.zeros((len(NUMBERS), 68, 2))
    for row, number in enumerate(NUMBERS):
        for landmark, move in _MOVES.get(number, {}).items():
            table[row, landmark] = move
    return table


_DISPLACEMENTS = _displacements()


def strengths(intensities: np.ndarray) -> dict[int, float]:
    """{number of the action unit: its intensity in [0, 1]}.

    Args:
      intensities: float [17], 0 to 5.

    Raises:
      ValueError: not 17 numbers from 0 to 5.
    """
    values = np.asarray(intensities, np.float64)
    low, high = INTENSITY_RANGE
    if values.shape != (len(AUS),):
        raise ValueError(f"action units have shape {list(values.shape)}, [{len(AUS)}] expected")
    if not (np.isfinite(values).all() and (values >= low).all() and (values <= high).all()):
        raise ValueError(f"action units are {values.tolist()}, {low:g} to {high:g} expected")
    return dict(zip(NUMBERS, values / high))


def contract(points: np.ndarray, intensities: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Moves landmarks as the muscles under them contract.

    Args:
      points: float64 [68, 3], face coordinates at rest.
      intensities: float [17], 0 to 5.
      mirror: int [68], the landmark on the other side.

    Returns:
      float64 [68, 3].
    """
    strength = strengths(intensities)
    weights = np.fromiter(strength.values(), np.float64)
    half = np.tensordot(weights, _DISPLACEMENTS, axes=1)
    other = half[mirror] * (-1.0, 1.0)
    move = np.where(np.any(half != 0.0, axis=1)[:, None], half, other)
    moved = points.copy()
    moved[:, :2] += move
    _part(moved, _EYELIDS, _THINNEST_EYE)
    _blink(moved, strength[45])
    _meet(moved, _LIPS)
    _keep_lips(moved)
    return moved


def _part(points, pairs, least):
    """Keeps the lower of two landmarks at least so far below the upper."""
    for upper, lower in pairs:
        short = least - (points[lower, 1] - points[upper, 1])
        if short > 0:
            points[upper, 1] -= short / 2
            points[lower, 1] += short / 2


def _blink(points, strength):
    for upper, lower in _EYELIDS:
        gap = points[lower, 1] - points[upper, 1]
        points[upper, 1] += 0.9 * strength * gap
        points[lower, 1] -= 0.1 * strength * gap


def _meet(points, pairs):
    """Lips that would overlap touch."""
    for upper, lower in pairs:
        overlap = points[upper, 1] - points[lower, 1]
        if overlap > 0:
            points[upper, 1] -= overlap / 2
            points[lower, 1] += overlap / 2


def _keep_lips(points):
    """Lips get thin but do not vanish."""
    for outer, inner in _LIP_EDGES:
        points[outer, 1] = min(points[outer, 1], points[inner, 1] - _THINNEST_LIP)
    for outer, inner in _LOWER_LIP_EDGES:
        points[outer, 1] = max(points[outer, 1], points[inner, 1] + _THINNEST_LIP)
