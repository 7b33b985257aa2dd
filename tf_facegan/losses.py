"""Adversarial losses and penalties that more than one system uses: pure functions of tensors."""

from __future__ import annotations

import tensorflow as tf

SMALLEST_SQUARE = (
    1e-30  # far below any norm that training meets; its root is still a normal float32
)


def mix(reals: tf.Tensor, fakes: tf.Tensor, factors: tf.Tensor) -> tf.Tensor:
    """Returns images on the lines between reals and fakes (WGAN-GP, Gulrajani et al., 2017).

    Args:
      reals, fakes: [N, H, W, C].
      factors: [N, 1, 1, 1] in [0, 1); 0 is real.
    """
    return reals + (fakes - reals) * tf.cast(factors, reals.dtype)


def sample_norms(gradients: tf.Tensor) -> tf.Tensor:
    """Returns the Euclidean norm of every sample of a batch: [N, ...] -> [N].

    The gradient of a norm of exactly zero is taken as zero instead of not a number.
    """
    squares = tf.reduce_sum(tf.square(gradients), axis=list(range(1, gradients.shape.rank)))
    return tf.sqrt(tf.maximum(squares, SMALLEST_SQUARE))
