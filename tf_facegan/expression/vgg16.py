"""The expression classifier: VGG16 (Simonyan and Zisserman, 2015) with a last layer of its own."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import tensorflow as tf

from tf_facegan import reference_weights
from tf_facegan.config import check_choice
from tf_facegan.expression import keras_files
from tf_facegan.expression.blocks import uniform
from tf_facegan.layers import seed_of, stable_dtype

POOLINGS = ("avg", "max", None)
PREPROCESSINGS = ("tf", "caffe")
RESIZINGS = ("legacy", "half_pixel")
IMAGENET = "imagenet"
BLOCKS = 5
_IMAGENET_MEAN = (103.939, 116.779, 123.68)  # blue, green, red, of 0 to 255
_TOP = ("fc1", "fc2", "predictions")


class Classifier(tf.keras.Model):
    """A classifier of faces.

    Call: `(images, training=False)` -> probabilities.
      images: [N, H, W, 3] in [-1, 1], RGB, of any size: they are resized to `image_size`.
      probabilities: [N, num_classes], at least float32.
    `logits(images)` gives the numbers before the softmax.
    """

    def __init__(
        self,
        num_classes: int = 7,
        weights: str | Path | None = None,
        pooling: str | None = "avg",
        include_top: bool = False,
        image_size: int = 160,
        preprocessing: str = "tf",
        resizing: str = "legacy",
        seed: int | None = None,
        name: str = "classifier",
    ):
        """Builds the network; the defaults are the published values, but for the weights.

        Args:
          num_classes: int.
          weights: of the blocks (and with `include_top` the two dense layers): the path of a Keras
            `.h5` file with or without top, "imagenet" for Keras's own, downloaded once, or None for
            random ones.
          pooling: after the last block: "avg", "max" or None, all its numbers.
          include_top: VGG16's two dense layers of 4096 before the last one; `pooling` has no
            effect.
          image_size: int, at least 32.
          preprocessing: "tf" leaves -1 to 1; "caffe" is what published weights expect: 0 to 255,
            blue first, means taken away.
          resizing: bilinear sampling, "legacy" of TensorFlow 1 (corner pixels stay where they
            are at the upper left) or "half_pixel" (pixels are small squares).
          seed: int for random weights that are a function of it; None: TensorFlow's generator.
          name: as of any Keras model.

        Raises:
          FileNotFoundError: no such file of weights.
          ValueError: the arguments do not describe a network; weights that are none, do not fit,
            or cannot be downloaded.
        """
        for field, value, known in (
            ("pooling", pooling, POOLINGS),
            ("preprocessing", preprocessing, PREPROCESSINGS),
            ("resizing", resizing, RESIZINGS),
        ):
            check_choice(field, value, known)
        if image_size < 32:
            raise ValueError(f"image_size is {image_size}, at least 32 expected")
        super().__init__(name=name)
        self.num_classes, self.image_size = num_classes, image_size
        self._preprocessing, self._resizing = preprocessing, resizing
        self._vgg = tf.keras.applications.VGG16(
            include_top=include_top,
            weights=None,
            input_shape=(image_size, image_size, 3),
            pooling=None if include_top else pooling,
            classes=num_classes,
            classifier_activation=None,
        )
        self._flatten, self._last, self._before_last = None, None, None
        if include_top:
            self._before_last = tf.keras.Model(self._vgg.input, self._vgg.layers[-2].output)
        if not include_top:
            self._flatten = tf.keras.layers.Flatten()
            self._last = tf.keras.layers.Dense(num_classes, name="dense")
            self._last.build((None, int(np.prod(self._vgg.output_shape[1:]))))
        if seed is not None:
            for path, variable in self.named_variables.items():
                if path.endswith("kernel"):
                    fans = math.prod(variable.shape[:-2]) * sum(variable.shape[-2:])
                    limit = math.sqrt(6 / fans)
                    value = uniform(variable.shape, limit, seed_of(seed, path), variable.dtype)
                    variable.assign(value)
        if weights is not None:
            self._load(weights, include_top)
        self.built = True

    @property
    def named_variables(self) -> dict[str, tf.Variable]:
        """{"<layer>/<leaf>": variable}, in the order of the network."""
        layers = [layer for layer in self._vgg.layers if layer.weights]
        layers += [self._last] if self._last is not None else []
        return {
            f"{layer.name}/{leaf}": getattr(layer, leaf)
            for layer in layers
            for leaf in ("kernel", "bias")
        }

    def named_trainable_variables(self, blocks: int = 0) -> dict[str, tf.Variable]:
        """Returns those of the dense layers and of the last `blocks` of VGG16's five blocks."""
        frozen = tuple(f"block{number}_" for number in range(1, BLOCKS + 1 - blocks))
        return {n: v for n, v in self.named_variables.items() if not n.startswith(frozen)}

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        return tf.nn.softmax(self.logits(images))

    def logits(self, images: tf.Tensor) -> tf.Tensor:
        """Returns [N, num_classes] of images as of the call."""
        if self._last is None:
            x = self._vgg(self.preprocess(images))
        else:
            x = self._last(self.features(images))
        return tf.cast(x, stable_dtype(x.dtype))

    def features(self, images: tf.Tensor | np.ndarray) -> tf.Tensor:
        """Returns what the last layer sees, [N, D], of images as of the call."""
        x = self.preprocess(images)
        if self._last is None:
            return self._before_last(x)
        return self._flatten(self._vgg(x))

    def preprocess(self, images: tf.Tensor | np.ndarray) -> tf.Tensor:
        """Returns what VGG16 sees, float32 [N, image_size, image_size, 3]."""
        x = tf.cast(images, tf.float32)
        size, is_half = [self.image_size] * 2, self._resizing == "half_pixel"
        if list(x.shape[1:3]) != size:
            x = tf.raw_ops.ResizeBilinear(images=x, size=size, half_pixel_centers=is_half)
        if self._preprocessing == "tf":
            return x
        return (x[..., ::-1] + 1.0) * 127.5 - tf.constant(_IMAGENET_MEAN)

    def _load(self, weights, include_top):
        arrays = (
            _imagenet(include_top) if weights == IMAGENET else keras_files.read_weights(weights)
        )
        last = "predictions" if include_top else "dense"
        variables = {n: v for n, v in self.named_variables.items() if n.split("/")[0] != last}
        ignored = [name for name in arrays if name.split("/")[0] in (*_TOP, last)]
        try:
            reference_weights.assign(variables, arrays, ignored)
        except ValueError as error:
            raise ValueError(f"{weights}: not VGG16's; {error}") from None


def _imagenet(include_top):
    """Returns the weights that Keras downloads, as `keras_files.read_weights` does."""
    try:
        model = tf.keras.applications.VGG16(include_top=include_top, weights=IMAGENET)
    except Exception as error:  # Keras raises Exception itself when it cannot download
        raise ValueError(
            f"weights=imagenet: {str(error).splitlines()[0]}; give the path of "
            "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5 instead"
        ) from None
    return {
        f"{layer.name}/{leaf}": getattr(layer, leaf).numpy()
        for layer in model.layers
        for leaf in ("kernel", "bias")
        if layer.weights
    }
