"""What GANimation's pipeline gives."""

import dataclasses

import numpy as np

from tf_facegan import outputs


@dataclasses.dataclass(frozen=True)
class Output(outputs.Pictures):
    """What the generator makes of faces.

    Attributes:
      images: float32 [N, S, S, 3] in [-1, 1], the edited faces.
      attention: float32 [N, S, S, 1] in (0, 1); 1 keeps the photo.
      color: float32 [N, S, S, 3] in (-1, 1).
      aus: float32 [N, c_dim], 0 to 5, as asked for.
    """

    images: np.ndarray
    attention: np.ndarray
    color: np.ndarray
    aus: np.ndarray


@dataclasses.dataclass(frozen=True)
class Edit:
    """An edited photo.

    Attributes:
      image: uint8 [H, W, 3], RGB, the whole photo.
      crops: list of `faces.Crop`, the faces that were edited.
      photos: uint8 [N, S, S, 3], these faces before.
      faces: `Output` for them.
    """

    image: np.ndarray
    crops: list
    photos: np.ndarray
    faces: Output


@dataclasses.dataclass(frozen=True)
class Photos(outputs.Pictures):
    """What a pipeline call gives.

    Attributes:
      images: list of N uint8 [H, W, 3], the edited photos; the last frame of a driven one.
      edits: list of N `Edit`; empty for a drive.
      video: `outputs.Video` of all photos side by side, or None without a drive.
    """

    images: list
    edits: list
    video: outputs.Video = None
