"""Elementary layers against the published ones and against their definitions."""

import numpy as np
import pytest
import tensorflow as tf

from tests.golden.recipe import tensor
from tests.tbgan.golden import assert_close, load, nhwc
from tf_facegan import layers

N, CI, CO, H, W = 2, 6, 5, 4, 6
SQRT2 = np.sqrt(2.0)


def _input(name, shape, **kwargs):
    return tensor(name, shape, load("layers")[1]["seed"], **kwargs)


def _images():
    return tf.constant(nhwc(_input("in/x", (N, CI, H, W))))


def _expected(key):
    return load("layers")[0][key]


def _convolution(name, shape, gain, bias=None, **kwargs):
    layer = layers.EqualizedConv2D(shape, [CO], gain / np.sqrt(9 * CI), activation=None, **kwargs)
    layer.weight.assign(_input(f"w/{name}/weight", shape))
    if bias is not None:
        layer.bias.assign(bias)
    return layer


@pytest.mark.parametrize(
    "name, gain, resample",
    [("up", SQRT2, "up"), ("down", SQRT2, "down"), ("conv", 1.0, None)],
)
def test_convolution_vectors(name, gain, resample):
    shape = (3, 3, CO, CI) if resample == "up" else (3, 3, CI, CO)
    bias = _input("w/conv/bias", (CO,), scale=0.2) if name == "conv" else None
    layer = _convolution(name, shape, gain, bias, resample=resample)
    assert_close(layer(_images()), nhwc(_expected(f"{name}/out")), 5e-6)


def test_dense_vector():
    layer = layers.EqualizedDense((CI * H * W, CO), [CO], SQRT2 / 4 / np.sqrt(CI * H * W))
    layer.weight.assign(_input("w/dense/weight", (CI * H * W, CO)))
    bias = _input("w/dense/bias", (CO,), scale=0.2)
    flat = _input("in/x", (N, CI, H, W)).reshape(N, -1)
    assert_close(layers.activate(layer(flat), bias, None), _expected("dense/out"), 5e-6)


@pytest.mark.parametrize(
    "name, function",
    [
        ("pixelnorm", layers.pixel_norm),
        ("lrelu", lambda x: layers.activate(x, tf.zeros([CI]), "leaky_relu")),
        ("upscale", layers.upscale2d),
        ("downscale", layers.downscale2d),
    ],
)
def test_function_vectors(name, function):
    assert_close(function(_images()), nhwc(_expected(f"{name}/out")), 5e-6)


@pytest.mark.parametrize("batch, group", [(8, 4), (3, 4), (6, 2), (8, 16)])
def test_minibatch_stddev_vectors(batch, group):
    features = nhwc(_input(f"in/mb{batch}_{group}", (batch, 5, 4, 4)))
    expected = _expected(f"mbstd_{batch}_{group}/stat")
    statistic = layers.minibatch_stddev(tf.constant(features), group)
    assert_close(statistic[:, 0, 0, 0], expected, 5e-6)
    traced = tf.function(
        lambda x: layers.minibatch_stddev(x, group),
        input_signature=[tf.TensorSpec([None, None, None, 5], tf.float32)],
    )
    assert_close(traced(features)[:, 0, 0, 0], expected, 5e-6)


def test_minibatch_stddev_keeps_parts_apart():
    parts = tf.random.stateless_normal([2, 8, 4, 4, 3], [1, 2])
    together = layers.minibatch_stddev(tf.reshape(parts, [16, 4, 4, 3]), 4, parts=2)
    apart = tf.concat([layers.minibatch_stddev(part, 4) for part in parts], axis=0)
    np.testing.assert_allclose(together, apart, rtol=1e-6)


def test_minibatch_stddev_refuses_uneven_groups():
    with pytest.raises(ValueError, match="batch of 6 .*groups of 4"):
        layers.minibatch_stddev(tf.zeros([6, 4, 4, 3]), 4)


def test_fused_up_equals_upscale_and_mirrored_convolution():
    kernel = tf.random.stateless_normal([3, 3, CO, CI], [3, 4])
    mirrored = tf.transpose(kernel[::-1, ::-1], [0, 1, 3, 2])
    plain = tf.nn.conv2d(layers.upscale2d(_images()), mirrored, 1, "SAME")
    assert_close(layers.upscale2d_conv2d(_images(), kernel), plain, 5e-6)


def test_fused_down_equals_convolution_and_downscale():
    kernel = tf.random.stateless_normal([3, 3, CI, CO], [3, 4])
    plain = layers.downscale2d(tf.nn.conv2d(_images(), kernel, 1, "SAME"))
    assert_close(layers.conv2d_downscale2d(_images(), kernel), plain, 5e-6)


