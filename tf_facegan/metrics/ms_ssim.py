"""Multi-scale structural similarity of pairs of images (Wang et al. 2003), as PGGAN computes it.

Between generated images it measures variation: the more alike a generator's images, the higher.
"""

from __future__ import annotations

import cv2
import numpy as np

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
SMALLEST_SIDE = 2 ** (len(WEIGHTS) - 1)  # a pixel is left at the last scale
_WINDOW, _SIGMA = 11, 1.5
_K1, _K2 = 0.01, 0.03


def ssim_and_contrast(
    a: np.ndarray, b: np.ndarray, value_range: float = 255.0
) -> tuple[np.ndarray, np.ndarray]:
    """Structural similarity at one scale.

    Args:
      a, b: arrays [N, H, W, C].
      value_range: float, from black to white.

    Returns:
      (float64 [N], float64 [N]): mean structural similarity, and mean of its contrast and
      structure factor.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    size = min(_WINDOW, *a.shape[1:3])
    window = _gaussian(size, size * _SIGMA / _WINDOW)
    c1, c2 = (_K1 * value_range) ** 2, (_K2 * value_range) ** 2
    mean_a, mean_b = _filtered(a, window), _filtered(b, window)
    variance_a = _filtered(a * a, window) - mean_a**2
    variance_b = _filtered(b * b, window) - mean_b**2
    covariance = _filtered(a * b, window) - mean_a * mean_b
    contrast = (2 * covariance + c2) / (variance_a + variance_b + c2)
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    axes = (1, 2, 3)
    return np.mean(luminance * contrast, axis=axes), np.mean(contrast, axis=axes)


def ms_ssim(a: np.ndarray, b: np.ndarray, value_range: float = 255.0) -> float:
    """Multi-scale structural similarity of pairs.

    Args:
      a, b: arrays [N, H, W, C].
      value_range: float, from black to white.

    Returns:
      float: mean over the pairs. Negative means at a scale count as 0.

    Raises:
      ValueError: images too small for all scales.
    """
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    height, width = a.shape[1:3]
    if min(height, width) < SMALLEST_SIDE:
        raise ValueError(
            f"images of {width} x {height} pixels, at least {SMALLEST_SIDE} x {SMALLEST_SIDE} "
            "expected: MS-SSIM halves them four times"
        )
    result = np.ones(len(a))
    for number, weight in enumerate(WEIGHTS):
        similarity, contrast = ssim_and_contrast(a, b, value_range)
        last = number == len(WEIGHTS) - 1
        result *= np.maximum(similarity if last else contrast, 0) ** weight
        a, b = (_halved(images) for images in (a, b))
    return float(np.mean(result))


def variation(images: np.ndarray) -> tuple[float, int]:
    """Similarity of every other image to the one behind it (PGGAN's `MS-SSIM`).

    Args:
      images: array [2n or 2n + 1, C, H, W], values 0 to 255.

    Returns:
      (float, int): the mean over the pairs, and how many they are; (0.0, 0) without a pair.
    """
    images = np.asarray(images).transpose(0, 2, 3, 1)
    pairs = len(images) // 2
    if not pairs:
        return 0.0, 0
    return ms_ssim(images[0 : 2 * pairs : 2], images[1 : 2 * pairs : 2]), pairs


def _gaussian(size, sigma):
    """Normalised window [size]; an even one has its centre between two pixels."""
    distances = np.arange(size) - (size - 1) / 2
    weights = np.exp(-(distances**2) / (2 * sigma**2))
    return weights / weights.sum()


def _filtered(images, window):
    """The window's weighted mean wherever it fits into the image."""
    before, after = (len(window) - 1) // 2, len(window) // 2
    height, width = images.shape[1:3]
    result = np.empty(
        (len(images), height - len(window) + 1, width - len(window) + 1, images.shape[3])
    )
    for image, out in zip(images, result):
        whole = cv2.sepFilter2D(image, cv2.CV_64F, window, window, anchor=(before, before))
        whole = whole.reshape(image.shape)
        out[:] = whole[before : height - after, before : width - after]
    return result


def _halved(images):
    height, width = (side // 2 * 2 for side in images.shape[1:3])
    phases = [images[:, y:height:2, x:width:2] for y in (0, 1) for x in (0, 1)]
    return sum(phases) / 4
