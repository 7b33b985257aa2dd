"""Autoencoder, generator, critic and classifier of the expression system.

Names of variables are the published ones (Shaowen1994/TAMU_CSCE633_CourseProject), their layouts
TensorFlow's; `reference.py` maps to the published layouts. Images are NHWC.
"""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from tf_facegan.config import check_choice
from tf_facegan.expression.blocks import Affine, BatchNorm, Convolution, TransposedConvolution
from tf_facegan.expression.vgg16 import Classifier
from tf_facegan.layers import seed_of, stable_dtype

__all__ = ["Autoencoder", "Classifier", "Critic", "Generator"]

KINDS = ("concat", "add")
STATISTICS = ("batch", "moving")
CRITIC_STRIDES = (3, 3, 2, 2)
_TFLIB_LINEAR, _TFLIB_CONV = (".W", ".b"), (".Filters", ".Biases")
_TFLIB_NORM = (".scale", ".offset", ".moving_mean", ".moving_variance")
_KERAS_NORM = ("/gamma", "/beta", "/moving_mean", "/moving_variance")


class _Network(tf.keras.Model):
    """What the networks share: layers by their published names."""

    def __init__(self, name, dtype, seed):
        super().__init__(name=name, dtype=dtype, autocast=False)
        self.named_layers = {}
        self._seed = seed

    def _add(self, path, cls, *args, **kw):
        """Makes a layer and keeps it under its published name."""
        if cls is not BatchNorm:
            kw["seed"] = seed_of(self._seed, path)
        name = path.replace(".", "_")
        self.named_layers[path] = cls(*args, name=name, dtype=self.dtype_policy, **kw)

    @property
    def named_variables(self):
        """{published name: variable}, in the order of the network."""
        return {
            path + ending: variable
            for path, layer in self.named_layers.items()
            for ending, variable in layer.named_variables.items()
        }

    @property
    def named_trainable_variables(self):
        """The same without moving statistics."""
        return {n: v for n, v in self.named_variables.items() if v.trainable}


