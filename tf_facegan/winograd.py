"""Convolutions with fewer multiplications: minimal filtering (Lavin and Gray, CVPR 2016, section
4), of 4x4 outputs at a time.

Tiles of the image and the kernel are evaluated at a few points and multiplied there; the outputs
are interpolated. Evaluation and interpolation are matrix products with constants, so gradients of
every order are TensorFlow's, and transposed convolutions are the same products transposed. In
float32, rounding is twice that of direct convolutions for filters of 2 and 3 taps a side and five
times for 5, where it is up to 2e-5 of the largest result.
"""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

TILE = 4  # outputs along a side that are made together
# What makes it worth the making of tiles: channels, by sides of kernels, and pixels of a batch, of
# the smaller one of the two maps.
LEAST_CHANNELS = {3: 128, 4: 128, 5: 64}
LEAST_PIXELS, LEAST_PIXELS_HALVED = 1024, 2048
MOST_WEIGHTS = 2**22  # of a kernel, which takes up to six times its memory when evaluated
# Of filters of so many taps, with infinity: those that round least among multiples of an eighth.
_POINTS = {
    2: (0.5, -0.5, 1.25, -1.25),
    3: (0.0, 0.75, -0.75, 1.5, -1.5),
    5: (0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0),
}
# The filters that a kernel of so many taps holds: (first pixel for an output, taps). A kernel of
# stride 2 holds one for the even pixels and one for the odd ones.
_FILTERS = {
    3: ((-1, (0, 1, 2)),),
    4: ((0, (1, 3)), (-1, (0, 2))),
    5: ((-2, (0, 1, 2, 3, 4)),),
}


def pays(x: tf.Tensor, kernel: tf.Tensor, stride: int, transposed: bool = False) -> bool:
    """Whether the functions below are faster on a CPU for x [N, H, W, C] and a kernel [k, k, ., .].

    The smaller map's sides have to be multiples of `TILE`. Float64, which is for exact results,
    eager calls, whose every operation costs time, and shapes that are not known are left alone.
    """
    side, width, *channels = kernel.shape
    known = x.shape.is_fully_defined() and kernel.shape.is_fully_defined()
    if tf.executing_eagerly() or not known or kernel.dtype != tf.float32:
        return False
    if side != width or side not in _FILTERS or stride != len(_FILTERS[side]):
        return False
    shrinks = 1 if transposed else stride
    pixels = x.shape[:3].num_elements() // shrinks**2
    return (
        min(channels) >= LEAST_CHANNELS[side]
        and kernel.shape.num_elements() <= MOST_WEIGHTS
        and pixels >= (LEAST_PIXELS if shrinks == 1 else LEAST_PIXELS_HALVED)
        and all(length % (TILE * shrinks) == 0 for length in x.shape[1:3])
    )


