"""RD-GAN's losses: pure functions of images, scores and kernels, with the published names.

Every generator loss returns (loss, {name: scalar}) with its terms, `loss_G_nodecay`,
`loss_G_decay` and `loss_G`; every discriminator loss with its terms and `loss_D`. Where an
absolute value is taken of a mean over the batch, it is the mean over the batch of all devices.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tf_facegan.engine.optimizers import replica_mean
from tf_facegan.metrics.ssim import ssim

ADVERSARIAL = ("original", "standard")


def face_generator_loss(
    made: tf.Tensor,
    targets: tf.Tensor,
    scores: tf.Tensor,
    kernels: Sequence[tf.Variable],
    *,
    adversarial_weight: float = 1.0,
    ssim_weight: float = 0.1,
    ssim_range: float = 1.5,
    weight_decay: float = 5e-4,
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """FaceGAN's generator loss.

    Args:
      made, targets: [N, S, S, 3] in [-1, 1], generated and true images.
      scores: [N, 1], the discriminator's of `made`.
      kernels: weights of convolutions, to decay.
      adversarial_weight, ssim_weight, weight_decay: weights of the term that asks for scores of 1,
        of 1 - SSIM and of half the kernels' mean squares; that of the images' distance is 1.
      ssim_range: float, value range in SSIM's constants; images span 2, published is 1.5.
    """
    terms = {
        "ssim": ssim_weight * (1.0 - tf.reduce_mean(ssim(made, targets, ssim_range))),
        "gloss_build_leftI_rightB": mean_distance(targets, made),
        "gloss_d_leftI_rightB": adversarial_weight * mean_distance(1.0, scores),
    }
    return _generator_total(terms, kernels, weight_decay)


def face_discriminator_loss(
    real_scores: tf.Tensor, made_scores: tf.Tensor, adversarial: str = "original"
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """FaceGAN's discriminator loss.

    Args:
      real_scores, made_scores: [N, 1].
      adversarial: "original" asks for 0 on true and 1 on generated images, which is what the
        generator wants, too; "standard" for 1 and 0, as in FineGAN.
    """
    real, made = {"original": (0.0, 1.0), "standard": (1.0, 0.0)}[adversarial]
    return _total(
        {
            "dloss_build_leftI_rightB": _mean_apart(made, made_scores),
            "dloss_real": _mean_apart(real, real_scores),
        }
    )


def fine_generator_loss(
    made: tf.Tensor,
    targets: tf.Tensor,
    scores: tf.Tensor,
    kernels: Sequence[tf.Variable],
    *,
    adversarial_weight: float = 1.0,
    ssim_weight: float = 0.0,
    ssim_range: float = 1.5,
    weight_decay: float = 5e-4,
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """FineGAN's generator loss; arguments as of `face_generator_loss`.

    With `ssim_weight` 0, as published, there is no such term.
    """
    terms = {
        "gloss_gen_real": mean_distance(targets, made),
        "gloss_d_gen": adversarial_weight * mean_distance(scores, 1.0),
    }
    if ssim_weight:
        terms["ssim"] = ssim_weight * (1.0 - tf.reduce_mean(ssim(made, targets, ssim_range)))
    return _generator_total(terms, kernels, weight_decay)


def fine_discriminator_loss(
    real_scores: tf.Tensor, made_scores: tf.Tensor
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """FineGAN's discriminator loss: 1 for true, 0 for generated images; both scores [N, 1]."""
    return _total(
        {"dloss_real": _mean_apart(1.0, real_scores), "dloss_gen": _mean_apart(0.0, made_scores)}
    )


def two_way_generator_loss(
    made: dict[str, tf.Tensor],
    left: tf.Tensor,
    right: tf.Tensor,
    scores: dict[str, tf.Tensor],
    kernels: Sequence[tf.Variable],
    *,
    adversarial_weight: float = 1.0,
    weight_decay: float = 5e-4,
    mend_aeb: bool = False,
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """The two-way model's generator loss.

    Args:
      made: as `networks.TwoWayGenerator.combinations` gives it.
      left, right: [N, S, S, 3], true images of both sides.
      scores: as of `two_way_discriminator_loss`.
      kernels, adversarial_weight, weight_decay: as of `face_generator_loss`.
      mend_aeb: judge the left face with the right boundary; published is the right face with its
        own.
    """
    rights = scores["right_left_right" if mend_aeb else "right_right_right"]
    crossed = made["left_right"] + made["right_left"]
    terms = {
        "cycle_A_Ea": mean_distance(left, made["left_left"]) / 255.0,
        "cycle_B_Eb": mean_distance(right, made["right_right"]) / 255.0,
        "cycle_B_Ea": mean_distance(left, made["right_left"]) / 255.0,
        "cycle_A_Eb": mean_distance(right, made["left_right"]) / 255.0,
        "Bea": -adversarial_weight * tf.reduce_mean(scores["left_right_left"]),
        "Aeb": -adversarial_weight * tf.reduce_mean(rights),
        "parallelogram": 0.01 * mean_distance(left + right, crossed),
    }
    return _generator_total(terms, kernels, weight_decay)


def two_way_discriminator_loss(
    scores: dict[str, tf.Tensor],
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """The two-way model's loss of both discriminators.

    Args:
      scores: {name: [N, 1]}: `left_real`, `left_right_left`, `left_left_left` of D_left and
        `right_real`, `right_left_right`, `right_right_right` of D_right; the last two words name
        the combination judged.
    """
    return _total(
        {
            "A_Bea": tf.reduce_mean(scores["left_right_left"] - scores["left_real"]),
            "B_Aeb": tf.reduce_mean(scores["right_left_right"] - scores["right_real"]),
            "A_Aea": tf.reduce_mean(scores["left_left_left"] - scores["left_real"]),
            "B_Beb": tf.reduce_mean(scores["right_right_right"] - scores["right_real"]),
        }
    )


def mean_distance(a: float | tf.Tensor, b: float | tf.Tensor) -> tf.Tensor:
    """Returns the mean absolute difference of two tensors, or of a tensor and a number."""
    return tf.reduce_mean(tf.abs(a - b))


def decay(kernels: Sequence[tf.Variable], weight: float) -> tf.Tensor:
    """Returns the sum over kernels of half their mean square (not their sum), times `weight`."""
    return 0.5 * weight * tf.add_n([tf.reduce_mean(tf.square(kernel)) for kernel in kernels])


def _mean_apart(wanted, scores):
    """Returns how far the mean score is from `wanted`; single images are not pushed there."""
    (mean,) = replica_mean([tf.reduce_mean(scores)])
    return tf.abs(wanted - mean)


def _generator_total(terms, kernels, weight_decay):
    without = tf.add_n(list(terms.values()))
    decayed = tf.cast(decay(kernels, weight_decay), without.dtype)
    loss = without + decayed
    named = {f"G_loss/{name}": value for name, value in terms.items()}
    totals = {"loss_G_nodecay": without, "loss_G_decay": decayed, "loss_G": loss}
    return loss, {**named, **totals}


def _total(terms):
    loss = tf.add_n(list(terms.values()))
    return loss, {**{f"D_loss/{name}": value for name, value in terms.items()}, "loss_D": loss}
