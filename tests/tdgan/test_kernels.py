"""Operations with gradients of their own against TensorFlow's, values and gradients."""

import numpy as np
import pytest
import tensorflow as tf

from tf_facegan import layers, winograd
from tf_facegan.layers import conv2d, instance_norm
from tf_facegan.tdgan import kernels


def draw(*shape, seed=0, dtype="float64"):
    return tf.constant(np.random.RandomState(seed).standard_normal(shape), dtype)


def results(function, *inputs):
    """Returns the output and the gradients of its product with fixed numbers, by every input."""

    @tf.function
    def run(*inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            output = function(*inputs)
        weights = draw(*output.shape, seed=1, dtype=output.dtype)
        return output, *tape.gradient(output, inputs, output_gradients=weights)

    return run(*inputs)


def assert_same(ours, theirs, *inputs, tolerance=1e-12):
    for found, expected in zip(results(ours, *inputs), results(theirs, *inputs)):
        assert found.dtype == expected.dtype
        error = np.abs(found - expected).max() / np.abs(expected).max()
        assert error <= tolerance, error


def plain_norm(x, scale=None, shift=None):
    return tf.nn.relu(instance_norm(x, scale, shift, 1e-3)[0])


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-6)], ids=["together", "one_by_one"]
)
@pytest.mark.parametrize("affine", [True, False])
def test_norm_with_relu(affine, dtype, tolerance, monkeypatch):
    monkeypatch.setattr(kernels, "LARGE_SAMPLE", 0)
    inputs = [0.3 + 2 * draw(3, 6, 8, 5, dtype=dtype)]
    if affine:
        inputs += [1 + 0.3 * draw(5, seed=2, dtype=dtype), draw(5, seed=3, dtype=dtype)]
    assert kernels._pays_one_by_one(inputs[0]) == (dtype == "float32")
    ours = lambda *args: kernels.norm_relu(*args, epsilon=1e-3)  # noqa: E731
    assert_same(ours, plain_norm, *inputs, tolerance=tolerance)


def test_large_samples_of_the_published_network_are_normalised_one_by_one():
    assert kernels._pays_one_by_one(tf.zeros([2, 128, 128, 32]))
    assert not kernels._pays_one_by_one(tf.zeros([2, 32, 32, 48]))
    assert not kernels._pays_one_by_one(tf.zeros([kernels.MOST_SAMPLES + 1, 32, 32, 128]))
    unknown = tf.TensorSpec([None, 128, 128, 32])

    @tf.function(input_signature=[unknown])
    def normalised(x):
        assert not kernels._pays_one_by_one(x)  # exported networks take any batch
        return kernels.norm_relu(x)

    x = draw(2, 128, 128, 32, dtype="float32")
    np.testing.assert_allclose(normalised(x), kernels.norm_relu(x), atol=1e-5)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_the_first_convolution(channels):
    images, kernel = draw(2, 9, 7, channels), draw(5, 5, channels, 6, seed=2)
    assert_same(kernels.conv2d, conv2d, images, kernel)


@pytest.mark.parametrize(
    ("side", "stride", "outputs"), [(4, 2, 3), (4, 2, 1), (3, 1, 1), (3, 1, 3), (5, 1, 2)]
)
def test_transposed_convolutions(side, stride, outputs):
    x, kernel = draw(2, 6, 5, 4), draw(side, side, outputs, 4, seed=2)

    def theirs(x, kernel):
        shape = [2, stride * 6, stride * 5, outputs]
        return tf.nn.conv2d_transpose(x, kernel, shape, stride, "SAME")

    ours = lambda *args: kernels.conv2d_transpose(*args, stride)  # noqa: E731
    assert_same(ours, theirs, x, kernel)


def test_minimal_filtering_doubles_large_maps(monkeypatch):
    chosen = []
    for module, name in ((winograd, "conv2d_transpose"), (kernels, "_doubling_conv2d")):
        monkeypatch.setattr(module, name, lambda x, _, name=name: chosen.append(name) or x)
    for side in (16, 8):
        x, kernel = tf.zeros([8, side, side, 128]), tf.zeros([4, 4, 256, 128])
        tf.function(kernels.conv2d_transpose)(x, kernel, 2)
    assert chosen == ["conv2d_transpose", "_doubling_conv2d"]


def test_a_gpu_gets_tensorflows_own_operations(monkeypatch):
    def fail(*args):
        raise AssertionError("meant for CPUs")

    for module in (kernels, layers):
        monkeypatch.setattr(module, "on_cpu", lambda: False)
    for name in ("overlapped", "_doubling_kernel", "_one_by_one"):
        monkeypatch.setattr(kernels, name, fail)
    for name in ("conv2d", "conv2d_transpose"):
        monkeypatch.setattr(winograd, name, fail)
    results(kernels.conv2d, draw(1, 8, 8, 1), draw(5, 5, 1, 2))
    x = tf.zeros([8, 16, 16, 128])
    tf.function(kernels.conv2d)(x, tf.zeros([5, 5, 128, 128]))
    tf.function(kernels.conv2d_transpose)(x, tf.zeros([4, 4, 128, 128]), 2)
    for side, stride in ((3, 1), (4, 2)):
        convolve = lambda *args: kernels.conv2d_transpose(*args, stride)  # noqa: B023, E731
        results(convolve, draw(1, 8, 8, 2), draw(side, side, 1, 2))
    kernels.norm_relu(tf.zeros([1, 128, 128, 32]))
