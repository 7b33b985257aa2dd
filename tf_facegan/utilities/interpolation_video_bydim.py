"""Utility run `generate_interpolation_video_bydim`: one latent component, end to end (TBGAN)."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tf_facegan.config import option
from tf_facegan.utilities import interpolation_video

if TYPE_CHECKING:
    from tf_facegan.tbgan.inference import TBGANPipeline


_RANGE = 4.0  # deviations to either side


@dataclasses.dataclass(frozen=True)
class Options(interpolation_video.Options):
    dim: int = option(0, "number of the latent component, which goes from -4 to 4")


def describe(run_number: int | str) -> str:
    """Returns the name of the result folder, after its number."""
    return f"interpolation-video-bydim-{run_number}"


def run(pipeline: TBGANPipeline, folder: Path, options: Options) -> list[Path]:
    """Writes the video; arguments and errors as of `interpolation_video.run`."""
    latents, labels = walk(pipeline, options)
    return [interpolation_video.write_video(pipeline, folder, options, latents, labels)]


def walk(pipeline: TBGANPipeline, options: Options) -> tuple[np.ndarray, np.ndarray]:
    """Random faces, the first of which changes in one latent component only.

    Returns:
      latents float32 [frames, faces, latent_size] and labels [frames, faces, label_size]; the
      labels stay what they are.
    """
    frames, width = interpolation_video.frame_count(options), pipeline.generator.latent_size
    if not 0 <= options.dim < width:
        raise ValueError(f"dim={options.dim}: expected 0 to {width - 1}")
    random = np.random.RandomState(options.random_seed)
    faces = int(np.prod(options.grid_size))
    latents = np.repeat(random.randn(1, faces, width).astype(np.float32), frames, axis=0)
    latents[:, 0, options.dim] = np.linspace(-_RANGE, _RANGE, frames)
    latents /= np.sqrt(np.mean(np.square(latents)))
    labels = np.stack([pipeline.label(face) for face in range(faces)])
    return latents, np.repeat(labels[np.newaxis], frames, axis=0)
