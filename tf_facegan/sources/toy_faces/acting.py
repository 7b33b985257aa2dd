"""What toy faces do: expressions as combinations of action units, and sequences of them."""

from __future__ import annotations

import numpy as np

from tf_facegan.sources.action_units import AUS
from tf_facegan.sources.expressions import EXPRESSIONS, PROTOTYPES
from tf_facegan.sources.toy_faces.muscles import NUMBERS

_CHATTER = 0.35  # standard deviation of what faces do besides
_CONFLICTS = ((45, 5), (12, 15), (23, 12), (23, 20), (23, 26), (14, 12), (14, 26))


def expression_aus(
    expression: int | str, strength: float, random: np.random.Generator
) -> np.ndarray:
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
    for number, (share, mean) in PROTOTYPES[name].items():
        drawn, takes_part = random.normal(mean, 0.7), random.uniform() < share
        if takes_part:
            intensities[NUMBERS.index(number)] = strength * np.clip(drawn, 0.6 * mean, 5)
    return np.clip(intensities, 0, 5).astype(np.float32)


def random_aus(random: np.random.Generator) -> np.ndarray:
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


def sequence_aus(expression: int | str, frames: int, random: np.random.Generator) -> np.ndarray:
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
