"""Pictures of surfaces: which triangle covers which pixel, and what is seen there."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from tf_facegan.uv.dependency import require_menpo3d

EDGE = 1e-6  # pixels; menpo3d leaves out a pixel that lies on the upper bound of its triangle
FARTHEST = 3.0  # a sliver is continued by no more than about this many times its own size


class Raster:
    """The triangle and the barycentric coordinates behind every covered pixel of a picture.

    Attributes:
      mask: bool [H, W], pixels that the surface covers.
      known: bool [H, W], these and the skirt around them.
      corners: int32 [P, 3], the vertices of the triangle behind each known pixel, row by row.
      weights: float32 [P, 3], their barycentric weights; in the skirt some are negative.
    """

    def __init__(
        self,
        pixels: np.ndarray,
        trilist: Sequence | np.ndarray,
        shape: Sequence[int],
        depth: np.ndarray | None = None,
        skirt: int = 0,
    ):
        """Rasterises triangles with menpo3d's CPU rasteriser.

        Args:
          pixels: [V, 2], (row, column) of each vertex; pixel centres are at whole numbers.
          trilist: int [T, 3]. Triangles without area are left out.
          shape: (height, width).
          depth: [V], smaller is nearer; None when nothing lies behind anything else.
          skirt: int, pixels by which the triangles at the rim are continued in their planes. A
            vertex on the rim lies between covered pixels and these, so that it can be read back.

        Raises:
          ImportError: menpo3d is missing.
        """
        pixels = np.asarray(pixels, np.float64) * (1.0 + EDGE / max(shape))
        depth = np.zeros(len(pixels)) if depth is None else np.asarray(depth, np.float64)
        trilist = _with_area(pixels, np.asarray(trilist, np.int64), shape)
        places, weights, triangles = _rasterised(pixels, depth, trilist, shape)
        self.mask = np.zeros(shape, bool)
        self.mask[tuple(places.T)] = True
        self.known = self.mask
        if skirt and len(places):
            ring, owners = _around(self.mask, triangles, skirt)
            places, triangles = np.concatenate([places, ring]), np.append(triangles, owners)
            outer = _continued(pixels[trilist[owners]], ring)
            order = np.lexsort([places[:, 1], places[:, 0]])
            weights, triangles = np.concatenate([weights, outer])[order], triangles[order]
            self.known = np.zeros(shape, bool)
            self.known[tuple(places.T)] = True
        self.corners = trilist[triangles].astype(np.int32)
        self.weights = weights.astype(np.float32)

    def interpolate(self, values: np.ndarray) -> np.ndarray:
        """Blends per-vertex values.

        Args:
          values: float [V, K].

        Returns:
          float [P, K], one row a known pixel.
        """
        values = np.asarray(values)
        return sum(values[self.corners[:, c]] * self.weights[:, c, None] for c in range(3))

    def picture(self, values: np.ndarray) -> np.ndarray:
        """Places rows [P, K] of known pixels into a float32 picture [H, W, K], zero elsewhere."""
        picture = np.zeros([*self.known.shape, values.shape[1]], np.float32)
        picture[self.known] = values
        return picture


def _rasterised(pixels, depth, trilist, shape):
    """(row, column) int [P, 2] of the covered pixels row by row, weights [P, 3], triangles [P]."""
    if not len(trilist):
        return np.zeros([0, 2], np.int64), np.zeros([0, 3]), np.zeros(0, np.int64)
    rasterize = require_menpo3d("menpo3d.rasterize").rasterize_barycentric_coordinates
    from menpo.shape import TriMesh

    places = np.ascontiguousarray(np.column_stack([pixels, depth]))
    return rasterize(TriMesh(places, trilist=trilist, copy=False), shape)


def _around(mask, triangles, width):
    """The pixels [N, 2] around a mask, and for each the triangle [N] of the nearest covered one."""
    from scipy.ndimage import distance_transform_edt

    owner = np.zeros(mask.shape, np.int64)
    owner[mask] = triangles
    brush = np.ones([2 * width + 1, 2 * width + 1], np.uint8)
    ring = cv2.dilate(mask.astype(np.uint8), brush).astype(bool) & ~mask
    rows, columns = distance_transform_edt(~mask, return_distances=False, return_indices=True)
    return np.argwhere(ring), owner[rows[ring], columns[ring]]


def _continued(corners, places):
    """Barycentric weights of places [N, 2] outside triangles [N, 3, 2], not too far outside."""
    a, b, c = corners.transpose(1, 0, 2)
    whole = _cross(b - a, c - a)
    weights = np.stack([_cross(b - places, c - places), _cross(c - places, a - places)], axis=1)
    weights = weights / whole[:, None]
    weights = np.column_stack([weights, 1.0 - weights.sum(axis=1)]) - 1.0 / 3.0
    farthest = np.abs(weights).max(axis=1, keepdims=True)
    return weights * np.minimum(1.0, FARTHEST / farthest) + 1.0 / 3.0


def _cross(first, second):
    return first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]


def _with_area(pixels, trilist, shape):
    """Leaves out triangles that are flat (menpo3d divides by their area) or wholly outside."""
    corners = pixels[trilist]
    low, high = corners.min(axis=1), corners.max(axis=1)
    seen = (high >= 0).all(axis=1) & (low <= np.asarray(shape) - 1).all(axis=1)
    return trilist[(_areas(pixels, trilist) > 1e-12) & seen]


def _areas(places, trilist):
    a, b, c = (places[trilist[:, corner]] for corner in range(3))
    return np.abs(_cross(b - a, c - a)) / 2


def vertex_normals(points: np.ndarray, trilist: np.ndarray) -> np.ndarray:
    """Unit normals of a surface, the same for vertices at the same place.

    Scans list a vertex once for every piece of their texture; normals must not show these seams.

    Args:
      points: float [V, 3].
      trilist: int [T, 3], counter-clockwise seen from outside.

    Returns:
      float64 [V, 3], means of the adjacent triangles' normals weighted by their areas; +z where
      there is no area.
    """
    points, welded = np.asarray(points), welds(points)
    corners = welded[trilist]
    a, b, c = (points[corners[:, corner]] for corner in range(3))
    faces = np.cross(b - a, c - a)
    sums = np.stack(
        [
            np.bincount(corners.ravel(), faces[:, axis].repeat(3), minlength=len(points))
            for axis in range(3)
        ],
        axis=1,
    )
    return unit(sums)[welded]


def welds(points: np.ndarray) -> np.ndarray:
    """The first vertex at the place of each: float [V, 3] -> int64 [V]."""
    _, firsts, places = np.unique(points, axis=0, return_index=True, return_inverse=True)
    return firsts[places.reshape(-1)]


def unit(vectors: np.ndarray) -> np.ndarray:
    """Scales vectors [..., 3] to length 1; those without length become +z."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(length > 1e-12, vectors / np.maximum(length, 1e-12), [0.0, 0.0, 1.0])


