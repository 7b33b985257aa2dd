"""Keeps an eye on the attention masks, which saturate where labels or weights are wrong."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf


WINDOW = 10  # generator steps judged together; fetching every one would hold the devices up
LOW, HIGH = 0.02, 0.98


class MaskWatch:
    """Judges the means of attention masks, a window of generator steps at a time.

    Args:
      lambda_sat: float, the weight to name in the warnings.
    """

    def __init__(self, lambda_sat: float):
        self._lambda_sat = lambda_sat
        self._means, self._warned = collections.deque(maxlen=WINDOW), None

    def add(self, mean: float | tf.Tensor) -> None:
        """Takes the mean of one generator step's masks, a scalar (tensor)."""
        self._means.append(mean)

    def warning(self) -> str | None:
        """Returns a line when a whole window is saturated, once for each side, else None."""
        if len(self._means) < WINDOW:
            return None
        mean = float(np.mean([float(mean) for mean in self._means]))
        self._means.clear()
        side = None if LOW <= mean <= HIGH else mean > HIGH
        is_new, self._warned = side != self._warned, side
        if side is None or not is_new:
            return None
        effect, advice = (
            ("photos are hardly changed", "raise") if side else ("photos are repainted", "lower")
        )
        return (
            f"warning: the attention masks' mean is {mean:.3f} over {WINDOW} generator steps: "
            f"{effect}. Check that the action units belong to the images; then {advice} "
            f"loss.lambda_sat={self._lambda_sat:g}"
        )
