"""Faces in photographs: find, level, crop, and paste back.

Data sets and trained networks go through the same functions, so that a network sees in use what
it saw in training. Pictures are uint8 [H, W, 3], RGB; places are (x, y) in pixels, x to the right,
y down, with pixel centres at integers; angles are in degrees, positive for a face that is turned
clockwise.
"""

from tf_facegan.sources.faces.crops import Crop, cut, paste_back
from tf_facegan.sources.faces.detection import DETECTORS, Face, find_faces
from tf_facegan.sources.faces.mesh import find_landmarks
from tf_facegan.sources.faces.preparation import (
    CROPS,
    FACES,
    WHOLE,
    CropOptions,
    find_crop,
    find_crops,
    prepare,
)
from tf_facegan.sources.faces.preview import write_preview

__all__ = [
    "CROPS",
    "DETECTORS",
    "FACES",
    "WHOLE",
    "Crop",
    "CropOptions",
    "Face",
    "cut",
    "find_crop",
    "find_crops",
    "find_faces",
    "find_landmarks",
    "paste_back",
    "prepare",
    "write_preview",
]
