"""Inception score (Salimans et al. 2016), of class probabilities."""

import numpy as np


def inception_score(probabilities, splits=10):
    """How sure the classes of single images are, and how varied those of all.

    Args:
      probabilities: array [N, classes], rows summing to 1.
      splits: int, parts that are scored apart.

    Returns:
      (float, float): mean and standard deviation over the parts.
    """
    scores = []
    count = len(probabilities)
    for split in range(splits):
        part = probabilities[count * split // splits : count * (split + 1) // splits]
        divergence = part * (np.log(part) - np.log(part.mean(axis=0, keepdims=True)))
        scores.append(np.exp(np.mean(np.sum(divergence, axis=1))))
    return float(np.mean(scores)), float(np.std(scores))
