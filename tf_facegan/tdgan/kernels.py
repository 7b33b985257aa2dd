"""The operations that a step of TDGAN spends its time in, with gradients that are fast on a CPU.

They are what TensorFlow's own operations compute, in another order: `docs/tdgan.md` and
`docs/benchmarks.md` say what each is worth. Gradients of gradients are not provided for.
"""

from __future__ import annotations

import functools

import tensorflow as tf

from tf_facegan import layers, winograd
from tf_facegan.layers import HALF_PRECISION, moments, normalise, on_cpu, stable_dtype

# Values of a sample from which a norm is faster on each sample by itself, and samples up to which
# the graph does not grow too large by it: with 64 of them, training would start 13 seconds later.
LARGE_SAMPLE, MOST_SAMPLES = 2**17, 16
FEW_CHANNELS = 2
# Of a kernel of 4 with stride 2, for each tap: the phase of the output it makes (pixels 2i + phase)
# and the pixel of the input it makes it of (i + offset).
_TAPS = ((1, 1), (0, 0), (1, 0), (0, -1))


def norm_relu(
    features: tf.Tensor,
    scale: tf.Tensor | tf.Variable | None = None,
    shift: tf.Tensor | tf.Variable | None = None,
    epsilon: float = 1e-5,
) -> tf.Tensor:
    """Instance norm (`layers.instance_norm`) and ReLU.

    Large samples are normalised one by one, which is TensorFlow's fused batch norm of a batch of
    one: it reads the features half as often as a norm put together of sums and products.

    Args:
      features: float tensor [N, H, W, C].
      scale, shift: [C], or None for neither.
      epsilon: added to the variance, which is the biased one.

    Returns:
      Tensor of the same shape and dtype; statistics in at least float32.
    """
    x = tf.cast(features, stable_dtype(features.dtype))
    channels = features.shape[-1:]
    scale = tf.ones(channels, x.dtype) if scale is None else tf.cast(scale, x.dtype)
    shift = tf.zeros(channels, x.dtype) if shift is None else tf.cast(shift, x.dtype)
    apply = _one_by_one if _pays_one_by_one(x) else _together
    return tf.cast(apply(epsilon)(x, scale, shift), features.dtype)


def _pays_one_by_one(x):
    count, size = x.shape[0], x.shape[1:].num_elements()
    known = count is not None and size is not None
    fits = known and count <= MOST_SAMPLES and size >= LARGE_SAMPLE
    return fits and x.dtype == tf.float32 and on_cpu()


