"""The one door through which randomness comes into training.

Every draw is a stateless function of (seed, step, name) and is made for the global batch; so
several devices see what one would, and nothing random has to be checkpointed.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import tensorflow as tf


class Draws:
    """Random tensors of one step.

    Args:
      seed: int, the run's seed.
      step: int or int64 scalar tensor, number of the step.
    """

    def __init__(self, seed: int | tf.Tensor, step: int | tf.Tensor):
        self._seed = seed
        self._step = tf.cast(step, tf.int64)

    def normal(self, name: str, shape: Sequence[int]) -> tf.Tensor:
        """Standard normal float32 tensor."""
        return tf.random.stateless_normal(shape, self._key(name))

    def uniform(self, name: str, shape: Sequence[int]) -> tf.Tensor:
        """float32 tensor in [0, 1)."""
        return tf.random.stateless_uniform(shape, self._key(name))

    def integers(self, name: str, shape: Sequence[int], limit: int) -> tf.Tensor:
        """int64 tensor in [0, limit)."""
        return tf.random.stateless_uniform(
            shape, self._key(name), minval=0, maxval=limit, dtype=tf.int64
        )

    def _key(self, name):
        named = zlib.crc32(name.encode()) ^ (self._seed * 0x9E3779B1 & 0xFFFFFFFF)
        return tf.stack([tf.constant(named, tf.int64), self._step])
