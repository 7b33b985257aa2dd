"""Losses where they differ from the published defaults, against numbers worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tf_facegan.rdgan import losses

REAL, MADE = tf.constant([[0.5], [1.0]]), tf.constant([[-0.5], [0.75]])


@pytest.mark.parametrize(
    "adversarial, real, made", [("original", 0.75, 0.875), ("standard", 0.25, 0.125)]
)
def test_what_the_discriminator_of_faces_wants(adversarial, real, made):
    loss, terms = losses.face_discriminator_loss(REAL, MADE, adversarial)
    np.testing.assert_allclose(terms["D_loss/dloss_real"], real)
    np.testing.assert_allclose(terms["D_loss/dloss_build_leftI_rightB"], made)
    np.testing.assert_allclose(loss, real + made)


def test_single_images_are_not_pushed():
    scores = tf.Variable([[0.0], [2.0]])  # far from 1 each, 1 in the mean
    with tf.GradientTape() as tape:
        loss, _ = losses.fine_discriminator_loss(scores, tf.zeros([2, 1]))
    np.testing.assert_array_equal(tape.gradient(loss, scores), np.zeros([2, 1]))


def test_decay_is_of_means():
    kernels = [tf.fill([2, 2], 2.0), tf.fill([100], 3.0)]
    np.testing.assert_allclose(losses.decay(kernels, 0.1), 0.5 * 0.1 * (4 + 9))


def test_the_crossed_image_is_judged_when_mended():
    images = {name: tf.zeros([1, 16, 16, 3]) for name in ("left_left", "right_right")}
    images.update({name: tf.zeros([1, 16, 16, 3]) for name in ("left_right", "right_left")})
    names = ("left_right_left", "right_left_right", "right_right_right")
    scores = {name: tf.constant([[float(i)]]) for i, name in enumerate(names, 1)}
    truth = tf.zeros([1, 16, 16, 3])
    found = []
    for mended in (False, True):
        _, terms = losses.two_way_generator_loss(
            images, truth, truth, scores, [tf.zeros([1])], mend_aeb=mended
        )
        found.append(float(terms["G_loss/Aeb"]))
    assert found == [-3.0, -2.0]


def test_the_weight_of_the_scores():
    images = tf.zeros([1, 16, 16, 3])
    scores = tf.constant([[0.25]])
    for loss, name in (
        (losses.face_generator_loss, "gloss_d_leftI_rightB"),
        (losses.fine_generator_loss, "gloss_d_gen"),
    ):
        _, terms = loss(images, images, scores, [tf.zeros([1])], adversarial_weight=0.1)
        np.testing.assert_allclose(terms[f"G_loss/{name}"], 0.075, rtol=1e-6)
        np.testing.assert_allclose(terms["loss_G"], 0.075, atol=1e-6)
