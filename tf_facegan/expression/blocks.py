"""Layers of the expression networks: weights that are drawn uniformly, and batch norm.

All are built at once. Variables are called as the published ones; images are NHWC.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tf_facegan.engine.optimizers import ema_update, replica_mean
from tf_facegan.layers import activate, conv2d, conv2d_transpose, normalise, stable_dtype


class Affine(tf.keras.layers.Layer):
    """A weight, uniform between -limit and limit at the start, a bias of zeros, an activation.

    `call` of this class: [N, in] -> [N, out].
    """

    def __init__(
        self,
        shape: Sequence[int],
        limit: float,
        leaves: Sequence[str] = ("/kernel", "/bias"),
        activation: str | None = None,
        seed: int | None = None,
        **kw: Any,
    ):
        """Makes the variables.

        Args:
          shape: of the weight; its last axis is the output's.
          limit: float.
          leaves: the published endings of the names of weight and bias.
          activation: as of `layers.activate`.
          seed: int, the draw is a function of it; None draws from TensorFlow's global generator.
          **kw: of `tf.keras.layers.Layer`.
        """
        super().__init__(autocast=False, **kw)
        self._activation, self._leaves = activation, leaves
        self.weight = self.add_weight(
            name="weight",
            shape=shape,
            initializer=lambda shape, dtype=None: uniform(shape, limit, seed, dtype),
        )
        self.bias = self.add_weight(name="bias", shape=(self.outputs,), initializer="zeros")
        self.built = True

    @property
    def outputs(self) -> int:
        """int, width of the output."""
        return self.weight.shape[-1]

    @property
    def named_variables(self) -> dict[str, tf.Variable]:
        """{published ending: variable}."""
        return dict(zip(self._leaves, (self.weight, self.bias)))

    def call(self, x: tf.Tensor) -> tf.Tensor:
        y = self._product(x, tf.cast(self.weight, self.compute_dtype))
        return activate(y, tf.cast(self.bias, self.compute_dtype), self._activation)

    def _product(self, x, weight):
        return tf.matmul(x, weight)


class Convolution(Affine):
    """A convolution with bias: NHWC -> NHWC; weight [h, w, in, out].

    `padding` is "SAME" or "VALID", `stride` an int.
    """

    def __init__(
        self, shape: Sequence[int], limit: float, stride: int = 1, padding: str = "SAME", **kw: Any
    ):
        super().__init__(shape, limit, **kw)
        self._stride, self._padding = stride, padding

    def _product(self, x, weight):
        evenly_padded = x.shape[1] % self._stride == 0 and x.shape[2] % self._stride == 0
        if self._padding == "SAME" and evenly_padded:
            return conv2d(x, weight, self._stride)
        return tf.nn.conv2d(x, weight, self._stride, self._padding)


class TransposedConvolution(Affine):
    """A transposed convolution with bias, SAME: [N, H, W, in] -> [N, stride * H, stride * W, out].

    The weight is [h, w, out, in].
    """

    def __init__(self, shape: Sequence[int], limit: float, stride: int = 1, **kw: Any):
        super().__init__(shape, limit, **kw)
        self._stride = stride

    @property
    def outputs(self) -> int:
        return self.weight.shape[2]

    def _product(self, x, weight):
        return conv2d_transpose(x, weight, self._stride)


class BatchNorm(tf.keras.layers.Layer):
    """Batch norm over all axes but the last (Ioffe and Szegedy, 2015).

    On several replicas the statistics are those of the whole batch.

    `call`: (x, batch_statistics, update=False) -> x normalised with the batch's statistics or the
    moving ones; `update` moves these towards the batch's.
    """

    def __init__(
        self,
        units: int,
        epsilon: float,
        decay: float,
        leaves: Sequence[str],
        unbiased: bool = False,
        **kw: Any,
    ):
        """Makes the variables.

        Args:
          units: int, width of the last axis.
          epsilon: float, added to the variance.
          decay: float, of the moving statistics.
          leaves: published endings of the names of scale, shift, moving mean and variance.
          unbiased: whether the moving variance is that of N - 1.
          **kw: of `tf.keras.layers.Layer`.
        """
        super().__init__(autocast=False, **kw)
        self.epsilon, self.decay, self.unbiased = epsilon, decay, unbiased
        self._leaves = leaves

        def weight(name, start, trainable=True):
            return self.add_weight(
                name=name, shape=(units,), initializer=start, trainable=trainable
            )

        self.scale, self.shift = weight("scale", "ones"), weight("shift", "zeros")
        self.moving_mean = weight("moving_mean", "zeros", trainable=False)
        self.moving_variance = weight("moving_variance", "ones", trainable=False)
        self.built = True

    @property
    def named_variables(self) -> dict[str, tf.Variable]:
        """{published ending: variable}."""
        variables = (self.scale, self.shift, self.moving_mean, self.moving_variance)
        return dict(zip(self._leaves, variables))

    def call(self, x: tf.Tensor, batch_statistics: bool, update: bool = False) -> tf.Tensor:
        if batch_statistics:
            mean, variance = self._moments(x)
            if update:
                self._update(x, mean, variance)
        else:
            dtype = stable_dtype(x.dtype)
            mean, variance = (tf.cast(v, dtype) for v in (self.moving_mean, self.moving_variance))
        return normalise(x, mean, variance, self.scale, self.shift, self.epsilon)

    def _moments(self, x):
        """Mean and biased variance over the batches of all replicas."""
        x = tf.cast(x, stable_dtype(x.dtype))
        axes = list(range(x.shape.rank - 1))
        (mean,) = replica_mean([tf.reduce_mean(x, axes)])
        (variance,) = replica_mean([tf.reduce_mean(tf.math.squared_difference(x, mean), axes)])
        return mean, variance

    def _update(self, x, mean, variance):
        if self.unbiased:
            replicas = tf.distribute.get_replica_context()
            count = tf.size(x) // x.shape[-1] * (replicas.num_replicas_in_sync if replicas else 1)
            count = tf.cast(count, variance.dtype)
            variance *= count / tf.maximum(count - 1, 1)
        moving = [self.moving_mean, self.moving_variance]
        values = [tf.cast(v, m.dtype) for v, m in zip((mean, variance), moving)]
        ema_update(moving, values, self.decay)


def uniform(
    shape: Sequence[int], limit: float, seed: int | None, dtype: tf.DType | str | None
) -> tf.Tensor:
    """Draws an initial weight from U(-limit, limit), the same for every dtype.

    Arguments as of `layers.normal`.
    """
    if seed is None:
        draw = tf.random.uniform(shape, -limit, limit)
    else:
        draw = tf.random.stateless_uniform(shape, [seed, 0], -limit, limit)
    return tf.cast(draw, dtype or tf.float32)
