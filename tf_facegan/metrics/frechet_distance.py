"""Fréchet inception distance (Heusel et al. 2017), of activations."""

from __future__ import annotations

import numpy as np


def statistics(activations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of activations.

    Args:
      activations: array [N, D].

    Returns:
      (float64 [D], float64 [D, D]).

    Raises:
      ValueError: fewer than two.
    """
    activations = np.asarray(activations, np.float64)
    if len(activations) < 2:
        raise ValueError(f"activations of {len(activations)} images, of at least 2 expected")
    return activations.mean(axis=0), np.atleast_2d(np.cov(activations, rowvar=False))


def frechet_distance(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> float:
    """Fréchet distance of two normal distributions (equation 6).

    Args:
      a, b: (mean [D], covariance [D, D]), as `statistics` gives them.

    Returns:
      float.

    Raises:
      ValueError: different sizes.
    """
    (mean_a, covariance_a), (mean_b, covariance_b) = a, b
    if mean_a.shape != mean_b.shape:
        raise ValueError(
            f"activations of {len(mean_a)} and {len(mean_b)} components, equally many expected"
        )
    # The trace of a matrix's root is the sum of its eigenvalues' roots. A root of the matrix itself
    # need not exist with fewer images than components.
    eigenvalues = np.linalg.eigvals(covariance_a @ covariance_b).astype(complex)
    difference = mean_a - mean_b
    trace = np.trace(covariance_a + covariance_b) - 2 * np.sum(np.sqrt(eigenvalues).real)
    return float(difference @ difference + trace)
