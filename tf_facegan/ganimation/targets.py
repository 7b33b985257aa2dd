"""Which action units (AUs) a face shall show: named ones, expressions, another face's.

Intensities are 0 to 5. Imports no TensorFlow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from tf_facegan.config import nearest
from tf_facegan.sources.action_units import AUS, INTENSITY_RANGE
from tf_facegan.sources.expressions import typical_aus

_NAME = re.compile(r"(?:AU)?(\d{1,2})(?:_r)?", re.IGNORECASE)


def target(
    names: Sequence[str],
    own: np.ndarray,
    aus: Mapping[str, float] | np.ndarray | None = None,
    expression: str | None = None,
    model: np.ndarray | None = None,
    strength: float = 1.0,
) -> np.ndarray:
    """Returns the AUs that a face is asked to show, float32 [c_dim].

    Args:
      names: the AUs that the network knows, in order.
      own: float [c_dim], those of the face; what is not asked for stays.
      aus: {name: intensity} on top of everything else, or all of them, float [c_dim].
      expression: name of an expression, whose AUs replace all of the face's.
      model: float [c_dim], AUs of another face, which do the same.
      strength: float from 0 (own) to 1 (what was asked for).

    Raises:
      ValueError: nothing or too much asked for, an AU that the network does not know, an intensity
        or strength out of its range.
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"strength is {strength:g}, 0 to 1 expected")
    if expression is not None and model is not None:
        raise ValueError("an expression and another face were both given, one of them expected")
    if aus is None and expression is None and model is None:
        raise ValueError("no action unit, no expression and no other face given: nothing to do")
    own = np.asarray(own, np.float32)
    wanted = own.copy() if model is None else np.array(model, np.float32)
    if expression is not None:
        typical = dict(zip(AUS, typical_aus(expression)))
        wanted = np.array([typical[name] for name in names], np.float32)
    if isinstance(aus, dict):
        for name, value in aus.items():
            wanted[place(names, name)] = _checked(value, name)
    elif aus is not None:
        wanted = np.asarray(aus, np.float32)
        if wanted.shape != own.shape:
            raise ValueError(f"{wanted.size} action units, {own.size} expected")
        for name, value in zip(names, wanted):
            _checked(value, name)
    return own + np.float32(strength) * (wanted - own)


def place(names: Sequence[str], name: str) -> int:
    """Returns where an AU ("AU12", "AU12_r", "12") is among `names`; ValueError where it is not."""
    match = _NAME.fullmatch(str(name).strip())
    column = f"AU{int(match[1]):02d}_r" if match else None
    if column not in names:
        known = ", ".join(known[: -len("_r")] for known in names)
        near = nearest(str(name).upper(), known.split(", "))
        raise ValueError(
            f"action unit {name!r} is not known to the network{near}; it knows {known}"
        )
    return list(names).index(column)


def parse(words: Iterable[str]) -> dict[str, float]:
    """Turns words "AU12=3" into {name: intensity}; ValueError for others."""
    found = {}
    for word in words or ():
        name, _, value = word.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            raise ValueError(f"--au {word}: NAME=INTENSITY expected, AU12=3 for example") from None
    return found


def _checked(value, name):
    low, high = INTENSITY_RANGE
    if not low <= value <= high:
        raise ValueError(f"action unit {name} is {value:g}, {low:g} to {high:g} expected")
    return value
