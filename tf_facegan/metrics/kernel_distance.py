"""Kernel inception distance (Bińkowski et al. 2018), of activations."""

from __future__ import annotations

import numpy as np


def kernel_distance(
    a: np.ndarray,
    b: np.ndarray,
    subsets: int = 100,
    subset_size: int = 1000,
    random: np.random.RandomState | None = None,
) -> tuple[float, float]:
    """The unbiased squared maximum mean discrepancy with a cubic kernel (section 4).

    Args:
      a, b: arrays [N, D] and [M, D].
      subsets: int, random subsets that are compared.
      subset_size: int, images in a subset; fewer if there are fewer.
      random: np.random.RandomState, or None for one with seed 0.

    Returns:
      (float, float): mean and standard deviation over the subsets. The mean can be below 0.
    """
    random = random or np.random.RandomState(0)
    size = min(subset_size, len(a), len(b))
    if size < 2:
        raise ValueError(f"{len(a)} and {len(b)} images, at least 2 of each expected")
    results = []
    for _ in range(subsets):
        x, y = (
            np.asarray(set_[random.choice(len(set_), size, replace=False)], np.float64)
            for set_ in (a, b)
        )
        within = sum(_kernel(z, z).sum() - np.trace(_kernel(z, z)) for z in (x, y))
        results.append(within / (size * (size - 1)) - 2 * _kernel(x, y).mean())
    return float(np.mean(results)), float(np.std(results))


def _kernel(x, y):
    return (x @ y.T / x.shape[1] + 1) ** 3
