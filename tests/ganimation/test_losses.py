"""GANimation's losses on networks simple enough to work them out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tests.ganimation import tiny
from tf_facegan.ganimation import losses
from tf_facegan.ganimation.networks import Discriminator, Generator

IMAGES = tf.constant(np.linspace(-0.9, 0.9, 24, dtype=np.float32).reshape(2, 2, 2, 3))
LABELS = tf.constant([[0.1], [0.4]])
TARGETS = tf.constant([[0.8], [0.6]])
VIRTUAL = tf.constant([[0.3], [0.2]])


class _Painter:
    """Attention: the AU as a ramp from left to right; colour: a constant times the AU."""

    def __init__(self):
        self.weight = tf.Variable(0.5)
        self.trained = []

    def __call__(self, images, aus, training=False):
        self.trained.append(training)
        ramp = tf.constant([0.25, 0.75], shape=[1, 1, 2, 1])
        attention = tf.tile(aus[:, None, None] * ramp, [1, 2, 1, 1])
        return attention, self.weight * aus[:, None, None] * tf.ones_like(images)


class _Quadratic:
    """Scores weight * squares of two patches; the AU is the mean."""

    def __init__(self):
        self.weight = tf.Variable(0.5)

    def __call__(self, images):
        scores = self.weight * tf.reduce_sum(images**2, axis=[2, 3])[:, :, None, None]
        return scores, tf.reduce_mean(images, axis=[1, 2, 3])[:, None]


def edited(images, aus, weight=0.5):
    attention = aus.numpy()[:, None, None] * np.array([0.25, 0.75]).reshape(1, 1, 2, 1)
    attention = np.repeat(attention, 2, axis=1)
    color = weight * aus.numpy()[:, None, None]
    return (1 - attention) * color + attention * images, attention


def test_attention_of_one_keeps_the_photo():
    colour = tf.zeros_like(IMAGES)
    np.testing.assert_allclose(losses.fuse(tf.ones([2, 2, 2, 1]), colour, IMAGES), IMAGES)
    np.testing.assert_allclose(losses.fuse(tf.zeros([2, 2, 2, 1]), colour, IMAGES), colour)


def test_smoothness_by_hand():
    mask = tf.constant([[0.0, 0.1, 0.3], [0.5, 0.5, 0.5]], shape=[1, 2, 3, 1])
    across, down = [0.1, 0.2, 0, 0], [0.5, 0.4, 0.2]
    np.testing.assert_allclose(losses.smoothness(mask), np.mean(across) + np.mean(down), rtol=1e-6)
    pair = tf.concat([mask, mask], axis=0)
    for images in (mask, pair):  # a mean over images, times how many the whole batch has
        total = losses.smoothness(images, sum_batch=10)
        np.testing.assert_allclose(total, 10 * (sum(across) + sum(down)), rtol=1e-6)


def test_critic_loss_by_hand():
    D = _Quadratic()
    fakes, _ = edited(IMAGES.numpy(), TARGETS)
    loss, terms = losses.critic_loss(D, IMAGES, tf.constant(fakes, tf.float32), LABELS, 3.0, 2.0)

    def scores(images):
        return 0.5 * (images**2).sum((2, 3)).mean()

    error = np.mean((IMAGES.numpy().mean((1, 2, 3)) - LABELS.numpy()[:, 0]) ** 2)
    expected = {
        "D/loss_real": -scores(IMAGES.numpy()),
        "D/loss_fake": scores(fakes),
        "D/loss_cls": 3.0 / 2.0 * error,
    }
    assert set(terms) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(terms[name], value, rtol=1e-5, err_msg=name)
    np.testing.assert_allclose(loss, sum(expected.values()), rtol=1e-5)


def test_a_critic_that_distrusts_edits_reads_what_was_there_before():
    D = _Quadratic()
    fakes = tf.constant(edited(IMAGES.numpy(), TARGETS)[0], tf.float32)
    plain, _ = losses.critic_loss(D, IMAGES, fakes, LABELS, 3.0, 2.0)
    loss, terms = losses.critic_loss(D, IMAGES, fakes, LABELS, 3.0, 2.0, distrust=0.5)
    error = np.mean((fakes.numpy().mean((1, 2, 3)) - LABELS.numpy()[:, 0]) ** 2)
    np.testing.assert_allclose(terms["D/loss_cls_fake"], 0.5 * 3.0 / 2.0 * error, rtol=1e-5)
    np.testing.assert_allclose(loss, plain + terms["D/loss_cls_fake"], rtol=1e-5)


def test_gradient_penalty_by_hand_is_on_the_sum_of_the_map():
    D, fakes = _Quadratic(), -IMAGES
    mixing = tf.constant([0.25, 1.0], shape=[2, 1, 1, 1])  # the share of the real image
    with tf.GradientTape() as tape:
        penalty = losses.gradient_penalty(D, IMAGES, fakes, mixing, 4.0)
    mixed = IMAGES.numpy() * np.array([-0.5, 1.0]).reshape(2, 1, 1, 1)
    lengths = np.sqrt((mixed**2).sum((1, 2, 3)))
    np.testing.assert_allclose(penalty, 4 * np.mean((lengths - 1) ** 2), rtol=1e-5)
    gradient = 4 * np.mean(2 * (lengths - 1) * 2 * lengths)
    np.testing.assert_allclose(tape.gradient(penalty, D.weight), gradient, rtol=1e-5)


def test_gradient_penalty_of_a_flat_critic_is_finite():
    D = Discriminator(**tiny.D, seed=1)
    for variable in D.named_variables.values():
        variable.assign(tf.zeros_like(variable))
    images = tf.ones([2, tiny.SIDE, tiny.SIDE, 3])
    variables = list(D.named_variables.values())
    with tf.GradientTape() as tape:
        penalty = losses.gradient_penalty(D, images, -images, tf.ones([2, 1, 1, 1]) * 0.3)
    np.testing.assert_allclose(penalty, 10.0)
    gradients = [g for g in tape.gradient(penalty, variables) if g is not None]
    assert gradients and all(np.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("share", [None, 1.0, 0.25])
@pytest.mark.parametrize("uncross", [False, True])
def test_generator_loss_by_hand(share, uncross):
    G, D = _Painter(), _Quadratic()
    options = {} if share is None else {"virtual_targets": VIRTUAL, "alpha_rec": share}
    weights = {"lambda_cls": 3.0, "lambda_rec": 5.0, "lambda_sat": 0.7, "lambda_smooth": 0.2}
    loss, terms = losses.generator_loss(
        G, D, IMAGES, LABELS, TARGETS, uncross_virtual_smooth=uncross, **options, **weights
    )
    images = IMAGES.numpy()
    fake, mask1 = edited(images, TARGETS)
    back, mask2 = edited(fake, LABELS)
    again, _ = edited(fake, VIRTUAL)
    virtual, mask3 = edited(again, TARGETS)

    def smooth(mask):
        return np.abs(np.diff(mask, axis=2)).mean() + np.abs(np.diff(mask, axis=1)).mean()

    def blend(one, other, k):
        return (1 - k) * one + k * other

    k = share or 0.0
    rec = blend(np.abs(images - back).mean(), np.abs(fake - virtual).mean(), k)
    sat2 = blend(mask2.mean(), mask3.mean(), k)
    crossed = 1 - k if share is not None and not uncross else k
    smooth2 = blend(smooth(mask2), smooth(mask3), crossed)
    expected = {
        "loss_fake": -0.5 * (fake**2).sum((2, 3)).mean(),
        "loss_rec": 5 * rec,
        "loss_cls": 3 * np.mean((fake.mean((1, 2, 3)) - TARGETS.numpy()[:, 0]) ** 2),
        "loss_smooth1": 0.2 * smooth(mask1),
        "loss_smooth2": 0.2 * smooth2,
        "loss_sat1": 0.7 * mask1.mean(),
        "loss_sat2": 0.7 * sat2,
        "alpha": 1.0 if share is None else share,
        "attention_mean": (mask1.mean() + sat2) / 2,
    }
    masks = ("loss_smooth1", "loss_smooth2", "loss_sat1", "loss_sat2")
    expected["attention_loss"] = sum(expected[name] for name in masks)
    parts = ("loss_fake", "loss_rec", "loss_cls", "attention_loss")
    expected["loss"] = sum(expected[name] for name in parts)
    assert set(terms) == {f"G/{name}" for name in expected}
    for name, value in expected.items():
        np.testing.assert_allclose(terms[f"G/{name}"], value, rtol=1e-5, err_msg=name)
    np.testing.assert_allclose(loss, expected["loss"], rtol=1e-5)
    assert G.trained == [True] * (2 if share is None else 4)


def test_edited_photos_are_shown_to_the_critic_as_asked():
    G, D = _Painter(), _Quadratic()
    _, terms = losses.generator_loss(G, D, IMAGES, LABELS, TARGETS, show=lambda x: 2 * x)
    fakes, _ = edited(IMAGES.numpy(), TARGETS)
    expected = -0.5 * (4 * fakes**2).sum((2, 3)).mean()
    np.testing.assert_allclose(terms["G/loss_fake"], expected, rtol=1e-5)


def test_no_gradient_to_the_generator_in_the_critic_loss():
    G, D = _Painter(), _Quadratic()
    with tf.GradientTape(persistent=True) as tape:
        fakes, _, _ = losses.edit(G, IMAGES, TARGETS)
        loss, _ = losses.critic_loss(D, IMAGES, fakes, LABELS)
        penalty = losses.gradient_penalty(D, IMAGES, fakes, tf.ones([2, 1, 1, 1]) * 0.3)
    assert tape.gradient(loss, G.weight) is None
    assert tape.gradient(penalty, G.weight) is None
    assert tape.gradient(fakes, G.weight) is not None


@pytest.mark.parametrize("policy", ["float64", "mixed_float16"])
def test_losses_follow_the_precision(policy):
    G = Generator(**tiny.G, seed=1, dtype=policy)
    D = Discriminator(**tiny.D, seed=2, dtype=policy)
    images = tf.random.stateless_uniform([2, tiny.SIDE, tiny.SIDE, 3], [1, 2], -1, 1)
    labels, targets, virtual = tf.random.stateless_uniform([3, 2, 17], [3, 4])
    with tf.GradientTape(persistent=True) as tape:
        fakes, _, _ = losses.edit(G, images, targets)
        D_loss, _ = losses.critic_loss(D, images, fakes, labels)
        D_loss += losses.gradient_penalty(D, images, fakes, tf.ones([2, 1, 1, 1]) * 0.3)
        G_loss, _ = losses.generator_loss(G, D, images, labels, targets, virtual)
    expected = tf.float64 if policy == "float64" else tf.float32
    assert {D_loss.dtype, G_loss.dtype} == {expected}
    for loss, model in ((D_loss, D), (G_loss, G)):
        variables = list(model.named_trainable_variables.values())
        for gradient, variable in zip(tape.gradient(loss, variables), variables):
            assert gradient.dtype == variable.dtype and np.isfinite(gradient).all()
