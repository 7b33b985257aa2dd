"""The levels of a multi-resolution set."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

_ROWS = 64  # averaged at a time; even; they stay in the cache


def build(array: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """Yields an array [C, H, W] at `count` resolutions, each half as large as the one before.

    Every level is (a + b + c + d) * 0.25 of the four 2x2 phases of the running array, added in the
    order (even row, even column), (even, odd), (odd, even), (odd, odd) in float32. uint8 sets are
    rounded (half to even) when a level is written; the running array stays unrounded, so that
    rounding does not accumulate (PGGAN's `dataset_tool`, bit for bit).

    Args:
      array: uint8 or float32 [C, H, W], C-contiguous.
      count: int, levels; the first is `array` itself.
    """
    yield array
    running = np.asarray(array, np.float32)
    for _ in range(count - 1):
        running = halve(running)
        yield running if array.dtype == np.float32 else np.rint(running).astype(np.uint8)


def halve(array: np.ndarray) -> np.ndarray:
    """Box-averages a float32 array [C, H, W] to [C, H/2, W/2], in the order that `build` names."""
    channels, height, width = array.shape
    result = np.empty((channels, height // 2, width // 2), np.float32)
    columns = np.empty((2, min(height, _ROWS), width // 2), np.float32)
    for channel, halved in zip(array, result):
        for row in range(0, height, _ROWS):
            rows = channel[row : row + _ROWS]
            even, odd = columns[:, : len(rows)]
            cv2.split(rows.reshape(len(rows), -1, 2), [even, odd])
            total = halved[row // 2 : (row + _ROWS) // 2]
            np.add(even[0::2], odd[0::2], out=total)
            total += even[1::2]
            total += odd[1::2]
            total *= np.float32(0.25)
    return result
