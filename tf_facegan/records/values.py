"""What values of records mean to the networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    import numpy as np


def to_signed(records: np.ndarray | tf.Tensor, value_range: Sequence[float]) -> tf.Tensor:
    """Turns records into what networks see.

    Args:
      records: [N, C, H, W], uint8 or float32, as stored.
      value_range: (lowest, highest) value of the set, black and white.

    Returns:
      float32 [N, H, W, C] in [-1, 1].
    """
    low, high = value_range
    images = tf.cast(tf.transpose(records, [0, 2, 3, 1]), tf.float32)
    return images / ((high - low) / 2) - (high + low) / (high - low)
