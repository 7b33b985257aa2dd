"""Utility run `generate_interpolation_video`: a smooth walk through the latents (PGGAN)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
import scipy.ndimage
from tqdm import tqdm

from tf_facegan.config import option
from tf_facegan.utilities.images import as_rgb, image_grid, shrink, split_modalities, to_uint8
from tf_facegan.utilities.video import video_writer

if TYPE_CHECKING:
    from tf_facegan.tbgan.inference import TBGANPipeline


@dataclasses.dataclass(frozen=True)
class Options:
    grid_size: tuple[int, int] = option((1, 1), "faces side by side: columns, rows")
    image_shrink: int = option(1, "box-average every image by this factor")
    image_zoom: int = option(1, "enlarge every pixel by this factor")
    duration_sec: float = option(60.0, "length of the video, seconds")
    smoothing_sec: float = option(1.0, "width of the Gaussian over time, seconds")
    mp4: Optional[str] = option(None, "name of the file; None: <run>-<snapshot>-lerp.mp4")
    mp4_fps: int = option(30, "frames a second")
    mp4_codec: str = option("libx264", "FFmpeg encoder")
    mp4_bitrate: str = option("16M", "FFmpeg bit rate")
    random_seed: int = option(1000, "seed of the walk")
    minibatch_size: int = option(8, "images of a call of the network")
    label_contrast: float = option(
        3.0, "how far the expressions differ along the walk (0: not at all)"
    )


def describe(run_number: int | str) -> str:
    """Returns the name of the result folder, after its number."""
    return f"interpolation-video-{run_number}"


def run(pipeline: TBGANPipeline, folder: Path, options: Options) -> list[Path]:
    """Writes the video.

    Args:
      pipeline: `tbgan.inference.TBGANPipeline`.
      folder: pathlib.Path to write to.
      options: `Options`.

    Returns:
      list of pathlib.Path written.

    Raises:
      ValueError: for options that make no video.
    """
    return [write_video(pipeline, folder, options, *walk(pipeline, options))]


def write_video(
    pipeline: TBGANPipeline, folder: Path, options: Options, latents: np.ndarray, labels: np.ndarray
) -> Path:
    """Writes the video of a walk; returns its path.

    Args:
      pipeline, folder, options: as of `run`.
      latents: float32 [frames, faces, latent_size]; labels: [frames, faces, label_size].
    """
    shrink(np.empty((0, *pipeline.info.shape)), options.image_shrink)  # before there is a file
    path = folder / (options.mp4 or f"{pipeline.name}-lerp.mp4")
    with video_writer(path, options.mp4_fps, options.mp4_codec, options.mp4_bitrate) as append:
        for t in tqdm(range(len(latents)), unit="frame", disable=None, desc=path.name):
            output = pipeline.generate(latents[t], labels[t], options.minibatch_size)
            append(_frame(output.images, pipeline.info.modalities, options))
    return path


def frame_count(options: Any) -> int:
    """Returns the frames of `duration_sec`; ValueError if there are none."""
    frames = int(np.rint(options.duration_sec * options.mp4_fps))
    if frames < 1:
        raise ValueError(f"duration_sec={options.duration_sec}: no frame at {options.mp4_fps} fps")
    return frames


def walk(pipeline: TBGANPipeline, options: Options) -> tuple[np.ndarray, np.ndarray]:
    """Makes the closed path: Gaussian noise smoothed over time, wrapping, of unit mean square.

    Returns:
      latents float32 [frames, faces, latent_size] (for given seed those of PGGAN) and labels
      [frames, faces, label_size] as the network takes them.
    """
    frames = frame_count(options)
    random = np.random.RandomState(options.random_seed)
    faces = int(np.prod(options.grid_size))
    sigma = options.smoothing_sec * options.mp4_fps
    latents = smooth_noise(random, (frames, faces, pipeline.generator.latent_size), sigma)
    noise = smooth_noise(random, (frames, faces, pipeline.label_size), sigma)
    return latents, pipeline.labels_from_noise(options.label_contrast * noise)


def smooth_noise(random: np.random.RandomState, shape: Sequence[int], sigma: float) -> np.ndarray:
    """Gaussian noise smoothed along the first axis, which closes, to a mean square of 1.

    Args:
      random: np.random.RandomState.
      shape: (frames, faces, width).
      sigma: width of the smoothing, frames.

    Returns:
      float32 array of that shape.
    """
    noise = random.randn(*shape).astype(np.float32)
    noise = scipy.ndimage.gaussian_filter(noise, [sigma, 0, 0], mode="wrap")
    return noise / np.sqrt(np.mean(np.square(noise))) if noise.size else noise


def _frame(images, modalities, options):
    parts = split_modalities(images, modalities).values()
    grids = [
        to_uint8(image_grid(shrink(p, options.image_shrink), options.grid_size), (-1, 1))
        for p in parts
    ]
    frame = np.concatenate([as_rgb(grid) for grid in grids], axis=1)
    return frame.repeat(options.image_zoom, 0).repeat(options.image_zoom, 1)