@functools.cache
def _together(epsilon):
    @tf.custom_gradient
    def apply(x, scale, shift):
        mean, variance = moments(x, [1, 2])
        y = tf.nn.relu(normalise(x, mean, variance, scale, shift, epsilon))

        def gradient(upstream):
            dy = tf.raw_ops.ReluGrad(gradients=upstream, features=y)
            mean_dy, mean_dy_x = (tf.reduce_mean(z, [1, 2], keepdims=True) for z in (dy, dy * x))
            root = tf.math.rsqrt(variance + epsilon)
            factor, covariance = root * scale, root * (mean_dy_x - mean * mean_dy)
            slope = -factor * root * covariance
            dx = dy * factor + (x * slope - (slope * mean + factor * mean_dy))
            pixels = tf.cast(tf.size(x) // tf.size(mean), x.dtype)
            over = [tf.reduce_sum(z, [0, 1, 2]) * pixels for z in (covariance, mean_dy)]
            return dx, *over

        return y, gradient

    return apply


@functools.cache
def _one_by_one(epsilon):
    settings = {"epsilon": epsilon, "is_training": True}
    nothing = {"mean": [], "variance": []}

    @tf.custom_gradient
    def apply(x, scale, shift):
        samples = tf.split(x, x.shape[0])
        norms = [
            tf.raw_ops.FusedBatchNormV3(x=one, scale=scale, offset=shift, **nothing, **settings)
            for one in samples
        ]
        y = tf.concat([tf.nn.relu(norm.y) for norm in norms], axis=0)

        def gradient(upstream):
            found = []
            for dy, shown, one, norm in zip(
                tf.split(upstream, len(norms)), tf.split(y, len(norms)), samples, norms
            ):
                found.append(
                    tf.raw_ops.FusedBatchNormGradV3(
                        y_backprop=tf.raw_ops.ReluGrad(gradients=dy, features=shown),
                        x=one,
                        scale=scale,
                        reserve_space_1=norm.reserve_space_1,
                        reserve_space_2=norm.reserve_space_2,
                        reserve_space_3=norm.reserve_space_3,
                        **settings,
                    )
                )
            dx = tf.concat([grads.x_backprop for grads in found], axis=0)
            sums = (
                tf.add_n([getattr(grads, f"{name}_backprop") for grads in found])
                for name in ("scale", "offset")
            )
            return dx, *sums

        return y, gradient

    return apply


def conv2d(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """`layers.conv2d` with stride 1: float [N, H, W, I], [k, k, I, O] -> [N, H, W, O].

    For images of few channels, `overlapped` makes the gradient.
    """
    convolve = _first_conv2d if _overlap_pays(x.shape[-1], kernel) else layers.conv2d
    return convolve(x, kernel)


@tf.custom_gradient
def _first_conv2d(images, kernel):
    def gradient(upstream):
        return overlapped(upstream, kernel), tf.raw_ops.Conv2DBackpropFilter(
            input=images,
            filter_sizes=kernel.shape,
            out_backprop=upstream,
            strides=[1, 1, 1, 1],
            padding="SAME",
        )

    return tf.nn.conv2d(images, kernel, 1, "SAME"), gradient


def conv2d_transpose(x: tf.Tensor, kernel: tf.Tensor, stride: int) -> tf.Tensor:
    """Transposed convolution: [N, H, W, I], [k, k, O, I] -> [N, stride * H, stride * W, O].

    To few channels it is `overlapped`. With a kernel of 4 and stride 2, the gradient of the kernel
    is 16 products where `winograd` does not pay.
    """
    if stride == 1 and _overlap_pays(kernel.shape[2], kernel):
        return _last_conv2d(x, kernel)
    if (kernel.shape[0], stride) == (4, 2) and on_cpu():
        if not winograd.pays(x, kernel, stride, transposed=True):
            return _doubling_conv2d(x, kernel)
    return layers.conv2d_transpose(x, kernel, stride)


@tf.custom_gradient
def _last_conv2d(x, kernel):
    def gradient(upstream):
        return tf.nn.conv2d(upstream, kernel, 1, "SAME"), tf.raw_ops.Conv2DBackpropFilter(
            input=upstream,
            filter_sizes=kernel.shape,
            out_backprop=x,
            strides=[1, 1, 1, 1],
            padding="SAME",
        )

    return overlapped(x, kernel), gradient


@tf.custom_gradient
def _doubling_conv2d(x, kernel):
    def gradient(upstream):
        return tf.nn.conv2d(upstream, kernel, 2, "SAME"), _doubling_kernel(x, upstream)

    return layers.conv2d_transpose(x, kernel, 2), gradient


def _doubling_kernel(x, dy):
    """The gradient of a kernel of 4 and stride 2, [4, 4, O, I], of input x [N, H, W, I] and the
    gradient dy [N, 2H, 2W, O] of the output: a matrix product for each tap, over all pixels.

    With rows first, leaving out the first or last one of a phase moves no memory.
    """
    (height, width, inputs), outputs = x.shape[1:], dy.shape[-1]
    phases = tf.transpose(tf.reshape(dy, [-1, height, 2, width, 2, outputs]), [2, 4, 1, 0, 3, 5])
    phases = tf.unstack(tf.reshape(phases, [4, height, -1, outputs]))
    rows = tf.transpose(x, [1, 0, 2, 3])
    moved = {
        0: rows,
        1: tf.pad(rows[:, :, 1:], [[0, 0], [0, 0], [0, 1], [0, 0]]),
        -1: tf.pad(rows[:, :, :-1], [[0, 0], [0, 0], [1, 0], [0, 0]]),
    }
    moved = {offset: tf.reshape(z, [height, -1, inputs]) for offset, z in moved.items()}
    products = [
        _product_of_rows(phases[2 * phase_y + phase_x], moved[offset_x], offset_y)
        for phase_y, offset_y in _TAPS
        for phase_x, offset_x in _TAPS
    ]
    return tf.reshape(tf.stack(products), [4, 4, outputs, inputs])


def _product_of_rows(dy, x, offset):
    """Sums dy[i] x[i + offset] over rows i and pixels: [H, P, O], [H, P, I] -> [O, I]."""
    if offset:
        dy, x = (dy[:-1], x[1:]) if offset > 0 else (dy[1:], x[:-1])
    dy, x = (tf.reshape(z, [-1, z.shape[-1]]) for z in (dy, x))
    return tf.matmul(dy, x, transpose_a=True)


def _overlap_pays(channels, kernel):
    return channels <= FEW_CHANNELS and kernel.dtype not in HALF_PRECISION and on_cpu()


def overlapped(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Transposed convolution with stride 1: [N, H, W, I], [k, k, O, I] -> [N, H, W, O], odd k.

    One matrix product makes what every pixel adds to its neighbours; the sums follow. Convolutions
    to one channel use a sixteenth of a vector unit.
    """
    side, _, outputs, inputs = kernel.shape
    height, width = x.shape[1:3]
    edge = side // 2
    pixels = tf.reshape(x, [-1, inputs])
    taps = tf.matmul(pixels, tf.reshape(kernel, [-1, inputs]), transpose_b=True)
    taps = tf.reshape(taps, [-1, height, width, side, side * outputs])
    # Tap k of pixel i goes to pixel i + k - edge.
    taps = tf.pad(taps, [[0, 0], [edge, edge], [edge, edge], [0, 0], [0, 0]])
    last = side - 1
    taps = tf.add_n([taps[:, last - k : last - k + height, :, k] for k in range(side)])
    taps = tf.reshape(taps, [-1, height, width + 2 * edge, side, outputs])
    return tf.add_n([taps[:, :, last - k : last - k + width, k] for k in range(side)])