@pytest.mark.parametrize("activation", ["leaky_relu", "relu", None])
@pytest.mark.parametrize("in_graph", [False, True])
def test_activation_gradients_of_both_orders(activation, in_graph):
    # Away from zero the activation is a factor of 1 or its slope.
    x, bias = tf.constant([[-2.0, 3.0, -1.0]]), tf.constant([0.5, 0.5, 2.0])
    slope = {"leaky_relu": 0.2, "relu": 0.0, None: 1.0}[activation]
    factor = np.array([[slope, 1.0, 1.0]])

    def derivatives(x, bias):
        with tf.GradientTape() as outer:
            outer.watch([x, bias])
            with tf.GradientTape() as inner:
                inner.watch([x, bias])
                y = tf.reduce_sum(tf.pow(layers.activate(x, bias, activation), 3))
            first = inner.gradient(y, [x, bias])
            total = tf.reduce_sum(first[0])
        return first, outer.gradient(total, [x, bias])

    first, second = (tf.function(derivatives) if in_graph else derivatives)(x, bias)
    y = (x + bias) * factor
    np.testing.assert_allclose(first[0], 3 * y**2 * factor, rtol=1e-6)
    np.testing.assert_allclose(first[1], (3 * y**2 * factor)[0], rtol=1e-6)
    np.testing.assert_allclose(second[0], 6 * y * factor**2, rtol=1e-6)
    np.testing.assert_allclose(second[1], (6 * y * factor**2)[0], rtol=1e-6)


@pytest.mark.parametrize("resample", [None, "up", "down"])
@pytest.mark.parametrize("activation", ["leaky_relu", None])
def test_convolution_gradients_match_differences(resample, activation):
    with tf.device("/cpu:0"):
        shape = (3, 3, 4, 3) if resample == "up" else (3, 3, 3, 4)
        layer = layers.EqualizedConv2D(
            shape, [4], 0.3, resample=resample, activation=activation, seed=7, dtype="float64"
        )
        x = tf.random.stateless_normal([2, 4, 4, 3], [5, 6], dtype=tf.float64)

        def penalty(x, weight):
            layer.weight.assign(weight)
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = tf.reduce_sum(tf.square(layer(x)))
            return tf.reduce_sum(tf.square(tape.gradient(y, x)))

        weight = tf.constant(layer.weight.numpy())
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = penalty(x, weight)
        analytic = tape.gradient(value, [x, layer.weight])
        for place, argument in enumerate((x, weight)):
            direction = tf.random.stateless_normal(argument.shape, [8, place], dtype=tf.float64)
            ends = []
            for sign in (1.0, -1.0):
                moved = [x, weight]
                moved[place] = argument + sign * 1e-6 * direction
                ends.append(penalty(*moved))
            expected = (ends[0] - ends[1]) / 2e-6
            np.testing.assert_allclose(
                tf.reduce_sum(analytic[place] * direction), expected, rtol=1e-5
            )


def _value_and_gradients(function, *inputs):
    """Returns the output of a function, its gradient and those of a penalty on the gradient."""
    with tf.GradientTape() as outer:
        outer.watch(inputs)
        with tf.GradientTape() as inner:
            inner.watch(inputs)
            y = function(*inputs)
            total = tf.reduce_sum(y**3)
        first = inner.gradient(total, inputs[0])
        penalty = tf.reduce_sum(first**2)
    return [y, first, *outer.gradient(penalty, inputs)]


