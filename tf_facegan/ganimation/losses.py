"""GANimation's losses (Pumarola et al., ECCV 2018, section 5; formulas as in vipermu/ganimation).

Terms are named and weighted as they are logged. They are linear in means over the batch, so that
the mean over devices is the loss of the whole batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from tf_facegan import losses

if TYPE_CHECKING:
    from tf_facegan.ganimation.networks import Discriminator, Generator


def fuse(attention: tf.Tensor, color: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """Puts a generator's outputs onto the photo: attention 1 keeps the pixel, 0 takes the colour.

    Args:
      attention: [N, H, W, 1] in (0, 1); color, images: [N, H, W, 3] in [-1, 1].
    """
    return (1.0 - attention) * color + attention * tf.cast(images, color.dtype)


def edit(
    G: Generator, images: tf.Tensor, aus: tf.Tensor, training: bool = False
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Runs a generator on photos [N, H, W, 3]; returns (edited photos, attention, color)."""
    attention, color = G(images, aus, training=training)
    return fuse(attention, color, images), attention, color


def reading_loss(
    D: Discriminator,
    images: tf.Tensor,
    labels: tf.Tensor,
    lambda_cls: float = 160.0,
    cls_divisor: float = 1.0,
) -> tf.Tensor:
    """What `critic_loss` is without edited photos and realism; arguments as there."""
    _, aus = D(images)
    return lambda_cls / cls_divisor * au_error(aus, labels)


