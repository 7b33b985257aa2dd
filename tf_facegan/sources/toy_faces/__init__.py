"""Procedural faces: something real enough to learn from, with everything about it known."""

from tf_facegan.sources.toy_faces.acting import expression_aus, random_aus, sequence_aus
from tf_facegan.sources.toy_faces.identity import Identity
from tf_facegan.sources.toy_faces.render import REGIONS, Face, landmarks, render
from tf_facegan.sources.toy_faces.scene import Scene

__all__ = [
    "REGIONS",
    "Face",
    "Identity",
    "Scene",
    "expression_aus",
    "landmarks",
    "random_aus",
    "render",
    "sequence_aus",
]
