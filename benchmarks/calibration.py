"""A fixed convolution, timed beside whatever is measured, so that shared machines can be compared.

Speeds are quoted as seconds * GFLOP/s / 520: what a step would take on the reference machine, two
idle cores on which a large convolution reaches 520 GFLOP/s.
"""

import statistics
import time

import tensorflow as tf

REFERENCE_GFLOPS = 520.0
# 3x3, 256 to 256 channels, 8 maps of 64x64, NHWC, float32: large enough to be bound by arithmetic.
BATCH, SIDE, CHANNELS, KERNEL = 8, 64, 256, 3
FLOPS = 2 * KERNEL**2 * CHANNELS**2 * SIDE**2 * BATCH


def make_convolution():
    """Returns a function that runs the convolution once, warmed up."""
    images = tf.random.normal([BATCH, SIDE, SIDE, CHANNELS])
    kernel = tf.random.normal([KERNEL, KERNEL, CHANNELS, CHANNELS])

    @tf.function
    def convolve():
        return tf.nn.conv2d(images, kernel, 1, "SAME")[:, 0, 0, 0]

    for _ in range(2):
        convolve()
    return convolve


def seconds(function):
    """Returns how long one call of a function takes, results waited for.

    Args:
      function: takes nothing, returns a structure of tensors.
    """
    start = time.perf_counter()
    tf.nest.map_structure(lambda tensor: tensor.numpy(), function())
    return time.perf_counter() - start


def gflops(elapsed):
    """Returns the speed, in GFLOP/s, of a convolution that took so many seconds."""
    return FLOPS / elapsed / 1e9


def normalised(elapsed, measured_gflops):
    """Returns the seconds that something would take at the reference speed."""
    return elapsed * measured_gflops / REFERENCE_GFLOPS


def measure(step, convolve, repeats):
    """Times a step in turn with the convolution.

    Args:
      step: takes nothing, returns a structure of tensors.
      convolve: from `make_convolution`.
      repeats: int, turns that count, after a few that do not.

    Returns:
      medians: seconds of a step, GFLOP/s of the convolution, seconds normalised.
    """
    for _ in range(3):
        seconds(convolve)
        seconds(step)
    times, speeds = [], []
    for _ in range(repeats):
        speeds.append(gflops(seconds(convolve)))
        times.append(seconds(step))
    comparable = [normalised(t, s) for t, s in zip(times, speeds)]
    return tuple(map(statistics.median, (times, speeds, comparable)))
