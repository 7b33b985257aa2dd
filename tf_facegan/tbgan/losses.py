"""TBGAN's losses: WGAN-GP with drift and a label head (PGGAN's `loss` module, soft labels added).

Everything happens at the native resolution of the level of detail. Scores and label terms do not
notice; the gradient norm is multiplied by 2**-floor(lod), which makes it the published norm over
full-size images (every native pixel stands for 4**level pixels that each carry 4**-level of its
gradient).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tf_facegan import losses
from tf_facegan.config import check_choice, check_least
from tf_facegan.layers import downscale2d, upscale2d

if TYPE_CHECKING:
    from tf_facegan.tbgan.networks import Discriminator, Generator


UV_MODALITIES = ("texture", "shape", "normals")
LABEL_KINDS = ("class", "intensity")
SURROUNDINGS = np.outer([1, 2, 1], [1, 2, 1]) / 16
LARGE_SIDE = 64  # pixels, from which on reals and fakes are judged one after the other


def generator_loss(
    G: Generator,
    D: Discriminator,
    latents: tf.Tensor,
    labels: tf.Tensor,
    lod: float | tuple,
    cond_weight: float = 1.0,
    label_kind: str = "class",
    detail: Sequence[float] | None = None,
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """The generator's loss, `G_wgan_acgan` of TBGAN.

    Args:
      G, D: the networks, as in `networks`.
      latents: [N, latent_size], N(0, 1).
      labels: [N, label_size]; raw rows of the label array for kind "class", 0-1 for "intensity".
      lod: level of detail as the networks take it.
      cond_weight: weight of the label term.
      label_kind: "class": softmax and cross-entropy, as published; "intensity": sigmoid and
        squared error, averaged over the components (as GANimation's regression of action units).
      detail: gains [C] of `enlarge_details`, which D sees fakes through; None: as they are.

    Returns:
      (scalar loss, {summary name: [N]}).
    """
    condition = label_condition(labels, label_kind)
    scores, logits = D(enlarge_details(G(latents, condition, lod), detail), lod)
    loss = -tf.reduce_mean(scores)
    terms = {"Loss/G_fake_scores": scores[:, 0]}
    if labels.shape[1]:
        penalty = label_penalty(condition, logits, label_kind)
        loss += cond_weight * tf.reduce_mean(penalty)
        terms["Loss/G_label_penalty"] = penalty
    return loss, terms


def discriminator_loss(
    G: Generator,
    D: Discriminator,
    reals: tf.Tensor,
    labels: tf.Tensor,
    latents: tf.Tensor,
    mixing: tf.Tensor,
    lod: float | tuple,
    wgan_lambda: float = 10.0,
    wgan_epsilon: float = 0.001,
    wgan_target: float = 1.0,
    cond_weight: float = 1.0,
    label_kind: str = "class",
    loss_scale: tf.Tensor | None = None,
    detail: Sequence[float] | None = None,
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """The discriminator's loss, `D_wgangp_acgan` of TBGAN.

    Args:
      G, D: the networks. No gradient goes to G.
      reals: [N, S, S, C], processed (`process_reals`), S the native side.
      labels: [N, label_size] of the reals, also given to the fakes; see `generator_loss`.
      latents: [N, latent_size], N(0, 1).
      mixing: [N, 1, 1, 1], uniform in [0, 1).
      lod: level of detail as the networks take it.
      wgan_lambda, wgan_epsilon, wgan_target, cond_weight: weights of gradient penalty and drift,
        the norm aimed at, weight of the label terms.
      label_kind: see `generator_loss`.
      loss_scale: scalar; the derivative of the penalty is taken of scores times it and divided
        again, so that it does not vanish in half precision. The loss returned is not scaled.
      detail: gains [C] of `enlarge_details`, which D sees reals and fakes through (and so their
        mixtures, at which the penalty is taken); None: as they are.

    Returns:
      (scalar loss, {published summary name: [N]}).
    """
    condition = label_condition(labels, label_kind)
    fakes = tf.stop_gradient(G(latents, condition, lod))
    reals = tf.cast(reals, fakes.dtype)
    reals, fakes = (enlarge_details(images, detail) for images in (reals, fakes))
    scores, logits = _judge_both(D, reals, fakes, lod)
    real_scores, fake_scores = tf.split(scores[:, 0], 2)
    mixed_scores, norms = mixed_gradient_norms(D, losses.mix(reals, fakes, mixing), lod, loss_scale)
    drift = tf.square(real_scores)
    penalty = tf.square(norms - wgan_target) * (wgan_lambda / wgan_target**2)
    loss = fake_scores - real_scores + penalty + wgan_epsilon * drift
    terms = {
        "Loss/real_scores": real_scores,
        "Loss/fake_scores": fake_scores,
        "Loss/mixed_scores": mixed_scores,
        "Loss/mixed_norms": norms,
        "Loss/epsilon_penalty": drift,
    }
    if labels.shape[1]:
        penalties = label_penalty(tf.concat([condition, condition], 0), logits, label_kind)
        of_reals, of_fakes = tf.split(penalties, 2)
        loss += cond_weight * (of_reals + of_fakes)
        terms["Loss/label_penalty_reals"] = of_reals
        terms["Loss/label_penalty_fakes"] = of_fakes
    return tf.reduce_mean(loss), terms


def _judge_both(D, reals, fakes, lod):
    """Returns D's (scores [2N, 1], logits [2N, label_size]) of reals, then fakes.

    The minibatch statistics of reals and fakes stay apart. One call for both is faster (measured on
    a CPU) until the features of both no longer fit the cache.
    """
    if reals.shape[1] < LARGE_SIDE:
        return D(tf.concat([reals, fakes], axis=0), lod, parts=2)
    return [tf.concat(outputs, axis=0) for outputs in zip(D(reals, lod), D(fakes, lod))]


def mixed_gradient_norms(
    D: Discriminator, mixed: tf.Tensor, lod: float | tuple, loss_scale: tf.Tensor | None = None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns (scores [N], norms [N]) of the scores' gradients at mixed images, as over full-size
    images.

    Args: as of `discriminator_loss`; mixed: [N, S, S, C].
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(mixed)
        scores = D(mixed, lod)[0][:, 0]
        total = tf.reduce_sum(scores)
        if loss_scale is not None:
            total *= tf.cast(loss_scale, total.dtype)
    gradients = tape.gradient(total, mixed)
    if loss_scale is not None:
        gradients /= tf.cast(loss_scale, gradients.dtype)
    return scores, losses.sample_norms(gradients) * 2.0 ** -integer_level(lod)


def enlarge_details(images: tf.Tensor, gains: Sequence[float] | None) -> tf.Tensor:
    """Adds to every pixel a multiple of its difference from its surroundings.

    x + gain (x - blurred x), blurred by the binomial [1, 2, 1] both ways, images mirrored at their
    edges. The map is linear and invertible, so nothing is hidden; but a critic of bounded slope
    sees patterns of one or two pixels up to gain + 1 times as well. Maps of shape are so smooth
    that theirs are a few thousandths of the range, and would be left for last.

    Args:
      images: [N, S, S, C].
      gains: [C], at least 0; None returns the images.

    Returns:
      [N, S, S, C], of the same dtype.
    """
    if gains is None:
        return images
    kernel = np.tile(SURROUNDINGS[:, :, None, None], [1, 1, len(gains), 1])
    padded = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    kernel, gains = (tf.constant(values, images.dtype) for values in (kernel, gains))
    blurred = tf.nn.depthwise_conv2d(padded, kernel, [1, 1, 1, 1], "VALID")
    return images + (images - blurred) * gains


def detail_gains(
    detail: Mapping[str, float], modalities: Sequence[tuple[str, int]]
) -> list[float] | None:
    """Returns the gains [C] of `enlarge_details`, or None if there is nothing to enlarge.

    Args:
      detail: {modality: gain}, the others have 0. Those of UV maps that a set does not have are
        passed over, so that a preset takes sets of any kind.
      modalities: (name, channels) of all, in the order of the channels.

    Raises:
      ValueError: an unknown modality or a gain below 0.
    """
    known = dict.fromkeys([*(name for name, _ in modalities), *UV_MODALITIES])
    for name, gain in detail.items():
        check_choice("loss.detail: modality", name, known)
        check_least(f"loss.detail: gain of {name}", gain, 0)
    gains = [detail.get(name, 0.0) for name, width in modalities for _ in range(width)]
    return gains if any(gains) else None


def label_condition(labels: tf.Tensor, label_kind: str = "class") -> tf.Tensor:
    """Returns what the generator is given for a batch of labels: their softmax, or intensities as
    they are.

    Raises:
      ValueError: label_kind is unknown.
    """
    check_choice("label kind", label_kind, LABEL_KINDS)
    return tf.nn.softmax(labels) if label_kind == "class" and labels.shape[1] else labels


def label_penalty(condition: tf.Tensor, logits: tf.Tensor, label_kind: str = "class") -> tf.Tensor:
    """Returns the label term of each sample: [N, label_size], [N, label_size] logits -> [N]."""
    condition = tf.cast(tf.stop_gradient(condition), logits.dtype)
    if label_kind == "class":
        return tf.nn.softmax_cross_entropy_with_logits(labels=condition, logits=logits)
    return tf.reduce_mean(tf.square(tf.sigmoid(logits) - condition), axis=1)


def integer_level(lod: float | tuple) -> int:
    """Returns floor(lod) as a Python integer, of a number or a pair (level, fade)."""
    return int(lod[0]) if isinstance(lod, (tuple, list)) else int(lod // 1)


def process_reals(
    records: tf.Tensor,
    fade: float | tf.Tensor = 0,
    mirror_draw: tf.Tensor | None = None,
    mirror_negate: Sequence[int] = (),
    drange_data: Sequence[float] = (-1.0, 1.0),
    drange_net: Sequence[float] = (-1.0, 1.0),
    dtype: tf.DType = tf.float32,
) -> tf.Tensor:
    """Turns a batch of records into what the discriminator sees (PGGAN, `process_reals`).

    Args:
      records: [N, C, S, S] of the level's own resolution, as stored.
      fade: number or scalar tensor in [0, 1): share of the level above (half the resolution).
      mirror_draw: [N, 1, 1, 1], uniform in [0, 1); samples at 0.5 or above are mirrored. None:
        none are.
      mirror_negate: channels to negate in mirrored samples: x of shapes and normals.
      drange_data, drange_net: (black, white) in the records and for the networks.
      dtype: of the result.

    Returns:
      [N, S, S, C].
    """
    images = tf.cast(tf.transpose(records, [0, 2, 3, 1]), dtype)
    if tuple(drange_data) != tuple(drange_net):
        scale = (drange_net[1] - drange_net[0]) / (drange_data[1] - drange_data[0])
        images = images * scale + (drange_net[0] - drange_data[0] * scale)
    if mirror_draw is not None:
        signs = [-1.0 if c in mirror_negate else 1.0 for c in range(records.shape[1])]
        mirrored = tf.reverse(images, axis=[2]) * tf.constant(signs, dtype)
        images = tf.where(mirror_draw < 0.5, images, mirrored)
    if isinstance(fade, (int, float)) and fade == 0 or images.shape[1] <= 4:
        return images
    return images + (upscale2d(downscale2d(images)) - images) * tf.cast(fade, dtype)
