"""TDGAN's losses: pure functions of tensors (equations of the paper in parentheses)."""

from __future__ import annotations

import tensorflow as tf

from tf_facegan.engine.optimizers import replica_mean
from tf_facegan.layers import stable_dtype

_LEAST_SPREAD = 1e-4  # of a channel, as a share of the mean of all


def cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Softmax cross entropy, mean over the batch (Eq. 4 to 6): [N, K], int [N] -> scalar."""
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    )


def squared_distance(features: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Mean of the squared differences (perceptual loss, Eq. 8)."""
    features, target = (tf.cast(x, stable_dtype(x.dtype)) for x in (features, target))
    return tf.reduce_mean(tf.square(features - target))


def relative_distance(codes: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """How far apart the codes of pairs are, in units of how far apart those of any two samples are.

    For each channel: mean squared difference of the pairs over twice the variance among all codes,
    of which a mean over the channels. Scaling the codes changes nothing. The variances are those of
    the whole batch, on all devices.

    Args:
      codes, others: [N, H, W, C].

    Returns:
      Scalar, 0 for equal codes and 1 for codes that have nothing to do with each other.
    """
    codes, others = (tf.cast(x, stable_dtype(x.dtype)) for x in (codes, others))
    everything = tf.concat([codes, others], axis=0)
    (mean,) = replica_mean([tf.reduce_mean(everything, axis=0)])
    # Not by the mean of squares: that leaves nothing of a spread that is small beside the mean.
    (variance,) = replica_mean([tf.reduce_mean(tf.square(everything - mean), axis=0)])
    spread = 2 * tf.reduce_mean(variance, axis=[0, 1])
    apart = tf.reduce_mean(tf.square(codes - others), axis=[0, 1, 2])
    return tf.reduce_mean(apart / (spread + _LEAST_SPREAD * tf.reduce_mean(spread)))


def consistency(images: tf.Tensor, originals: tf.Tensor) -> tf.Tensor:
    """Mean of the absolute differences (Eq. 7): images [N, S, S, C] -> scalar."""
    return tf.reduce_mean(tf.abs(images - tf.cast(originals, images.dtype)))