def bilinear(picture: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Samples a picture between its pixel centres; beyond the edge the edge is repeated.

    Args:
      picture: uint8 or float32 [H, W, K].
      pixels: [P, 2], (row, column).

    Returns:
      float32 [P, K].
    """
    height, width, channels = picture.shape
    row = np.clip(pixels[:, 0], 0, height - 1)
    column = np.clip(pixels[:, 1], 0, width - 1)
    top = np.minimum(row.astype(np.int64), max(height - 2, 0))
    left = np.minimum(column.astype(np.int64), max(width - 2, 0))
    below, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    down = (row - top).astype(np.float32)[:, None]
    across = (column - left).astype(np.float32)[:, None]
    upper = picture[top, left] * (1 - across) + picture[top, right] * across
    lower = picture[below, left] * (1 - across) + picture[below, right] * across
    return (upper * (1 - down) + lower * down).astype(np.float32).reshape(-1, channels)


def sample_texture(texture: np.ndarray, tcoords: np.ndarray, shrink: float = 1.0) -> np.ndarray:
    """Colours of a texture at texture coordinates, without aliasing.

    Args:
      texture: uint8 [H, W, 3].
      tcoords: [P, 2], (u, v), origin at the bottom left.
      shrink: how many texture pixels lie, in length, on one pixel of the result; above 1 the
        texture is averaged over boxes first.

    Returns:
      float32 [P, 3] in [0, 255].
    """
    height, width = texture.shape[:2]
    rows = (1.0 - tcoords[:, 1]) * (height - 1)
    columns = tcoords[:, 0] * (width - 1)
    if shrink > 1.0:
        small = (max(1, round(width / shrink)), max(1, round(height / shrink)))
        texture = cv2.resize(texture, small, interpolation=cv2.INTER_AREA)
        rows = (rows + 0.5) * (small[1] / height) - 0.5
        columns = (columns + 0.5) * (small[0] / width) - 0.5
    return bilinear(texture, np.stack([rows, columns], axis=1))


def texture_shrink(
    pixels: np.ndarray, tcoords: np.ndarray, trilist: np.ndarray, texture_size: Sequence[int]
) -> float:
    """How many texture pixels, in length, lie on a pixel of a picture, over the whole mesh.

    Args:
      pixels: [V, 2], (row, column) in the picture.
      tcoords: [V, 2], (u, v) in the texture.
      trilist: int [T, 3].
      texture_size: (height, width, ...).

    Returns:
      float, the `shrink` of `sample_texture`.
    """
    drawn = _areas(np.asarray(pixels), trilist).sum()
    there = _areas(np.asarray(tcoords) * [texture_size[1], texture_size[0]], trilist).sum()
    return float(np.sqrt(there / drawn)) if drawn > 0 else 1.0


def fill_holes(picture: np.ndarray, mask: np.ndarray, sweeps: int = 8) -> np.ndarray:
    """Continues a picture smoothly over the pixels outside its mask.

    Coarse to fine: pixels without a value take the mean of their surroundings at the finest level
    that has one, smoothed by a few sweeps towards a solution of Laplace's equation. Values stay
    within the range of the known ones.

    Args:
      picture: float32 [S, S, K], S a power of two.
      mask: bool [S, S], where the picture is known; at least one pixel.
      sweeps: int, smoothing passes a level.

    Returns:
      float32 [S, S, K], unchanged under the mask.
    """
    if mask.all():
        return picture
    known = mask.astype(np.float32)
    levels = [(picture * known[..., None], known)]
    while levels[-1][1].shape[0] > 1:
        levels.append(_halved(*levels[-1]))
    filled = levels[-1][0]
    for values, known in levels[-2::-1]:
        side = known.shape[0]
        filled = cv2.resize(filled, (side, side), interpolation=cv2.INTER_LINEAR)
        filled = _relaxed(filled.reshape(values.shape), values, known > 0, sweeps)
    return filled


def _halved(values, known):
    """Means of the known pixels in boxes of 2x2; `known` becomes 1 where there is any."""
    side = known.shape[0] // 2
    sums = values.reshape(side, 2, side, 2, -1).sum(axis=(1, 3))
    counts = known.reshape(side, 2, side, 2).sum(axis=(1, 3))
    return sums / np.maximum(counts, 1.0)[..., None], (counts > 0).astype(np.float32)


def _relaxed(filled, values, known, sweeps):
    filled[known] = values[known]
    for _ in range(0 if known.all() else sweeps):
        filled = cv2.blur(filled, (3, 3), borderType=cv2.BORDER_REPLICATE).reshape(values.shape)
        filled[known] = values[known]
    return filled
