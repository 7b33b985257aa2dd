"""The networks at other sizes than those of the vectors, against a plain write-up in float64.

Convolutions are carried out in ways that depend on their sizes, and the first and last layers are
put together differently; here every layer is as it was published.
"""

import numpy as np
import pytest
import tensorflow as tf

from tests.ganimation import golden
from tf_facegan.ganimation import losses
from tf_facegan.ganimation.networks import Discriminator, Generator

BATCH = 2
# (image_size, c_dim, G's conv_dim and repeat_num, D's conv_dim and repeat_num)
SMALL = [(16, 1, 4, 1, 4, 1), (32, 5, 8, 3, 8, 5), (48, 17, 6, 2, 12, 4), (64, 3, 4, 0, 16, 3)]
LARGE = [(64, 17, 32, 4, 64, 6), (128, 17, 64, 6, 64, 6), (192, 12, 8, 2, 16, 6)]


def conv(weights, path, x, stride=1, padding="SAME"):
    x = tf.nn.conv2d(x, weights[f"{path}.weight"], stride, padding)
    bias = weights.get(f"{path}.bias")
    return x if bias is None else x + bias


class PlainGenerator:
    def __init__(self, weights, repeat_num):
        self.weights, self.repeat_num = weights, repeat_num

    def norm(self, path, x):
        mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
        x = (x - mean) / tf.sqrt(variance + 1e-5)
        return x * self.weights[f"{path}.weight"] + self.weights[f"{path}.bias"]

    def __call__(self, images, aus, training=False):
        planes = tf.ones_like(images[..., :1]) * aus[:, None, None, :]
        x = tf.concat([images, planes], axis=-1)
        for place, stride in ((0, 1), (3, 2), (6, 2)):
            x = conv(self.weights, f"main.{place}", x, stride)
            x = tf.nn.relu(self.norm(f"main.{place + 1}", x))
        for place in range(9, 9 + self.repeat_num):
            y = self.norm(f"main.{place}.main.1", conv(self.weights, f"main.{place}.main.0", x))
            y = conv(self.weights, f"main.{place}.main.3", tf.nn.relu(y))
            x += self.norm(f"main.{place}.main.4", y)
        for place in (9 + self.repeat_num, 12 + self.repeat_num):
            kernel = self.weights[f"main.{place}.weight"]
            sides = [len(x), 2 * x.shape[1], 2 * x.shape[2], kernel.shape[2]]
            x = tf.nn.conv2d_transpose(x, kernel, sides, 2, "SAME")
            x = tf.nn.relu(self.norm(f"main.{place + 1}", x))
        attention = tf.sigmoid(conv(self.weights, "im_att.0", x))
        return attention, tf.tanh(conv(self.weights, "im_reg.0", x))


class PlainDiscriminator:
    def __init__(self, weights, repeat_num):
        self.weights, self.repeat_num = weights, repeat_num

    def __call__(self, x):
        for place in range(self.repeat_num):
            x = tf.nn.leaky_relu(conv(self.weights, f"main.{2 * place}", x, 2), 0.01)
        aus = conv(self.weights, "conv2", x, padding="VALID")
        return conv(self.weights, "conv1", x), aus[:, 0, 0]


def lively(model, seed):
    """Gives a network weights that keep the size of the signal, and norms that do something."""
    random = np.random.RandomState(seed)
    for name, variable in model.named_trainable_variables.items():
        shape = variable.shape
        is_kernel, is_scale = len(shape) == 4, len(shape) == 1 and name.endswith("weight")
        scale = 1.2 / np.sqrt(shape[0] * shape[1] * max(shape[2:])) if is_kernel else 0.1
        variable.assign(is_scale + scale * random.standard_normal(shape))
    return model


def plain(model, cls):
    weights = {n: tf.cast(v, tf.float64) for n, v in model.named_trainable_variables.items()}
    return cls(weights, model.repeat_num), list(weights.values())


def inputs(image_size, c_dim):
    random = np.random.RandomState(3)
    images = random.uniform(-1, 1, (BATCH, image_size, image_size, 3))
    labels, targets, virtual = random.uniform(0, 1, (3, BATCH, c_dim))
    return images, labels, targets, virtual, random.uniform(0, 1, (BATCH, 1, 1, 1))


def critic_step(G, D, variables, images, labels, targets, virtual, mixing):
    fakes, _, _ = losses.edit(G, images, targets)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(variables)
        loss, _ = losses.critic_loss(D, images, fakes, labels)
        loss += losses.gradient_penalty(D, images, fakes, mixing)
    return loss, tape.gradient(loss, variables)


def generator_step(G, D, variables, images, labels, targets, virtual, mixing):
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(variables)
        loss, _ = losses.generator_loss(G, D, images, labels, targets, virtual, alpha_rec=0.25)
    return loss, tape.gradient(loss, variables)


def _cases():
    slow = [pytest.param(*sizes, marks=pytest.mark.slow) for sizes in LARGE]
    return [*SMALL, *slow]


@pytest.mark.parametrize(
    ("image_size", "c_dim", "g_conv_dim", "g_repeat_num", "d_conv_dim", "d_repeat_num"), _cases()
)
def test_steps_are_those_of_the_published_networks(
    image_size, c_dim, g_conv_dim, g_repeat_num, d_conv_dim, d_repeat_num
):
    sizes = {
        Generator: (image_size, g_conv_dim, c_dim, g_repeat_num),
        Discriminator: (image_size, d_conv_dim, c_dim, d_repeat_num),
    }
    values = [tf.constant(value) for value in inputs(image_size, c_dim)]
    G, D = (lively(cls(*size, seed=1, dtype="float64"), 1) for cls, size in sizes.items())
    plain_G, G_weights = plain(G, PlainGenerator)
    plain_D, D_weights = plain(D, PlainDiscriminator)
    for step, model, weights in ((critic_step, D, D_weights), (generator_step, G, G_weights)):
        variables = list(model.named_trainable_variables.values())
        loss, gradients = step(G, D, variables, *values)
        wanted_loss, wanted = step(plain_G, plain_D, weights, *values)
        np.testing.assert_allclose(loss, wanted_loss, rtol=1e-10)
        for name, a, b in zip(model.named_trainable_variables, gradients, wanted):
            error = np.linalg.norm(a.numpy() - b.numpy()) / np.linalg.norm(b)
            assert error <= 1e-9, f"{name}: {error:.1e} of the norm"
    # Single precision rounds signs of differences and ReLUs, and gradients with them.
    single = [tf.cast(value, tf.float32) for value in values]
    G, D = (lively(cls(*size, seed=1), 1) for cls, size in sizes.items())
    scores, aus = D(single[0])
    side = image_size // 2**d_repeat_num
    assert scores.shape == (BATCH, side, side, 1) and aus.shape == (BATCH, c_dim)
    for ours, wanted in zip((scores, aus), plain_D(values[0])):
        np.testing.assert_allclose(ours, wanted, atol=golden.SCORES)
    for ours, wanted in zip(G(single[0], single[2]), plain_G(values[0], values[2])):
        np.testing.assert_allclose(ours, wanted, atol=golden.IMAGES)
