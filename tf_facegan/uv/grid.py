"""Regular grids of vertices, for surfaces that have no vertices of their own."""

from __future__ import annotations

import cv2
import numpy as np

SIDE = 128  # vertices along a side, at most


def grid_trilist(vertices: np.ndarray) -> np.ndarray:
    """Triangles of a grid, counter-clockwise seen from the front.

    Args:
      vertices: int [H, W], the number of the vertex at each place, -1 where there is none.

    Returns:
      int [T, 3], two for every square whose four corners are there.
    """
    top_left, top_right = vertices[:-1, :-1], vertices[:-1, 1:]
    low_left, low_right = vertices[1:, :-1], vertices[1:, 1:]
    squares = np.stack([top_left, low_left, top_right, top_right, low_left, low_right], axis=-1)
    return squares[(squares >= 0).all(axis=-1)].reshape(-1, 3)


def mask_grid(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A grid of vertices over the main piece of a mask, holes in it closed.

    Args:
      mask: bool [R, R].

    Returns:
      (bool [R, R] the mask without holes and stray pieces, float64 [V, 2] texture coordinates on
      texel centres, int [T, 3] triangles).
    """
    solid = _solid(mask)
    side = mask.shape[0]
    places = np.unique(np.rint(np.linspace(0, side - 1, min(side, SIDE))).astype(int))
    there = solid[np.ix_(places, places)]
    vertices = np.where(there, np.cumsum(there).reshape(there.shape) - 1, -1)
    rows, columns = (places[index] for index in np.nonzero(there))
    tcoords = np.stack([columns / (side - 1), 1.0 - rows / (side - 1)], axis=1)
    return solid, tcoords, grid_trilist(vertices)


def _solid(mask):
    """The largest connected piece of a mask, with everything that it encloses."""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=4
    )
    if count < 2:
        return mask
    largest = pieces == 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA])
    outside = np.pad(~largest, 1, constant_values=True).astype(np.uint8)
    _, background = cv2.connectedComponents(outside, connectivity=4)
    return background[1:-1, 1:-1] != background[0, 0]
