"""How many toy faces a second one core draws.

    python benchmarks/toy_faces.py [--resolution 64 128 256] [--count 600]

Every face has another scene and other action units; forty identities take turns, as in
`dataset_tool.py create_toy_faces`. OpenCV works in one thread. Faces are timed in batches of forty,
in seconds of the processor; both the median and the best batch are printed: they differ where the
machine has other work.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tf_facegan.sources.toy_faces import casting  # noqa: E402

BATCH = 40


def seconds_a_batch(resolution, count):
    """Times of batches of BATCH faces, without the making of the identities' textures."""
    examples = casting.pictures(count + BATCH, BATCH, seed=0, resolution=resolution)
    times = []
    for first in range(0, len(examples) - BATCH + 1, BATCH):
        started = time.process_time()
        for example in examples[first : first + BATCH]:
            example.render()
        times.append(time.process_time() - started)
    return np.array(times[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--resolution", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--count", type=int, default=600)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    print(f"load average {os.getloadavg()[0]:.1f}")
    for resolution in args.resolution:
        times = seconds_a_batch(resolution, args.count)
        median, best = BATCH / np.median(times), BATCH / times.min()
        print(f"{resolution} pixels: {median:.0f} faces a second, the best batch {best:.0f}")


if __name__ == "__main__":
    main()
