"""Keras layers and tensor functions that more than one system uses. Images are NHWC."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_facegan import winograd

HALF_PRECISION = (tf.float16, tf.bfloat16)
LEAKY_SLOPE = 0.2


def stable_dtype(dtype: tf.DType | str) -> tf.DType:
    """Returns the dtype for what half precision is too coarse for: float32; float64 stays."""
    dtype = tf.as_dtype(dtype)
    return tf.float32 if dtype in HALF_PRECISION else dtype


def upscale2d(images: tf.Tensor) -> tf.Tensor:
    """Repeats every pixel 2x2 (PGGAN, `upscale2d`): [N, H, W, C] -> [N, 2H, 2W, C].

    Made of a broadcast, so that it has gradients of every order.
    """
    batch, height, width, channels = _shape(images)
    pixels = tf.reshape(images, [batch, height, 1, width, 1, channels])
    pixels = tf.broadcast_to(pixels, [batch, height, 2, width, 2, channels])
    return tf.reshape(pixels, [batch, 2 * height, 2 * width, channels])


def downscale2d(images: tf.Tensor) -> tf.Tensor:
    """Averages boxes of 2x2 pixels (PGGAN, `downscale2d`): [N, H, W, C] -> [N, H/2, W/2, C]."""
    return tf.nn.avg_pool2d(images, 2, 2, "VALID")


def pixel_norm(features: tf.Tensor, epsilon: float = 1e-8) -> tf.Tensor:
    """Scales every pixel's feature vector to a mean square of one (PGGAN, section 4.2).

    Args:
      features: float tensor [..., C].
      epsilon: added to the mean square.

    Returns:
      Tensor of the same shape and dtype; half precision is raised to float32 in between.
    """
    x = tf.cast(features, stable_dtype(features.dtype))
    x = x * tf.math.rsqrt(tf.reduce_mean(tf.square(x), axis=-1, keepdims=True) + epsilon)
    return tf.cast(x, features.dtype)


def instance_norm(
    features: tf.Tensor,
    scale: tf.Tensor | tf.Variable | None = None,
    shift: tf.Tensor | tf.Variable | None = None,
    epsilon: float = 1e-5,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Normalises every channel of every sample over its pixels (Ulyanov et al., 2016).

    Args:
      features: float tensor [N, H, W, C].
      scale, shift: [C], or None for neither.
      epsilon: added to the variance, which is the biased one.

    Returns:
      (tensor of the same shape and dtype, mean [N, 1, 1, C], variance [N, 1, 1, C]); statistics in
      at least float32.
    """
    x = tf.cast(features, stable_dtype(features.dtype))
    mean, variance = moments(x, [1, 2])
    return normalise(features, mean, variance, scale, shift, epsilon), mean, variance


