"""Utility run `generate_fake_images`: random faces as pictures and arrays (TBGAN)."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import numpy as np
from tqdm import tqdm

from tf_facegan.config import option
from tf_facegan.files import atomic_file
from tf_facegan.utilities.images import as_rgb, shrink, to_uint8, write_image

if TYPE_CHECKING:
    from tf_facegan.tbgan.inference import TBGANPipeline


_ENDINGS = {"shape": "_shp", "normals": "_nor"}


@dataclasses.dataclass(frozen=True)
class Options:
    num_pngs: int = option(16, "faces")
    expression: Optional[str] = option(
        None, "name of a label component; None: labels of zeros, as published"
    )
    image_shrink: int = option(1, "box-average every image by this factor")
    png_prefix: Optional[str] = option(None, "beginning of the file names; None: <run>-<snapshot>-")
    random_seed: int = option(1000, "seed of the faces")
    minibatch_size: int = option(8, "images of a call of the network")


def describe(run_number: int | str) -> str:
    """Returns the name of the result folder, after its number."""
    return f"fake-images-{run_number}"


def run(pipeline: TBGANPipeline, folder: Path, options: Options) -> list[Path]:
    """Writes `<prefix>%06d.png`, and shapes and normals as `_shp.pkl` and `_nor.pkl`.

    The arrays are float32 [3, H, W], as `create_from_pkl_img_norm` reads them.

    Args:
      pipeline: `tbgan.inference.TBGANPipeline`.
      folder: pathlib.Path to write to.
      options: `Options`.

    Returns:
      list of pathlib.Path of the pictures.

    Raises:
      ValueError: for an option that is wrong.
    """
    if options.num_pngs < 1:
        raise ValueError(f"num_pngs={options.num_pngs}: expected at least 1")
    random = np.random.RandomState(options.random_seed)
    latents = random.randn(options.num_pngs, pipeline.generator.latent_size).astype(np.float32)
    label = np.zeros(pipeline.label_size, np.float32)
    if options.expression:
        label = pipeline.label(options.expression)
    prefix = f"{pipeline.name}-" if options.png_prefix is None else options.png_prefix
    written = []
    for first in tqdm(range(0, options.num_pngs, options.minibatch_size), disable=None):
        batch = latents[first : first + options.minibatch_size]
        labels = np.repeat(label[np.newaxis], len(batch), axis=0)
        found = pipeline.generate(batch, labels).modalities
        parts = {name: shrink(images, options.image_shrink) for name, images in found.items()}
        for i in range(len(batch)):
            stem = f"{prefix}{first + i:06d}"
            for name, images in parts.items():
                if name in _ENDINGS:
                    with atomic_file(folder / f"{stem}{_ENDINGS[name]}.pkl") as file:
                        pickle.dump(np.ascontiguousarray(images[i]), file, protocol=4)
                else:
                    written.append(folder / f"{stem}.png")
                    write_image(written[-1], as_rgb(to_uint8(images[i], (-1, 1))))
    return written
