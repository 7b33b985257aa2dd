"""GANimation's losses (Pumarola et al., ECCV 2018, section 5; formulas as in vipermu/ganimation).

Terms are named and weighted as they are logged. They are linear in means over the batch, so that
the mean over devices is the loss of the whole batch.
"""

import tensorflow as tf

from tf_facegan import losses

REDUCTIONS = ("mean", "sum")


def fuse(attention, color, images):
    """Puts a generator's outputs onto the photo: attention 1 keeps the pixel, 0 takes the colour.

    Args:
      attention: [N, H, W, 1] in (0, 1); color, images: [N, H, W, 3] in [-1, 1].
    """
    return (1.0 - attention) * color + attention * tf.cast(images, color.dtype)


def edit(G, images, aus, training=False):
    """Runs a generator on photos [N, H, W, 3]; returns (edited photos, attention, color)."""
    attention, color = G(images, aus, training=training)
    return fuse(attention, color, images), attention, color


def critic_loss(D, images, fakes, labels, lambda_cls=160.0, cls_divisor=1.0):
    """The critic's loss without its gradient penalty.

    Args:
      D: `networks.Discriminator`.
      images: [N, S, S, 3], real, in [-1, 1].
      fakes: [N, S, S, 3], edited; no gradient goes to them.
      labels: [N, c_dim] in 0-1, AUs of `images`.
      lambda_cls: weight of their mean squared error.
      cls_divisor: divides that error; the authors' code has the batch size here.

    Returns:
      (scalar loss, {published name: scalar}).
    """
    fakes = tf.stop_gradient(fakes)
    scores, aus = D(tf.concat([tf.cast(images, fakes.dtype), fakes], axis=0))
    real_scores, fake_scores = tf.split(scores, 2)
    terms = {
        "D/loss_real": -tf.reduce_mean(real_scores),
        "D/loss_fake": tf.reduce_mean(fake_scores),
        "D/loss_cls": lambda_cls / cls_divisor * au_error(tf.split(aus, 2)[0], labels),
    }
    return tf.add_n(list(terms.values())), terms


def gradient_penalty(D, images, fakes, mixing, lambda_gp=10.0):
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


def generator_loss(
    G,
    D,
    images,
    labels,
    targets,
    virtual_targets=None,
    *,
    lambda_cls=160.0,
    lambda_rec=10.0,
    lambda_sat=0.1,
    lambda_smooth=1e-4,
    alpha_rec=1.0,
    uncross_virtual_smooth=False,
    cls_divisor=1.0,
    smooth_sum_batch=None,
):
    """The generator's loss, with the virtual cycle (Kaneko et al., 2019) if it has targets.

    Args:
      G, D: the networks; G's running statistics are updated.
      images: [N, S, S, 3], real, in [-1, 1].
      labels, targets, virtual_targets: [N, c_dim], AUs of `images`, wanted in the edited ones, and
        in those that are edited once more; None for no virtual cycle.
      lambda_cls, lambda_rec, lambda_sat, lambda_smooth: weights of AU error, cycle, mean and total
        variation of the attention masks.
      alpha_rec: share k of the virtual cycle.
      uncross_virtual_smooth: weigh the masks' smoothness as their means; published code swaps them.
      cls_divisor: see `critic_loss`.
      smooth_sum_batch: None for the total variation as means; a batch size for sums over as many
        images (the authors' code), the whole batch of all devices.

    Returns:
      (scalar loss, {published name: scalar}, {name: images}). `G/alpha` is k; `G/attention_mean` is
      the mean of both masks that `G/loss_sat1` and `G/loss_sat2` weigh.
    """

    def smooth(mask):
        return smoothness(mask, smooth_sum_batch)

    fakes, mask1, color1 = edit(G, images, targets, training=True)
    scores, aus = D(fakes)
    rebuilt, mask2, color2 = edit(G, fakes, labels, training=True)
    rec = tf.reduce_mean(tf.abs(tf.cast(images, rebuilt.dtype) - rebuilt))
    sat2, smooth2 = tf.reduce_mean(mask2), smooth(mask2)
    sheet = {
        "attention": mask1,
        "color": color1,
        "result": fakes,
        "reconstruction": rebuilt,
        "reconstruction_attention": mask2,
        "reconstruction_color": color2,
    }
    if virtual_targets is not None:
        again, _, _ = edit(G, fakes, virtual_targets, training=True)
        mask3, color3 = G(again, targets, training=True)
        back = fuse(mask3, color3, tf.stop_gradient(again))
        # The gradient goes to the target of this cycle as well, and not to its skip input.
        virtual_rec = tf.reduce_mean(tf.abs(fakes - back))
        k = alpha_rec
        rec = (1 - k) * rec + k * virtual_rec
        sat2 = (1 - k) * sat2 + k * tf.reduce_mean(mask3)
        if uncross_virtual_smooth:
            smooth2 = (1 - k) * smooth2 + k * smooth(mask3)
        else:
            smooth2 = (1 - k) * smooth(mask3) + k * smooth2
        sheet["virtual_reconstruction"] = back
        sheet["virtual_attention"] = mask3
        sheet["virtual_color"] = color3
    masks = {
        "G/loss_smooth1": lambda_smooth * smooth(mask1),
        "G/loss_smooth2": lambda_smooth * smooth2,
        "G/loss_sat1": lambda_sat * tf.reduce_mean(mask1),
        "G/loss_sat2": lambda_sat * sat2,
    }
    terms = {
        "G/loss_fake": -tf.reduce_mean(scores),
        "G/loss_rec": lambda_rec * rec,
        "G/loss_cls": lambda_cls / cls_divisor * au_error(aus, targets),
        "G/attention_loss": tf.add_n(list(masks.values())),
    }
    loss = tf.add_n(list(terms.values()))
    watched = {
        "G/attention_mean": (tf.reduce_mean(mask1) + sat2) / 2,
        "G/alpha": tf.constant(alpha_rec),
    }
    return loss, {"G/loss": loss, **terms, **masks, **watched}, sheet


def au_error(aus, wanted):
    """Returns the mean squared error of AUs, both [N, c_dim] in 0-1."""
    return tf.reduce_mean(tf.square(aus - tf.cast(wanted, aus.dtype)))


def smoothness(masks, sum_batch=None):
    """Returns the anisotropic total variation of masks [N, H, W, 1], across plus down.

    Args:
      sum_batch: None for a mean of each direction; a batch size for sums, of so many images.
    """
    across = tf.abs(masks[:, :, 1:] - masks[:, :, :-1])
    down = tf.abs(masks[:, 1:] - masks[:, :-1])
    if sum_batch is None:
        return tf.reduce_mean(across) + tf.reduce_mean(down)
    sums = (tf.reduce_sum(d, axis=[1, 2, 3]) for d in (across, down))
    return sum_batch * tf.reduce_mean(tf.add_n(list(sums)))
