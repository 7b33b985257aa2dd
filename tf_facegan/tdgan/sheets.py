"""Pictures of results: arrays in [0, 1] to uint8, and tables of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def to_uint8(images: np.ndarray) -> np.ndarray:
    """uint8 of images [N, S, S, C] in [0, 1], values cut off and not rounded, as published."""
    return (np.clip(images, 0, 1) * 255).astype(np.uint8)


def table(faces: np.ndarray, expressions: np.ndarray, rows: Sequence[np.ndarray]) -> np.ndarray:
    """Puts results between the photos they come from.

    Args:
      faces: [F, S, S, C] in [0, 1], shown at the left.
      expressions: [E, S, S, C], shown above.
      rows: list of F arrays [E, S, S, C].

    Returns:
      uint8 [(F + 1) * S, (E + 1) * S, C]; the corner is white.
    """
    corner = np.ones_like(expressions[:1])
    lines = [np.concatenate([corner, expressions])]
    lines += [np.concatenate([face[None], row]) for face, row in zip(faces, rows)]
    return to_uint8(np.concatenate([np.concatenate(list(line), axis=1) for line in lines], axis=0))
