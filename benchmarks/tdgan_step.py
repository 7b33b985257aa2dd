"""Seconds of one training step of TDGAN at the published size.

The step of `tdgan/step.py` on random images and noise, with dropout, averaged over the published
gaps: one step in ten updates both discriminators, one more the face discriminator alone. Each step
is timed in turn with a fixed convolution (`calibration.py`); the table holds medians, and compares
seconds normalised to the reference machine with the published code.

    python benchmarks/tdgan_step.py [--batches 4 8] [--repeats 5]
"""

import argparse
import os
import statistics

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import calibration  # noqa: E402
import tensorflow as tf  # noqa: E402

from tf_facegan.tdgan.config import Config  # noqa: E402
from tf_facegan.tdgan.networks import Discriminator, Generator  # noqa: E402
from tf_facegan.tdgan.step import DROPOUT_PASSES, Step  # noqa: E402

PUBLISHED = {4: 1.3, 8: 2.4}  # seconds, two idle cores of the reference kind
SHARES = {
    (True, True): 0.1,
    (True, False): 0.1,
    (False, False): 0.8,
}  # of steps, by what they update
# Multiply-adds for an image, of plain convolutions (`winograd.py` does with fewer): of the
# network's passes in a step that updates no discriminator, and of the further passes of an update.
# A backward pass to weights and to inputs costs a forward each.
ENCODER, DECODER = 0.59e9, 1.78e9
STEP = 18 * ENCODER + 9 * DECODER + (1 + 4) * ENCODER
UPDATES = {(True, True): 8 * ENCODER, (True, False): 5 * ENCODER, (False, False): 0}


def make_step(batch):
    """Returns a function of (update_FR, update_ER) that takes one step on random inputs."""
    networks = {
        "G": Generator(seed=0),
        "D_FR": Discriminator(21, seed=1),
        "D_ER": Discriminator(7, seed=2),
    }
    step = Step(networks, Config())

    def draw(number, *shape):
        return tf.random.stateless_uniform(shape, [number, 0])

    def integers(number, limit, *shape):
        return tf.random.stateless_uniform(shape, [number, 1], maxval=limit, dtype=tf.int64)

    inputs = {
        "faces": draw(0, batch, 128, 128, 1),
        "expressions": draw(1, batch, 128, 128, 1),
        "identities": integers(2, 20, batch),
        "labels": integers(3, 7, batch),
    }
    seeds = {name: integers(i, 2**31, batch, 2) for i, name in enumerate(DROPOUT_PASSES, 4)}
    draws = {"noise": draw(20, 3, batch, *networks["G"].noise_shape), "dropout": seeds}

    @tf.function(autograph=False)
    def take(update_FR, update_ER, inputs, draws):
        return step(inputs, draws, update_FR, update_ER)[0]["Loss/G"]

    return lambda update_FR, update_ER: take(update_FR, update_ER, inputs, draws)


def measure(step, convolve, repeats):
    """Returns medians: seconds of a step, GFLOP/s of the convolution, seconds normalised."""
    times, speeds, normalised = [], [], []
    for turn in range(repeats + 2):
        speed = calibration.gflops(calibration.seconds(convolve))
        elapsed = calibration.seconds(step)
        if turn >= 2:
            times.append(elapsed)
            speeds.append(speed)
            normalised.append(calibration.normalised(elapsed, speed))
    return tuple(map(statistics.median, (times, speeds, normalised)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batches", type=int, nargs="+", default=list(PUBLISHED), help="pairs")
    parser.add_argument("--repeats", type=int, default=5, help="turns for each kind of step")
    args = parser.parse_args()
    convolve = calibration.make_convolution()
    print(
        f"{'pairs':>5} {'updates':>8} {'seconds':>8} {'GFLOP/s':>8} {'normalised':>10} {'peak':>5}"
    )
    for batch in args.batches:
        step, mean = make_step(batch), 0.0
        for updates, share in SHARES.items():
            taken = measure(lambda: step(*updates), convolve, args.repeats)  # noqa: B023
            mean += share * taken[2]
            flops = 2 * batch * (STEP + UPDATES[updates])
            reached = flops / taken[0] / 1e9 / taken[1]
            name = "+".join(n for n, on in zip(("FR", "ER"), updates) if on) or "none"
            print(
                f"{batch:5d} {name:>8} {taken[0]:8.3f} {taken[1]:8.0f} {taken[2]:10.3f} "
                f"{reached:5.0%}",
                flush=True,
            )
        line = f"{batch:5d} {'mean':>8} {'':17} {mean:10.3f}   {1 / mean:.2f} steps/s"
        if batch in PUBLISHED:
            line += f", {PUBLISHED[batch] / mean:.2f} times as fast as published"
        print(line, flush=True)


if __name__ == "__main__":
    main()
