"""TDGAN's losses: pure functions of tensors (equations of the paper in parentheses)."""

import tensorflow as tf

from tf_facegan.layers import stable_dtype


def cross_entropy(logits, labels):
    """Softmax cross entropy, mean over the batch (Eq. 4 to 6): [N, K], int [N] -> scalar."""
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    )


def squared_distance(features, target):
    """Mean of the squared differences (perceptual loss, Eq. 8)."""
    features, target = (tf.cast(x, stable_dtype(x.dtype)) for x in (features, target))
    return tf.reduce_mean(tf.square(features - target))


def consistency(images, originals):
    """Mean of the absolute differences (Eq. 7): images [N, S, S, C] -> scalar."""
    return tf.reduce_mean(tf.abs(images - tf.cast(originals, images.dtype)))
