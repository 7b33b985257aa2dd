"""From a photo to the picture that a network takes: which face, how much around it, how large."""

from __future__ import annotations

import dataclasses

import numpy as np

from tf_facegan.config import check_choice
from tf_facegan.sources.faces.crops import Crop, cut
from tf_facegan.sources.faces.detection import DETECTORS, check_image, find_faces
from tf_facegan.sources.images import center_square

CROPS = ("none", "center", "face")
FACES = ("largest", "confident", "one")


@dataclasses.dataclass(frozen=True)
class CropOptions:
    """How faces are cut out of photos; all but `crop` is about "face".

    Attributes:
      crop: "face", "center" for the largest square in the middle, or "none" for the whole picture.
      margin: float, what is added on each side of the square from the brows to the chin, in units
        of its side.
      align: bool, turn the picture so that the eyes are level.
      faces: of several, the "largest" or the most "confident" one; "one" demands a single face.
      min_face: float, pixels; the square must be larger.
      detector: "cascade" (OpenCV's) or "mediapipe".

    Raises:
      ValueError: a value that is not among these.
    """

    crop: str = "face"
    margin: float = 0.1
    align: bool = True
    faces: str = "largest"
    min_face: float = 0.0
    detector: str = "cascade"

    def __post_init__(self):
        for name, choices in (("crop", CROPS), ("faces", FACES), ("detector", DETECTORS)):
            check_choice(f"--{name}", getattr(self, name), choices)
        if not -0.4 <= self.margin <= 4:
            raise ValueError(f"--margin is {self.margin:g}, -0.4 to 4 expected")
        if not self.min_face >= 0:
            raise ValueError(f"--min_face is {self.min_face:g}, at least 0 expected")


WHOLE = CropOptions(crop="none")
"""The whole picture: what sources take unless they are told otherwise."""


def find_crops(
    photo: np.ndarray, options: CropOptions, size: int | None = None, source: object = "image"
) -> list[Crop]:
    """Finds the crops of all faces.

    Args:
      photo: uint8 [H, W, 3], RGB.
      options: CropOptions; `faces` decides which comes first.
      size: int, side of the crops in pixels; None for as many as the photo has.
      source: what errors call the photo.

    Returns:
      list of Crop, empty without a face that is large enough. One for the crops "center" and
      "none", which stretches the photo to the size.

    Raises:
      ImportError, ValueError: as `find_faces`.
    """
    photo = check_image(photo, source)
    if options.crop != "face":
        return [_fixed_crop(photo, options, size)]
    return [_crop(face, options, size) for face in _faces(photo, options, source)[0]]


def find_crop(
    photo: np.ndarray, options: CropOptions, size: int | None = None, source: object = "image"
) -> Crop:
    """Finds the crop of one face; arguments as `find_crops`.

    Returns:
      Crop.

    Raises:
      ImportError, ValueError: as `find_faces`; no face, only smaller ones, or, with the option
        "one", several.
    """
    if options.crop != "face":
        return find_crops(photo, options, size, source)[0]
    large, count = _faces(photo, options, source)
    if count == 0:
        raise ValueError(f"{source}: no face found; --crop none takes the picture as it is")
    if options.faces == "one" and count > 1:
        raise ValueError(f"{source}: {count} faces found, --faces one expects a single one")
    if not large:
        raise ValueError(
            f"{source}: no face is larger than {options.min_face:g} pixels, as --min_face expects"
        )
    return _crop(large[0], options, size)


def prepare(
    image: np.ndarray, options: CropOptions, size: int | None = None, source: object = "image"
) -> np.ndarray:
    """Prepares a picture of a data set.

    Args:
      image: uint8 [H, W, 3], RGB, or [H, W, 1], grey.
      options: CropOptions.
      size: int, side of a face's crop in pixels; None for as many as the picture has.
      source: what errors call the image, its file.

    Returns:
      uint8 [size, size, C] with the crop "face". The others do not resize, as sources have rules of
      their own for that: "center" gives [S, S, C], "none" the image itself.

    Raises:
      ImportError, ValueError: as `find_crop`.
    """
    if options.crop == "none":
        return image
    if options.crop == "center":
        return center_square(image)
    channels = image.shape[2]
    rgb = np.repeat(image, 3, axis=2) if channels == 1 else image
    return cut(rgb, find_crop(rgb, options, size, source))[:, :, :channels]


def _faces(photo, options, source):
    """The faces that are large enough, the preferred one first, and how many there are in all."""
    faces = find_faces(photo, options.detector, source)
    large = [face for face in faces if face.side > options.min_face]
    if options.faces == "confident":
        large.sort(key=lambda face: -face.confidence)
    return large, len(faces)


def _fixed_crop(photo, options, size):
    height, width = photo.shape[:2]
    left = top = 0
    if options.crop == "center":
        left, top = max(0, width - height) // 2, max(0, height - width) // 2
        width = height = min(width, height)
    return Crop.box(left, top, left + width, top + height, size and (size, size))


def _crop(face, options, size):
    side = face.side * (1 + 2 * options.margin)
    if options.align and face.angle:
        return Crop.square(face.centre, side, face.angle, size)
    # Whole pixels, so that nothing is resampled but by the resizing.
    whole = max(1, round(side))
    left, top = (round(float(middle) + 0.5 - whole / 2) for middle in face.centre)
    return Crop.box(left, top, left + whole, top + whole, size and (size, size))
