"""Landmarks beside a mesh: reading them with menpo, and aligning the mesh by them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tf_facegan.command_line import one_line
from tf_facegan.uv.dependency import require_menpo3d
from tf_facegan.uv.layout import pixel_coordinates

if TYPE_CHECKING:
    from tf_facegan.uv.scan import Scan


SUFFIXES = (".ljson", ".lm3", ".lan", ".bnd", ".lm2", ".pts")
TEXTURE_SUFFIXES = (".lm2", ".pts")  # these formats hold places in a picture

# The 68-point markup (iBUG): its groups in order, by the names they go by, and their sizes.
GROUPS = (
    (("jaw", "chin"), 17),
    (("left_eyebrow", "leyebrow"), 5),
    (("right_eyebrow", "reyebrow"), 5),
    (("nose",), 9),
    (("left_eye", "leye"), 6),
    (("right_eye", "reye"), 6),
    (("mouth",), 20),
)
COUNT = 68
JAW, NOSE_BRIDGE = slice(0, 17), slice(27, 31)
BROWS, EYES = slice(17, 27), slice(36, 48)
# What an expression hardly moves: the ends of the jaw line, nose and eyes.
STABLE = np.array([0, 1, 2, 14, 15, 16, *range(27, 48)])

MICROMETRES = 1e-3  # menpo3d's template is in micrometres; aligned space is in millimetres


def find_landmarks(mesh_path: str | Path) -> Path | None:
    """Returns the landmark file beside a mesh (same stem), or None.

    Raises:
      ValueError: there are several.
    """
    mesh_path = Path(mesh_path)
    found = [mesh_path.with_suffix(suffix) for suffix in SUFFIXES]
    found = [path for path in found if path.is_file()]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise ValueError(f"{mesh_path}: found landmarks in {names}, expected one file")
    return found[0] if found else None


def read_landmarks(path: str | Path, scan: Scan) -> np.ndarray:
    """Reads landmarks and gives them as points on the scan.

    Args:
      path: a file in one of menpo's or menpo3d's formats (`SUFFIXES`).
      scan: the `Scan` that they belong to. Two-dimensional landmarks mark its texture picture
        (row, column) and become the nearest vertex there.

    Returns:
      float64 [L, 3]; NaN where the file marks a point as missing. 68 points in named groups are in
      the order of the 68-point markup, whatever their order in the file.

    Raises:
      ValueError: the file cannot be read, or does not fit the scan.
    """
    path = Path(path)
    cloud = _only_group(path, _import(path))
    points = _ordered(cloud)
    if points.shape[1] == 3:
        return points
    if scan.tcoords is None or scan.texture_size is None:
        raise ValueError(f"{path}: landmarks in two dimensions need a mesh with a texture picture")
    return _on_surface(points, scan)


def template_landmarks() -> np.ndarray:
    """The 68 landmarks of the template that menpo3d ships, which define aligned space.

    Returns:
      float64 [68, 3] in millimetres; x to the right seen from the front, y up, z to the viewer.
    """
    io = require_menpo3d("menpo3d.io")
    cloud = io.import_landmark_file(io.data_path_to("template.ljson"))
    return _ordered(_only_group(Path("template.ljson"), cloud)) * MICROMETRES


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The similarity (rotation, uniform scale, translation) that brings landmarks onto others.

    Of 68 landmarks only those count that expressions hardly move, as TBGAN's alignment to a mean
    face goes by chosen landmarks.

    Args:
      source, target: float [L, 3]; rows with NaN in either are left out.

    Returns:
      float64 [4, 4], for columns (x, y, z, 1); least squares (Procrustes).

    Raises:
      ValueError: fewer than three landmarks are left, or they lie on a line.
    """
    from menpo.shape import PointCloud
    from menpo.transform import AlignmentSimilarity

    chosen = STABLE if len(source) == COUNT else np.arange(len(source))
    chosen = chosen[np.isfinite(source[chosen]).all(1) & np.isfinite(target[chosen]).all(1)]
    spread = source[chosen] - source[chosen].mean(axis=0) if len(chosen) else np.zeros([0, 3])
    if np.linalg.matrix_rank(spread, tol=1e-6 * (np.abs(spread).max(initial=0.0) or 1.0)) < 2:
        raise ValueError(f"found {len(chosen)} usable landmarks, expected three not on a line")
    return AlignmentSimilarity(
        PointCloud(source[chosen]), PointCloud(target[chosen]), allow_mirror=False
    ).h_matrix


def transformed(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Applies a [4, 4] affine matrix to points [N, 3]."""
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def _import(path):
    menpo3d_io = require_menpo3d("menpo3d.io")
    import menpo.io

    reader = menpo.io if path.suffix.lower() in TEXTURE_SUFFIXES else menpo3d_io
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return reader.import_landmark_file(path)
    except Exception as error:  # menpo's readers let every kind of error through
        raise ValueError(f"{path}: cannot be read as landmarks: {one_line(error)}") from error


def _only_group(path, found):
    groups = list(found.values()) if isinstance(found, dict) else [found]
    if len(groups) != 1:
        raise ValueError(f"{path}: found {len(groups)} groups of landmarks, expected one")
    return groups[0]


def _ordered(cloud):
    """Points of a group; in the order of the 68-point markup if the names of its parts say so."""
    points = np.asarray(cloud.points, np.float64)
    labels = {label.lower(): label for label in getattr(cloud, "labels", [])}
    names = [next((labels[n] for n in group if n in labels), None) for group, _ in GROUPS]
    if len(points) != COUNT or None in names:
        return points
    parts = [cloud.get_label(name).points for name in names]
    sizes = [len(part) for part in parts]
    return np.concatenate(parts) if sizes == [size for _, size in GROUPS] else points


def _on_surface(places, scan):
    from scipy.spatial import cKDTree

    tree = cKDTree(pixel_coordinates(scan.tcoords, scan.texture_size))
    missing = ~np.isfinite(places).all(axis=1)
    _, nearest = tree.query(np.where(missing[:, None], 0.0, places))
    points = scan.points[nearest].copy()
    points[missing] = np.nan
    return points
