"""TBGAN's losses on networks simple enough to work them out by hand."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from tf_facegan.tbgan import losses
from tf_facegan.tbgan.networks import Discriminator, Generator

REALS = np.arange(16, dtype=np.float32).reshape(2, 2, 2, 2) / 16
LATENTS = tf.constant([[1.0], [2.0]])
MIXING = tf.constant([0.25, 0.5], shape=[2, 1, 1, 1])
TINY = {"resolution": 8, "label_size": 2, "fmap_base": 16, "fmap_max": 4, "lod_sep": 3}


def _paint(latents, labels, lod):
    """A generator of images filled with their latent."""
    return tf.tile(latents[:, :, None, None], [1, 2, 2, 2])


class _Quadratic:
    """Scores weight * (sum of squares); logits are the label size's first powers of the mean."""

    def __init__(self, label_size):
        self.label_size = label_size
        self.weight = tf.Variable(0.5)

    def __call__(self, images, lod=0.0, parts=1):
        scores = self.weight * tf.reduce_sum(images**2, axis=[1, 2, 3])[:, None]
        mean = tf.reduce_mean(images, axis=[1, 2, 3])[:, None]
        return scores, mean * tf.range(1.0, self.label_size + 1.0)


def _discriminator_loss(label_size=0, labels=None, lod=0, **kwargs):
    D = _Quadratic(label_size)
    labels = tf.zeros([2, 0]) if labels is None else labels
    with tf.GradientTape() as tape:
        loss, terms = losses.discriminator_loss(
            _paint, D, tf.constant(REALS), labels, LATENTS, MIXING, lod, **kwargs
        )
    return loss.numpy(), terms, tape.gradient(loss, D.weight).numpy()


def _by_hand(weight, factor=1.0, target=1.0, weights=(10.0, 0.001)):
    fakes = np.ones([2, 2, 2, 2], np.float32) * np.array([1.0, 2.0]).reshape(2, 1, 1, 1)
    mixed = REALS + (fakes - REALS) * MIXING.numpy()
    real, fake = (weight * (x**2).sum((1, 2, 3)) for x in (REALS, fakes))
    norms = np.sqrt(((2 * weight * mixed) ** 2).sum((1, 2, 3))) * factor
    penalty = weights[0] / target**2 * (norms - target) ** 2
    return np.mean(fake - real + penalty + weights[1] * real**2), real, fake, norms


@pytest.mark.parametrize("lod, factor", [(0, 1.0), (1.5, 0.5), ((2, tf.constant(0.5)), 0.25)])
def test_discriminator_loss_by_hand(lod, factor):
    loss, terms, gradient = _discriminator_loss(lod=lod)
    expected, real, fake, norms = _by_hand(0.5, factor)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    np.testing.assert_allclose(terms["Loss/real_scores"], real, rtol=1e-5)
    np.testing.assert_allclose(terms["Loss/fake_scores"], fake, rtol=1e-5)
    np.testing.assert_allclose(terms["Loss/mixed_norms"], norms, rtol=1e-5)
    np.testing.assert_allclose(terms["Loss/epsilon_penalty"], real**2, rtol=1e-5)
    assert not any("label" in name for name in terms)
    ends = [_by_hand(0.5 + step, factor)[0] for step in (1e-4, -1e-4)]
    np.testing.assert_allclose(gradient, (ends[0] - ends[1]) / 2e-4, rtol=1e-3)


def test_weights_of_the_discriminator_loss():
    loss, _, _ = _discriminator_loss(wgan_lambda=3.0, wgan_epsilon=0.5, wgan_target=20.0)
    np.testing.assert_allclose(loss, _by_hand(0.5, 1.0, 20.0, (3.0, 0.5))[0], rtol=1e-5)


def test_loss_scale_changes_nothing_in_float32():
    plain, scaled = _discriminator_loss(), _discriminator_loss(loss_scale=tf.constant(2.0**20))
    np.testing.assert_allclose(scaled[0], plain[0], rtol=1e-6)
    np.testing.assert_allclose(scaled[2], plain[2], rtol=1e-6)


