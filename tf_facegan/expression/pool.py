"""A part of several sets, read as if it were one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tf_facegan.records import order

if TYPE_CHECKING:
    from tf_facegan.records.reader import RecordSet


class Pool:
    """Some examples of sets with images of one size and the field `expression`.

    Args:
      sets: list of `RecordSet`.
      numbers: int [N], which examples, counted through all sets.

    Attributes:
      count: int N.
      fields: {"expression": int64 [N]}.
    """

    def __init__(self, sets: Sequence[RecordSet], numbers: Sequence[np.ndarray]):
        self._sets, self._numbers = sets, np.asarray(numbers, np.int64)
        self._starts = np.cumsum([0] + [records.count for records in sets])
        labels = np.concatenate([records.fields["expression"] for records in sets])
        self.fields = {"expression": labels[self._numbers]}

    @property
    def count(self) -> int:
        return len(self._numbers)

    def read(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Reads examples by their place in the pool: [N, C, H, W]; see `RecordSet.read`."""
        numbers = self._numbers[np.asarray(indices, np.int64)]
        shape = self._sets[0].info.shape
        images = np.empty((len(numbers), *shape), self._sets[0].info.dtype)
        for records, start in zip(self._sets, self._starts):
            own = (numbers >= start) & (numbers < start + records.count)
            images[own] = records.read(numbers[own] - start)
        return images

    def iterate(
        self, batch: int, position: int = 0, seed: int = 0, prefetch: int = 2
    ) -> Iterator[dict[str, tf.Tensor]]:
        """Iterates endlessly over batches {`images`, `expression`}; see `RecordSet.batches`."""

        def read(number):
            positions = position + int(number) * batch + np.arange(batch)
            indices = order.indices(positions, self.count, seed)
            return self.read(indices), self.fields["expression"][indices]

        first = self._sets[0].info
        types = [tf.as_dtype(first.dtype), tf.int64]

        def load(number):
            images, labels = tf.numpy_function(read, [number], types, stateful=False)
            images.set_shape((batch, *first.shape))
            labels.set_shape((batch,))
            return {"images": images, "expression": labels}

        numbers = tf.data.Dataset.range(np.iinfo(np.int64).max // batch)
        return iter(numbers.map(load).prefetch(prefetch))
