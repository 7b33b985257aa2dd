"""The seven basic expressions, and the action units that show them."""

from __future__ import annotations

import numpy as np

from tf_facegan.config import nearest
from tf_facegan.sources.action_units import AUS

EXPRESSIONS = ("Surprise", "Fear", "Disgust", "Happiness", "Sadness", "Anger", "Neutral")
"""Names by class number, in the order of RAF-DB (Li et al. 2017; its labels are 1 to 7)."""

PROTOTYPES = {
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
"""{expression: {action unit: (how often it takes part, mean intensity at the peak)}}, after EMFACS
(Ekman and Friesen 1983) and the prototypes and major variants of FACS's Investigator's Guide
(table 10-1)."""


def typical_aus(expression: str) -> np.ndarray:
    """Returns the action units of an expression at its peak, those that most faces show.

    Args:
      expression: a name in `EXPRESSIONS`, in any case.

    Returns:
      float32 [17], intensities from 0 to 5 in the order of `AUS`.

    Raises:
      ValueError: an expression that is not among the seven.
    """
    name = str(expression).capitalize()
    if name not in PROTOTYPES:
        known = ", ".join(EXPRESSIONS).lower()
        near = nearest(name, EXPRESSIONS).lower()
        raise ValueError(f"expression is {expression!r}{near}, one of {known} expected")
    aus = np.zeros(len(AUS), np.float32)
    for number, (share, mean) in PROTOTYPES[name].items():
        if share >= 0.5:
            aus[AUS.index(f"AU{number:02d}_r")] = mean
    return aus
