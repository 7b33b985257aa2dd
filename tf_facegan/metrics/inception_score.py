"""Inception score (Salimans et al. 2016), of class probabilities."""

from __future__ import annotations

import numpy as np


def inception_score(probabilities: np.ndarray, splits: int = 10) -> tuple[float, float]:
    """How sure the classes of single images are, and how varied those of all.

    Args:
      probabilities: array [N, classes], rows summing to 1.
      splits: int, parts that are scored apart.

    Returns:
      (float, float): mean and standard deviation over the parts.

    Raises:
      ValueError: fewer images than parts.
    """
    scores = []
    count = len(probabilities)
    if count < splits:
        raise ValueError(f"{count} images, at least {splits} expected: one for each part")
    for split in range(splits):
        part = probabilities[count * split // splits : count * (split + 1) // splits]
        mean = part.mean(axis=0, keepdims=True)
        # 0 log 0 is 0: a class without any probability adds nothing.
        logs = np.log(part, out=np.zeros_like(part), where=part > 0)
        divergence = part * (logs - np.log(mean, out=np.zeros_like(mean), where=mean > 0))
        scores.append(np.exp(np.mean(np.sum(divergence, axis=1))))
    return float(np.mean(scores)), float(np.std(scores))
