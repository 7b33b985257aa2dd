"""How fast a folder of PNG images becomes a set: one worker, all cores.

    python benchmarks/create_from_images.py [--resolution 128 1024] [--count N] [--rounds 3]

Times begin after the imports and include everything after that, also listing the folder and the
start of the workers. `turns.py` says how the two are compared.
"""

import os
import time

import turns

DISTINCT = 16  # images on disk; the other names are links to them


def make_inputs(folder, resolution, count):
    import cv2
    import numpy as np

    (folder / "distinct").mkdir()
    for number in range(DISTINCT):
        random = np.random.RandomState(number)
        coarse = random.uniform(0, 255, (resolution // 16, resolution // 16, 3))
        image = cv2.resize(coarse, (resolution, resolution), interpolation=cv2.INTER_LINEAR)
        image += random.normal(0, 3, image.shape)
        png = np.clip(np.rint(image), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / "distinct" / f"{number}.png"), png)
    for size in (count // 4, count):
        (folder / str(size)).mkdir()
        for number in range(size):
            os.link(
                folder / "distinct" / f"{number % DISTINCT}.png",
                folder / str(size) / f"{number:06d}.png",
            )


def with_workers(workers):
    def create(folder, out, count):
        from tf_facegan.sources import image_folder

        started = time.perf_counter()
        image_folder.create_set(out, folder / str(count), workers=workers)
        return time.perf_counter() - started

    return create


WAYS = {"1 worker": with_workers(1), "all cores": with_workers(None)}

if __name__ == "__main__":
    turns.main(__doc__, WAYS, make_inputs, [128, 1024], pixels=400 * 1024**2)
