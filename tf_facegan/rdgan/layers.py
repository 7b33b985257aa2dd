"""Layers of RD-GAN's networks, and what they have in common during one pass through a network."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tf_facegan.engine.optimizers import ema_update, replica_mean
from tf_facegan.layers import (
    LEAKY_SLOPE,
    conv2d_transpose,
    he_stddev,
    moments,
    normal,
    normalise,
    seed_of,
    stable_dtype,
)

WEIGHT_STDDEV = 0.02
NORM_MOMENTUM, NORM_EPSILON = 0.99, 1e-3


class Convolution(tf.keras.layers.Layer):
    """Convolution without bias, batch norm if asked for, activation; variables are built at once.

    `call`: (x, training=False) -> (y, statistics); x and y NHWC with TensorFlow's SAME padding,
    statistics (mean [C], unbiased variance [C]) of the batch, None unless they were used.
    """

    def __init__(
        self,
        side: int,
        inputs: int,
        outputs: int,
        stride: int = 1,
        transposed: bool = False,
        norm: bool = True,
        activation: str | None = None,
        stddev: float | None = WEIGHT_STDDEV,
        seed: int | None = None,
        **kw: Any,
    ):
        """Makes the variables.

        Args:
          side: int, of the kernel.
          inputs, outputs: int, channels.
          stride: int; the map becomes that much smaller, or larger if transposed.
          transposed: whether the kernel is [side, side, outputs, inputs], of a transposed
            convolution; else it is [side, side, inputs, outputs].
          norm: whether batch norm follows.
          activation: "leaky_relu", "relu" or None.
          stddev: of the kernel; None for that of He et al. (2015), which keeps the signal's size.
          seed: int, the draw is a function of it; None draws from TensorFlow's global generator.
          **kw: of `tf.keras.layers.Layer`.
        """
        super().__init__(autocast=False, **kw)
        self.stride, self.transposed = stride, transposed
        self.norm, self.activation = norm, activation
        channels = (outputs, inputs) if transposed else (inputs, outputs)
        if stddev is None:
            stddev = he_stddev(inputs, side, stride if transposed else 1)
        self.W = _weight(self, "W", (side, side, *channels), stddev, seed)
        self.named_variables = {"W": self.W}
        if norm:
            kinds = {"gamma": 1.0, "beta": 0.0, "moving_mean": 0.0, "moving_variance": 1.0}
            for name, start in kinds.items():
                variable = self.add_weight(
                    name=name,
                    shape=(outputs,),
                    initializer=tf.keras.initializers.Constant(start),
                    trainable=not name.startswith("moving"),
                    experimental_autocast=False,
                )
                self.named_variables[f"batch_normalization/{name}"] = variable
        self.built = True

    def call(self, x: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, Any]:
        kernel = tf.cast(self.W, self.compute_dtype)
        if self.transposed:
            x = conv2d_transpose(x, kernel, self.stride)
        else:
            x = tf.nn.conv2d(x, kernel, self.stride, "SAME")
        statistics = None
        if self.norm:
            x, statistics = self._normalised(x, training)
        if self.activation == "leaky_relu":
            x = tf.nn.leaky_relu(x, LEAKY_SLOPE)
        elif self.activation == "relu":
            x = tf.nn.relu(x)
        return x, statistics

    def _normalised(self, x, training):
        dtype = stable_dtype(x.dtype)
        variables = list(self.named_variables.values())[1:]
        gamma, beta, *moving = (tf.cast(variable, dtype) for variable in variables)
        if not training:
            return normalise(x, *moving, gamma, beta, NORM_EPSILON), None
        if dtype == tf.float64:  # which the fused kernel does not take
            mean, variance = (tf.squeeze(m, [0, 1, 2]) for m in moments(x, [0, 1, 2]))
            count = tf.cast(tf.reduce_prod(tf.shape(x)[:3]), dtype)
            unbiased = variance * count / tf.maximum(count - 1, 1)
            return normalise(x, mean, variance, gamma, beta, NORM_EPSILON), (mean, unbiased)
        x, *statistics = tf.compat.v1.nn.fused_batch_norm(x, gamma, beta, epsilon=NORM_EPSILON)
        return x, statistics


class Dense(tf.keras.layers.Layer):
    """Matrix product with bias; variables are built at once.

    `call`: [N, in] -> ([N, out], None), the form of `Convolution`.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stddev: float | None = WEIGHT_STDDEV,
        seed: int | None = None,
        **kw: Any,
    ):
        super().__init__(autocast=False, **kw)
        stddev = he_stddev(inputs) if stddev is None else stddev
        self.W = _weight(self, "W", (inputs, outputs), stddev, seed)
        self.b = self.add_weight(
            name="b", shape=(outputs,), initializer="zeros", experimental_autocast=False
        )
        self.named_variables = {"W": self.W, "b": self.b}
        self.built = True

    def call(self, x: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, None]:
        weight, bias = (tf.cast(v, self.compute_dtype) for v in (self.W, self.b))
        return tf.matmul(x, weight) + bias, None


