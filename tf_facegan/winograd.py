"""Convolutions with fewer multiplications: minimal filtering (Lavin and Gray, CVPR 2016, section
4), of 4x4 outputs at a time.

Tiles of the image and the kernel are evaluated at a few points and multiplied there; the outputs
are interpolated. Evaluation and interpolation are matrix products with constants, so gradients of
every order are TensorFlow's. In float32, rounding is twice that of direct convolutions for filters
of 2 and 3 taps a side and five times for 5, where it is up to 2e-5 of the largest result.
"""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

TILE = 4  # outputs along a side that are made together
MOST_WEIGHTS = 2**22  # of a kernel, which takes up to four times its memory when evaluated
# Of filters of so many taps, with infinity: those that round least among multiples of an eighth.
_POINTS = {
    2: (0.5, -0.5, 1.25, -1.25),
    3: (0.0, 0.75, -0.75, 1.5, -1.5),
    5: (0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0),
}
# The filters that are moved over an image: (pixels from the output to the first tap, taps). A
# kernel that doubles an image holds one for even outputs and one for odd ones.
_SAME = {3: ((-1, (0, 1, 2)),), 5: ((-2, (0, 1, 2, 3, 4)),)}
_DOUBLING = ((-1, (3, 1)), (0, (2, 0)))


def pays(x: tf.Tensor, kernel: tf.Tensor, least_channels: int, least_pixels: int) -> bool:
    """Whether the functions below are faster for x [N, H, W, C] and a kernel [k, k, ., .].

    They are with so many channels, both in and out, and pixels of a batch of known size; float64,
    which is for exact results, and eager calls, whose every operation costs time, are left alone.
    """
    pixels = x.shape[:3].num_elements()  # None for any batch
    return (
        not tf.executing_eagerly()
        and kernel.dtype == tf.float32
        and min(kernel.shape[2:]) >= least_channels
        and kernel.shape.num_elements() <= MOST_WEIGHTS
        and pixels is not None
        and pixels >= least_pixels
        and all(side % TILE == 0 for side in x.shape[1:3])
    )


def conv2d(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Convolution with zero padding, of the dtype of both (float32 or float64):
    [N, H, W, I], [k, k, I, O] -> [N, H, W, O]; k is 3 or 5, H and W multiples of `TILE`."""
    return _convolve(x, kernel, _SAME[kernel.shape[0]])


def conv2d_transpose(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Transposed convolution with stride 2, of the dtype of both (float32 or float64):
    [N, H, W, I], [4, 4, O, I] -> [N, 2H, 2W, O]; H and W are multiples of `TILE`."""
    return _convolve(x, kernel, _DOUBLING, transposed=True)


def _convolve(x, kernel, filters, transposed=False):
    (height, width, inputs), outputs = x.shape[1:], kernel.shape[2 if transposed else 3]
    down, across, side = height // TILE, width // TILE, len(filters) * TILE
    points = len(filters) * (TILE + len(filters[0][1]) - 1)
    of_kernel, of_outputs, of_rows, of_columns = (
        tf.constant(matrix, x.dtype)
        for matrix in (
            _of_kernel(filters, kernel.shape[0]),
            _of_outputs(filters),
            _of_image(filters, height),
            _of_image(filters, width),
        )
    )
    kernel = tf.matmul(of_kernel, tf.reshape(kernel, [of_kernel.shape[1], -1]))
    kernel = tf.reshape(kernel, [points**2, *((-1, inputs) if transposed else (inputs, -1))])
    tiles = tf.matmul(of_rows, tf.reshape(x, [-1, height, width * inputs]))
    tiles = tf.matmul(of_columns, tf.reshape(tiles, [-1, width, inputs]))
    tiles = tf.reshape(tiles, [-1, points, down, points, across * inputs])
    tiles = tf.reshape(tf.transpose(tiles, [1, 3, 0, 2, 4]), [points**2, -1, inputs])
    y = tf.matmul(tiles, kernel, transpose_b=transposed)
    y = tf.matmul(of_outputs, tf.reshape(y, [points**2, -1]))
    y = tf.transpose(tf.reshape(y, [side, side, -1, down, across, outputs]), [2, 3, 0, 4, 1, 5])
    return tf.reshape(y, [-1, down * side, across * side, outputs])


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
def _of_kernel(filters, size):
    """[(filter, point) squared, size squared]: evaluates a kernel for all pairs of filters."""
    matrices = []
    for _, taps in filters:
        matrix = np.zeros([TILE + len(taps) - 1, size])
        matrix[:, list(taps)] = _minimal(len(taps))[1]
        matrices.append(matrix)
    return _down_and_across(np.concatenate(matrices))


@functools.cache
def _of_image(filters, length):
    """[(filter, point, tile), length]: evaluates the tiles of a row of pixels for every filter."""
    matrices = []
    for start, taps in filters:
        image = _minimal(len(taps))[2]
        padded = np.zeros([len(image), length // TILE, length + len(image)])
        for tile in range(length // TILE):
            padded[:, tile, TILE * tile : TILE * tile + len(image)] = image
        matrices.append(padded[:, :, -start : length - start])
    return np.concatenate(matrices).reshape(-1, length)


@functools.cache
def _of_outputs(filters):
    """[outputs squared, (filter, point) squared]: interpolates; outputs of filters alternate."""
    outputs = _minimal(len(filters[0][1]))[0]
    matrix = np.zeros([TILE, len(filters), len(filters), outputs.shape[1]])
    for i in range(len(filters)):
        matrix[:, i, i] = outputs
    return _down_and_across(matrix.reshape(TILE * len(filters), -1))


def _down_and_across(matrix):
    return np.kron(matrix, matrix)
