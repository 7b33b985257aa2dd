"""Structural similarity (Wang et al. 2004): of tensors, for losses, and of 8-bit pictures."""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from tf_facegan.metrics.ms_ssim import ssim_and_contrast

WINDOW, SIGMA = 11, 1.5
_K1, _K2 = 0.01, 0.03
_GREY = (0.299, 0.587, 0.114)


def ssim(a: tf.Tensor, b: tf.Tensor, value_range: float = 255.0) -> tf.Tensor:
    """Mean structural similarity of pairs of images, over pixels and channels; differentiable.

    The Gaussian window is a product of matrices along each axis: on a CPU a fraction of the time of
    `tf.image.ssim`, whose results it gives.

    Args:
      a, b: float tensors [N, H, W, C] with known H and W of at least 11.
      value_range: float, from black to white.

    Returns:
      [N], in the dtype of `a`.

    Raises:
      ValueError: images smaller than the window.
    """
    height, width = a.shape[1:3]
    if min(height, width) < WINDOW:
        raise ValueError(f"images of {width} x {height} pixels, at least {WINDOW} x {WINDOW}")
    down, across = (tf.constant(_windows(side), a.dtype) for side in (height, width))
    a, b = (tf.transpose(x, [0, 3, 1, 2]) for x in (a, tf.cast(b, a.dtype)))

    def mean(x):
        return tf.matmul(tf.matmul(down, x), across, transpose_b=True)

    mean_a, mean_b = mean(a), mean(b)
    product, squares = mean_a * mean_b, mean_a**2 + mean_b**2
    covariance, variances = mean(a * b) - product, mean(a * a + b * b) - squares
    c1, c2 = (_K1 * value_range) ** 2, (_K2 * value_range) ** 2
    similarity = (2 * product + c1) * (2 * covariance + c2)
    similarity /= (squares + c1) * (variances + c2)
    return tf.reduce_mean(similarity, axis=[1, 2, 3])


def grey_ssim(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean structural similarity of the brightness of 8-bit pictures (RD-GAN's evaluation).

    Args:
      a, b: uint8 arrays [N, H, W, 3], RGB.

    Returns:
      float64 [N].
    """
    similarity, _ = ssim_and_contrast(_brightness(a), _brightness(b), 255.0)
    return similarity


def _brightness(images):
    """Whole grey levels [N, H, W, 1] as float64, rounded down as published."""
    return np.floor(np.asarray(images, np.float64) @ np.array(_GREY))[..., None]


@functools.cache
def _windows(length):
    """Returns the [length - 10, length] matrix that takes the weighted mean of every window."""
    distances = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-(distances**2) / (2 * SIGMA**2))
    rows = [np.pad(weights, (i, length - WINDOW - i)) for i in range(length - WINDOW + 1)]
    return np.stack(rows) / weights.sum()