class Network(tf.keras.Model):
    """What the networks share: layers by their published names, statistics, dropout.

    Attributes:
      named_layers: {published path ("G_joiner/deconv1_1"): layer}.
      dropout_keep: share of the features that dropout keeps.
    """

    def __init__(
        self,
        kernel_size: int = 3,
        width: float = 1.0,
        dropout_keep: float = 1.0,
        seed: int | None = None,
        init_stddev: float | None = WEIGHT_STDDEV,
        **kw: Any,
    ):
        """Begins a network without layers.

        Args:
          kernel_size: int, side of the kernels (CONV_KERNEL_SIZE).
          width: float, the channels of every hidden layer are multiplied by it.
          dropout_keep: float in (0, 1].
          seed: int for weights that are a function of it; None draws from TensorFlow's generator.
          init_stddev: float, of the first weights; None as of `Convolution`.
          **kw: `name` and `dtype`, as of any Keras model.

        Raises:
          ValueError: the arguments do not describe a network.
        """
        if kernel_size < 2:
            raise ValueError(f"kernel_size is {kernel_size}, at least 2 expected")
        if width <= 0:
            raise ValueError(f"width is {width}, more than 0 expected")
        if not 0 < dropout_keep <= 1:
            raise ValueError(f"dropout_keep is {dropout_keep}, more than 0 and at most 1 expected")
        super().__init__(autocast=False, **kw)
        self.kernel_size, self.width, self.dropout_keep = kernel_size, width, dropout_keep
        self._seed, self.init_stddev = seed, init_stddev
        self.named_layers = {}
        self.built = True

    def channels(self, published: int) -> int:
        """Returns the channels of a hidden layer that is published with so many."""
        return max(1, round(published * self.width))

    def add(self, path: str, *args: Any, layer: type = Convolution, **options: Any) -> None:
        """Adds a layer under its published path; arguments as of the layer."""
        self.named_layers[path] = layer(
            *args,
            **{"stddev": self.init_stddev, **options},
            seed=seed_of(self._seed, path),
            name=path.replace("/", "_"),
            dtype=self.dtype_policy,
        )

    @property
    def named_variables(self) -> dict[str, tf.Variable]:
        """{published name ("G_joiner/deconv1_1/W"): variable}."""
        return {
            f"{path}/{name}": variable
            for path, layer in self.named_layers.items()
            for name, variable in layer.named_variables.items()
        }

    @property
    def named_trainable_variables(self) -> dict[str, tf.Variable]:
        """The same without moving statistics."""
        return {name: v for name, v in self.named_variables.items() if v.trainable}


class Pass:
    """One pass through a network: applies its layers and collects what they leave behind.

    Args:
      network: `Network`.
      training: normalise with the statistics of the batch, and move the moving ones at `finish`.
      seed: None for no dropout; an int; or int64 [N, 2], one for every sample of the batch.
    """

    def __init__(self, network: Network, training: bool = False, seed: tf.Tensor | None = None):
        self._network, self._training, self._seed = network, training, seed
        self._statistics, self._dropouts = [], 0

    def __call__(self, path: str, *inputs: tf.Tensor) -> tf.Tensor:
        """Applies a layer to one map or to several side by side."""
        x = tf.concat(inputs, axis=-1) if len(inputs) > 1 else inputs[0]
        layer = self._network.named_layers[path]
        y, statistics = layer(x, training=self._training)
        if statistics is not None:
            self._statistics.append((layer, statistics))
        return y

    def pair(self, path: str, *inputs: tf.Tensor) -> tf.Tensor:
        """Applies the two layers `path`_1 and `path`_2."""
        return self(f"{path}_2", self(f"{path}_1", *inputs))

    def dropout(self, x: tf.Tensor) -> tf.Tensor:
        """Keeps a feature with the network's probability and scales it up; others are 0.

        Every sample has a mask of its own seed, so that it does not depend on how a batch is split.
        """
        keep = self._network.dropout_keep
        if self._seed is None or keep == 1:
            return x
        self._dropouts += 1
        seeds = self._seed
        if isinstance(seeds, int):
            seeds = [[seeds, number] for number in range(x.shape[0])]
        seeds = tf.cast(seeds, tf.int64) + [self._dropouts, 0]
        draws = [tf.random.stateless_uniform(x.shape[1:], one) for one in tf.unstack(seeds)]
        return tf.where(tf.stack(draws) < keep, x / keep, tf.zeros_like(x))

    def finish(self) -> None:
        """Moves the moving statistics, layer by layer in the order of the calls."""
        if not self._statistics:
            return
        values = [value for _, statistics in self._statistics for value in statistics]
        (merged,) = replica_mean([tf.concat(values, axis=0)])
        values = iter(tf.split(merged, [value.shape[0] for value in values]))
        for layer, _ in self._statistics:
            moving = list(layer.named_variables.values())[-2:]
            batch = [tf.cast(next(values), variable.dtype) for variable in moving]
            ema_update(moving, batch, NORM_MOMENTUM)


def pool(x: tf.Tensor, side: int = 2, stride: int = 2) -> tf.Tensor:
    """Takes the maximum of boxes, SAME padding."""
    return tf.nn.max_pool2d(x, side, stride, "SAME")


def _weight(layer, name, shape, stddev, seed):
    return layer.add_weight(
        name=name,
        shape=shape,
        initializer=lambda shape, dtype=None: normal(shape, stddev, seed, dtype),
        experimental_autocast=False,
    )
