"""Seconds per thousand images at every level: the table of `--mod BENCHMARK` in docs/tbgan.md.

    python benchmarks/levels.py --resolution 64

Trains the demo's network on black images through `train.py --mod BENCHMARK`, with fewer images a
level than the published 3000 + 3000 (seconds per thousand do not need them), and reads the log of
the run. The convolution of `calibration.py` is timed before and after.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_TICK = re.compile(r"lod +([\d.]+) .*?sec/kimg +([\d.]+)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--resolution", type=int, default=64, help="full side, pixels")
    parser.add_argument("--kimg", type=float, default=0.96, help="of a fade, and of a level")
    args = parser.parse_args()
    before = gigaflops()
    with tempfile.TemporaryDirectory() as folder:
        train(folder, args.resolution, args.kimg)
        (log,) = Path(folder).glob("*/log.txt")
        rows = table(log.read_text(encoding="utf-8"), args.resolution)
    print(f"convolution: {before:.0f} GFLOP/s before, {gigaflops():.0f} after")
    print("\n".join(["| pixels | fading in | after |", "|---|---|---|", *rows]))


def train(folder, resolution, kimg):
    """Runs `train.py` in a folder of results."""
    levels = resolution.bit_length() - 2  # from 4 pixels on
    changes = {
        "data.synthetic": [9, resolution],
        "schedule.lod_initial_resolution": 4,
        "schedule.lod_training_kimg": kimg,
        "schedule.lod_transition_kimg": kimg,
        "schedule.tick_kimg_base": kimg / 3,
        "train.total_kimg": (2 * levels - 1) * kimg,
    }
    words = [word for name, value in changes.items() for word in ("--set", f"{name}={value}")]
    command = [sys.executable, "train.py", "--preset", "demo", "--mod", "BENCHMARK", *words]
    subprocess.run([*command, "--result_dir", folder], cwd=ROOT, check=True)


def table(log, resolution):
    """Lines `| pixels | sec/kimg fading in | sec/kimg after |` of a log, smallest level first.

    Of the ticks of each the fastest counts: the first one compiles the step.
    """
    best = {}
    for lod, seconds in ((float(lod), float(seconds)) for lod, seconds in _TICK.findall(log)):
        key = resolution >> int(lod), lod % 1 > 0
        best[key] = min(seconds, best.get(key, seconds))
    cells = {key: f"{value:.2f}" for key, value in best.items()}
    sides = sorted({side for side, _ in best})
    return [f"| {s} | {cells.get((s, True), '')} | {cells.get((s, False), '')} |" for s in sides]


def gigaflops():
    """Speed of the convolution; in a process of its own, which gives its memory back."""
    code = (
        "import calibration as c\n"
        "f = c.make_convolution()\n"
        "print(c.FLOPS / 1e9 / min(c.seconds(f) for _ in range(10)))\n"
    )
    folder = Path(__file__).parent
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    main()
