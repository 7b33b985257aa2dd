"""Utility run `generate_expressions`: the same faces with every label of the network."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tf_facegan.config import option
from tf_facegan.utilities.images import save_image_grid

if TYPE_CHECKING:
    from tf_facegan.tbgan.inference import TBGANPipeline


@dataclasses.dataclass(frozen=True)
class Options:
    count: int = option(4, "faces: a row each")
    random_seed: int = option(1000, "seed of the faces")
    minibatch_size: int = option(8, "images of a call of the network")


def describe(run_number: int | str) -> str:
    """Returns the name of the result folder, after its number."""
    return f"expressions-{run_number}"


def run(pipeline: TBGANPipeline, folder: Path, options: Options) -> list[Path]:
    """Writes `expressions.png` (`_shp`, `_nor`): a row a face, a column a label.

    Args:
      pipeline: `tbgan.inference.TBGANPipeline`.
      folder: pathlib.Path to write to.
      options: `Options`.

    Returns:
      list of pathlib.Path of the pictures, and of `expressions.txt` with the names of the columns.

    Raises:
      ValueError: for a network without labels, or an option that is wrong.
    """
    names = pipeline.label_names
    if not names:
        raise ValueError(f"{pipeline.name}: the network has no labels")
    if options.count < 1:
        raise ValueError(f"count={options.count}: expected at least 1")
    random = np.random.RandomState(options.random_seed)
    latents = random.randn(options.count, pipeline.generator.latent_size).astype(np.float32)
    columns = np.stack([pipeline.label(name) for name in names])
    images = pipeline.generate(
        latents.repeat(len(names), axis=0),
        np.tile(columns, (options.count, 1)),
        options.minibatch_size,
    ).images
    written = save_image_grid(
        images,
        folder / "expressions.png",
        (-1, 1),
        (len(names), options.count),
        pipeline.info.modalities,
    )
    text = folder / "expressions.txt"
    text.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    return [*written, text]
