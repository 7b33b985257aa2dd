"""Utility run `find_nearest_reals`: samples beside the training examples most like them."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import numpy as np
from tqdm import tqdm

from tf_facegan.config import option
from tf_facegan.files import atomic_file
from tf_facegan.utilities.images import adjust_dynamic_range, save_image_grid
from tf_facegan.utilities.set_of_run import open_set

if TYPE_CHECKING:
    from tf_facegan.engine.run_folder import RunFolder
    from tf_facegan.records.reader import RecordSet


TAKES_RUN = True  # its network and its set

_CHUNK = 256  # records at a time
_RANGE = (-1, 1)


@dataclasses.dataclass(frozen=True)
class Options:
    count: int = option(8, "samples: a row each")
    neighbours: int = option(5, "training examples beside each sample")
    resolution: int = option(32, "images are compared at this side, pixels")
    dataset: Optional[str] = option(None, "set to look in; None: the one trained on")
    random_seed: int = option(1000, "seed of the samples")
    minibatch_size: int = option(8, "images of a call of the network")


def describe(run_number: int | str) -> str:
    """Returns the name of the result folder, after its number."""
    return f"nearest-reals-{run_number}"


def run(
    run_folder: RunFolder, folder: Path, options: Options, snapshot: int | None = None
) -> list[Path]:
    """Writes `nearest.png` (`_shp`, `_nor`): a sample in the first column, then what is nearest.

    `nearest.csv` holds the distances, and those of as many training examples from the nearest other
    example: samples that are much closer than these repeat the set. The distance is the root mean
    square difference of all values at `resolution` pixels, between -1 and 1.

    Args:
      run_folder: `RunFolder` of a training run.
      folder: pathlib.Path to write to.
      options: `Options`.
      snapshot: kimg of the network snapshot; None: the newest.

    Returns:
      list of pathlib.Path of the pictures, and of `nearest.csv`.

    Raises:
      ValueError, FileNotFoundError: no set, another kind of images, or an option that is wrong.
    """
    from tf_facegan.tbgan.inference import TBGANPipeline

    pipeline = TBGANPipeline.from_run(run_folder.path, snapshot=snapshot)
    records = open_set(run_folder, options.dataset)
    sides = [2**log2 for log2 in records.info.levels]
    if options.resolution not in sides:
        raise ValueError(f"resolution={options.resolution}: one of {sides[::-1]} expected")
    if not 1 <= options.neighbours < records.count or options.count < 1:
        raise ValueError(
            f"count={options.count}, neighbours={options.neighbours}: expected at least 1, and "
            f"fewer than the {records.count} examples"
        )
    random = np.random.RandomState(options.random_seed)
    output = pipeline(options.count, seed=options.random_seed, minibatch=options.minibatch_size)
    some = random.permutation(records.count)[: options.count]
    known = _values(records, some, options.resolution)
    queries = np.concatenate([_shrunk(output.images, options.resolution), known])
    distances, numbers = nearest(records, queries, options.resolution, options.neighbours + 1)
    rows = []
    for sample in range(options.count):
        own = numbers[sample, : options.neighbours]
        images = [output.images[sample : sample + 1], _values(records, own)]
        rows.append(np.concatenate(images))
    size = (options.neighbours + 1, options.count)
    written = save_image_grid(
        np.concatenate(rows), folder / "nearest.png", _RANGE, size, pipeline.info.modalities
    )
    table = folder / "nearest.csv"
    # The nearest example of an example is itself.
    first = distances[: options.count, 0], distances[options.count :, 1]
    found = numbers[: options.count, 0], numbers[options.count :, 1]
    _write(table, some, first, found)
    samples, reals = (float(np.median(part)) for part in first)
    print(f"median distance of samples from the nearest example: {samples:.4f}")
    print(f"median distance of examples from the nearest other one: {reals:.4f}")
    return [*written, table]


def nearest(
    records: RecordSet, queries: np.ndarray, resolution: int, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Finds the records that are most like some images.

    Args:
      records: `RecordSet`.
      queries: float32 [N, C, S, S] in [-1, 1], S the side of a level of the set.
      resolution: int S.
      count: int K.

    Returns:
      (float32 [N, K] root mean square differences, ascending, int64 [N, K] record numbers).
    """
    flat = queries.reshape(len(queries), -1)
    distances = np.full((len(queries), 0), np.inf, np.float32)
    numbers = np.zeros((len(queries), 0), np.int64)
    for start in tqdm(range(0, records.count, _CHUNK), unit="chunk", disable=None):
        chunk = np.arange(start, min(start + _CHUNK, records.count))
        values = _values(records, chunk, resolution).reshape(len(chunk), -1)
        found = [np.sqrt(np.mean(np.square(values - query), axis=1)) for query in flat]
        distances = np.concatenate([distances, found], axis=1)
        numbers = np.concatenate([numbers, np.tile(chunk, (len(flat), 1))], axis=1)
        best = np.argsort(distances, axis=1, kind="stable")[:, :count]
        distances = np.take_along_axis(distances, best, axis=1)
        numbers = np.take_along_axis(numbers, best, axis=1)
    return distances, numbers


def _values(records, indices, resolution=None):
    return adjust_dynamic_range(records.read(indices, resolution), records.range, _RANGE)


def _shrunk(images, side):
    """Box-averages images [N, C, R, R] to `side` pixels, as the levels of a set are."""
    n, channels, full, _ = images.shape
    boxes = images.reshape(n, channels, side, full // side, side, full // side)
    return boxes.mean(axis=(3, 5))


def _write(path, examples, distances, numbers):
    rows = [("image", "nearest", "distance")]
    names = [f"sample {i}" for i in range(len(examples))], [f"record {i}" for i in examples]
    for part in zip(names, numbers, distances):
        rows += [(name, number, f"{distance:.5f}") for name, number, distance in zip(*part)]
    with atomic_file(path, "w") as file:
        csv.writer(file).writerows(rows)
