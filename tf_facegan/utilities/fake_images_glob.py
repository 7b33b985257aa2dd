"""Utility run `generate_fake_images_glob`: pictures of grids of random faces (PGGAN)."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import numpy as np
from tqdm import tqdm

from tf_facegan.config import option
from tf_facegan.utilities.images import save_image_grid, shrink

if TYPE_CHECKING:
    from tf_facegan.tbgan.inference import TBGANPipeline


@dataclasses.dataclass(frozen=True)
class Options:
    grid_size: tuple[int, int] = option((1, 1), "faces on a picture: columns, rows")
    num_pngs: int = option(1, "pictures")
    image_shrink: int = option(1, "box-average every image by this factor")
    png_prefix: Optional[str] = option(None, "beginning of the file names; None: <run>-<snapshot>-")
    random_seed: int = option(1000, "seed of the faces")
    minibatch_size: int = option(8, "images of a call of the network")


def describe(run_number: int | str) -> str:
    """Returns the name of the result folder, after its number."""
    return f"fake-images-glob-{run_number}"


def run(pipeline: TBGANPipeline, folder: Path, options: Options) -> list[Path]:
    """Writes `<prefix>%06d.png`, and `_shp` and `_nor` of other modalities beside it.

    The labels of a grid are the network's classes in turn.

    Args:
      pipeline: `tbgan.inference.TBGANPipeline`.
      folder: pathlib.Path to write to.
      options: `Options`.

    Returns:
      list of pathlib.Path of the pictures.

    Raises:
      ValueError: for an option that is wrong.
    """
    faces = int(np.prod(options.grid_size))
    if options.num_pngs < 1 or faces < 1:
        raise ValueError(
            f"num_pngs={options.num_pngs}, grid_size={options.grid_size}: at least 1 expected"
        )
    random, width = np.random.RandomState(options.random_seed), pipeline.generator.latent_size
    random.randn(options.num_pngs, width)  # the published code draws these and never uses them
    prefix = f"{pipeline.name}-" if options.png_prefix is None else options.png_prefix
    labels = np.stack([pipeline.label(face) for face in range(faces)])
    written = []
    for number in tqdm(range(options.num_pngs), unit="picture", disable=None):
        latents = random.randn(faces, width).astype(np.float32)
        images = pipeline.generate(latents, labels, options.minibatch_size).images
        images = shrink(images, options.image_shrink)
        path = folder / f"{prefix}{number:06d}.png"
        written += save_image_grid(
            images, path, (-1, 1), options.grid_size, pipeline.info.modalities
        )
    return written
