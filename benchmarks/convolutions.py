"""Milliseconds of convolutions as TensorFlow makes them and with `tf_facegan.winograd`.

Of outputs, and of outputs with both gradients, at sizes of the published networks; the two ways
take turns. "chosen" is what `winograd.pays` says, for CPUs.

    python benchmarks/convolutions.py [--repeats 5]
"""

import argparse
import functools
import os
import statistics

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import calibration  # noqa: E402
import tensorflow as tf  # noqa: E402

from tf_facegan import winograd  # noqa: E402

CALLS = 4  # of one way in a row
# Kernel, stride, transposed: pictures, side, channels in and out.
CASES = {
    ("3x3", 3, 1, False): [
        (1, 32, 256, 256),
        (4, 32, 256, 256),
        (16, 32, 256, 256),
        (4, 16, 128, 128),
        (8, 16, 512, 512),
        (8, 64, 128, 128),
        (4, 64, 64, 64),
        (4, 8, 512, 512),
    ],
    ("5x5", 5, 1, False): [(4, 16, 128, 128), (4, 32, 64, 128), (8, 32, 64, 128), (8, 64, 32, 64)],
    ("halves, 4x4", 4, 2, False): [
        (4, 32, 128, 256),
        (16, 32, 128, 256),
        (16, 16, 256, 512),
        (8, 16, 256, 512),
        (8, 64, 64, 128),
    ],
    ("doubles, 4x4", 4, 2, True): [
        (4, 16, 512, 256),
        (8, 16, 512, 256),
        (4, 32, 256, 128),
        (8, 32, 256, 128),
        (8, 8, 512, 512),
        (8, 64, 128, 64),
    ],
}


def ways(stride, transposed):
    """Returns TensorFlow's function of an image and a kernel, and that of `winograd`."""

    def plain(x, kernel):
        if not transposed:
            return tf.nn.conv2d(x, kernel, stride, "SAME")
        shape = [x.shape[0], *(stride * side for side in x.shape[1:3]), kernel.shape[2]]
        return tf.nn.conv2d_transpose(x, kernel, shape, stride, "SAME")

    return plain, winograd.conv2d_transpose if transposed else winograd.conv2d


def _with_gradients(function, x, kernel):
    with tf.GradientTape() as tape:
        tape.watch([x, kernel])
        loss = tf.reduce_sum(tf.square(function(x, kernel)))
    return tape.gradient(loss, [x, kernel])


def measure(functions, x, kernel, repeats):
    """Returns the median milliseconds of functions of x and kernel that take turns."""
    calls = [tf.function(function, autograph=False) for function in functions]
    times = [[] for _ in calls]
    for _ in range(repeats + 1):
        for call, found in zip(calls, times):
            call(x, kernel)

            def some(call=call):
                return [call(x, kernel) for _ in range(CALLS)]

            found.append(calibration.seconds(some) * 1000 / CALLS)
    return [statistics.median(found[1:]) for found in times]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5, help="turns (default: 5)")
    args = parser.parse_args()
    print(f"{'':12} {'maps, channels':24} {'outputs: ms':>19} {'with gradients: ms':>25}  chosen")
    for (name, side, stride, transposed), sizes in CASES.items():
        functions = ways(stride, transposed)
        for count, length, inputs, outputs in sizes:
            channels = (outputs, inputs) if transposed else (inputs, outputs)
            x = tf.random.normal([count, length, length, inputs])
            kernel = tf.random.normal([side, side, *channels])
            found = []
            for part in (functions, [functools.partial(_with_gradients, f) for f in functions]):
                plain, ours = measure(part, x, kernel, args.repeats)
                found.append(f"{plain:8.1f} {ours:8.1f} {plain / ours:5.2f}")
            with tf.Graph().as_default():  # where it is asked
                pays = winograd.pays(x, kernel, stride, transposed)
            size = f"{count} x {length}x{length}, {inputs} to {outputs}"
            print(
                f"{name:12} {size:24} {found[0]} {found[1]}  {'yes' if pays else 'no'}", flush=True
            )


if __name__ == "__main__":
    main()
