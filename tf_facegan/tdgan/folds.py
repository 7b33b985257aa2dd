"""Subject-independent folds (section V-A of the paper): no subject is in two of them."""

from __future__ import annotations

import numpy as np


def make_folds(subjects: np.ndarray, folds: int = 10, seed: int = 0) -> np.ndarray:
    """Divides pictures into groups by subject, of about equal numbers of pictures.

    Args:
      subjects: int [N], the subject of each picture.
      folds: int, groups.
      seed: int, of which subjects come together.

    Returns:
      int64 [N], the group of each picture, from 0; a function of the arguments.

    Raises:
      ValueError: fewer subjects than folds.
    """
    names, places, counts = np.unique(subjects, return_inverse=True, return_counts=True)
    if not 2 <= folds <= len(names):
        raise ValueError(f"{folds} folds of {len(names)} subjects; expected 2 to {len(names)}")
    shuffled = np.random.RandomState([seed, 0x464F4C44]).permutation(len(names))
    # The largest first, each to the smallest group so far; equal ones in the order of the seed.
    by_size = shuffled[np.argsort(-counts[shuffled], kind="stable")]
    groups, sizes = np.empty(len(names), np.int64), np.zeros(folds, np.int64)
    for subject in by_size:
        groups[subject] = np.argmin(sizes)
        sizes[groups[subject]] += counts[subject]
    return groups[places]
