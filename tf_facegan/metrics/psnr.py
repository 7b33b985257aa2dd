"""Peak signal-to-noise ratio."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    import numpy as np


def psnr(
    a: tf.Tensor | np.ndarray,
    b: tf.Tensor | np.ndarray,
    value_range: float = 255.0,
    border: int = 0,
) -> tf.Tensor:
    """Peak signal-to-noise ratio of pairs of images; infinite for equal ones.

    Args:
      a, b: [N, H, W, C], any dtype; differences are taken in floating point.
      value_range: float, from black to white: the peak.
      border: int, pixels left out all around.

    Returns:
      [N] in decibels, float64 for float64 images, else float32.
    """
    dtype = tf.float64 if a.dtype == tf.float64 else tf.float32
    inner = slice(border, -border or None)
    a, b = (tf.cast(images, dtype)[:, inner, inner] for images in (a, b))
    error = tf.reduce_mean(tf.math.squared_difference(a, b), axis=[1, 2, 3])
    return -10.0 * tf.math.log(error / value_range**2) / tf.math.log(tf.constant(10.0, dtype))