@pytest.mark.parametrize(
    "name, side, shape, function",
    [
        ("Conv2D", 4, (3, 3, 172, 170), layers.conv2d),
        ("Conv2D", 8, (4, 4, 129, 128), lambda x, kernel: layers.conv2d(x, kernel, 2)),
        ("Conv2DBackpropInput", 4, (3, 3, 128, 129), layers.upscale2d_conv2d),
    ],
)
def test_patches_times_matrix_is_the_convolution(name, side, shape, function, monkeypatch):
    channels = shape[3] if name == "Conv2DBackpropInput" else shape[2]
    x = tf.random.stateless_normal([2, side, side, channels], [1, 2], dtype=tf.float64)
    kernel = tf.random.stateless_normal(shape, [3, 4], dtype=tf.float64)
    graph = tf.function(function).get_concrete_function(x, kernel).graph
    assert name not in {operation.type for operation in graph.get_operations()}
    patches = _value_and_gradients(function, x, kernel)
    monkeypatch.setattr(layers, "_few_pixels", lambda *_: False)
    graph = tf.function(lambda *inputs: function(*inputs)).get_concrete_function(x, kernel).graph
    assert name in {operation.type for operation in graph.get_operations()}
    for ours, expected in zip(patches, _value_and_gradients(function, x, kernel)):
        np.testing.assert_allclose(ours, expected, rtol=1e-7, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("count", [1, 64])
def test_the_smaller_operand_is_scaled(count):
    layer = layers.EqualizedConv2D((3, 3, 8, 8), [8], 0.1, activation=None)
    x = tf.random.stateless_normal([count, 4, 4, 8], [1, 2])
    scaled = [a is not b for a, b in zip(layer.scaled_operands(x), (x, layer.weight))]
    assert scaled[0] == (count == 1)
    np.testing.assert_allclose(layer(x), tf.nn.conv2d(x, layer.weight * 0.1, 1, "SAME"), atol=1e-5)


@pytest.mark.parametrize("policy", ["float32", "float64", "mixed_float16"])
def test_layers_follow_the_dtype_policy(policy):
    layer = layers.EqualizedConv2D((3, 3, 3, 4), [4], 0.1, dtype=policy)
    expected = tf.keras.mixed_precision.Policy(policy)
    assert layer.weight.dtype == expected.variable_dtype
    x = tf.zeros([1, 4, 4, 3], expected.compute_dtype)
    assert layer(x).dtype == expected.compute_dtype
    assert layers.pixel_norm(x).dtype == expected.compute_dtype


def test_float16_is_added_up_in_float32():
    """From 2048 on float16 does not notice another 1."""
    dense = layers.EqualizedDense((5000, 1), [1], 1.0, dtype="mixed_float16")
    conv = layers.EqualizedConv2D((3, 3, 500, 1), [1], 1.0, activation=None, dtype="mixed_float16")
    up = layers.EqualizedConv2D(
        (3, 3, 1, 1250), [1], 1.0, activation=None, resample="up", dtype="mixed_float16"
    )
    for layer, shape, expected in (
        (dense, [1, 5000], 5000),
        (conv, [1, 3, 3, 500], 4500),
        (up, [1, 3, 3, 1250], 11248),
    ):
        layer.weight.assign(tf.ones_like(layer.weight))
        y = layer(tf.ones(shape, tf.float16)).numpy()
        assert y.dtype == np.float16 and y.max() == np.float16(expected)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_results_of_half_precision_may_stay_in_float32(policy):
    random = np.random.RandomState(3)
    layer = layers.EqualizedConv2D(
        (3, 3, 8, 4), [4], 0.1, dtype=policy, output_dtype="float32", seed=1
    )
    layer.bias.assign(random.randn(4))
    x = tf.constant(random.randn(2, 4, 4, 8), tf.float32)
    operands = [
        tf.cast(tf.cast(v, layer.compute_dtype), tf.float32) for v in (x, layer.weight * 0.1)
    ]
    expected = layers.activate(tf.nn.conv2d(*operands, 1, "SAME"), layer.bias, "leaky_relu")
    y = layer(x)
    assert y.dtype == tf.float32
    assert not np.array_equal(tf.cast(tf.cast(y, layer.compute_dtype), tf.float32), y)
    rounding = 2e-6 if policy == "mixed_float16" else 2**-8
    np.testing.assert_allclose(y, expected, atol=rounding * np.abs(expected).max())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_convolutions_give_the_dtype_they_are_given(dtype):
    x, kernel = (tf.ones(shape, dtype) for shape in ([1, 4, 4, 8], [3, 3, 8, 8]))
    large = tf.ones([3, 3, 256, 256], dtype)  # patches times a matrix
    for function in (layers.conv2d, layers.conv2d_downscale2d, layers.upscale2d_conv2d):
        for y in (function(x, kernel), function(tf.ones([1, 4, 4, 256], dtype), large)):
            assert y.dtype == dtype
        assert function(x, kernel, output_dtype="float32").dtype == tf.float32


def test_pixel_norm_survives_half_precision():
    large = tf.constant([[3.0e4, 4.0e4]], tf.float16)
    np.testing.assert_allclose(layers.pixel_norm(large), [[0.6 * SQRT2, 0.8 * SQRT2]], rtol=1e-3)


def test_weights_are_standard_normal_and_repeat_with_a_seed():
    arguments = {"weight_shape": (3, 3, 64, 64), "bias_shape": [64], "std": 0.05}
    weight = layers.EqualizedConv2D(**arguments, seed=1).weight.numpy()
    assert abs(weight.mean()) < 0.02 and abs(weight.std() - 1.0) < 0.02
    assert np.array_equal(weight, layers.EqualizedConv2D(**arguments, seed=1).weight)
    assert not np.array_equal(weight, layers.EqualizedConv2D(**arguments, seed=2).weight)
    plain = layers.EqualizedConv2D(**arguments, seed=1, use_wscale=False)
    assert abs(plain.weight.numpy().std() - 0.05) < 0.001
    assert plain.scale == 1.0
