"""Landmarks from MediaPipe's face mesh (Kartynnik et al., 2019): the extra `[landmarks]`."""

from __future__ import annotations

import functools
import os
import warnings

import numpy as np

from tf_facegan.extras import missing
from tf_facegan.sources.faces.detection import Face, cascade_faces, check_image

# Points of the mesh that lie where the 68-point markup (iBUG) has its own.
INDICES = np.array(
    [
        *(127, 234, 132, 58, 136, 149, 176, 148, 152),  # jaw, to the chin
        *(377, 400, 378, 365, 288, 361, 454, 356),
        *(70, 63, 105, 66, 107),  # brow on the left of the picture
        *(336, 296, 334, 293, 300),
        *(168, 197, 195, 4),  # bridge of the nose, downwards
        *(98, 97, 2, 326, 327),  # below it
        *(33, 160, 158, 133, 153, 144),  # eye on the left of the picture
        *(362, 385, 387, 263, 373, 380),
        *(61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91),  # lips, outside
        *(78, 81, 13, 311, 308, 402, 14, 178),  # lips, inside
    ]
)
LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)

# The square from the brows to the chin, by the rectangle around the 68 points of the level face:
# fitted, as the cascade's is, so that both detectors give nearly the same one.
SIDE, UP = 1.09, 0.10  # of the geometric mean of its sides; of the square's side

_MOST_FACES = 16
_REGION = 2.0  # of a face's side: what is shown to the mesh of a face that the cascade finds


def find_landmarks(image: np.ndarray, source: object = "image") -> np.ndarray:
    """Finds the 68 landmarks of the largest face.

    Args:
      image: uint8 [H, W, 3], RGB.
      source: what errors call the picture.

    Returns:
      float32 [68, 2], (x, y) in pixels, in the order of the 68-point markup (iBUG): jaw from the
      left of the picture to its right, brows, nose, eyes, mouth.

    Raises:
      ImportError: MediaPipe is missing; one line says what to type.
      ValueError: no face, or the picture is not as above.
    """
    image = check_image(image, source)
    faces = _ranked(_meshes(image) or _meshes_nearby(image))
    if not faces:
        raise ValueError(f"{source}: no face found, a picture of one expected")
    return max(faces, key=lambda face: face.side).landmarks


def mesh_faces(image: np.ndarray) -> list[Face]:
    """Finds faces with MediaPipe: list of Face; confidence is the rank that it gives them.

    It is made for faces near the camera, so it is also shown what OpenCV's cascade finds beside.
    """
    found = _meshes(image)
    return _ranked(found + _meshes_nearby(image, _ranked(found)))


def _meshes_nearby(image, known=()):
    """Meshes of the faces that the cascade finds, but for those which are known already."""
    found = []
    for face in cascade_faces(image):
        if any(np.abs(face.centre - other.centre).max() < other.side / 2 for other in known):
            continue
        half = _REGION / 2 * face.side
        left, top = np.maximum(np.floor(face.centre - half), 0).astype(int)
        right, bottom = np.ceil(face.centre + half).astype(int) + 1
        region = np.ascontiguousarray(image[top:bottom, left:right])
        found += [points + [left, top] for points in _meshes(region)[:1]]
    return found


def _ranked(meshes):
    return [_as_face(points, -rank) for rank, points in enumerate(meshes)]


def _as_face(points, confidence):
    left_eye, right_eye = points[LEFT_EYE].mean(axis=0), points[RIGHT_EYE].mean(axis=0)
    across = right_eye - left_eye
    turn = np.arctan2(across[1], across[0])
    level = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    around = points @ level.T
    low, high = around.min(axis=0), around.max(axis=0)
    side = SIDE * np.sqrt(np.prod(high - low))
    middle = (low + high) / 2 - [0, UP * side]
    # Of a face turned aside, the points' middle is near the far cheek, that of the eyes is not.
    middle[0] = (middle[0] + (level @ (left_eye + right_eye))[0] / 2) / 2
    centre = level.T @ middle
    return Face(
        centre, float(side), float(np.rad2deg(turn)), float(confidence), points.astype(np.float32)
    )


def _meshes(image):
    """The 68 points of each face, float64 [68, 2], the most confident first."""
    found = _face_mesh().process(image).multi_face_landmarks or []
    size = np.array(image.shape[1::-1])
    return [
        np.array([(face.landmark[i].x, face.landmark[i].y) for i in INDICES]) * size - 0.5
        for face in found
    ]


@functools.cache
def _face_mesh():
    os.environ.setdefault("GLOG_minloglevel", "2")  # its C++ side reports every start
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from mediapipe.python.solutions.face_mesh import FaceMesh
    except ImportError as error:
        raise ImportError(missing("this", "landmarks", error)) from error
    # What protobuf says when the mesh is used for the first time.
    warnings.filterwarnings("ignore", "SymbolDatabase.GetPrototype", UserWarning)
    return FaceMesh(static_image_mode=True, max_num_faces=_MOST_FACES)
