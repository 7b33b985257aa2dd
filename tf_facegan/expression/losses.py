"""Losses of the expression system: pure functions of tensors, linear in means over the batch."""

import tensorflow as tf

from tf_facegan import losses


def reconstruction_error(reconstructions, targets):
    """Returns the mean squared error of images [N, H, W, C]."""
    targets = tf.cast(targets, reconstructions.dtype)
    return tf.reduce_mean(tf.math.squared_difference(reconstructions, targets))


def generator_loss(G, D, noise, condition):
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


def critic_loss(G, D, reals, noise, condition, mixing, gradient_penalty_weight=10.0):
    """The critic's loss of WGAN-GP; real and fake are judged with the same condition.

    Args:
      G, D, noise, condition: as of `generator_loss`.
      reals: [N, S, S, 3] in [-1, 1], of the classes in `condition`.
      mixing: [N, 1, 1, 1] in [0, 1), share of the fake image.
      gradient_penalty_weight: of the penalty.

    Returns:
      (scalar loss, {name: scalar}); `Loss/wasserstein` is the estimated distance.
    """
    fakes = tf.stop_gradient(G(noise, condition, training=True))
    reals = tf.cast(reals, fakes.dtype)
    scores = D(tf.concat([reals, fakes], axis=0), tf.concat([condition, condition], axis=0))
    real_scores, fake_scores = tf.split(scores, 2)
    distance = tf.reduce_mean(real_scores) - tf.reduce_mean(fake_scores)
    penalty = gradient_penalty(D, reals, fakes, condition, mixing)
    loss = gradient_penalty_weight * penalty - distance
    terms = {"critic": loss, "wasserstein": distance, "gradient_penalty": penalty}
    return loss, {f"Loss/{name}": value for name, value in terms.items()}


def gradient_penalty(D, reals, fakes, condition, mixing):
    """Returns the mean of (slope - 1)**2 on lines between reals and fakes; see `critic_loss`."""
    _, slopes = slopes_between(D, reals, fakes, condition, mixing)
    return tf.reduce_mean(tf.square(slopes - 1.0))


def slopes_between(D, reals, fakes, condition, mixing):
    """Returns the critic's gradients [N, S, S, 3] on lines between images, and their norms [N]."""
    mixed = losses.mix(reals, fakes, mixing)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(mixed)
        total = tf.reduce_sum(D(mixed, condition))
    gradients = tape.gradient(total, mixed)
    return gradients, losses.sample_norms(gradients)


def classification_loss(logits, labels):
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