def moments(x: tf.Tensor, axes: Sequence[int]) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns mean and biased variance over axes, which are kept with length 1.

    `tf.nn.moments` treats the mean as a constant in the variance. That is right for its gradient,
    which does not depend on how the mean moves, but not for the gradient of the gradient.
    """
    mean = tf.reduce_mean(x, axes, keepdims=True)
    return mean, _variance(tuple(axes))(x, mean)


@functools.cache
def _variance(axes):
    """Returns the mean square of (x - mean); `mean` has to be that of x.

    Its gradient with respect to the mean is zero, which is used; the gradient with respect to x is
    a function of both.
    """

    @tf.custom_gradient
    def apply(x, mean):
        variance = tf.reduce_mean(tf.math.squared_difference(x, mean), axes, keepdims=True)

        def gradient(upstream):
            count = tf.cast(tf.size(x) // tf.size(mean), x.dtype)
            return 2 * upstream / count * (x - mean), tf.zeros_like(mean)

        return variance, gradient

    return apply


def normalise(
    features: tf.Tensor,
    mean: tf.Tensor | tf.Variable,
    variance: tf.Tensor | tf.Variable,
    scale: tf.Tensor | tf.Variable | None = None,
    shift: tf.Tensor | tf.Variable | None = None,
    epsilon: float = 1e-5,
) -> tf.Tensor:
    """Returns (features - mean) / sqrt(variance + epsilon) * scale + shift, in features' dtype.

    Arguments as of `instance_norm`; mean and variance in at least float32, broadcast to features.
    """
    factor = tf.math.rsqrt(variance + epsilon)
    if scale is not None:
        factor *= tf.cast(scale, factor.dtype)
    offset = -mean * factor
    if shift is not None:
        offset += tf.cast(shift, factor.dtype)
    return tf.cast(tf.cast(features, factor.dtype) * factor + offset, features.dtype)


def minibatch_stddev(features: tf.Tensor, group_size: int = 4, parts: int = 1) -> tf.Tensor:
    """Returns the statistic of PGGAN's minibatch standard deviation layer (section 3), one per
    sample.

    With M = N / group size, sample n belongs to group n mod M. The standard deviation over the
    group is averaged over pixels and channels.

    Args:
      features: float tensor [parts * N, H, W, C].
      group_size: int; the smaller of it and N is used, which must divide N.
      parts: the batch is this many minibatches of N, one after the other, that share no group.

    Returns:
      [parts * N, 1, 1, 1], in at least float32.

    Raises:
      ValueError: the group size does not divide the minibatch.
    """
    batch, height, width, channels = _shape(features)
    minibatch = batch // parts
    if isinstance(minibatch, int):
        group_size = min(group_size, minibatch)
        if batch % parts or minibatch % group_size:
            raise ValueError(
                f"a batch of {batch} in {parts} parts does not divide into groups of {group_size}; "
                f"expected a multiple of mbstd_group_size in every part"
            )
    else:
        group_size = tf.minimum(group_size, minibatch)
    x = tf.cast(features, stable_dtype(features.dtype))
    x = tf.reshape(x, [parts, group_size, minibatch // group_size, height * width * channels])
    x -= tf.reduce_mean(x, axis=1, keepdims=True)
    x = tf.sqrt(tf.reduce_mean(tf.square(x), axis=1, keepdims=True) + 1e-8)
    x = tf.reduce_mean(x, axis=3, keepdims=True)
    return tf.reshape(tf.tile(x, [1, group_size, 1, 1]), [batch, 1, 1, 1])


def activate(
    features: tf.Tensor,
    bias: tf.Tensor | tf.Variable,
    activation: str | None,
    slope: float = LEAKY_SLOPE,
) -> tf.Tensor:
    """Adds one bias per channel and applies an activation.

    Args:
      features: [..., C].
      bias: [C], of the same dtype.
      activation: "leaky_relu", "relu" or None.
      slope: of the leaky ReLU below zero; above 0.
    """
    if activation == "leaky_relu":
        return _biased_leaky_relu(slope)(features, bias)
    x = tf.nn.bias_add(features, bias)
    return tf.nn.relu(x) if activation == "relu" else x


@functools.cache
def _biased_leaky_relu(slope):
    """Returns the leaky ReLU of (features, bias) whose gradient looks at the result, which has the
    same signs.

    Nothing needs the sum in between, so that TensorFlow fuses it all into the convolution before.
    The slope does not change with the features, so a gradient penalty sends nothing back through
    them; without `stop_gradient` it would send zeros, at the cost of a whole backward pass.
    """

    @tf.custom_gradient
    def apply(x, bias):
        y = tf.nn.leaky_relu(tf.nn.bias_add(x, bias), slope)

        def gradient(dy):
            signs = tf.stop_gradient(y)
            dx = tf.raw_ops.LeakyReluGrad(gradients=dy, features=signs, alpha=slope)
            return dx, tf.raw_ops.BiasAddGrad(out_backprop=dx)

        return y, gradient

    return apply


class EqualizedLayer(tf.keras.layers.Layer):
    """Base of layers with equalized learning rate (PGGAN, section 4.1): weight and bias, built at
    once.

    The weight is drawn from N(0, 1) and multiplied by `std` whenever it is used. Variables have the
    variable dtype of the layer's policy; the scaled weight is cast to its compute dtype.
    """

    def __init__(
        self,
        weight_shape: Sequence[int],
        bias_shape: Sequence[int],
        std: float,
        use_wscale: bool = True,
        seed: int | None = None,
        output_dtype: tf.DType | str | None = None,
        **kwargs: Any,
    ):
        """Makes the variables.

        Args:
          weight_shape, bias_shape: shapes of the two variables.
          std: float, the run-time factor, gain / sqrt(fan in).
          use_wscale: False draws the weight from N(0, std**2) and uses it as it is.
          seed: int, the draw is a function of it; None draws from TensorFlow's global generator.
          output_dtype: of the results (and of bias and activation); None for the compute dtype.
          **kwargs: of `tf.keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.output_dtype = output_dtype or self.compute_dtype
        self.scale = std if use_wscale else 1.0
        draw = 1.0 if use_wscale else std
        self.weight = self.add_weight(
            name="weight",
            shape=weight_shape,
            initializer=lambda shape, dtype=None: normal(shape, draw, seed, dtype),
            experimental_autocast=False,
        )
        self.bias = self.add_weight(
            name="bias", shape=bias_shape, initializer="zeros", experimental_autocast=False
        )
        self.built = True

    def scaled_operands(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | tf.Variable]:
        """Returns (x, weight) in the compute dtype, the smaller of them times the run-time factor.

        In half precision it is always the weight: products without the factor might overflow.
        """
        half = tf.as_dtype(self.compute_dtype) in HALF_PRECISION
        x = tf.cast(x, self.compute_dtype)
        elements = x.shape.num_elements()
        if half or elements is None or elements >= self.weight.shape.num_elements():
            return x, self.scaled_weight()
        return x * self.scale, tf.cast(self.weight, self.compute_dtype)

    def scaled_weight(self) -> tf.Tensor:
        """The weight times the run-time factor, in the compute dtype."""
        return tf.cast(self.weight * self.scale, self.compute_dtype)


class EqualizedDense(EqualizedLayer):
    """Matrix product with equalized learning rate; the bias is left to the caller.

    `call`: [N, in] -> [N, out].
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        x = tf.matmul(*_summable(*self.scaled_operands(x)))
        return tf.cast(x, self.output_dtype)


class EqualizedConv2D(EqualizedLayer):
    """Convolution with equalized learning rate, bias and activation (PGGAN's `conv2d` family).

    `call`: NHWC -> NHWC, zero padding, odd kernel. `resample` of
      None: [N, H, W, in] -> [N, H, W, out], weight HWIO;
      "up": `upscale2d` and 3x3 convolution in one, -> [N, 2H, 2W, out], weight [3, 3, out, in];
      "down": 3x3 convolution and `downscale2d` in one, -> [N, H/2, W/2, out], weight HWIO.
    The fused forms are PGGAN's `upscale2d_conv2d` (which mirrors the kernel: it is a transposed
    convolution) and `conv2d_downscale2d`.
    """

    def __init__(
        self,
        *args: Any,
        resample: str | None = None,
        activation: str | None = "leaky_relu",
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        self.resample = resample
        self.activation = activation

    def call(self, x: tf.Tensor) -> tf.Tensor:
        dtype = self.output_dtype
        if self.resample is None:
            x = conv2d(*self.scaled_operands(x), output_dtype=dtype)
        else:
            fused = upscale2d_conv2d if self.resample == "up" else conv2d_downscale2d
            x = fused(tf.cast(x, self.compute_dtype), self.weight, self.scale, dtype)
        return activate(x, tf.cast(self.bias, x.dtype), self.activation)


def _summable(x, kernel):
    """Returns operands of the same values whose products are added up in float32.

    TensorFlow's float16 products are added up in float16 on CPUs, rounded at every addition, and
    are slower than float32; GPUs add them up in float32.
    """
    if x.dtype != tf.float16 or not on_cpu():
        return x, kernel
    return tf.cast(x, tf.float32), tf.cast(kernel, tf.float32)


def on_cpu() -> bool:
    """Whether TensorFlow sees no GPU. (There, few large operations are the fastest.)"""
    return not tf.config.get_visible_devices("GPU")


def upscale2d_conv2d(
    x: tf.Tensor,
    kernel: tf.Tensor | tf.Variable,
    scale: float = 1.0,
    output_dtype: tf.DType | str | None = None,
) -> tf.Tensor:
    """Doubles and convolves: [N, H, W, in], [3, 3, out, in] -> [N, 2H, 2W, out] (PGGAN).

    The kernel is multiplied by `scale` in its own dtype before it is cast to that of x. The result
    has `output_dtype`, or that of x.
    """
    output_dtype = output_dtype or x.dtype
    x, kernel = _summable(x, tf.cast(_convolved_with_box(kernel, scale), x.dtype))
    _, height, width, channels = _shape(x)
    outputs = kernel.shape[2]
    if not _few_pixels(height, width, kernel):
        return tf.cast(conv2d_transpose(x, kernel, 2), output_dtype)
    patches = tf.matmul(
        tf.reshape(x, [-1, channels]),
        tf.reshape(kernel, [16 * outputs, channels]),
        transpose_b=True,
    )
    patches = tf.reshape(patches, [-1, height * width * 16, outputs])
    places = tf.constant(_patch_places(2 * height, 2 * width, 4, 2), x.dtype)
    y = tf.matmul(places, patches, transpose_a=True)
    return tf.cast(tf.reshape(y, [-1, 2 * height, 2 * width, outputs]), output_dtype)


def conv2d_downscale2d(
    x: tf.Tensor,
    kernel: tf.Tensor | tf.Variable,
    scale: float = 1.0,
    output_dtype: tf.DType | str | None = None,
) -> tf.Tensor:
    """Convolves and halves: [N, H, W, in], [3, 3, in, out] -> [N, H/2, W/2, out] (PGGAN).

    The kernel is multiplied by `scale` in its own dtype before it is cast to that of x. The result
    has `output_dtype`, or that of x.
    """
    return conv2d(x, tf.cast(_convolved_with_box(kernel, scale / 4), x.dtype), 2, output_dtype)


def conv2d(
    x: tf.Tensor,
    kernel: tf.Tensor | tf.Variable,
    stride: int = 1,
    output_dtype: tf.DType | str | None = None,
) -> tf.Tensor:
    """Convolves with symmetric zero padding: [N, H, W, in], HWIO -> [N, H/stride, W/stride, out].

    Large kernels on small maps are slow as convolutions; for them it is patches times a matrix. On
    CPUs, those of many channels on large maps are `winograd.conv2d`. The result has `output_dtype`,
    or that of x.
    """
    output_dtype = output_dtype or x.dtype
    x, kernel = _summable(x, kernel)
    _, height, width, channels = _shape(x)
    side, outputs = kernel.shape[0], kernel.shape[3]
    if on_cpu() and winograd.pays(x, kernel, stride):
        return tf.cast(winograd.conv2d(x, kernel), output_dtype)
    if not _few_pixels(height // stride, width // stride, kernel):
        return tf.cast(tf.nn.conv2d(x, kernel, stride, "SAME"), output_dtype)
    places = tf.constant(_patch_places(height, width, side, stride), x.dtype)
    patches = tf.matmul(places, tf.reshape(x, [-1, height * width, channels]))
    y = tf.matmul(
        tf.reshape(patches, [-1, side * side * channels]), tf.reshape(kernel, [-1, outputs])
    )
    return tf.cast(tf.reshape(y, [-1, height // stride, width // stride, outputs]), output_dtype)


def conv2d_transpose(x: tf.Tensor, kernel: tf.Tensor, stride: int) -> tf.Tensor:
    """Transposed convolution with symmetric zero padding, of the dtype of both:
    [N, H, W, in], [k, k, out, in] -> [N, stride * H, stride * W, out].

    On CPUs, those of many channels on large maps are `winograd.conv2d_transpose`.
    """
    dtype = x.dtype
    x, kernel = _summable(x, kernel)
    if on_cpu() and winograd.pays(x, kernel, stride, transposed=True):
        return tf.cast(winograd.conv2d_transpose(x, kernel), dtype)
    batch, height, width, _ = _shape(x)
    shape = [batch, stride * height, stride * width, kernel.shape[2]]
    return tf.cast(tf.nn.conv2d_transpose(x, kernel, shape, stride, "SAME"), dtype)


def _few_pixels(height, width, kernel):
    """Whether patches times a matrix beat the convolution, for the smaller of its two maps.

    Measured on a CPU: from 2**18 weights on at up to 4x4 pixels, from 2**22 on at 8x8.
    """
    if not isinstance(height, int) or not isinstance(width, int) or kernel.shape[0] == 1:
        return False
    pixels = height * width
    least = 2**18 if pixels <= 16 else 2**22
    return pixels <= 64 and kernel.shape.num_elements() >= least


def _patch_places(height, width, side, stride):
    """Returns the matrix of ones and zeros that takes pixels to the patches a convolution sees.

    [patches * side * side, height * width], rows of a patch in the order of a kernel's taps; the
    map is padded by (side - stride) / 2 zeros all around.
    """

    def taps(length):
        starts = np.arange(0, length, stride) - (side - stride) // 2
        wanted = starts[:, None] + np.arange(side)
        return (wanted[..., None] == np.arange(length)).astype(np.float64)

    rows, columns = taps(height), taps(width)
    places = np.einsum("iay,jbx->ijabyx", rows, columns)
    return places.reshape(-1, height * width)


def _convolved_with_box(kernel, factor=1.0):
    """Convolves a kernel with a 2x2 box of `factor`: [3, 3, a, b] -> [4, 4, a, b].

    As a matrix product, whose gradients of every order cost no more than itself.
    """
    flat = tf.reshape(kernel, [9, -1])
    flat = tf.matmul(tf.constant(_BOX * factor, kernel.dtype), flat)
    return tf.reshape(flat, [4, 4, *kernel.shape[2:]])


def _box_matrix():
    """Returns the [16, 9] matrix that convolves a flat 3x3 kernel with a 2x2 box of ones."""
    row = np.eye(4, 3) + np.eye(4, 3, -1)
    return np.kron(row, row)


_BOX = _box_matrix()


def normal(
    shape: Sequence[int], stddev: float, seed: int | None, dtype: tf.DType | str | None
) -> tf.Tensor:
    """Draws an initial weight from N(0, stddev**2), the same for every dtype.

    Args:
      shape: of the weight.
      stddev: float.
      seed: int, or None to draw from TensorFlow's global generator.
      dtype: of the result; the draw is float32.
    """
    if seed is None:
        draw = tf.random.normal(shape, stddev=stddev)
    else:
        draw = tf.random.stateless_normal(shape, [seed, 0], stddev=stddev)
    return tf.cast(draw, dtype or tf.float32)


def he_stddev(inputs: int, side: int = 1, stride: int = 1) -> float:
    """Returns the standard deviation of first weights that keep the size of a signal, a ReLU behind
    them included (He et al., 2015).

    Args:
      inputs: int, channels.
      side: int, of a convolution's kernel.
      stride: int, of a transposed convolution: a pixel is then reached by fewer of its weights.
    """
    return (2 / ((side / stride) ** 2 * inputs)) ** 0.5


def seed_of(seed: int | None, name: str) -> int | None:
    """Returns a seed of its own for what is called `name`, None if seed is None."""
    return None if seed is None else (zlib.crc32(name.encode()) ^ seed) & 0x7FFFFFFF


def _shape(x):
    """Returns the shape as a list: ints where it is known, scalar tensors elsewhere."""
    static = x.shape.as_list()
    if None not in static:
        return static
    dynamic = tf.shape(x)
    return [dynamic[i] if side is None else side for i, side in enumerate(static)]
