"""Sequences of action units (AUs) that drive an animation. Imports no TensorFlow."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import scipy.ndimage

from tf_facegan.sources import au_files
from tf_facegan.sources.action_units import INTENSITY_RANGE
from tf_facegan.sources.matching import natural

_FRAME = re.compile(r"frame (\d+)")


@dataclasses.dataclass(frozen=True)
class Sequence:
    """AUs over time.

    Attributes:
      names: list of T str, the frames.
      aus: float32 [T, 17], 0 to 5, in the order of `action_units.AUS`.
      filled: int, frames without a face; their AUs lie between those of their neighbours.
    """

    names: list
    aus: np.ndarray
    filled: int = 0


def holds_aus(path: str | Path) -> bool:
    """Whether a file or folder holds AUs, and not pictures whose AUs are still to be read.

    Raises:
      FileNotFoundError: there is nothing at `path`.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder of action units or frames")
    if path.is_dir():
        pickled = any((path / name).is_file() for name in au_files.PICKLES)
        return pickled or any(path.glob("*.csv"))
    return path.suffix.lower() in (".txt", ".csv", ".pkl")


def read(path: str | Path, min_confidence: float = 0.0) -> Sequence:
    """Reads a sequence: OpenFace's table of a video, a table a frame, or a text list of frames.

    Frames are in the order of their names, numbers in them compared as numbers.

    Args:
      path: what `au_files.read` takes.
      min_confidence: float, a detection of less confidence has failed.

    Returns:
      `Sequence`. Failed frames of a table of numbered frames are filled in; of other forms they are
      left out.

    Raises:
      FileNotFoundError, ValueError: as `au_files.read`; a row that cannot be used, or no frames.
    """
    found = au_files.read(path, (), min_confidence)
    for _, where, reason in found.problems:
        raise ValueError(f"{where}: {reason}")
    if not found.vectors:
        reason = next(iter(found.failed.values()), "it is empty")
        raise ValueError(f"{path}: no frame with action units in it ({reason})")
    names = sorted(found.vectors, key=natural)
    aus = np.stack([found.vectors[name] for name in names])
    numbers = [_FRAME.fullmatch(name) for name in names]
    if not all(numbers):
        return Sequence(names, aus.astype(np.float32))
    known = np.array([int(match[1]) for match in numbers])
    every = np.arange(known[0], known[-1] + 1)
    aus = np.stack([np.interp(every, known, column) for column in aus.T], axis=1)
    names = [f"frame_{number:06d}" for number in every]
    return Sequence(names, aus.astype(np.float32), len(every) - len(known))


def smoothed(aus: np.ndarray, frames: float) -> np.ndarray:
    """Smooths AUs [T, n] over time by a Gaussian with a standard deviation of `frames`; 0 does not.

    Raises:
      ValueError: below 0.
    """
    if not frames >= 0:
        raise ValueError(f"--smooth is {frames:g}, 0 or more expected")
    if frames == 0:
        return aus
    aus = scipy.ndimage.gaussian_filter1d(aus, frames, axis=0, mode="nearest")
    return np.clip(aus, *INTENSITY_RANGE)
