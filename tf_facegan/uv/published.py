"""TBGAN's UV dictionary (`512_UV_dict.pkl`): where its vertices lie in UV maps."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from tf_facegan import pickles

RESOLUTION = 512  # the only side of maps that the published code takes


def read_dictionary(path: str | Path) -> dict[str, np.ndarray]:
    """Reads the arrays of a published UV dictionary, without running anything in it.

    Args:
      path: pickle of a dictionary with `tcoords` and `tcoords_pixel_scaled` (point clouds),
        `trilist`, and `tmask` (a mask; found from the triangles where it is absent).

    Returns:
      {field of `UVLayout`: array}; the maps hold positions as they are (scale 1, offset 0).

    Raises:
      ValueError: another pickle, or an entry that is missing; names file and entry.
      OSError: the file cannot be opened.
    """
    path = Path(path)
    content = pickles.load(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: holds a {type(content).__name__}, a UV dictionary expected")
    missing = {"tcoords", "tcoords_pixel_scaled", "trilist"} - set(content)
    if missing:
        raise ValueError(f"{path}: a UV dictionary lacks {', '.join(sorted(missing))}")
    pixels = _array(path, content, "tcoords_pixel_scaled", "points").astype(np.float32)
    triangles = _array(path, content, "trilist", "trilist")
    if "tmask" in content:
        mask = _array(path, content, "tmask", "pixels").reshape(-1, RESOLUTION, RESOLUTION)[0] > 0
    else:
        mask = _covered(pixels, triangles)
    return {
        "resolution": np.array(RESOLUTION),
        "tcoords": _array(path, content, "tcoords", "points").astype(np.float32),
        "tcoords_pixel_scaled": pixels,
        "trilist": triangles,
        "tmask": mask,
        "scale": np.array(1.0),
        "offset": np.zeros(3, np.float32),
        "alignment": np.eye(4),
    }


def _array(path, content, name, attribute):
    """An entry that is an array, or an object of menpo's that holds one."""
    value = content[name]
    array = getattr(value, attribute, value) if isinstance(value, pickles.State) else value
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{path}: {name} is a {type(value).__name__}, an array expected")
    return array


def _covered(pixels, triangles):
    mask = np.zeros((RESOLUTION, RESOLUTION), np.uint8)
    corners = np.rint(pixels[:, ::-1]).astype(np.int32)
    for triangle in corners[triangles]:
        cv2.fillConvexPoly(mask, triangle, 1)
    return mask > 0
