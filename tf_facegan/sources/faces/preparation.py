"""From a photo to the picture that a network takes: which face, how much around it, how large."""

import dataclasses

from tf_facegan.sources.faces.crops import Crop, cut
from tf_facegan.sources.faces.detection import DETECTORS, check_image, find_faces

CROPS = ("none", "face")
FACES = ("largest", "confident", "one")


@dataclasses.dataclass(frozen=True)
class CropOptions:
    """How faces are cut out of photos.

    Attributes:
      crop: "face", or "none" for the whole picture.
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
            value = getattr(self, name)
            if value not in choices:
                raise ValueError(f"--{name} is {value!r}, {' or '.join(choices)} expected")
        if not -0.4 <= self.margin <= 4:
            raise ValueError(f"--margin is {self.margin:g}, -0.4 to 4 expected")
        if not self.min_face >= 0:
            raise ValueError(f"--min_face is {self.min_face:g}, at least 0 expected")


def find_crops(photo, options, size=None, source="image"):
    """Finds the crops of all faces.

    Args:
      photo: uint8 [H, W, 3], RGB.
      options: CropOptions; `faces` decides which comes first.
      size: int, side of the crops in pixels; None for as many as the photo has.
      source: what errors call the photo.

    Returns:
      list of Crop, empty without a face that is large enough; one, the whole photo (stretched to
      the size), for the option "none".

    Raises:
      ImportError, ValueError: as `find_faces`.
    """
    photo = check_image(photo, source)
    if options.crop == "none":
        height, width = photo.shape[:2]
        return [Crop.box(0, 0, width, height, size and (size, size))]
    return [_crop(face, options, size) for face in _faces(photo, options, source)[0]]


def find_crop(photo, options, size=None, source="image"):
    """Finds the crop of one face; arguments as `find_crops`.

    Returns:
      Crop.

    Raises:
      ImportError, ValueError: as `find_faces`; no face, only smaller ones, or, with the option
        "one", several.
    """
    if options.crop == "none":
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


def prepare(image, options, size=None, source="image"):
    """Cuts the face out of a picture of a data set.

    Args:
      image: uint8 [H, W, 3], RGB.
      options: CropOptions; with the crop "none" the image is given back as it is, for a source to
        resize by its own rule.
      size: int, side of the result in pixels; None for as many as the picture has.
      source: what errors call the image, its file.

    Returns:
      uint8 [size, size, 3], RGB.

    Raises:
      ImportError, ValueError: as `find_crop`.
    """
    if options.crop == "none":
        return image
    return cut(image, find_crop(image, options, size, source))


def _faces(photo, options, source):
    """The faces that are large enough, the preferred one first, and how many there are in all."""
    faces = find_faces(photo, options.detector, source)
    large = [face for face in faces if face.side > options.min_face]
    if options.faces == "confident":
        large.sort(key=lambda face: -face.confidence)
    return large, len(faces)


def _crop(face, options, size):
    side = face.side * (1 + 2 * options.margin)
    if options.align and face.angle:
        return Crop.square(face.centre, side, face.angle, size)
    # Whole pixels, so that nothing is resampled but by the resizing.
    whole = max(1, round(side))
    left, top = (round(float(middle) + 0.5 - whole / 2) for middle in face.centre)
    return Crop.box(left, top, left + whole, top + whole, size and (size, size))
