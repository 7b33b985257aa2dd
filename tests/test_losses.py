"""Shared adversarial pieces against numbers worked out by hand."""

import numpy as np
import tensorflow as tf

from tf_facegan import losses


def test_mix_is_linear_between_reals_and_fakes():
    reals, fakes = tf.zeros([2, 1, 1, 1]), tf.ones([2, 1, 1, 1]) * 4.0
    mixed = losses.mix(reals, fakes, tf.constant([[[[0.0]]], [[[0.25]]]]))
    np.testing.assert_allclose(mixed[:, 0, 0, 0], [0.0, 1.0])


def test_sample_norms():
    gradients = tf.reshape(tf.constant([3.0, 4.0, 0.0, 5.0, 12.0, 0.0]), [2, 1, 1, 3])
    np.testing.assert_allclose(losses.sample_norms(gradients), [5.0, 13.0])


def test_norm_of_zero_has_a_finite_gradient():
    x = tf.zeros([2, 3])
    with tf.GradientTape() as tape:
        tape.watch(x)
        norms = losses.sample_norms(x)
    assert np.all(norms.numpy() < 1e-12)
    assert np.array_equal(tape.gradient(norms, x), np.zeros([2, 3]))
