"""Minimal filtering against TensorFlow's convolutions: values and gradients of both orders."""

import functools
import itertools

import numpy as np
import pytest
import tensorflow as tf

from tf_facegan import layers, winograd


def draw(*shape, seed=0, dtype="float64"):
    return tf.constant(np.random.RandomState(seed).standard_normal(shape), dtype)


def stride_of(kernel):
    return 2 if kernel.shape[0] == 4 else 1


def plain(x, kernel):
    return tf.nn.conv2d(x, kernel, stride_of(kernel), "SAME")


def plain_transpose(x, kernel):
    (batch, height, width), stride = x.shape[:3], stride_of(kernel)
    shape = [batch, stride * height, stride * width, kernel.shape[2]]
    return tf.nn.conv2d_transpose(x, kernel, shape, stride, "SAME")


FUNCTIONS = {"conv2d": plain, "conv2d_transpose": plain_transpose}


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


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("side", [3, 4, 5])
@pytest.mark.parametrize("size", [(8, 24), (8, 8)])
def test_it_is_a_convolution(name, side, size):
    ours, theirs = getattr(winograd, name), FUNCTIONS[name]
    x, kernel = draw(3, *size, 6), draw(side, side, 6, 6, seed=2)
    for found, expected in zip(results(ours, x, kernel), results(theirs, x, kernel)):
        np.testing.assert_allclose(found, expected, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("side", "bound"), [(3, 3), (4, 3), (5, 7)])
def test_rounding(name, side, bound):
    functions = getattr(winograd, name), FUNCTIONS[name]
    x, kernel = draw(2, 16, 16, 128), draw(side, side, 128, 128, seed=2)
    exact = functions[1](x, kernel)
    operands = tf.cast(x, tf.float32), tf.cast(kernel, tf.float32)
    ours, theirs = (np.std(function(*operands).numpy() - exact) for function in functions)
    assert ours <= bound * theirs


SIDES_AND_STRIDES = [(1, 1), (3, 1), (5, 1), (7, 1), (3, 2), (4, 2)]


@pytest.fixture
def chosen(monkeypatch):
    """Returns a function of a map's shape that gives the (name, side of the kernel) of the
    convolutions of it, to `outputs` channels, that are made with `winograd`."""
    found = []
    for name, theirs in FUNCTIONS.items():

        def watched(x, kernel, name=name, theirs=theirs):
            found.append((name, kernel.shape[0]))
            return theirs(x, kernel)

        monkeypatch.setattr(winograd, name, watched)

    def of(*shape, outputs=256, dtype="float32", in_graph=True):
        found.clear()
        for (side, stride), name in itertools.product(SIDES_AND_STRIDES, FUNCTIONS):
            channels = (shape[-1], outputs) if name == "conv2d" else (outputs, shape[-1])
            x, kernel = tf.zeros(shape, dtype), tf.zeros([side, side, *channels], dtype)
            call = functools.partial(getattr(layers, name), stride=stride)
            y = (tf.function(call) if in_graph else call)(x, kernel)
            assert y.dtype == dtype
        return found

    return of


def test_it_is_chosen_where_it_pays(chosen, monkeypatch):
    doubling, halving = ("conv2d_transpose", 4), ("conv2d", 4)
    of_3, of_5 = ([(name, side) for name in FUNCTIONS] for side in (3, 5))
    assert chosen(4, 16, 16, 128) == [*of_3, *of_5, doubling]
    assert chosen(2, 64, 64, 128, outputs=128) == [*of_3, *of_5, halving, doubling]
    assert halving not in chosen(1, 64, 64, 128)
    assert chosen(4, 16, 16, 64) == chosen(4, 16, 16, 128, outputs=64) == of_5
    for shape in ([4, 16, 16, 32], [3, 16, 16, 128], [4, 18, 18, 128]):
        assert chosen(*shape) == []
    assert halving not in chosen(16, 20, 20, 128)  # to 10 pixels a side
    assert chosen(4, 16, 16, 128, dtype="float64") == []
    assert chosen(4, 16, 16, 128, in_graph=False) == []
    monkeypatch.setattr(layers, "on_cpu", lambda: False)
    assert chosen(4, 16, 16, 128) == []


def test_half_precision_is_added_up_by_it(chosen):
    """Float16 is raised on CPUs."""
    assert chosen(4, 16, 16, 128, dtype="float16") == chosen(4, 16, 16, 128) != []


def test_kernels_that_are_not_square_are_left_alone():
    x, kernel = tf.zeros([4, 32, 32, 128]), tf.zeros([3, 1, 128, 128])
    y = tf.function(layers.conv2d)(x, kernel)
    assert y.shape == [4, 32, 32, 128]


def test_any_batch_gets_tensorflows_convolutions():
    """Exported networks keep them, for the programs that read them to choose."""
    signature = [tf.TensorSpec([None, 64, 64, 128]), tf.TensorSpec([4, 4, 128, 128])]
    for name, kind in (("conv2d", "Conv2D"), ("conv2d_transpose", "Conv2DBackpropInput")):
        call = functools.partial(getattr(layers, name), stride=2)
        graph = tf.function(call, input_signature=signature).get_concrete_function().graph
        assert kind in {operation.type for operation in graph.get_operations()}
