"""A set of black images that needs no files (PGGAN's `SyntheticDataset`), to measure speed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tf_facegan.records import schema

if TYPE_CHECKING:
    import tensorflow as tf


class SyntheticSet:
    """Black images at every level, without labels; used in place of a `reader.RecordSet`.

    Args:
      channels: int.
      resolution: int, side, a power of two of at least 4.

    Attributes:
      info, count, channels, resolution, range, labels, fields, uv_layout: as of `RecordSet`; one
        example, uint8, 0 to 255.

    Raises:
      ValueError: another side, or no channel.
    """

    count, range, fields, uv_layout = 1, [0, 255], {}, None

    def __init__(self, channels: int, resolution: int):
        self.channels, self.resolution = channels, resolution
        self.labels = np.zeros((self.count, 0), np.float32)
        self.info = schema.SetInfo(
            name="synthetic",
            kind=schema.MULTI_RESOLUTION,
            shape=[channels, resolution, resolution],
            dtype="uint8",
            count=self.count,
            modalities=schema.guess_modalities(channels),
            range=self.range,
        )

    def read(
        self, indices: Sequence[int] | np.ndarray, resolution: int | None = None
    ) -> np.ndarray:
        """Black images uint8 [N, C, H, W] for N record numbers, at a level (None: the largest)."""
        side = self.resolution if resolution is None else resolution
        return np.zeros((len(indices), self.channels, side, side), np.uint8)

    def iterate(
        self, batch: int, resolution: int | None = None, rows: np.ndarray | None = None, **_: Any
    ) -> Iterator[dict[str, tf.Tensor]]:
        """Endless batches: dict of `images` [B, C, H, W], `index` int64 [B], `labels` [B, 0].

        Args:
          batch: int B.
          resolution: int, side of the level; None is the largest.
          rows: int array, the rows of each batch that the result holds (B is their number then).
        """
        import tensorflow as tf

        numbers = np.zeros(batch if rows is None else len(rows), np.int64)
        images = tf.constant(self.read(numbers, resolution))
        labels = tf.constant(self.labels[numbers])
        while True:
            yield {"images": images, "index": tf.constant(numbers), "labels": labels}
