"""What toy faces do: expressions as combinations of action units, and sequences of them."""

import numpy as np

from tf_facegan.sources.action_units import AUS
from tf_facegan.sources.expressions import EXPRESSIONS
from tf_facegan.sources.toy_faces.muscles import NUMBERS

# {action unit: (how often it takes part, mean intensity at the peak)}, after EMFACS (Ekman and
# Friesen 1983) and the prototypes and major variants of FACS's Investigator's Guide (table 10-1).
_PROTOTYPES = {
    "Surprise": {1: (1, 4), 2: (1, 4), 5: (0.95, 3.5), 25: (1, 3), 26: (1, 3.8)},
    "Fear": {
        1: (1, 4),
        2: (0.8, 3),
        4: (1, 3.2),
        5: (1, 3.8),
        7: (0.5, 2),
        20: (1, 3.8),
        25: (1, 3),
        26: (0.5, 1.8),
    },
    "Disgust": {
        4: (0.5, 1.5),
        6: (0.2, 1.5),
        7: (0.5, 2.5),
        9: (1, 4),
        10: (0.8, 3.2),
        15: (0.3, 2),
        17: (0.6, 3),
        25: (0.25, 2),
    },
    "Happiness": {6: (1, 3.5), 7: (0.2, 1.5), 12: (1, 4), 25: (0.7, 2.8), 26: (0.25, 1.5)},
    "Sadness": {1: (1, 3.8), 4: (1, 3), 7: (0.2, 1.2), 15: (1, 3.8), 17: (0.6, 2.8)},
    "Anger": {
        4: (1, 4.2),
        5: (0.7, 2.8),
        7: (0.9, 3.2),
        10: (0.2, 2),
        17: (0.4, 2.5),
        23: (0.95, 3.8),
        25: (0.2, 1.5),
    },
    "Neutral": {},
}
_CHATTER = 0.35  # standard deviation of what faces do besides
_CONFLICTS = ((45, 5), (12, 15), (23, 12), (23, 20), (23, 26), (14, 12), (14, 26))


def expression_aus(expression, strength, random):
    """Draws the action units of an expression.

    Args:
      expression: int, number in `EXPRESSIONS`, or one of the names.
      strength: float, 0 (neutral) to 1 (peak).
      random: numpy.random.Generator.

    Returns:
      float32 [17], intensities from 0 to 5 in the order of `AUS`.

    Raises:
      ValueError: an expression that is not among the seven.
    """
    name = _checked(expression)
    intensities = np.abs(random.normal(0, _CHATTER, len(AUS))) * (
        random.uniform(size=len(AUS)) < 0.3
    )
    if random.uniform() < 0.05:
        intensities[NUMBERS.index(45)] = random.uniform(0.5, 2)
    for number, (share, mean) in _PROTOTYPES[name].items():
        drawn, takes_part = random.normal(mean, 0.7), random.uniform() < share
        if takes_part:
            intensities[NUMBERS.index(number)] = strength * np.clip(drawn, 0.6 * mean, 5)
    return np.clip(intensities, 0, 5).astype(np.float32)


def random_aus(random):
    """Draws action units on their own, each absent in most faces, none against its antagonist.

    Args:
      random: numpy.random.Generator.

    Returns:
      float32 [17], intensities from 0 to 5 in the order of `AUS`.
    """
    active = random.uniform(size=len(AUS)) < 0.3
    intensities = np.where(active, random.uniform(0.3, 5, len(AUS)), 0.0)
    for pair in _CONFLICTS:
        first, second = (NUMBERS.index(number) for number in pair)
        if intensities[first] and intensities[second]:
            intensities[first if random.uniform() < 0.5 else second] = 0.0
    return intensities.astype(np.float32)


def sequence_aus(expression, frames, random):
    """Draws a sequence from neutral to the peak of an expression, as CK+ has them.

    Args:
      expression: as in `expression_aus`.
      frames: int, at least 2.
      random: numpy.random.Generator.

    Returns:
      float32 [frames, 17]: the first is all zeros, and none of the intensities ever falls.

    Raises:
      ValueError: an unknown expression, fewer than two frames.
    """
    if frames < 2:
        raise ValueError(f"a sequence has {frames} frames, at least 2 expected")
    peak = expression_aus(expression, 1.0, random)
    t = np.linspace(0, 1, frames) ** random.uniform(0.8, 1.3)
    ramp = t * t * (3 - 2 * t)
    return (ramp[:, None] * peak).astype(np.float32)


def _checked(expression):
    if expression in EXPRESSIONS:
        return expression
    if isinstance(expression, (int, np.integer)) and 0 <= expression < len(EXPRESSIONS):
        return EXPRESSIONS[expression]
    raise ValueError(
        f"expression is {expression!r}, 0 to 6 or one of {', '.join(EXPRESSIONS)} expected"
    )
