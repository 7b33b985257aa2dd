"""The order in which examples are read: a stateless permutation of (seed, epoch)."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np


def indices(
    positions: Sequence[int] | np.ndarray, count: int, seed: int, shuffle: bool = True
) -> np.ndarray:
    """Record numbers at given positions of an endless pass over a set.

    Every epoch (count positions) visits every record once, in an order that depends on nothing
    but (seed, epoch), so reading can start anywhere without replaying what came before.

    Args:
      positions: int array, examples since the beginning of training.
      count: int, records of the set.
      seed: int in [0, 2**32).
      shuffle: without it, records come in the order of the file.

    Returns:
      int64 array shaped like `positions`, in [0, count).
    """
    positions = np.asarray(positions, np.int64)
    epochs, offsets = np.divmod(positions, count)
    if not shuffle:
        return offsets
    result = np.empty_like(offsets)
    for epoch in np.unique(epochs):
        chosen = epochs == epoch
        result[chosen] = _permutation(count, int(seed), int(epoch))[offsets[chosen]]
    return result


@functools.lru_cache(maxsize=4)
def _permutation(count, seed, epoch):
    # RandomState, because numpy promises never to change its stream: a run can be resumed under
    # another numpy version.
    permutation = np.random.RandomState([seed, epoch]).permutation(count)
    permutation.setflags(write=False)
    return permutation
