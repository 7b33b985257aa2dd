"""What RD-GAN's pipeline gives."""

from __future__ import annotations

import dataclasses

import numpy as np

from tf_facegan import outputs
from tf_facegan.sources import faces, landmarks


@dataclasses.dataclass(frozen=True)
class Output(outputs.Pictures):
    """What the generators make of faces and boundaries.

    Attributes:
      images: float32 [N, S, S, 3] in (-1, 1), the last network's.
      stages: {stage ("face", "fine" or "two_way"): its images}.
    """

    images: np.ndarray
    stages: dict


@dataclasses.dataclass(frozen=True)
class Clip(outputs.Pictures):
    """What a pipeline call gives.

    Attributes:
      images: list of N uint8 [S, S, 3], RGB, the last frame of every photo.
      frames: list of N lists of T `Frame`.
      video: `outputs.Video` of all photos side by side.
    """

    images: list
    frames: list
    video: outputs.Video


@dataclasses.dataclass(frozen=True)
class Frame:
    """One frame of a synthesised sequence.

    Attributes:
      image: uint8 [S, S, 3], RGB, the last network's.
      stages: {stage: uint8 [S, S, 3]}, of every network.
      boundary: uint8 [S, S, 3], the drawing that they were shown.
      crop: `landmarks.Letterbox`, the place of the frame in the source's photo.
    """

    image: np.ndarray
    stages: dict
    boundary: np.ndarray
    crop: landmarks.Letterbox

    def pasted(self, photo: np.ndarray) -> np.ndarray:
        """Returns the source's photo, uint8 [H, W, 3], with the frame's face in its place."""
        (width, height), (left, top) = self.crop.inner, self.crop.margin
        face = self.image[top : top + height, left : left + width]
        right, bottom = self.crop.left + self.crop.width, self.crop.top + self.crop.height
        box = self.crop.left, self.crop.top, right, bottom
        return faces.paste_back(photo, face, faces.Crop.box(*box, (width, height)))
