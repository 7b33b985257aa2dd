"""The 17 facial action units (Ekman and Friesen) whose intensities OpenFace measures."""

from __future__ import annotations

import re

from tf_facegan.records import schema

NAMES = {
    "AU01_r": "inner brow raiser",
    "AU02_r": "outer brow raiser",
    "AU04_r": "brow lowerer",
    "AU05_r": "upper lid raiser",
    "AU06_r": "cheek raiser",
    "AU07_r": "lid tightener",
    "AU09_r": "nose wrinkler",
    "AU10_r": "upper lip raiser",
    "AU12_r": "lip corner puller",
    "AU14_r": "dimpler",
    "AU15_r": "lip corner depressor",
    "AU17_r": "chin raiser",
    "AU20_r": "lip stretcher",
    "AU23_r": "lip tightener",
    "AU25_r": "lips part",
    "AU26_r": "jaw drop",
    "AU45_r": "blink",
}
"""Plain names by OpenFace's columns, in the order of GANimation's labels."""

AUS = tuple(NAMES)
"""OpenFace's columns of intensities, in order; the components of a set's field `aus`."""

INTENSITY_RANGE = schema.INTENSITY_RANGE
"""Absent and maximum, as sets store them."""

_COLUMN = re.compile(r"AU\d\d_r")


def is_intensity_column(name: str) -> bool:
    """Whether a column of an OpenFace table holds the intensities of an action unit."""
    return _COLUMN.fullmatch(name) is not None
