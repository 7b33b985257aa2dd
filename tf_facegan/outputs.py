"""What pipelines give: small objects with results, which can be seen and saved. No TensorFlow."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from tf_facegan.utilities.images import to_uint8, write_image
from tf_facegan.utilities.video import animation_writer


class Pictures:
    """Base of outputs with images.

    Attributes:
      images: list or array of N images [H, W, C]: uint8, or float in `value_range`.
      value_range: (black, white) of float images.
    """

    value_range: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    @property
    def pictures(self) -> list[Image.Image]:
        """The images as N Pillow pictures, RGB or grey."""
        return [Image.fromarray(image) for image in self._shown()]

    def save(self, path: str | Path) -> list[Path]:
        """Writes the images.

        Args:
          path: .png or .jpg; several images become `<name>_0000.png`, ….

        Returns:
          list of pathlib.Path.

        Raises:
          ValueError: another ending.
        """
        path, shown = Path(path), self._shown()
        paths = [path]
        if len(shown) != 1:
            paths = [path.with_name(f"{path.stem}_{n:04d}{path.suffix}") for n in range(len(shown))]
        for file, image in zip(paths, shown):
            write_image(file, image)
        return paths

    def _shown(self):
        """list of uint8 [H, W, 3] or [H, W]."""
        shown = [np.asarray(image) for image in self.images]
        shown = [x if x.dtype == np.uint8 else to_uint8(x, self.value_range) for x in shown]
        return [x[..., 0] if x.ndim == 3 and x.shape[2] == 1 else x for x in shown]


@dataclasses.dataclass(frozen=True, eq=False)
class Video:
    """A moving picture.

    Attributes:
      frames: uint8 [T, H, W, 3], RGB.
      fps: float, frames a second.
    """

    frames: np.ndarray
    fps: float

    def save(self, path: str | Path) -> Path:
        """Writes an .mp4 or .gif file and returns its path; ValueError for another ending."""
        with animation_writer(path, self.fps) as append:
            for frame in self.frames:
                append(frame)
        return Path(path)


@dataclasses.dataclass(frozen=True, eq=False)
class Recognition:
    """Which expressions some faces show.

    Attributes:
      names: list of K str, of the classes.
      probabilities: float32 [N, K].
    """

    names: list[str]
    probabilities: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        """int64 [N], the most probable class of each."""
        return self.probabilities.argmax(axis=1)

    @property
    def expressions(self) -> list[str]:
        """list of N str, its name."""
        return [self.names[label] for label in self.labels]