def critic_loss(
    D: Discriminator,
    images: tf.Tensor,
    fakes: tf.Tensor,
    labels: tf.Tensor,
    lambda_cls: float = 160.0,
    cls_divisor: float = 1.0,
    distrust: float = 0.0,
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """The critic's loss without its gradient penalty.

    Args:
      D: `networks.Discriminator`.
      images: [N, S, S, 3], real, in [-1, 1].
      fakes: [N, S, S, 3], edited; no gradient goes to them.
      labels: [N, c_dim] in 0-1, AUs of `images`.
      lambda_cls: weight of their mean squared error.
      cls_divisor: divides that error; the authors' code has the batch size here.
      distrust: weight, relative to it, of the same error of `fakes`: the critic shall read in them
        the AUs of the photos that they were made of.

    Returns:
      (scalar loss, {published name: scalar}).
    """
    fakes = tf.stop_gradient(fakes)
    scores, aus = D(tf.concat([tf.cast(images, fakes.dtype), fakes], axis=0))
    real_scores, fake_scores = tf.split(scores, 2)
    real_aus, fake_aus = tf.split(aus, 2)
    terms = {
        "D/loss_real": -tf.reduce_mean(real_scores),
        "D/loss_fake": tf.reduce_mean(fake_scores),
        "D/loss_cls": lambda_cls / cls_divisor * au_error(real_aus, labels),
    }
    if distrust:
        weight = distrust * lambda_cls / cls_divisor
        terms["D/loss_cls_fake"] = weight * au_error(fake_aus, labels)
    return tf.add_n(list(terms.values())), terms


def gradient_penalty(
    D: Discriminator,
    images: tf.Tensor,
    fakes: tf.Tensor,
    mixing: tf.Tensor,
    lambda_gp: float = 10.0,
) -> tf.Tensor:
    """The gradient penalty of WGAN-GP, on the sum of the score map (no gradient goes to images).

    Args:
      D, images, fakes: as of `critic_loss`.
      mixing: [N, 1, 1, 1] in [0, 1), share of the real image.
      lambda_gp: its weight.
    """
    mixed = tf.stop_gradient(losses.mix(fakes, tf.cast(images, fakes.dtype), mixing))
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(mixed)
        scores, _ = D(mixed)
        total = tf.reduce_sum(scores)
    norms = losses.sample_norms(tape.gradient(total, mixed))
    return lambda_gp * tf.reduce_mean(tf.square(norms - 1.0))


def cycle(
    G: Generator,
    images: tf.Tensor,
    labels: tf.Tensor,
    targets: tf.Tensor,
    virtual_targets: tf.Tensor | None = None,
    training: bool = False,
) -> dict[str, tf.Tensor]:
    """Edits photos and turns them back; with virtual targets once more (Kaneko et al., 2019).

    Args:
      G: `networks.Generator`.
      images: [N, S, S, 3], real, in [-1, 1].
      labels, targets, virtual_targets: [N, c_dim] in 0-1, AUs of `images`, wanted in the edited
        ones, and in those that are edited from these; None for no virtual cycle.
      training: whether G's running statistics are updated.

    Returns:
      {name: [N, S, S, 3 or 1]}: `attention`, `color` and `result` of the edited photos,
      `rec_attention`, `rec_color` and `rec` of those turned back, and with virtual targets
      `virtual_attention`, `virtual_color` and `virtual_rec` of the way back to `result`.
    """
    result, attention, color = edit(G, images, targets, training)
    rec, rec_attention, rec_color = edit(G, result, labels, training)
    outputs = {"attention": attention, "color": color, "result": result}
    outputs.update(rec_attention=rec_attention, rec_color=rec_color, rec=rec)
    if virtual_targets is not None:
        virtual, _, _ = edit(G, result, virtual_targets, training)
        attention, color = G(virtual, targets, training=training)
        # As published, no gradient goes through the pixels that the mask keeps.
        rec = fuse(attention, color, tf.stop_gradient(virtual))
        outputs.update(virtual_attention=attention, virtual_color=color, virtual_rec=rec)
    return outputs


def generator_loss(
    G: Generator,
    D: Discriminator,
    images: tf.Tensor,
    labels: tf.Tensor,
    targets: tf.Tensor,
    virtual_targets: tf.Tensor | None = None,
    *,
    lambda_cls: float = 160.0,
    lambda_rec: float = 10.0,
    lambda_sat: float = 0.1,
    lambda_smooth: float = 1e-4,
    alpha_rec: float = 1.0,
    uncross_virtual_smooth: bool = False,
    cls_divisor: float = 1.0,
    smooth_sum_batch: int | None = None,
    show: tf.Tensor | None = None,
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """The generator's loss.

    Args:
      G, images, labels, targets, virtual_targets: as of `cycle`; G's running statistics are
        updated.
      D: `networks.Discriminator`.
      lambda_cls, lambda_rec, lambda_sat, lambda_smooth: weights of AU error, cycle, mean and total
        variation of the attention masks.
      alpha_rec: share k of the virtual cycle, where there is one.
      uncross_virtual_smooth: share the masks' smoothness as their means; published code swaps them.
      cls_divisor: see `critic_loss`.
      smooth_sum_batch: see `smoothness`.
      show: function of the edited photos, returns them as the critic sees them; None: as they are.

    Returns:
      (scalar loss, {published name: scalar}). Besides them, `G/attention_mean` is the mean of the
      masks that `G/loss_sat1` and `G/loss_sat2` weigh.
    """
    made = cycle(G, images, labels, targets, virtual_targets, training=True)
    scores, aus = D(made["result"] if show is None else show(made["result"]))
    rec = mean_distance(images, made["rec"])
    sat1, sat2 = (tf.reduce_mean(made[name]) for name in ("attention", "rec_attention"))
    smooth1, smooth2 = (
        smoothness(made[name], smooth_sum_batch) for name in ("attention", "rec_attention")
    )
    if virtual_targets is not None:
        k, swapped = alpha_rec, alpha_rec if uncross_virtual_smooth else 1 - alpha_rec
        mask = made["virtual_attention"]
        # The gradient goes to both sides of the virtual cycle.
        rec = (1 - k) * rec + k * mean_distance(made["result"], made["virtual_rec"])
        sat2 = (1 - k) * sat2 + k * tf.reduce_mean(mask)
        smooth2 = (1 - swapped) * smooth2 + swapped * smoothness(mask, smooth_sum_batch)
    masks = {
        "G/loss_smooth1": lambda_smooth * smooth1,
        "G/loss_smooth2": lambda_smooth * smooth2,
        "G/loss_sat1": lambda_sat * sat1,
        "G/loss_sat2": lambda_sat * sat2,
    }
    terms = {
        "G/loss_fake": -tf.reduce_mean(scores),
        "G/loss_rec": lambda_rec * rec,
        "G/loss_cls": lambda_cls / cls_divisor * au_error(aus, targets),
        "G/attention_loss": tf.add_n(list(masks.values())),
    }
    loss = tf.add_n(list(terms.values()))
    others = {"G/alpha": tf.constant(alpha_rec), "G/attention_mean": (sat1 + sat2) / 2}
    return loss, {"G/loss": loss, **terms, **masks, **others}


def mean_distance(images: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Returns the mean absolute difference of two batches of images."""
    return tf.reduce_mean(tf.abs(tf.cast(images, others.dtype) - others))


def au_error(aus: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
    """Returns the mean squared error of AUs, both [N, c_dim] in 0-1."""
    return tf.reduce_mean(tf.square(aus - tf.cast(wanted, aus.dtype)))


def smoothness(masks: tf.Tensor, sum_batch: int | None = None) -> tf.Tensor:
    """Returns the anisotropic total variation of masks [N, H, W, 1], across plus down.

    Args:
      sum_batch: None for the mean of each direction, added; else the sum over this many images,
        the whole batch of all devices (the authors' code).
    """
    across = tf.abs(masks[:, :, 1:] - masks[:, :, :-1])
    down = tf.abs(masks[:, 1:] - masks[:, :-1])
    if sum_batch is None:
        return tf.reduce_mean(across) + tf.reduce_mean(down)
    sums = (tf.reduce_sum(d, axis=[1, 2, 3]) for d in (across, down))
    return sum_batch * tf.reduce_mean(sum(sums))
