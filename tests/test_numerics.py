"""Second-order gradients of every critic: eager, in a graph, and against differences."""

import numpy as np
import pytest
import tensorflow as tf

from tf_facegan.expression.networks import Critic
from tf_facegan.ganimation.networks import Discriminator as GANimationCritic
from tf_facegan.rdgan.networks import FaceDiscriminator, FineDiscriminator
from tf_facegan.tbgan.networks import Discriminator as TBGANCritic
from tf_facegan.tdgan.networks import Discriminator as TDGANDiscriminator

SIDE, BATCH = 16, 3
CONDITION = np.random.RandomState(5).rand(BATCH, 4)


def _tbgan(lod):
    def make():
        arguments = {"fmap_base": 64, "fmap_max": 8, "lod_sep": 3, "mbstd_group_size": 3}
        D = TBGANCritic(resolution=SIDE, label_size=4, **arguments, seed=1, dtype="float64")
        return D, lambda images: D(images, lod=lod), 9

    return make


def _ganimation():
    D = GANimationCritic(SIDE, conv_dim=4, c_dim=5, repeat_num=2, seed=1, dtype="float64")
    return D, D, 3


def _expression():
    D = Critic(condition_dim=4, image_size=SIDE, dim=4, seed=1, dtype="float64")
    return D, lambda images: D(images, CONDITION), 3


def _tdgan():
    D = TDGANDiscriminator(5, image_size=SIDE, width=0.125, seed=1, dtype="float64")
    return D, lambda images: D(images)[1], 1


def _rdgan(kind):
    def make():
        D = kind(image_size=SIDE, width=0.0625, seed=1, dtype="float64")
        return D, D, 3

    return make


CRITICS = {
    "tbgan": _tbgan(0.0),
    "tbgan, fading": _tbgan(0.5),
    "ganimation": _ganimation,
    "expression": _expression,
    "tdgan": _tdgan,
    "rdgan face": _rdgan(FaceDiscriminator),
    "rdgan fine": _rdgan(FineDiscriminator),
}
PENALISED = ("tbgan", "tbgan, fading", "ganimation", "expression")  # trained with second order


@pytest.mark.parametrize("name", CRITICS)
def test_second_order_gradients(name):
    critic, call, channels = CRITICS[name]()
    images = tf.constant(np.random.RandomState(2).uniform(-1, 1, (BATCH, SIDE, SIDE, channels)))
    variables = critic.trainable_variables

    def penalty():
        """Mean over the images of the squared norm of the gradient of all outputs."""
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = tf.nest.flatten(call(images))
            score = tf.add_n([tf.reduce_sum(tf.cast(x, tf.float64)) for x in outputs])
        gradient = tape.gradient(score, images)
        return tf.reduce_mean(tf.reduce_sum(gradient**2, axis=[1, 2, 3]))

    def gradients():
        with tf.GradientTape() as tape:
            value = penalty()
        zero = tf.UnconnectedGradients.ZERO
        return value, tape.gradient(value, variables, unconnected_gradients=zero)

    value, eager = gradients()
    graph_value, graph = tf.function(gradients)()
    assert value > 0 and np.isfinite(value)
    np.testing.assert_allclose(graph_value, value, rtol=1e-10)
    for variable, one, other in zip(variables, eager, graph):
        scale = np.abs(one).max()
        np.testing.assert_allclose(other, one, rtol=1e-8, atol=1e-10 * scale, err_msg=variable.name)
    if name not in PENALISED:
        return
    # The slope in a random direction of all weights, against a difference.
    random, step = np.random.RandomState(3), 1e-6
    direction = [random.randn(*v.shape) for v in variables]
    slope = sum(float(tf.reduce_sum(g * d)) for g, d in zip(eager, direction))
    around = []
    for sign in (1, -2):
        for variable, change in zip(variables, direction):
            variable.assign_add(sign * step * change)
        around.append(float(penalty()))
    assert abs((around[0] - around[1]) / (2 * step) - slope) < 1e-4 * max(1e-6, abs(slope))
