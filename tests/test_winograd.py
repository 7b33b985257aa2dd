"""Minimal filtering against TensorFlow's convolutions: values and gradients of both orders."""

import numpy as np
import pytest
import tensorflow as tf

from tf_facegan import layers, winograd


def draw(*shape, seed=0, dtype="float64"):
    return tf.constant(np.random.RandomState(seed).standard_normal(shape), dtype)


def plain(x, kernel):
    return tf.nn.conv2d(x, kernel, 1, "SAME")


def plain_transpose(x, kernel):
    (batch, height, width), outputs = x.shape[:3], kernel.shape[2]
    return tf.nn.conv2d_transpose(x, kernel, [batch, 2 * height, 2 * width, outputs], 2, "SAME")


# By sides of kernels: the function, TensorFlow's, and their rounding in float32, ours to theirs.
CASES = {
    3: (winograd.conv2d, plain, 3),
    4: (winograd.conv2d_transpose, plain_transpose, 3),
    5: (winograd.conv2d, plain, 7),
}


def results(function, *inputs):
    """Returns the output, the gradients, and the gradients of a penalty of the first gradient."""

    @tf.function
    def run(*inputs):
        with tf.GradientTape() as outer:
            outer.watch(inputs)
            with tf.GradientTape() as inner:
                inner.watch(inputs)
                output = function(*inputs)
                loss = tf.reduce_sum(output * draw(*output.shape, seed=1, dtype=output.dtype) ** 2)
                loss += tf.reduce_sum(tf.pow(output, 3))
            gradients = inner.gradient(loss, inputs)
            penalty = tf.reduce_sum(tf.square(gradients[0]))
        return output, *gradients, *outer.gradient(penalty, inputs)

    return run(*inputs)


@pytest.mark.parametrize("side", CASES)
@pytest.mark.parametrize("size", [(8, 16), (4, 4)])
def test_it_is_a_convolution(side, size):
    ours, theirs, _ = CASES[side]
    x, kernel = draw(3, *size, 6), draw(side, side, 6, 6, seed=2)
    for found, expected in zip(results(ours, x, kernel), results(theirs, x, kernel)):
        np.testing.assert_allclose(found, expected, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("side", CASES)
def test_rounding(side):
    *functions, bound = CASES[side]
    x, kernel = draw(2, 16, 16, 128), draw(side, side, 128, 128, seed=2)
    exact = functions[1](x, kernel)
    operands = tf.cast(x, tf.float32), tf.cast(kernel, tf.float32)
    ours, theirs = (np.std(function(*operands).numpy() - exact) for function in functions)
    assert ours <= bound * theirs


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_it_is_chosen_where_it_pays(dtype, monkeypatch):
    chosen = []
    monkeypatch.setattr(
        winograd, "conv2d", lambda x, kernel: chosen.append(kernel.shape[0]) or plain(x, kernel)
    )

    def of(*shape, outputs=256, dtype=dtype, stride=1):
        chosen.clear()
        for side in (1, 3, 5, 7):
            x, kernel = tf.zeros(shape, dtype), tf.zeros([side, side, shape[-1], outputs], dtype)
            y = tf.function(lambda x, kernel: layers.conv2d(x, kernel, stride))(x, kernel)
            assert y.dtype == dtype
        return list(chosen)

    assert of(4, 16, 16, 128) == of(1, 32, 64, 128, outputs=128) == [3, 5]
    assert of(4, 16, 16, 64) == of(4, 16, 16, 128, outputs=64) == [5]
    for shape in ([4, 16, 16, 32], [3, 16, 16, 128], [4, 18, 18, 128]):
        assert of(*shape) == []
    assert of(4, 16, 16, 128, stride=2) == []
    assert of(4, 16, 16, 128, dtype="float64") == []  # which is asked for to be exact
    layers.conv2d(tf.zeros([4, 16, 16, 128]), tf.zeros([3, 3, 128, 128]))
    assert chosen == []  # outside of graphs
    monkeypatch.setattr(layers, "on_cpu", lambda: False)
    assert of(4, 16, 16, 128, dtype="float32") == []


def test_any_batch_gets_tensorflows_convolution():
    """Exported networks keep it, for the programs that read them to choose."""
    signature = [tf.TensorSpec([None, 64, 64, 128]), tf.TensorSpec([3, 3, 128, 128])]
    graph = tf.function(layers.conv2d, input_signature=signature).get_concrete_function().graph
    assert "Conv2D" in {operation.type for operation in graph.get_operations()}
