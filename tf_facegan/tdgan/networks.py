"""TDGAN's networks (Xie, Hu and Chen, IEEE TCSVT 31(6), 2021): two encoders, a decoder and a
classification head make the generator; an encoder and a head make each discriminator.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tf_facegan.tdgan.parts import CODE_STRIDE, Decoder, Encoder, Head


class Network(tf.keras.Model):
    """What generator and discriminator share: parts by their published names."""

    part_names = ()

    def __init__(self, image_size: int, name: str, dtype: Any):
        if image_size < CODE_STRIDE or image_size % CODE_STRIDE:
            raise ValueError(
                f"image_size is {image_size}, a positive multiple of {CODE_STRIDE} expected"
            )
        super().__init__(name=name, dtype=dtype, autocast=False)

    @property
    def named_variables(self) -> dict[str, tf.Variable]:
        """{published name: variable} (`enc_ER.conv1.0.conv.weight`, ...), in published order."""
        return {
            f"{part}.{name}": variable
            for part in self.part_names
            for name, variable in getattr(self, part).named_variables.items()
        }

    def variables_of(self, *parts: str) -> list[tf.Variable]:
        """Returns the variables of some parts, in published order."""
        return [v for part in parts for v in getattr(self, part).named_variables.values()]


class Generator(Network):
    """Two encoders, the decoder and the expression classification module.

    Call: `(faces, expressions, noise, training=False)` -> images of the faces with the expressions,
    [N, S, S, C] in [0, 1], at least float32.
      faces, expressions: [N, S, S, C] in [0, 1].
      noise: [N, S / 16, S / 16, noise_dim], uniform in [0, 1).
      training: without effect; the path to the image has no dropout.

    Attributes:
      image_size, channels, num_expressions: int.
      noise_shape: (S / 16, S / 16, noise_dim).
    """

    part_names = ("enc_FR", "enc_ER", "fc_ER", "dec")

    def __init__(
        self,
        num_expressions: int = 7,
        noise_dim: int = 256,
        num_blocks: int = 6,
        grayscale: bool = True,
        dropout: float = 0.5,
        image_size: int = 128,
        width: float = 1.0,
        seed: int | None = None,
        name: str = "generator",
        dtype: Any = None,
    ):
        """Builds the network; the defaults are the published values.

        Args:
          num_expressions: int, classes of the classification module.
          noise_dim: int, channels of the noise map; 0 for none.
          num_blocks: int, residual blocks of the embedding module.
          grayscale: images have one channel, not three.
          dropout: rate in the classification module.
          image_size: int, side of an image, a multiple of 16.
          width: factor of all numbers of feature maps.
          seed: int for weights that are a function of it; None draws from TensorFlow's generator.
          name, dtype: as of any Keras model.

        Raises:
          ValueError: for an image_size that 16 does not divide.
        """
        super().__init__(image_size, name, dtype)
        common = {"width": width, "seed": seed, "dtype": self.dtype_policy}
        channels = 1 if grayscale else 3
        self.enc_FR = Encoder(channels, name="enc_FR", **common)
        self.enc_ER = Encoder(channels, name="enc_ER", **common)
        side = image_size // CODE_STRIDE
        code_shape = (side, side, self.enc_ER.maps(128))
        self.fc_ER = Head(code_shape, num_expressions, dropout, name="fc_ER", **common)
        self.dec = Decoder(channels, noise_dim, num_blocks, name="dec", **common)
        self.image_size, self.channels = image_size, channels
        self.num_expressions = num_expressions
        self.noise_shape = (side, side, noise_dim)
        self.built = True

    def call(
        self,
        faces: tf.Tensor,
        expressions: tf.Tensor,
        noise: tf.Tensor | None = None,
        training: bool = False,
    ) -> tf.Tensor:
        codes = self.encode_face(faces), self.encode_expression(expressions)
        return self.decode(*codes, noise)

    def encode_face(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the facial code of images, [N, S / 16, S / 16, 128 * width]."""
        return self.enc_FR(images)

    def encode_expression(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the expressional code of images, [N, S / 16, S / 16, 128 * width]."""
        return self.enc_ER(images)

    def classify(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the logits of the expressions of images, [N, num_expressions], no dropout."""
        return self.fc_ER(self.enc_ER(images))

    def decode(
        self, face_code: tf.Tensor, expression_code: tf.Tensor, noise: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns images of codes and noise, as a call does of images."""
        return self.dec(face_code, expression_code, noise)


class Discriminator(Network):
    """An encoder and a head: identity (and one class of generated faces) or expression.

    Call: `(images, training=False, seed=None)` -> (features, logits).
      images: [N, S, S, C] in [0, 1].
      training, seed: of the dropout, as in `Head`.
      features: [N, S / 16, S / 16, 128 * width], before dropout; logits: [N, num_classes].
    """

    part_names = ("enc", "fc")

    def __init__(
        self,
        num_classes: int,
        grayscale: bool = True,
        dropout: float = 0.5,
        image_size: int = 128,
        width: float = 1.0,
        seed: int | None = None,
        name: str = "discriminator",
        dtype: Any = None,
    ):
        """Builds the network; arguments as of `Generator`, num_classes: int, of the head."""
        super().__init__(image_size, name, dtype)
        common = {"width": width, "seed": seed, "dtype": self.dtype_policy}
        self.enc = Encoder(1 if grayscale else 3, name="enc", **common)
        side = image_size // CODE_STRIDE
        code_shape = (side, side, self.enc.maps(128))
        self.fc = Head(code_shape, num_classes, dropout, name="fc", **common)
        self.built = True

    def call(
        self, images: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        features = self.enc(images)
        return features, self.fc(features, training=training, seed=seed)