def conv2d(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Convolution with symmetric zero padding, of the dtype of both (float32 or float64).

    Args:
      x: [N, sH, sW, I], H and W multiples of `TILE`.
      kernel: [k, k, I, O]; k is 3 or 5 for a stride s of 1, and 4 for 2.

    Returns:
      [N, H, W, O].
    """
    (height, width, inputs), outputs = x.shape[1:], kernel.shape[3]
    of_kernel, of_outputs, of_rows, of_columns = _matrices(x.dtype, kernel.shape[0], height, width)
    points, stride, down, across = _sizes(kernel.shape[0], height, width)
    kernel = tf.matmul(of_kernel, tf.reshape(kernel, [of_kernel.shape[1], -1]))
    tiles = tf.matmul(of_rows, tf.reshape(x, [-1, height, width * inputs]))
    tiles = tf.matmul(of_columns, tf.reshape(tiles, [-1, width, inputs]))
    tiles = tf.reshape(tiles, [-1, points, down, stride, points, across, stride * inputs])
    tiles = tf.transpose(tiles, [1, 4, 0, 2, 5, 3, 6])
    values = stride**2 * inputs
    y = tf.matmul(
        tf.reshape(tiles, [points**2, -1, values]), tf.reshape(kernel, [points**2, values, outputs])
    )
    y = tf.matmul(of_outputs, tf.reshape(y, [points**2, -1]))
    y = tf.transpose(tf.reshape(y, [TILE, TILE, -1, down, across, outputs]), [2, 3, 0, 4, 1, 5])
    return tf.reshape(y, [-1, down * TILE, across * TILE, outputs])


def conv2d_transpose(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """The transposed convolution of `conv2d`, of the dtype of both (float32 or float64).

    Args:
      x: [N, H, W, I], H and W multiples of `TILE`.
      kernel: [k, k, O, I]; k is 3 or 5 for a stride s of 1, and 4 for 2.

    Returns:
      [N, sH, sW, O].
    """
    inputs, outputs = x.shape[3], kernel.shape[2]
    stride = len(_FILTERS[kernel.shape[0]])
    height, width = (stride * side for side in x.shape[1:3])
    of_kernel, of_outputs, of_rows, of_columns = _matrices(x.dtype, kernel.shape[0], height, width)
    points, stride, down, across = _sizes(kernel.shape[0], height, width)
    kernel = tf.matmul(of_kernel, tf.reshape(kernel, [of_kernel.shape[1], -1]))
    tiles = tf.transpose(tf.reshape(x, [-1, down, TILE, across, TILE, inputs]), [2, 4, 0, 1, 3, 5])
    tiles = tf.matmul(of_outputs, tf.reshape(tiles, [TILE**2, -1]), transpose_a=True)
    values = stride**2 * outputs
    y = tf.matmul(
        tf.reshape(tiles, [points**2, -1, inputs]),
        tf.reshape(kernel, [points**2, values, inputs]),
        transpose_b=True,
    )
    y = tf.reshape(y, [points, points, -1, down, across, stride, stride * outputs])
    y = tf.reshape(tf.transpose(y, [2, 0, 3, 5, 1, 4, 6]), [-1, of_columns.shape[0], outputs])
    y = tf.matmul(of_columns, y, transpose_a=True)
    y = tf.reshape(y, [-1, of_rows.shape[0], width * outputs])
    return tf.reshape(tf.matmul(of_rows, y, transpose_a=True), [-1, height, width, outputs])


def _sizes(side, height, width):
    """Points of a tile's side, stride, and tiles down and across an image, of a kernel's side."""
    filters = _FILTERS[side]
    points, stride = TILE + len(filters[0][1]) - 1, len(filters)
    return points, stride, height // stride // TILE, width // stride // TILE


def _matrices(dtype, side, height, width):
    arrays = _of_kernel(side), _of_outputs(side), _of_image(side, height), _of_image(side, width)
    return [tf.constant(array, dtype) for array in arrays]


@functools.cache
def _minimal(taps):
    """Returns the matrices of the outputs [TILE, P], of a filter [P, taps] and of the image [P, P],
    with P = TILE + taps - 1: `outputs @ ((filter @ g) * (image @ d))` is g moved over d."""
    count = TILE + taps - 1
    points = np.array(_POINTS[taps])
    others = [np.delete(points, i) for i in range(count - 1)]
    outputs, kernel, image = (np.zeros([count, size]) for size in (TILE, taps, count))
    for i, point in enumerate(points):
        outputs[i] = point ** np.arange(TILE)
        kernel[i] = point ** np.arange(taps) / np.prod(point - others[i])
        image[i, :-1] = np.poly(others[i])[::-1]
    outputs[-1, -1] = kernel[-1, -1] = 1
    image[-1] = np.poly(points)[::-1]
    return outputs.T, kernel, image


@functools.cache
def _of_kernel(side):
    """[(points squared, filters squared), side squared]: evaluates a kernel."""
    filters = [(_minimal(len(taps))[1], list(taps)) for _, taps in _FILTERS[side]]
    matrix = np.zeros([len(filters[0][0]), len(filters), side])
    for i, (values, taps) in enumerate(filters):
        matrix[:, i, taps] = values
    return np.einsum("pfk,qgl->pqfgkl", matrix, matrix).reshape(-1, side**2)


@functools.cache
def _of_image(side, length):
    """[(point, tile, filter), length]: evaluates the tiles of a row of pixels."""
    points, stride, tiles, _ = _sizes(side, length, length)
    matrix = np.zeros([points, tiles, stride, TILE * tiles + 2 * points, stride])
    for i, (start, taps) in enumerate(_FILTERS[side]):
        for tile in range(tiles):
            first = points + TILE * tile + start  # there are as many zeros before the row
            matrix[:, tile, i, first : first + points, i] = _minimal(len(taps))[2]
    return matrix[:, :, :, points:-points].reshape(-1, length)


@functools.cache
def _of_outputs(side):
    """[outputs squared, points squared]: interpolates."""
    outputs = _minimal(len(_FILTERS[side][0][1]))[0]
    return np.kron(outputs, outputs)
