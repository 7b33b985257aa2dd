"""Finding faces with the cascades that OpenCV ships (Viola and Jones, 2001), and their tilt."""

from __future__ import annotations

import dataclasses
import functools

import cv2
import numpy as np

from tf_facegan.config import check_choice

DETECTORS = ("cascade", "mediapipe")

# The cascade's box begins in the hair. A face's square is to reach from the brows to the chin, as
# the boxes of histogram-of-gradients detectors do: fitted to photographs whose boxes are known.
SIDE, DOWN = 0.90, 0.07  # of the cascade's box

_LONG_SIDE, _SHORT_SIDE = 640, 300  # pixels; larger pictures are shrunk, smaller ones enlarged
_PADDING = 0.3  # of the shorter side: a face that fills its picture has no surroundings to go by
_TURNS = (0, -30, 30)  # degrees; the cascade finds faces that are tilted by up to about 15
_SCALE_STEP, _NEIGHBOURS, _SMALLEST = 1.1, 4, 36

_EYE_SIDE = 240  # pixels of the square in which eyes are looked for
_EYE_BAND = 0.6  # of its height, from the top
_EYE_DISTANCE = (0.25, 0.6)  # least and greatest, of the side
_EYE_SLOPE = 0.45
_EYE_MIDDLE = 0.15  # how far their middle may be from the middle of the square


@dataclasses.dataclass(frozen=True, eq=False)
class Face:
    """A face in a picture.

    Attributes:
      centre: float64 [2], (x, y) of the middle of its square.
      side: float, pixels, of the square from the brows to the chin.
      angle: float, degrees, slope of the line through the eyes; 0 where no eyes were found.
      confidence: float, to compare the faces of one picture.
      landmarks: float32 [68, 2], or None with the cascades.
    """

    centre: np.ndarray
    side: float
    angle: float
    confidence: float
    landmarks: np.ndarray | None = None


def check_image(image: np.ndarray, source: object = "image") -> np.ndarray:
    """Checks a picture and gives it with its pixels in a row in memory.

    Args:
      image: uint8 [H, W, 3], RGB; a view (turned, mirrored) will do.
      source: what errors call it.

    Returns:
      The same values, C-contiguous.

    Raises:
      ValueError: another type or shape.
    """
    image = np.asarray(image)
    if image.dtype != np.uint8:
        raise ValueError(f"{source}: {image.dtype} values, uint8 from 0 to 255 expected")
    if image.ndim not in (2, 3):
        raise ValueError(f"{source}: shape {list(image.shape)}, [H, W, 3] expected")
    channels = image.shape[2] if image.ndim == 3 else 1
    if channels != 3:
        raise ValueError(f"{source}: {channels} channels, 3 (RGB, no transparency) expected")
    if image.size == 0:
        raise ValueError(f"{source}: shape {list(image.shape)}, at least one pixel expected")
    return np.ascontiguousarray(image)


def find_faces(
    image: np.ndarray, detector: str = "cascade", source: object = "image"
) -> list[Face]:
    """Finds the faces of a picture.

    Args:
      image: uint8 [H, W, 3], RGB.
      detector: "cascade" (OpenCV's; near-frontal faces, tilted by up to about 45 degrees) or
        "mediapipe" (landmarks as well; an extra).
      source: what errors call the picture.

    Returns:
      list of Face, the largest first; the same for the same picture.

    Raises:
      ImportError: MediaPipe is asked for and missing.
      ValueError: the picture is not as above, or there is no such detector.
    """
    image = check_image(image, source)
    check_choice("detector", detector, DETECTORS)
    if detector == "mediapipe":
        from tf_facegan.sources.faces import mesh

        faces = mesh.mesh_faces(image)
    else:
        faces = cascade_faces(image)
    return sorted(faces, key=lambda face: (-face.side, *face.centre))


def cascade_faces(image: np.ndarray) -> list[Face]:
    """Finds faces with OpenCV's cascades: list of Face. Where none is upright, tilted ones."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    zoom = min(max(1.0, _SHORT_SIDE / min(height, width)), _LONG_SIDE / max(height, width))
    size = (max(1, round(width * zoom)), max(1, round(height * zoom)))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)
    for turn in _TURNS:
        faces = _turned_faces(small, zoom, turn)
        if faces:
            return faces
    return []


def _turned_faces(small, zoom, turn):
    height, width = small.shape
    padding = round(_PADDING * min(height, width))
    middle = ((width - 1) / 2, (height - 1) / 2)
    matrix = cv2.getRotationMatrix2D(middle, turn, 1.0)
    matrix[:, 2] += padding
    canvas = cv2.warpAffine(
        small,
        matrix,
        (width + 2 * padding, height + 2 * padding),
        borderMode=cv2.BORDER_REPLICATE,
    )
    boxes, _, weights = _cascade("haarcascade_frontalface_alt2.xml").detectMultiScale3(
        canvas, _SCALE_STEP, _NEIGHBOURS, 0, (_SMALLEST, _SMALLEST), outputRejectLevels=True
    )
    back = cv2.invertAffineTransform(matrix)
    faces = []
    for (left, top, side, _), weight in zip(boxes, np.ravel(weights)):
        tilt = _eye_slope(canvas, left, top, side)
        down = np.deg2rad(tilt + 90)
        middle = np.array([left, top]) + (side - 1) / 2
        middle += DOWN * side * np.array([np.cos(down), np.sin(down)])
        centre = (back[:, :2] @ middle + back[:, 2] + 0.5) / zoom - 0.5
        if (centre > -0.5).all() and (centre * zoom < (width, height)).all():
            faces.append(Face(centre, SIDE * side / zoom, tilt + turn, float(weight)))
    return faces


def _eye_slope(grey, left, top, side):
    """Slope in degrees of the line through the eyes in a box of the cascade; 0 without eyes."""
    zoom = _EYE_SIDE / side
    square = cv2.warpAffine(
        grey,
        np.array([[zoom, 0, -left * zoom], [0, zoom, -top * zoom]]),
        (_EYE_SIDE, round(_EYE_BAND * _EYE_SIDE)),
        borderMode=cv2.BORDER_REPLICATE,
    )
    found, _, weights = _cascade("haarcascade_eye_tree_eyeglasses.xml").detectMultiScale3(
        square,
        _SCALE_STEP,
        3,
        0,
        (_EYE_SIDE // 8, _EYE_SIDE // 8),
        (_EYE_SIDE // 3, _EYE_SIDE // 3),
        outputRejectLevels=True,
    )
    eyes = [
        ((x + width / 2) / _EYE_SIDE, (y + height / 2) / _EYE_SIDE, float(weight))
        for (x, y, width, height), weight in zip(found, np.ravel(weights))
    ]
    pairs = [(a, b) for a in eyes for b in eyes if _are_a_pair(a, b)]
    if not pairs:
        return 0.0
    a, b = max(pairs, key=lambda pair: (pair[0][2] + pair[1][2], pair))
    return float(np.rad2deg(np.arctan2(b[1] - a[1], b[0] - a[0])))


def _are_a_pair(a, b):
    across, down = b[0] - a[0], b[1] - a[1]
    return (
        _EYE_DISTANCE[0] < across < _EYE_DISTANCE[1]
        and abs(down) < _EYE_SLOPE * across
        and abs((a[0] + b[0]) / 2 - 0.5) < _EYE_MIDDLE
    )


@functools.cache
def _cascade(name):
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + name)
    if cascade.empty():
        raise FileNotFoundError(
            f"{cv2.data.haarcascades}{name}: missing; opencv-python brings it, reinstall that"
        )
    return cascade
