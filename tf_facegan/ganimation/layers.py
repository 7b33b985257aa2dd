"""Layers of GANimation's networks: their initial values, and published names of their variables."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tf_facegan.layers import (
    activate,
    conv2d,
    conv2d_transpose,
    he_stddev,
    instance_norm,
    normal,
    normalise,
    stable_dtype,
)

WEIGHT_STDDEV = 0.02
LEAKY_SLOPE = 0.01
NORM_SCALES = ("uniform", "ones", "normal")
NORMS = ("instance", "affine")


class _Layer(tf.keras.layers.Layer):
    """Base of layers that are built at once and cast by themselves."""

    def __init__(self, **kw):
        super().__init__(autocast=False, **kw)
        self.built = True

    def _variable(self, name, shape, initializer, trainable=True):
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            trainable=trainable,
            experimental_autocast=False,
        )


class Convolution(_Layer):
    """Weights of a convolution, normally distributed at the start, built at once.

    `call`: NHWC -> NHWC with symmetric zero padding.
    """

    def __init__(
        self,
        side: int,
        inputs: int,
        outputs: int,
        stride: int = 1,
        transposed: bool = False,
        bias: bool = False,
        seed: int | None = None,
        stddev: float | None = WEIGHT_STDDEV,
        gain: float = 1.0,
        **kw: Any,
    ):
        """Makes the variables.

        Args:
          side: int, of the kernel.
          inputs, outputs: int, channels.
          stride: int; the map becomes that much smaller, or larger if transposed.
          transposed: whether the kernel is [side, side, outputs, inputs], of a transposed
            convolution; else it is [side, side, inputs, outputs].
          bias: whether there is one; it is followed by a leaky ReLU.
          seed: int, the draw is a function of it; None draws from TensorFlow's global generator.
          stddev: float, of the first weights; None multiplies the size of the signal by `gain`, a
            ReLU behind it included (He et al., 2015).
          gain: float, see there.
          **kw: of `tf.keras.layers.Layer`.
        """
        super().__init__(**kw)
        if stddev is None:
            stddev = gain * he_stddev(inputs, side, stride if transposed else 1)
        self.stride, self.transposed = stride, transposed
        channels = (outputs, inputs) if transposed else (inputs, outputs)
        self.weight = self._variable(
            "weight",
            (side, side, *channels),
            lambda shape, dtype=None: normal(shape, stddev, seed, dtype),
        )
        self.bias = self._variable("bias", (outputs,), "zeros") if bias else None

    @property
    def named_variables(self) -> dict[str, tf.Variable]:
        named = {"weight": self.weight, "bias": self.bias}
        return {name: variable for name, variable in named.items() if variable is not None}

    @property
    def kernel(self) -> tf.Tensor:
        """The weight in the compute dtype."""
        return tf.cast(self.weight, self.compute_dtype)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        if self.transposed:
            return conv2d_transpose(x, self.kernel, self.stride)
        x = conv2d(x, self.kernel, self.stride)
        if self.bias is None:
            return x
        return activate(x, tf.cast(self.bias, x.dtype), "leaky_relu", LEAKY_SLOPE)


class Condition(_Layer):
    """What a vector adds to every pixel of a map: a matrix, N(0, 0.02**2) at the start.

    `call`: [N, inputs] -> [N, 1, 1, outputs].
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        seed: int | None = None,
        stddev: float | None = WEIGHT_STDDEV,
        **kw: Any,
    ):
        """Makes the variable; `seed` and `stddev` as of `Convolution`."""
        super().__init__(**kw)
        stddev = inputs**-0.5 if stddev is None else stddev
        self.weight = self._variable(
            "weight",
            (inputs, outputs),
            lambda shape, dtype=None: normal(shape, stddev, seed, dtype),
        )

    @property
    def named_variables(self) -> dict[str, tf.Variable]:
        return {"weight": self.weight}

    def call(self, values: tf.Tensor) -> tf.Tensor:
        return tf.matmul(values, tf.cast(self.weight, self.compute_dtype))[:, None, None]


class InstanceNorm(_Layer):
    """Instance norm with scale and shift, and the running statistics of published checkpoints.

    `call`: (x, use_running_stats=False) -> (normalised x, mean, variance), the last two those of
    each sample, [N, 1, 1, C], or None with the running ones.
    """

    def __init__(
        self,
        channels: int,
        scale_init: str = "uniform",
        seed: int | None = None,
        norm: str = "instance",
        **kw: Any,
    ):
        """Makes the variables; `scale_init` is one of NORM_SCALES, `norm` one of NORMS."""
        super().__init__(**kw)
        self.norm = norm

        def scales(shape, dtype=None):
            if scale_init == "normal":
                return 1.0 + normal(shape, WEIGHT_STDDEV, seed, dtype)
            if scale_init == "ones":
                return tf.ones(shape, dtype or tf.float32)
            draw = tf.random.uniform if seed is None else tf.random.stateless_uniform
            key = {} if seed is None else {"seed": [seed, 0]}
            return tf.cast(draw(shape, **key), dtype or tf.float32)

        self.weight = self._variable("weight", (channels,), scales)
        self.bias = self._variable("bias", (channels,), "zeros")
        self.running_mean = self._variable("running_mean", (channels,), "zeros", trainable=False)
        self.running_var = self._variable("running_var", (channels,), "ones", trainable=False)

    @property
    def named_variables(self) -> dict[str, tf.Variable]:
        names = ("weight", "bias", "running_mean", "running_var")
        return {name: getattr(self, name) for name in names}

    def call(
        self, x: tf.Tensor, use_running_stats: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor | None, tf.Tensor | None]:
        if self.norm == "affine":
            scale, shift = (tf.cast(v, x.dtype) for v in (self.weight, self.bias))
            return x * scale + shift, None, None
        if not use_running_stats:
            return instance_norm(x, self.weight, self.bias)
        dtype = stable_dtype(x.dtype)
        mean, variance = (tf.cast(v, dtype) for v in (self.running_mean, self.running_var))
        return normalise(x, mean, variance, self.weight, self.bias), None, None