def test_generator_loss_by_hand():
    labels = tf.constant([[0.0, np.log(3.0)], [0.0, 0.0]])
    loss, terms = losses.generator_loss(_paint, _Quadratic(2), LATENTS, labels, 0, cond_weight=2.0)
    scores = 0.5 * np.array([8.0, 32.0])
    logits = np.array([[1.0, 2.0], [2.0, 4.0]])
    log_softmax = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    entropy = -(np.array([[0.25, 0.75], [0.5, 0.5]]) * log_softmax).sum(1)
    np.testing.assert_allclose(terms["Loss/G_label_penalty"], entropy, rtol=1e-5)
    np.testing.assert_allclose(loss, np.mean(-scores + 2.0 * entropy), rtol=1e-5)


def test_intensities_take_sigmoid_and_squared_error():
    labels = tf.constant([[0.0, 1.0], [0.5, 0.25]])
    loss, terms, _ = _discriminator_loss(2, labels, cond_weight=3.0, label_kind="intensity")
    means = {"reals": REALS.mean((1, 2, 3)), "fakes": np.array([1.0, 2.0])}
    expected = _by_hand(0.5)[0]
    for name, mean in means.items():
        sigmoid = 1 / (1 + np.exp(-np.stack([mean, 2 * mean], axis=1)))
        penalty = ((sigmoid - labels.numpy()) ** 2).mean(axis=1)
        np.testing.assert_allclose(terms[f"Loss/label_penalty_{name}"], penalty, rtol=1e-5)
        expected += 3.0 * penalty.mean()
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_conditions():
    labels = tf.constant([[0.0, np.log(3.0)]])
    np.testing.assert_allclose(losses.label_condition(labels), [[0.25, 0.75]], rtol=1e-6)
    assert losses.label_condition(labels, "intensity") is labels
    message = r"'classes' \(did you mean 'class'\?\), expected one of class, intensity"
    with pytest.raises(ValueError, match=message):
        losses.label_condition(labels, "classes")


def test_discriminator_loss_does_not_train_the_generator():
    G, D = Generator(**TINY, seed=1), Discriminator(**TINY, seed=2)
    reals = tf.random.stateless_normal([4, 8, 8, 9], [1, 2])
    latents = tf.random.stateless_normal([4, G.latent_size], [3, 4])
    labels = tf.random.stateless_normal([4, 2], [5, 6])
    with tf.GradientTape() as tape:
        loss, _ = losses.discriminator_loss(
            G, D, reals, labels, latents, tf.ones([4, 1, 1, 1]) * 0.3, 0
        )
    assert all(g is None for g in tape.gradient(loss, G.trainable_variables))


@pytest.mark.parametrize("policy", ["float64", "mixed_float16"])
def test_losses_follow_the_precision(policy):
    G, D = (network(**TINY, seed=1, dtype=policy) for network in (Generator, Discriminator))
    draws = [tf.random.stateless_normal(s, [1, 2]) for s in ([4, 8, 8, 9], [4, G.latent_size])]
    labels, mixing = tf.zeros([4, 2]), tf.ones([4, 1, 1, 1]) * 0.3
    if policy == "float64":
        draws, labels = [tf.cast(x, tf.float64) for x in draws], tf.cast(labels, tf.float64)
    lod = (0, tf.constant(0.5))
    with tf.GradientTape(persistent=True) as tape:
        D_loss, _ = losses.discriminator_loss(
            G, D, draws[0], labels, draws[1], mixing, lod, loss_scale=tf.constant(16.0)
        )
        G_loss, _ = losses.generator_loss(G, D, draws[1], labels, lod)
    expected = tf.float64 if policy == "float64" else tf.float32
    assert {D_loss.dtype, G_loss.dtype} == {expected}
    for loss, model in ((D_loss, D), (G_loss, G)):
        for gradient, variable in zip(
            tape.gradient(loss, model.trainable_variables), model.trainable_variables
        ):
            if gradient is not None:
                assert gradient.dtype == variable.dtype and np.isfinite(gradient).all()


def test_mirrored_reals_negate_the_named_channels():
    records = tf.reshape(tf.range(1.0, 9.0), [2, 2, 1, 2])
    draw = tf.constant([0.4, 0.5], shape=[2, 1, 1, 1])
    images = losses.process_reals(records, 0, draw, mirror_negate=(1,))
    np.testing.assert_allclose(images[0, 0], [[1, 3], [2, 4]])
    np.testing.assert_allclose(images[1, 0], [[6, -8], [5, -7]])


