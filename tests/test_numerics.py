"""Second-order gradients of every critic: eager, in a graph, and against differences; the same
numbers in half precision; the switch of determinism.

Networks of rectifiers have kinks: over one, a gradient jumps, and a difference that straddles it
measures the jump. Differences here are so small that none lies between, for which the directions
are scaled to the weights, and weights that begin at a constant (biases, scales and shifts of norms)
get values of their own, so that no unit sits on its kink from the start.
"""

import numpy as np
import pytest
import tensorflow as tf

from tf_facegan.expression.networks import Critic
from tf_facegan.ganimation.networks import Discriminator as GANimationCritic
from tf_facegan.layers import instance_norm, moments
from tf_facegan.rdgan.networks import FaceDiscriminator, FineDiscriminator
from tf_facegan.tbgan.networks import Discriminator as TBGANCritic
from tf_facegan.tdgan.networks import Discriminator as TDGANDiscriminator

SIDE, BATCH = 16, 3
CONDITION = np.random.RandomState(5).rand(BATCH, 4)
STEPS = (1e-6, 1e-7)
DROPOUT = tf.constant([[1, number] for number in range(BATCH)], tf.int64)


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


def _tdgan(**training):
    def make():
        D = TDGANDiscriminator(5, image_size=SIDE, width=0.125, seed=1, dtype="float64")
        return D, lambda images: D(images, **training)[1], 1

    return make


def _rdgan(kind, **training):
    def make():
        D = kind(image_size=SIDE, width=0.0625, seed=1, dtype="float64")
        return D, lambda images: D(images, **training), 3

    return make


CRITICS = {
    "tbgan": _tbgan(0.0),
    "tbgan, fading": _tbgan(0.5),
    "ganimation": _ganimation,
    "expression": _expression,
    "tdgan": _tdgan(),
    "tdgan, dropout": _tdgan(seed=DROPOUT),
    "rdgan face": _rdgan(FaceDiscriminator),
    "rdgan face, training": _rdgan(FaceDiscriminator, training=True),
    "rdgan fine": _rdgan(FineDiscriminator),
    "rdgan fine, training": _rdgan(FineDiscriminator, training=True, seed=DROPOUT),
}


def _made(name):
    """Returns (function that gives the outputs of a critic for fixed images, its weights)."""
    critic, call, channels = CRITICS[name]()
    images = tf.constant(np.random.RandomState(2).uniform(-1, 1, (BATCH, SIDE, SIDE, channels)))
    random = np.random.RandomState(7)
    for variable in critic.trainable_variables:
        if np.ptp(variable.numpy()) == 0:
            variable.assign_add(0.1 * random.randn(*variable.shape))

    def score(images):
        return tf.add_n([tf.reduce_sum(x * x + x) for x in tf.nest.flatten(call(images))])

    def penalty():
        """Mean over the images of the squared norm of the gradient of the outputs."""
        with tf.GradientTape() as tape:
            tape.watch(images)
            value = score(images)
        gradient = tape.gradient(value, images)
        return tf.reduce_mean(tf.reduce_sum(gradient**2, axis=[1, 2, 3]))

    return lambda: score(images), penalty, critic.trainable_variables


def _gradients(function, variables):
    def take():
        with tf.GradientTape() as tape:
            value = function()
        return value, tape.gradient(value, variables, unconnected_gradients="zero")

    return take


def _direction(variables):
    random = np.random.RandomState(3)
    return [random.randn(*v.shape) * v.numpy().std() for v in variables]


def _slopes(function, variables, direction):
    """Differences of a function of the weights in a direction, for all of STEPS."""
    start, found = [v.numpy() for v in variables], []
    for step in STEPS:
        values = []
        for sign in (1, -1):
            for variable, value, change in zip(variables, start, direction):
                variable.assign(value + sign * step * change)
            values.append(tf.nest.map_structure(np.array, function()))
        found.append([(a - b) / (2 * step) for a, b in zip(*map(tf.nest.flatten, values))])
    for variable, value in zip(variables, start):
        variable.assign(value)
    return found


@pytest.mark.parametrize("name", CRITICS)
def test_second_order_gradients(name):
    _, penalty, variables = _made(name)
    take = _gradients(penalty, variables)
    value, eager = take()
    graph_value, graph = tf.function(take)()
    assert value > 0 and np.isfinite(value)
    np.testing.assert_allclose(graph_value, value, rtol=1e-10)
    for variable, one, other in zip(variables, eager, graph):
        scale = np.abs(one).max()
        np.testing.assert_allclose(other, one, rtol=1e-8, atol=1e-10 * scale, err_msg=variable.name)
    direction = _direction(variables)
    slope = sum(float(tf.reduce_sum(g * d)) for g, d in zip(eager, direction))
    for (difference,) in _slopes(tf.function(penalty), variables, direction):
        assert abs(difference - slope) < 1e-5 * abs(slope), (difference, slope)


@pytest.mark.parametrize("name", CRITICS)
def test_curvature_in_the_weights(name):
    """The product of the second derivatives with a direction, by two tapes and by differences of
    gradients, weight by weight."""
    score, _, variables = _made(name)
    take, direction = _gradients(score, variables), _direction(variables)

    @tf.function
    def product():
        with tf.GradientTape() as tape:
            _, gradients = take()
            along = tf.add_n([tf.reduce_sum(g * d) for g, d in zip(gradients, direction)])
        return tape.gradient(along, variables, unconnected_gradients="zero")

    exact = product()
    size = np.sqrt(sum(np.square(part).sum() for part in map(np.array, exact)))
    assert size > 0
    for differences in _slopes(tf.function(lambda: take()[1]), variables, direction):
        for variable, one, other in zip(variables, differences, exact):
            np.testing.assert_allclose(one, other, atol=1e-5 * size, err_msg=variable.name)


def test_second_order_of_statistics():
    """Those of `tf.nn.moments` are wrong, since its variance takes the mean for a constant."""
    x = tf.constant(np.random.RandomState(0).randn(2, 3, 4, 2))
    weights = tf.constant(np.random.RandomState(1).randn(2, 3, 4, 2))
    change = np.random.RandomState(2).randn(2, 3, 4, 2)

    def gradient(x, norm):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = tf.reduce_sum(norm(x) * x * weights)
        return tape.gradient(value, x)

    def slopes(norm):
        with tf.GradientTape() as tape:
            tape.watch(x)
            size = tf.reduce_sum(gradient(x, norm) ** 2)
        exact = float(tf.reduce_sum(tape.gradient(size, x) * change))
        ends = [tf.reduce_sum(gradient(x + s * 1e-6 * change, norm) ** 2) for s in (1, -1)]
        return exact, float(ends[0] - ends[1]) / 2e-6

    def of_tensorflow(x):
        mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
        return (x - mean) * tf.math.rsqrt(variance + 1e-5)

    exact, difference = slopes(lambda x: instance_norm(x)[0])
    assert exact == pytest.approx(difference, rel=1e-6)
    wrong, difference = slopes(of_tensorflow)
    assert exact == pytest.approx(difference, rel=1e-6)
    assert abs(wrong - exact) > 0.01 * abs(exact)
    for one, other in zip(moments(x, [0, 1, 2]), tf.nn.moments(x, [0, 1, 2], keepdims=True)):
        np.testing.assert_allclose(one, other, rtol=1e-12)
