"""Seconds of one discriminator and one generator step of TBGAN at each level of detail.

A 128-pixel, 9-channel set, 7 labels, minibatch 8, small widths. A step is losses, gradients, Adam
of both networks and the moving average. Each step is timed in turn with a fixed convolution
(`calibration.py`); the table holds medians, and compares seconds normalised to the reference
machine with a plain write-up of the same networks at native resolution.

    python benchmarks/tbgan_step.py [--sides 4 8 ...] [--repeats 5]
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import calibration  # noqa: E402
import tensorflow as tf  # noqa: E402

from tf_facegan.engine.optimizers import Adam, ema_update  # noqa: E402
from tf_facegan.tbgan import losses  # noqa: E402
from tf_facegan.tbgan.networks import Discriminator, Generator  # noqa: E402

PLAIN = {4: 0.015, 8: 0.085, 16: 0.21, 32: 0.43, 64: 0.64, 128: 1.0}  # seconds, normalised
RESOLUTION, CHANNELS, LABELS, MINIBATCH = 128, 9, 7, 8
WIDTHS = {"fmap_base": 1024, "fmap_max": 64, "lod_sep": 5}


class Networks:
    """The networks and optimizers of the benchmark, with random inputs."""

    def __init__(self, seed=0):
        sizes = {"num_channels": CHANNELS, "resolution": RESOLUTION, "label_size": LABELS}
        self.G = Generator(**sizes, **WIDTHS, seed=seed)
        self.D = Discriminator(**sizes, **WIDTHS, seed=seed + 1)
        self.Gs = Generator(**sizes, **WIDTHS, seed=seed)
        self.G_opt, self.D_opt = (
            Adam(model.trainable_variables, beta1=0.0, beta2=0.99) for model in (self.G, self.D)
        )

    def make_step(self, level, fade=0, G=None, D=None, lod=None):
        """Returns a `tf.function` of what `inputs` gives, one training step.

        Args:
          level: int, the level of detail whose layers are trained.
          fade: 0 or a scalar tensor.
          G, D, lod: what the losses call, if not the networks themselves at (level, fade).
        """
        lod = (level, fade) if lod is None else lod
        G, D = G or self.G, D or self.D
        G_variables = self.G.used_variables((level, fade))
        D_variables = self.D.used_variables((level, fade))
        averages, sources = (list(net.named_variables.values()) for net in (self.Gs, self.G))

        @tf.function
        def step(reals, labels, D_latents, mixing, G_latents, G_labels):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(D_variables)
                D_loss, _ = losses.discriminator_loss(G, D, reals, labels, D_latents, mixing, lod)
            self.D_opt.apply(tape.gradient(D_loss, D_variables), D_variables, 0.001)
            ema_update(averages, sources, 0.999)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(G_variables)
                G_loss, _ = losses.generator_loss(G, D, G_latents, G_labels, lod)
            self.G_opt.apply(tape.gradient(G_loss, G_variables), G_variables, 0.001)
            return D_loss, G_loss

        return step

    def inputs(self, side):
        """Returns the arguments of a step on images of a side."""

        def draw(number, *shape):
            return tf.random.stateless_normal([MINIBATCH, *shape], [number, 0])

        return (
            tf.tanh(draw(0, side, side, CHANNELS)),
            draw(1, LABELS),
            draw(2, self.G.latent_size),
            tf.random.stateless_uniform([MINIBATCH, 1, 1, 1], [3, 0]),
            draw(4, self.G.latent_size),
            draw(5, LABELS),
        )


def level_of(side):
    return (RESOLUTION // side).bit_length() - 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sides", type=int, nargs="+", default=list(PLAIN), help="image sides")
    parser.add_argument("--repeats", type=int, default=5, help="turns per side")
    args = parser.parse_args()
    networks, convolve = Networks(), calibration.make_convolution()
    print(f"{'pixels':>6} {'seconds':>8} {'GFLOP/s':>8} {'normalised':>10} {'plain':>6} ratio")
    for side in args.sides:
        step, inputs = networks.make_step(level_of(side)), networks.inputs(side)
        elapsed, speed, normal = calibration.measure(lambda: step(*inputs), convolve, args.repeats)  # noqa: B023
        plain = PLAIN[side]
        print(
            f"{side:6d} {elapsed:8.4f} {speed:8.0f} {normal:10.4f} {plain:6.3f} "
            f"{normal / plain:5.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