def test_reals_of_the_lowest_level_are_not_blended():
    records = tf.random.stateless_normal([2, 3, 4, 4], [1, 2])
    images = losses.process_reals(records, tf.constant(0.5))
    np.testing.assert_allclose(images, tf.transpose(records, [0, 2, 3, 1]))


def test_details_are_enlarged_channel_by_channel():
    images = np.random.RandomState(1).randn(2, 8, 8, 3)
    kernel = np.outer([1, 2, 1], [1, 2, 1])[None, :, :, None] / 16
    blurred = ndimage.convolve(images, kernel, mode="reflect")
    expected = images + (images - blurred) * [0.0, 2.0, 5.0]
    found = losses.enlarge_details(tf.constant(images), [0.0, 2.0, 5.0])
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    flat = tf.fill([1, 4, 4, 1], 0.3)
    np.testing.assert_allclose(losses.enlarge_details(flat, [9.0]), flat, rtol=1e-6)
    steps = tf.reshape([1.0, -1.0], [1, 1, 2, 1])
    chequered = tf.tile(tf.concat([steps, -steps], 1), [1, 3, 3, 1])
    inner = losses.enlarge_details(chequered, [4.0])[:, 1:-1, 1:-1]
    np.testing.assert_allclose(inner, 5 * chequered[:, 1:-1, 1:-1])
    assert losses.enlarge_details(flat, None) is flat


def test_both_networks_learn_from_enlarged_details():
    gains = [0.0, 3.0]
    reals = tf.constant(REALS)

    def paint(latents, labels, lod):
        return tf.concat([_paint(latents, labels, lod)[:, :1], reals[:, :1] * 2], axis=1)

    def enlarged(*arguments):
        return losses.enlarge_details(paint(*arguments), gains)

    D, labels = _Quadratic(2), tf.constant([[0.0, 2.0], [1.0, 0.0]])
    rest = labels, LATENTS, MIXING, 0
    given = losses.enlarge_details(reals, gains)
    expected, terms = losses.discriminator_loss(enlarged, D, given, *rest)
    found, found_terms = losses.discriminator_loss(paint, D, reals, *rest, detail=gains)
    plain, _ = losses.discriminator_loss(paint, D, reals, *rest)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert abs(found - plain) > 0.01
    for name, term in terms.items():
        np.testing.assert_allclose(found_terms[name], term, rtol=1e-6)
    of_G = [
        losses.generator_loss(G, D, LATENTS, labels, 0, detail=d)[0]
        for G, d in ((enlarged, None), (paint, gains), (paint, None))
    ]
    np.testing.assert_allclose(of_G[1], of_G[0], rtol=1e-6)
    assert abs(of_G[1] - of_G[2]) > 0.01


def test_gains_of_modalities():
    modalities = [("texture", 3), ("shape", 2)]
    assert losses.detail_gains({}, modalities) is None
    assert losses.detail_gains({"shape": 0.0}, modalities) is None
    assert losses.detail_gains({"shape": 4.0}, [("image", 3)]) is None  # a preset takes any set
    assert losses.detail_gains({"shape": 4.0}, modalities) == [0.0, 0.0, 0.0, 4.0, 4.0]
    with pytest.raises(
        ValueError, match="loss.detail: modality is 'hair', expected one of texture"
    ):
        losses.detail_gains({"hair": 4.0}, modalities)
    with pytest.raises(ValueError, match="loss.detail: gain of shape is -1.0, at least 0"):
        losses.detail_gains({"shape": -1.0}, modalities)


def test_large_images_are_judged_apart_with_the_same_result(monkeypatch):
    G, D = Generator(**TINY, seed=1), Discriminator(**TINY, seed=2)
    reals = tf.random.stateless_normal([4, 8, 8, 9], [1, 2])
    latents = tf.random.stateless_normal([4, G.latent_size], [3, 4])
    arguments = (G, D, reals, tf.zeros([4, 2]), latents, tf.ones([4, 1, 1, 1]) * 0.3, 0)
    together, terms = losses.discriminator_loss(*arguments)
    monkeypatch.setattr(losses, "LARGE_SIDE", 8)
    apart, terms_apart = losses.discriminator_loss(*arguments)
    np.testing.assert_allclose(together, apart, rtol=1e-5)
    for name, term in terms.items():
        np.testing.assert_allclose(term, terms_apart[name], rtol=1e-4, atol=1e-5)
