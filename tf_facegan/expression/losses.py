"""Losses of the expression system: pure functions of tensors, linear in means over the batch."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import tensorflow as tf

from tf_facegan import losses

if TYPE_CHECKING:
    from tf_facegan.expression.networks import Critic, Generator


def reconstruction_error(reconstructions: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Returns the mean squared error of images [N, H, W, C]."""
    targets = tf.cast(targets, reconstructions.dtype)
    return tf.reduce_mean(tf.math.squared_difference(reconstructions, targets))


def generator_loss(
    G: Generator, D: Critic, noise: tf.Tensor, condition: tf.Tensor
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """The generator's loss of WGAN-GP (Gulrajani et al., 2017): - mean D(G(z, c), c).

    Args:
      G: `networks.Generator`; its moving statistics are updated.
      D: `networks.Critic`.
      noise: [N, noise_dim]; condition: [N, condition_dim].

    Returns:
      (scalar loss, {name: scalar}).
    """
    loss = -tf.reduce_mean(D(G(noise, condition, training=True), condition))
    return loss, {"Loss/generator": loss}


@dataclasses.dataclass(frozen=True)
class Mismatch:
    """Conditions of other expressions than those of the real images of a batch (the matching-aware
    discriminator of Reed et al., 2016, section 4.2).

    Attributes:
      condition: [N, condition_dim]; of another expression in half of the rows.
      mask: [N, 1], 1 in those rows, else 0.
      weight: float in [0, 1), their share in what is scored as fake.
    """

    condition: tf.Tensor
    mask: tf.Tensor
    weight: float


def critic_loss(
    G: Generator,
    D: Critic,
    reals: tf.Tensor,
    noise: tf.Tensor,
    condition: tf.Tensor,
    mixing: tf.Tensor,
    gradient_penalty_weight: float = 10.0,
    mismatch: Mismatch | None = None,
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """The critic's loss of WGAN-GP; real and fake are judged with the same condition.

    Args:
      G, D, noise, condition: as of `generator_loss`.
      reals: [N, S, S, 3] in [-1, 1], of the classes in `condition`.
      mixing: [N, 1, 1, 1] in [0, 1), share of the fake image.
      gradient_penalty_weight: of the penalty.
      mismatch: `Mismatch`; None, as published: the critic sees no face with the condition of
        another. With it, fakes are of its conditions, so that the penalty also lies on lines from
        faces of one expression to fakes of another.

    Returns:
      (scalar loss, {name: scalar}); `Loss/wasserstein` is the estimated distance.
    """
    fake_condition = condition if mismatch is None else mismatch.condition
    fakes = tf.stop_gradient(G(noise, fake_condition, training=True))
    reals = tf.cast(reals, fakes.dtype)
    features = D.features(tf.concat([reals, fakes], axis=0))
    scores = D.score(features, tf.concat([condition, fake_condition], axis=0))
    real_scores, fake_scores = tf.split(scores, 2)
    fake_score = tf.reduce_mean(fake_scores)
    if mismatch is not None:
        scores = D.score(tf.split(features, 2)[0], fake_condition)
        # The mask is 1 in half of the rows.
        mismatched = 2.0 * tf.reduce_mean(tf.cast(mismatch.mask, scores.dtype) * scores)
        fake_score = (1.0 - mismatch.weight) * fake_score + mismatch.weight * mismatched
    distance = tf.reduce_mean(real_scores) - fake_score
    penalty = gradient_penalty(D, reals, fakes, fake_condition, mixing)
    loss = gradient_penalty_weight * penalty - distance
    terms = {"critic": loss, "wasserstein": distance, "gradient_penalty": penalty}
    return loss, {f"Loss/{name}": value for name, value in terms.items()}


def gradient_penalty(
    D: Critic, reals: tf.Tensor, fakes: tf.Tensor, condition: tf.Tensor, mixing: tf.Tensor
) -> tf.Tensor:
    """Returns the mean of (slope - 1)**2 on lines between reals and fakes; see `critic_loss`."""
    _, slopes = slopes_between(D, reals, fakes, condition, mixing)
    return tf.reduce_mean(tf.square(slopes - 1.0))


def slopes_between(
    D: Critic, reals: tf.Tensor, fakes: tf.Tensor, condition: tf.Tensor, mixing: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the critic's gradients [N, S, S, 3] on lines between images, and their norms [N]."""
    mixed = losses.mix(reals, fakes, mixing)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(mixed)
        total = tf.reduce_sum(D(mixed, condition))
    gradients = tape.gradient(total, mixed)
    return gradients, losses.sample_norms(gradients)


def classification_loss(
    logits: tf.Tensor, labels: tf.Tensor
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Cross-entropy and accuracy of a classifier.

    Args:
      logits: [N, K]; labels: int64 [N], in 0 to K - 1.

    Returns:
      (scalar loss, {name: scalar}).
    """
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    loss = tf.reduce_mean(entropy)
    is_right = tf.equal(tf.argmax(logits, axis=1), tf.cast(labels, tf.int64))
    accuracy = tf.reduce_mean(tf.cast(is_right, tf.float32))
    return loss, {"Loss/classifier": loss, "Loss/accuracy": accuracy}
