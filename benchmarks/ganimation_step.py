"""Seconds of a critic and of a generator step of GANimation at the published size.

128 pixels, 17 action units, published widths. A step is losses, gradients and Adam, as the trainer
runs it. Each step is timed in turn with a fixed convolution (`calibration.py`); the table holds
medians: seconds normalised to the reference machine, the same of the published PyTorch code on such
a machine, steps a second as measured, and the step's convolutions in FLOP/s as a share of the
calibration's.

    python benchmarks/ganimation_step.py [--batches 1 4 16] [--repeats 5]
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import calibration  # noqa: E402
import tensorflow as tf  # noqa: E402

from tf_facegan.engine.optimizers import Adam  # noqa: E402
from tf_facegan.ganimation import losses  # noqa: E402
from tf_facegan.ganimation.networks import Discriminator, Generator  # noqa: E402

PUBLISHED = {("critic", 4): 1.6, ("generator", 4): 1.8}  # seconds, normalised
PUBLISHED.update({("critic", 16): 3.4, ("generator", 16): 7.2})
# Multiply-adds for an image, two operations each, of a network's forward pass (a backward pass to
# weights or to inputs costs the same again). The generator's first layer sees 20 channels, as
# published, although less is computed.
GENERATOR_GFLOP, CRITIC_GFLOP = 21.3, 1.37
GFLOP = {
    # Edited photos; real and edited ones forward and back (without images); penalty of 1st order
    # and 2nd order.
    "critic": GENERATOR_GFLOP + CRITIC_GFLOP * (2 * 3 + 2 + 3),
    # Both edits forward and back; the critic forward and back to the images.
    "generator": 2 * 3 * GENERATOR_GFLOP + CRITIC_GFLOP * 2,
}


class Networks:
    """The networks and optimizers of the benchmark, with random inputs."""

    def __init__(self):
        self.G, self.D = Generator(seed=0), Discriminator(seed=1)
        self.G_variables, self.D_variables = (
            list(network.named_trainable_variables.values()) for network in (self.G, self.D)
        )
        self.G_opt, self.D_opt = (Adam(v, 0.5) for v in (self.G_variables, self.D_variables))

    @tf.function
    def critic(self, images, labels, targets, mixing):
        fakes, _, _ = losses.edit(self.G, images, targets, training=True)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self.D_variables)
            loss, _ = losses.critic_loss(self.D, images, fakes, labels)
            loss += losses.gradient_penalty(self.D, images, fakes, mixing)
        self.D_opt.apply(tape.gradient(loss, self.D_variables), self.D_variables, 1e-4)
        return loss

    @tf.function
    def generator(self, images, labels, targets, mixing):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self.G_variables)
            loss, _ = losses.generator_loss(self.G, self.D, images, labels, targets)
        self.G_opt.apply(tape.gradient(loss, self.G_variables), self.G_variables, 1e-4)
        return loss

    def inputs(self, batch):
        """Returns the arguments of a step."""

        def draw(number, *shape):
            return tf.random.stateless_uniform([batch, *shape], [number, 0])

        images = 2 * draw(0, 128, 128, 3) - 1
        return images, draw(1, 17), draw(2, 17), draw(3, 1, 1, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16], help="images a step")
    parser.add_argument("--repeats", type=int, default=5, help="turns for each line")
    args = parser.parse_args()
    networks, convolve = Networks(), calibration.make_convolution()
    print(f"{'step':>10} batch normalised published steps/s share of peak")
    for batch in args.batches:
        inputs = networks.inputs(batch)
        for name in ("critic", "generator"):
            step = getattr(networks, name)
            elapsed, speed, normal = calibration.measure(
                lambda: step(*inputs),  # noqa: B023
                convolve,
                args.repeats,
            )
            published = PUBLISHED.get((name, batch), float("nan"))
            share = GFLOP[name] * batch / elapsed / speed
            print(
                f"{name:>10} {batch:5d} {normal:10.3f} {published:9.2f} {1 / elapsed:7.2f} "
                f"{share:13.0%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
