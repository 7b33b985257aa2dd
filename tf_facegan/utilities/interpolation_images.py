"""Utility run `generate_interpolation_images`: textured meshes along a path (TBGAN's test)."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import numpy as np
import scipy.special
from tqdm import tqdm

from tf_facegan.config import option
from tf_facegan.tbgan.inference import label_kind
from tf_facegan.utilities import interpolation_video
from tf_facegan.utilities.images import to_uint8, write_image

if TYPE_CHECKING:
    from tf_facegan.tbgan.inference import TBGANPipeline


# What the published test multiplies the softmax of its seven labels with.
PUBLISHED_WEIGHTS = (10.0, 10.0, 10.0, 10.0, 5.0, 3.0, 10.0)


@dataclasses.dataclass(frozen=True)
class Options:
    duration_sec: float = option(5.0, "length of the path, seconds")
    smoothing_sec: float = option(0.1, "width of the Gaussian over time, seconds")
    mp4_fps: int = option(30, "meshes a second of the path")
    label_weights: Optional[tuple[float, ...]] = option(
        None, "factors of the softmax of each label; None: the published ones for 7 labels, else 1"
    )
    smoothing: float = option(3.0, "width of a Gaussian over the shape, texels at 512 pixels")
    truncate: bool = option(False, "look vertices up without interpolation, as published")
    random_seed: int = option(1000, "seed of the path")
    minibatch_size: int = option(8, "images of a call of the network")


def describe(run_number: int | str) -> str:
    """Returns the name of the result folder, after its number."""
    return f"interpolation-images-{run_number}"


def run(pipeline: TBGANPipeline, folder: Path, options: Options) -> list[Path]:
    """Writes `%06d.obj` (`.mtl`, `.png`) and, where there are normals, `%06d_nor.png`.

    Args:
      pipeline: `tbgan.inference.TBGANPipeline`.
      folder: pathlib.Path to write to.
      options: `Options`.

    Returns:
      list of pathlib.Path of the meshes.

    Raises:
      ValueError: when the run has no UV layout, no texture or no shape, or an option is wrong.
    """
    from tf_facegan.uv.mesh import mesh_from_maps, save_obj

    layout = pipeline.load_uv_layout()
    latents, labels = walk(pipeline, options)
    written = []
    with tqdm(total=len(latents), unit="mesh", disable=None) as bar:
        for start in range(0, len(latents), options.minibatch_size):
            batch = slice(start, start + options.minibatch_size)
            parts = pipeline.generate(latents[batch], labels[batch]).modalities
            for i in range(len(parts["shape"])):
                mesh = mesh_from_maps(
                    layout,
                    parts["texture"][i],
                    parts["shape"][i],
                    options.smoothing,
                    options.truncate,
                )
                written.append(folder / f"{start + i:06d}.obj")
                save_obj(written[-1], mesh)
                if "normals" in parts:
                    path = folder / f"{start + i:06d}_nor.png"
                    write_image(path, normals_picture(parts["normals"][i]))
                bar.update()
    return written


def walk(pipeline: TBGANPipeline, options: Options) -> tuple[np.ndarray, np.ndarray]:
    """Makes the published path: noise for latents and labels together, smoothed over time.

    Returns:
      latents float32 [frames, latent_size], and labels [frames, label_size] as the network takes
      them: the softmax times `label_weights`, or intensities.
    """
    frames = interpolation_video.frame_count(options)
    width = pipeline.generator.latent_size
    noise = interpolation_video.smooth_noise(
        np.random.RandomState(options.random_seed),
        (frames, 1, width + pipeline.label_size),
        options.smoothing_sec * options.mp4_fps,
    )[:, 0]
    latents, rest = noise[:, :width], noise[:, width:]
    if not pipeline.label_size or label_kind(pipeline.info) == "intensity":
        return latents, pipeline.labels_from_noise(rest)
    weights = options.label_weights
    if weights is None:
        weights = PUBLISHED_WEIGHTS if pipeline.label_size == len(PUBLISHED_WEIGHTS) else (1.0,)
    if len(weights) not in (1, pipeline.label_size):
        raise ValueError(
            f"label_weights has {len(weights)} numbers, expected {pipeline.label_size} or one"
        )
    return latents, scipy.special.softmax(rest.astype(np.float64), axis=1) * np.array(weights)


def normals_picture(normals: np.ndarray) -> np.ndarray:
    """Turns a map of normals [3, S, S] into a picture uint8 [S, S, 3] over its whole range."""
    picture = to_uint8(normals, (normals.min(), normals.max()))
    return np.ascontiguousarray(picture.transpose(1, 2, 0))
