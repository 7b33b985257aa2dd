"""Sliced Wasserstein distance between local patches of a Laplacian pyramid (PGGAN, section 5).

Every level is compared on its own, so that the distance says at which scale two sets of images
differ. The arithmetic, and the order in which random numbers are drawn, are PGGAN's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

PATCH = 7
PATCHES_PER_IMAGE = 128
REPEATS = 4
DIRECTIONS = 128
SMALLEST_LEVEL = 16

_KERNEL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]).astype(np.float32) / 256


def laplacian_pyramid(images: np.ndarray, count: int) -> list[np.ndarray]:
    """Splits images into bands of halving resolution.

    Args:
      images: array [N, C, H, W], values 0 to 255.
      count: int, levels.

    Returns:
      list of float32 [N, C, H / 2^i, W / 2^i]: what level i adds to level i + 1 enlarged; the last
      is the smallest image itself.
    """
    pyramid = [np.asarray(images, np.float32)]
    for _ in range(count - 1):
        smaller = _down(pyramid[-1])
        pyramid[-1] = pyramid[-1] - _up(smaller)
        pyramid.append(smaller)
    return pyramid


def descriptors(images: np.ndarray, count: int, random: np.random.RandomState) -> np.ndarray:
    """Cuts random patches of 7x7 pixels.

    Args:
      images: array [N, C, H, W].
      count: int, patches an image.
      random: np.random.RandomState.

    Returns:
      array [N * count, C, 7, 7]; its last two axes are columns and rows, as PGGAN stores them.
    """
    number, channels, height, width = images.shape
    half = PATCH // 2
    offsets = np.arange(PATCH) - half
    shape = (number * count, 1, 1, 1)
    columns = random.randint(half, width - half, size=shape) + offsets[:, np.newaxis]
    rows = random.randint(half, height - half, size=shape) + offsets
    image = np.arange(number * count).reshape(shape) // count
    return images[image, np.arange(channels).reshape(1, -1, 1, 1), rows, columns]


def normalized(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Gives descriptors zero mean and unit deviation in every channel, as vectors.

    Args:
      parts: sequence of arrays [n, C, 7, 7].

    Returns:
      float32 [sum of n, C * 49].
    """
    whole = np.concatenate(parts)
    whole -= whole.mean(axis=(0, 2, 3), keepdims=True)
    whole /= whole.std(axis=(0, 2, 3), keepdims=True)
    return whole.reshape(len(whole), -1)


def sliced_wasserstein(
    a: np.ndarray,
    b: np.ndarray,
    random: np.random.RandomState,
    repeats: int = REPEATS,
    directions: int = DIRECTIONS,
) -> float:
    """Mean distance between sorted projections of two sets of vectors.

    Args:
      a, b: float32 [N, D].
      random: np.random.RandomState.
      repeats, directions: int, how often how many random directions are drawn.

    Returns:
      float.

    Raises:
      ValueError: sets of different shapes.
    """
    if a.shape != b.shape:
        raise ValueError(f"vectors of shapes {list(a.shape)} and {list(b.shape)}, equal expected")
    results = []
    for _ in range(repeats):
        ways = random.randn(a.shape[1], directions)
        ways /= np.sqrt(np.sum(np.square(ways), axis=0, keepdims=True))
        ways = ways.astype(np.float32)
        projected = [np.sort(np.matmul(vectors, ways), axis=0) for vectors in (a, b)]
        results.append(np.mean(np.abs(projected[0] - projected[1])))
    return float(np.mean(results))


class SlicedWassersteinDistance:
    """The distance of sets of images from a set of reals, times 1000, level by level.

    Args:
      shape: (C, H, W) of the images, square, a power of two of at least 16.
      random: np.random.RandomState, or None for one with seed 0.
      patches_per_image: int.
    """

    def __init__(
        self,
        shape: Sequence[int],
        random: np.random.RandomState | None = None,
        patches_per_image: int = PATCHES_PER_IMAGE,
    ):
        side = shape[1]
        if side != shape[2] or side < SMALLEST_LEVEL or side & (side - 1):
            raise ValueError(
                f"images are {shape[1]}x{shape[2]}; square ones whose side is a power of two of "
                f"at least {SMALLEST_LEVEL} expected"
            )
        self.sides = [
            1 << log2 for log2 in range(side.bit_length() - 1, SMALLEST_LEVEL.bit_length() - 2, -1)
        ]
        self._random = random or np.random.RandomState(0)
        self._patches = patches_per_image
        self._reals = None

    @property
    def names(self) -> list[str]:
        """list of str: what `distance` returns."""
        return [f"SWDx1e3_{side}" for side in self.sides] + ["SWDx1e3_avg"]

    def part(self, images: np.ndarray) -> list[np.ndarray]:
        """Descriptors of some images of a set.

        Args:
          images: array [n, C, H, W], values 0 to 255.

        Returns:
          list of float32 [n * patches, C, 7, 7], one for every level.
        """
        pyramid = laplacian_pyramid(images, len(self.sides))
        return [descriptors(level, self._patches, self._random) for level in pyramid]

    def summary(self, parts: Sequence[list[np.ndarray]]) -> list[np.ndarray]:
        """Descriptors of a whole set: list of parts -> list of float32 [N * patches, C * 49]."""
        return [normalized(level) for level in zip(*parts)]

    def distance(self, a: list[np.ndarray], b: list[np.ndarray]) -> list[float]:
        """Compares the summaries of two sets of equally many images.

        Returns:
          list of float: the distance times 1000 at every level, and their mean.
        """
        levels = [sliced_wasserstein(*pair, self._random) * 1e3 for pair in zip(a, b)]
        return [*levels, float(np.mean(levels))]


def _down(images):
    return _convolved(images, _KERNEL)[:, :, ::2, ::2]


def _up(images):
    number, channels, height, width = images.shape
    spread = np.zeros((number, channels, height * 2, width * 2), images.dtype)
    spread[:, :, ::2, ::2] = images
    return _convolved(spread, _KERNEL * 4)


def _convolved(images, kernel):
    return ndimage.convolve(images, kernel[np.newaxis, np.newaxis], mode="mirror")
