"""The sample sheet: which real images, latents and labels it shows (PGGAN's snapshot grid)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tf_facegan.records.reader import RecordSet
    from tf_facegan.records.synthetic import SyntheticSet
    from tf_facegan.tbgan.config import Grid as GridSettings


_REDRAWS = 100  # tries to find an image of a class before the row takes any image


@dataclasses.dataclass(frozen=True)
class Grid:
    """A sheet of columns x rows images.

    Attributes:
      size: (columns, rows).
      indices: int64 [N], the real images.
      latents: float32 [N, latent_size]; labels: float32 [N, label_size], raw label rows.
    """

    size: tuple
    indices: np.ndarray
    latents: np.ndarray
    labels: np.ndarray


def make_grid(
    records: RecordSet | SyntheticSet, settings: GridSettings, seed: int, latent_size: int
) -> Grid:
    """Chooses what the sheet shows, repeatably.

    Args:
      records: `RecordSet`.
      settings: `config.Grid`.
      seed: int, the run's seed.
      latent_size: int.

    Returns:
      `Grid`. In the layout `row_per_class` images of row y have class y modulo the number of
      classes (the largest component of the label), as far as some can be found.

    Raises:
      ValueError: for a size or layout that is not known.
    """
    columns, rows = grid_size(settings.size, records.info.shape[1:])
    random = np.random.RandomState(seed)
    random.randint(2**31)  # PGGAN draws its graph seed here
    latents = random.randn(columns * rows, latent_size).astype(np.float32)
    indices = random.randint(records.count, size=columns * rows)
    if settings.layout == "row_per_class":
        classes = records.labels.argmax(axis=1) if records.labels.size else None
        for i in range(len(indices) if classes is not None else 0):
            wanted, tries = i // columns % records.labels.shape[1], _REDRAWS
            while classes[indices[i]] != wanted and tries:
                indices[i], tries = random.randint(records.count), tries - 1
    elif settings.layout != "random":
        raise ValueError(f"grid.layout is {settings.layout!r}, expected random or row_per_class")
    return Grid((columns, rows), indices, latents, records.labels[indices])


def grid_size(size: str, image_size: Sequence[int]) -> tuple[int, int]:
    """Returns (columns, rows) of a sheet.

    Args:
      size: "1080p", "4k" (as many as fit, within PGGAN's limits) or "COLUMNSxROWS".
      image_size: (height, width) of an image in pixels.
    """
    height, width = image_size
    if size == "1080p":
        return int(np.clip(1920 // width, 3, 32)), int(np.clip(1080 // height, 2, 32))
    if size == "4k":
        return int(np.clip(3840 // width, 7, 32)), int(np.clip(2160 // height, 4, 32))
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", size)
    if not match:
        raise ValueError(f"grid.size is {size!r}, expected 1080p, 4k or COLUMNSxROWS")
    return int(match.group(1)), int(match.group(2))