class Autoencoder(_Network):
    """The convolutional autoencoder whose code represents a face.

    Call: `(images, training=False)` -> reconstructions.
      images: [N, S, S, 3] in [-0.5, 0.5]; S is `image_size`.
      training: batch norm with statistics of the batch, which moves the moving ones.
      reconstructions: [N, S, S, 3], at least float32; in (0, 1) with the published sigmoid.
    `encode(images)` gives the code, [N, (S / 4)**2], at least float32.
    """

    def __init__(
        self,
        code_activation: str = "softmax",
        output_activation: str = "sigmoid",
        image_size: int = 100,
        dim: int = 64,
        code_gain: float = 1.0,
        norm_decay: float = 0.99,
        seed: int | None = None,
        name: str = "autoencoder",
        dtype: Any = None,
    ):
        """Builds the network; the defaults are the published values.

        Args:
          code_activation, output_activation: names of Keras activations ("linear" for none).
          image_size: int S, a multiple of 4, at least 24.
          dim: int, width of the first layer, a multiple of 4.
          code_gain: float, factor between code and decoder. The codes are small, and with 1 the
            decoder's first layer often dies in the first steps of Adam.
          norm_decay: float, of batch norm's moving statistics.
          seed: int for weights that are a function of it; None draws from TensorFlow's generator.
          name, dtype: as of any Keras model.

        Raises:
          ValueError: the arguments do not describe a network.
        """
        _check_image_size(image_size, least=24)
        if dim < 4 or dim % 4:
            raise ValueError(f"dim is {dim}, a multiple of 4 expected")
        super().__init__(name, dtype, seed)
        self.image_size, self.dim, self.code_gain = image_size, dim, code_gain
        self.code_activation, self.output_activation = code_activation, output_activation
        self._code_function = _activation("code_activation", code_activation)
        self._output_function = _activation("output_activation", output_activation)
        side = image_size
        inputs = 3
        for number, width in zip((14, 15, 16), (dim, dim // 2, dim // 4)):
            self._convolution(f"conv2d_{number}", inputs, width, activation="relu", padding="VALID")
            inputs, side = width, (side - 2) // 2
        flat, code = side * side * inputs, (image_size // 4) ** 2
        self._add("dense_5", Affine, (flat, code), _glorot(flat, code))
        inputs = 1
        for number, width, stride in ((10, dim, 2), (11, dim, 2), (12, dim // 2, 1)):
            path, limit = f"conv2d_transpose_{number}", _glorot(9 * inputs, 9 * width)
            shape = (3, 3, width, inputs)
            arguments = {"stride": stride, "activation": "relu"}
            self._add(path, TransposedConvolution, shape, limit, **arguments)
            if stride == 2:
                norm = f"batch_normalization_{number - 3}"
                self._add(norm, BatchNorm, width, 1e-3, norm_decay, _KERAS_NORM, unbiased=True)
            inputs = width
        self._convolution("conv2d_17", inputs, 3)
        self.built = True

    @property
    def code_size(self) -> int:
        """int, numbers in a code."""
        return (self.image_size // 4) ** 2

    def _convolution(self, path, inputs, outputs, **kw):
        limit = _glorot(9 * inputs, 9 * outputs)
        self._add(path, Convolution, (3, 3, inputs, outputs), limit, **kw)

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.decode(self.encode(images), training)

    def encode(self, images: tf.Tensor) -> tf.Tensor:
        return self._run(self._encoder_steps(), images)["dense_5"]

    def decode(self, codes: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Makes reconstructions of codes [N, (S / 4)**2]; `training` as of the call."""
        return self._run(self._decoder_steps(training), codes)["conv2d_17"]

    def activations(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Returns {published name of a layer: its output}, for images as of the call."""
        outputs = self._run(self._encoder_steps(), images)
        return {**outputs, **self._run(self._decoder_steps(training), outputs["dense_5"])}

    def _run(self, steps, x):
        outputs, x = {}, tf.cast(x, self.compute_dtype)
        for name, step in steps:
            outputs[name] = x = step(x)
        return outputs

    def _encoder_steps(self):
        layers = self.named_layers
        for i in range(3):
            yield f"conv2d_{14 + i}", layers[f"conv2d_{14 + i}"]
            yield f"max_pooling2d_{9 + i}", lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID")
        rows = layers["dense_5"].weight.shape[0]
        yield "flatten_4", lambda x: tf.reshape(x, [-1, rows])
        yield "dense_5", lambda x: self._code_function(_stable(layers["dense_5"](x)))

    def _decoder_steps(self, training):
        layers, side = self.named_layers, self.image_size // 4
        dtype, gain = self.compute_dtype, self.code_gain
        yield "reshape_4", lambda x: tf.reshape(tf.cast(x * gain, dtype), [-1, side, side, 1])
        for i in (10, 11, 12):
            yield f"conv2d_transpose_{i}", layers[f"conv2d_transpose_{i}"]
            if i < 12:
                norm = f"batch_normalization_{i - 3}"
                yield norm, lambda x, norm=norm: layers[norm](x, training, update=training)
        yield "conv2d_17", lambda x: self._output_function(_stable(layers["conv2d_17"](x)))


class Generator(_Network):
    """The conditional generator.

    Call: `(noise, condition, training=False)` -> images.
      noise: [N, noise_dim], standard normal; condition: [N, condition_dim].
      training: batch norm with statistics of the batch, which moves the moving ones.
      images: [N, S, S, 3] in (-1, 1), at least float32; S is `image_size`.

    With the statistics of a batch of one condition, the first batch norm takes the condition away:
    its share is the same in every row. So samples of one class need `statistics="moving"`.
    """

    def __init__(
        self,
        kind: str = "concat",
        noise_dim: int = 128,
        condition_dim: int = 20,
        image_size: int = 100,
        dim: int = 64,
        statistics: str = "batch",
        condition_gain: float = 1.0,
        seed: int | None = None,
        name: str = "generator",
        dtype: Any = None,
    ):
        """Builds the network; the defaults are the published values.

        Args:
          kind: "concat" of noise and condition, or "add", their sum.
          noise_dim, condition_dim: int; equal for "add".
          image_size: int S, a multiple of 4.
          dim: int, half the width of the first map.
          statistics: what batch norm takes outside of training: "batch", as published, or "moving".
          condition_gain: float, factor of the condition. Beside the noise a one-hot is a hundredth
            of the variance, and with 1 it is learned late or never.
          seed: int for weights that are a function of it; None draws from TensorFlow's generator.
          name, dtype: as of any Keras model.

        Raises:
          ValueError: the arguments do not describe a network.
        """
        _check_image_size(image_size)
        check_choice("kind", kind, KINDS)
        check_choice("statistics", statistics, STATISTICS)
        if kind == "add" and noise_dim != condition_dim:
            raise ValueError(
                f"noise_dim is {noise_dim}, {condition_dim} as condition_dim expected for kind=add"
            )
        super().__init__(name, dtype, seed)
        self.kind, self.noise_dim, self.condition_dim = kind, noise_dim, condition_dim
        self.image_size, self.dim, self.statistics = image_size, dim, statistics
        self.condition_gain = condition_gain
        inputs = noise_dim + condition_dim if kind == "concat" else noise_dim
        units = 2 * dim * (image_size // 4) ** 2
        self._add("Generator.Input", *_tflib_linear(inputs, units))
        self._add("Generator.BN1", BatchNorm, units, 1e-5, 0.99, _TFLIB_NORM)
        for path, width, outputs in (("Generator.2", 2 * dim, dim), ("Generator.5", dim, 3)):
            fans = width * 25 // 4 + outputs * 25
            arguments = {"stride": 2, "leaves": _TFLIB_CONV}
            limit = math.sqrt(3.0 * 4 / fans)
            self._add(path, TransposedConvolution, (5, 5, outputs, width), limit, **arguments)
            if path == "Generator.2":
                self._add("Generator.BN2", BatchNorm, dim, 1e-5, 0.99, _TFLIB_NORM)
        self.built = True

    def call(self, noise: tf.Tensor, condition: tf.Tensor, training: bool = False) -> tf.Tensor:
        noise = tf.cast(noise, self.compute_dtype)
        condition = tf.cast(condition, self.compute_dtype) * self.condition_gain
        x = tf.concat([noise, condition], axis=1) if self.kind == "concat" else noise + condition
        x = self._norm("Generator.BN1", self.named_layers["Generator.Input"](x), training)
        side = self.image_size // 4
        x = tf.reshape(tf.nn.relu(x), [-1, side, side, 2 * self.dim])
        x = self._norm("Generator.BN2", self.named_layers["Generator.2"](x), training)
        return tf.tanh(_stable(self.named_layers["Generator.5"](tf.nn.relu(x))))

    def _norm(self, path, x, training):
        batch_statistics = training or self.statistics == "batch"
        return self.named_layers[path](x, batch_statistics, update=training)


class Critic(_Network):
    """The critic: how real an image of a condition looks.

    Call: `(images, condition)` -> scores.
      images: [N, S, S, 3] in [-1, 1]; S is `image_size`. condition: [N, condition_dim].
      scores: [N, 1], at least float32.
    It is `score(features(images), condition)`; an image has the same features for any condition.
    """

    def __init__(
        self,
        condition_dim: int = 20,
        image_size: int = 100,
        dim: int = 64,
        condition_gain: float = 1.0,
        seed: int | None = None,
        name: str = "critic",
        dtype: Any = None,
    ):
        """Builds the network; arguments as of `Generator`, and

        Args:
          dim: int, width of the first layer.
        """
        _check_image_size(image_size)
        super().__init__(name, dtype, seed)
        self.condition_gain = condition_gain
        self.condition_dim, self.image_size, self.dim = condition_dim, image_size, dim
        side, inputs, width = image_size, 3, dim
        for number, stride in enumerate(CRITIC_STRIDES, 1):
            limit = math.sqrt(3.0 * 4 / (inputs * 25 + width * 25 // stride**2))
            arguments = {"stride": stride, "activation": "leaky_relu", "leaves": _TFLIB_CONV}
            shape = (5, 5, inputs, width)
            self._add(f"Discriminator.{number}", Convolution, shape, limit, **arguments)
            side, inputs, width = -(-side // stride), width, width * 2
        self._add("Discriminator.reduction", *_tflib_linear(side * side * inputs, 100))
        hidden = 100 + condition_dim, 300
        arguments = {"activation": "relu", "leaves": ("/weights", "/biases")}
        self._add("Discriminator.fully", Affine, hidden, _glorot(*hidden), **arguments)
        self._add("Discriminator.output", *_tflib_linear(300, 1))
        self.built = True

    def call(self, images: tf.Tensor, condition: tf.Tensor) -> tf.Tensor:
        return self.score(self.features(images), condition)

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Returns [N, 100] of images as of the call."""
        x = tf.cast(images, self.compute_dtype)
        for number in range(1, len(CRITIC_STRIDES) + 1):
            x = self.named_layers[f"Discriminator.{number}"](x)
        reduction = self.named_layers["Discriminator.reduction"]
        return reduction(tf.reshape(x, [-1, reduction.weight.shape[0]]))

    def score(self, features: tf.Tensor, condition: tf.Tensor) -> tf.Tensor:
        """Returns scores, as of the call, of features [N, 100]."""
        condition = tf.cast(condition, features.dtype) * self.condition_gain
        x = tf.concat([features, condition], axis=1)
        x = self.named_layers["Discriminator.fully"](x)
        return _stable(self.named_layers["Discriminator.output"](x))


def _tflib_linear(inputs, outputs):
    """Class, shape, limit and endings of a linear layer of tflib."""
    return Affine, (inputs, outputs), math.sqrt(3.0 * 2 / (inputs + outputs)), _TFLIB_LINEAR


def _glorot(fan_in, fan_out):
    return math.sqrt(6.0 / (fan_in + fan_out))


def _stable(x):
    return tf.cast(x, stable_dtype(x.dtype))


def _activation(field, name):
    try:
        return tf.keras.activations.get(name)
    except ValueError:
        raise ValueError(f"{field} is {name!r}, the name of a Keras activation expected") from None


def _check_image_size(image_size, least=4):
    if image_size % 4 or image_size < least:
        raise ValueError(f"image_size is {image_size}, a multiple of 4, at least {least}, expected")
