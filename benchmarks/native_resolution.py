"""What training at the native resolution of the level of detail saves.

Every level of one schedule (networks and minibatch of `tbgan_step.py`), as this package runs it and
as the published code does: fakes and reals brought to full resolution, the discriminator beginning
with a reduction to its own. Step times are medians of turns in one process; peak memory is that of
processes of their own.

    python benchmarks/native_resolution.py [--sides 4 8 ...] [--repeats 5] [--skip_memory]
"""

import argparse
import re
import statistics
import subprocess
import sys
from pathlib import Path

import calibration
import tensorflow as tf
from tbgan_step import PLAIN, Networks, level_of

from tf_facegan.layers import downscale2d, upscale2d

VARIANTS = ("native", "full")


def make_step(networks, side, variant):
    """Returns (step, inputs) of a variant, "native" or "full"."""
    level = level_of(side)
    if variant == "native":
        return networks.make_step(level), networks.inputs(side)

    def generate(latents, labels, lod):
        images = networks.G(latents, labels, level)
        for _ in range(level):
            images = upscale2d(images)
        return images

    def discriminate(images, lod, parts=1):
        for _ in range(level):
            images = downscale2d(images)
        return networks.D(images, level, parts)

    step = networks.make_step(level, G=generate, D=discriminate, lod=0)

    @tf.function
    def upscale_and_step(reals, *others):
        for _ in range(level):
            reals = upscale2d(reals)
        return step(reals, *others)

    return upscale_and_step, networks.inputs(side)


def step_times(networks, side, repeats):
    """Returns the median seconds of each variant, run in turns."""
    steps = [make_step(networks, side, variant) for variant in VARIANTS]
    for step, inputs in steps * 2:
        step(*inputs)
    times = [
        [calibration.seconds(lambda: step(*inputs)) for step, inputs in steps]  # noqa: B023
        for _ in range(repeats)
    ]
    return [statistics.median(column) for column in zip(*times)]


def peak_memory(side, variant):
    """Returns the peak memory, in MB, of a process that takes two steps."""
    command = [sys.executable, __file__, "--sides", str(side), "--peak_of", variant]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def print_own_peak(side, variant):
    step, inputs = make_step(Networks(), side, variant)
    for _ in range(2):
        calibration.seconds(lambda: step(*inputs))
    # Not `resource.getrusage`: its peak begins with that of the process this one was forked from.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    print(int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) / 1024)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sides", type=int, nargs="+", default=list(PLAIN), help="image sides")
    parser.add_argument("--repeats", type=int, default=5, help="turns per side")
    parser.add_argument("--skip_memory", action="store_true", help="times only")
    parser.add_argument("--peak_of", choices=VARIANTS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peak_of:
        return print_own_peak(args.sides[0], args.peak_of)
    networks = Networks()
    print("        seconds                  peak memory, MB")
    print("pixels   native     full  ratio   native     full")
    for side in args.sides:
        native, full = step_times(networks, side, args.repeats)
        peaks = [] if args.skip_memory else [peak_memory(side, variant) for variant in VARIANTS]
        memory = "".join(f" {peak:8.0f}" for peak in peaks)
        print(f"{side:6d} {native:8.4f} {full:8.4f} {full / native:6.2f}{memory}", flush=True)


if __name__ == "__main__":
    main()
