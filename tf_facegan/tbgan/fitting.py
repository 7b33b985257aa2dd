"""Latents of given images, found by gradient descent (`fit_real_images` of TBGAN)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tf_facegan.engine.optimizers import Adam
from tf_facegan.tbgan.inference import label_kind

if TYPE_CHECKING:
    from tf_facegan.tbgan.inference import TBGANPipeline


class LatentFit:
    """Latents, and labels where none are given, that make a generator repeat some images.

    Minimises 0.5 * sum((G(z) - target)^2) over all pixels of the full size, as published. Images of
    a batch do not depend on each other: many at once give what one after the other gives.

    Args:
      pipeline: `TBGANPipeline`.
      count: int N, images fitted at a time.
      channels: list of int, the channels of the generator's images that targets show.
      labels: float32 [label_size] of all images, or None to fit them as well.
      seed: int, of the first latents.

    Attributes:
      latents: variable float32 [N, latent_size].
    """

    def __init__(
        self,
        pipeline: TBGANPipeline,
        count: int,
        channels: Sequence[int],
        labels: np.ndarray | None = None,
        seed: int = 0,
    ):
        self._generator, self._lod = pipeline.generator, pipeline.lod
        self._factor = 2 ** math.floor(pipeline.lod)
        self._channels = tf.constant(channels)
        self._is_intensity = label_kind(pipeline.info) == "intensity"
        width, label_size = self._generator.latent_size, pipeline.label_size
        # Glorot's uniform distribution, TensorFlow 1's default for a variable [1, width].
        limit = math.sqrt(6 / (1 + width))
        first = np.random.RandomState(seed).uniform(-limit, limit, (count, width))
        self._first = first.astype(np.float32)
        self.latents = tf.Variable(self._first, name="latents")
        self._fixed = None if labels is None else tf.tile(tf.constant(labels)[None], [count, 1])
        self._scores = tf.Variable(tf.zeros([count, label_size]), name="scores")
        is_fitted = labels is None and label_size > 0
        self._variables = [self.latents] + [self._scores] * is_fitted
        self._optimizer = Adam(self._variables)

    def labels(self) -> tf.Tensor:
        """Labels [N, label_size] as the generator takes them: the given ones, or of the scores."""
        if self._fixed is not None:
            return self._fixed
        if self._is_intensity:
            return tf.sigmoid(self._scores)
        return tf.nn.softmax(self._scores)

    def images(self) -> tf.Tensor:
        """What the generator makes of latents and labels: float32 [N, R, R, channels]."""
        native = self._generator(self.latents, self.labels(), lod=self._lod)
        native = tf.gather(tf.cast(native, tf.float32), self._channels, axis=-1)
        return tf.repeat(tf.repeat(native, self._factor, axis=1), self._factor, axis=2)

    @tf.function
    def step(self, targets: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
        """One step of Adam.

        Args:
          targets: float32 [N, R, R, channels], in [-1, 1].
          rate: scalar tensor.

        Returns:
          float32 [N], the losses before the step.
        """
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._variables)
            losses = self._losses(targets)
            loss = tf.reduce_sum(losses)
        self._optimizer.apply(tape.gradient(loss, self._variables), self._variables, rate)
        return losses

    @tf.function
    def losses(self, targets: tf.Tensor) -> tf.Tensor:
        """0.5 * sum of squared differences of each image: float32 [N]."""
        return self._losses(targets)

    def _losses(self, targets):
        return 0.5 * tf.reduce_sum(tf.square(self.images() - targets), axis=[1, 2, 3])

    def reset(self) -> None:
        """Back to the first latents, even labels and an optimizer that has seen nothing."""
        self.latents.assign(self._first)
        self._scores.assign(tf.zeros_like(self._scores))
        self._optimizer.reset()
