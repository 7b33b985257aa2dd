"""What drives an animation: action units (AUs) from files, or read by the critic in a film."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tf_facegan.sources import au_sequences
from tf_facegan.sources.action_units import AUS
from tf_facegan.sources.images import SUFFIXES
from tf_facegan.utilities.video import frame_rate, read_frames

if TYPE_CHECKING:
    from tf_facegan.ganimation.inference import GANimationPipeline
    from tf_facegan.sources.faces.preparation import CropOptions


FPS = 20.0  # of what has no rate of its own


@dataclasses.dataclass(frozen=True)
class Drive:
    """A sequence of targets.

    Attributes:
      names: list of T str, the frames.
      aus: float32 [T, c_dim], 0 to 5, of the network's AUs.
      fps: float, frames a second.
      note: str, what should be said about it, or None.
    """

    names: list
    aus: np.ndarray
    fps: float = FPS
    note: str = None


def load(
    pipeline: GANimationPipeline,
    path: str | Path,
    smooth: float = 0.0,
    crop: str | CropOptions | None = None,
) -> Drive:
    """Reads what shall drive an animation.

    Args:
      pipeline: `inference.GANimationPipeline`, whose AUs are meant.
      path: a text list of AUs, OpenFace's table(s), or a video or folder of frames, in which the
        critic reads the AUs.
      smooth: float, standard deviation in frames of the Gaussian that smooths AUs over time.
      crop: how faces are found in frames; see `GANimationPipeline.find_faces`.

    Returns:
      `Drive`.

    Raises:
      FileNotFoundError, ValueError: no such file, not AUs nor frames, a frame without a face.
    """
    if au_sequences.holds_aus(path):
        sequence = au_sequences.read(path)
        columns = [AUS.index(name) for name in pipeline.au_names]
        aus, names, fps = sequence.aus[:, columns], sequence.names, FPS
        note = f"{path}: {sequence.filled} frames without a face filled in" * bool(sequence.filled)
    else:
        aus, names, note = _read_film(pipeline, path, crop)
        fps = FPS if Path(path).is_dir() else frame_rate(path)
    return Drive(list(names), au_sequences.smoothed(aus, smooth), fps, note or None)


def pictures(folder: str | Path | None, names: Sequence[str]) -> list[Path | None]:
    """Finds the pictures of frames.

    Args:
      folder: folder of pictures, or None.
      names: the frames; a picture belongs to the frame of its stem.

    Returns:
      list of pathlib.Path or None.

    Raises:
      FileNotFoundError: no such folder.
    """
    if folder is None:
        return [None] * len(names)
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder of pictures")
    found = {path.stem: path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES}
    return [found.get(name) for name in names]


def _read_film(pipeline, path, crop):
    """Returns (AUs [T, c_dim], names, note); a frame without a face takes those around it."""
    options = {} if crop is None else {"crop": crop}
    found, number = {}, -1
    for number, frame in enumerate(read_frames(path)):
        try:
            _, _, faces = pipeline.find_faces(frame, **options)
        except ValueError:
            continue
        found[number] = pipeline.read_aus(faces)[0]
    if not found:
        raise ValueError(f"{path}: no face found in any of {number + 1} frames")
    count = number + 1
    known = np.stack(list(found.values()))
    aus = np.stack([np.interp(range(count), list(found), column) for column in known.T], axis=1)
    missing = count - len(found)
    note = f"{path}: {missing} of {count} frames without a face filled in" * bool(missing)
    return aus.astype(np.float32), [f"frame_{number:06d}" for number in range(count)], note
