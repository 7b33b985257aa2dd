"""GANimation's generator and critic (Pumarola et al., ECCV 2018, section 4.2; layers as in
vipermu/ganimation).

Images are NHWC in [-1, 1], action units (AUs) are intensities in 0-1. Variables have published
names and TensorFlow layouts; `reference.py` maps to the published layouts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tf_facegan.config import check_choice
from tf_facegan.engine.optimizers import ema_update, replica_mean
from tf_facegan.ganimation.layers import (
    NORM_SCALES,
    NORMS,
    WEIGHT_STDDEV,
    Condition,
    Convolution,
    InstanceNorm,
)
from tf_facegan.layers import conv2d, seed_of, stable_dtype

RUNNING_DECAY = 0.9
COLOR_RANGE = 0.98  # of photos that colour images start from: atanh of 1 is infinite


class _Network(tf.keras.Model):
    """What both networks share: layers by their published names."""

    @property
    def named_variables(self):
        """{published name: variable}, in published order (`main.0.weight`, ...)."""
        return {
            f"{path}.{name}": variable
            for path, layer in self.named_layers.items()
            for name, variable in layer.named_variables.items()
        }

    @property
    def named_trainable_variables(self):
        """The same without running statistics: the order of published optimizers."""
        return {n: v for n, v in self.named_variables.items() if v.trainable}

    def _layer_arguments(self, path, seed):
        return {
            "seed": seed_of(seed, path),
            "name": path.replace(".", "_"),
            "dtype": self.dtype_policy,
        }


class Generator(_Network):
    """The generator: attention mask and colour image of a face with other AUs.

    Call: `(images, aus, training=False, use_running_stats=False)` -> (attention, color).
      images: [N, H, W, 3] in [-1, 1]; H and W multiples of 4.
      aus: [N, c_dim] in 0-1.
      training: update the running statistics (if `update_running_stats`); results are the same.
      use_running_stats: normalise with the running statistics, as the published code would in
        evaluation mode, which it never enters.
      attention: [N, H, W, 1] in (0, 1), 1 keeps the photo; color: [N, H, W, 3] in (-1, 1); both at
        least float32. `losses.fuse` puts them together.
    """

    def __init__(
        self,
        image_size: int = 128,
        conv_dim: int = 64,
        c_dim: int = 17,
        repeat_num: int = 6,
        norm_scale_init: str = "uniform",
        update_running_stats: bool = True,
        condition_after_norm: bool = False,
        condition_blocks: bool = False,
        norm: str = "instance",
        init_stddev: float | None = WEIGHT_STDDEV,
        skips: bool = False,
        residual_color: bool = False,
        seed: int | None = None,
        name: str = "generator",
        dtype: Any = None,
    ):
        """Builds the network; the defaults are the published values.

        Args:
          image_size: int, side of the images it is trained on; any multiple of 4 works.
          conv_dim: int, width of the first layer.
          c_dim: int, number of AUs.
          repeat_num: int, residual blocks.
          norm_scale_init: scales of the instance norms at the start: "uniform" in [0, 1), "ones" or
            "normal", N(1, 0.02**2).
          update_running_stats: whether training updates the running statistics.
          condition_after_norm: add what the first layer makes of the AUs behind its instance norm.
            As published they go in before it, as constant channels, and the norm takes out what is
            constant: what is left is what zero padding makes of them near the border, and through
            the statistics of the norm a little everywhere.
          condition_blocks: add the AUs, times a matrix of its own, in every residual block as well,
            behind its first norm.
          norm: "instance", or "affine" for its scale and shift alone.
          init_stddev: float, of the first weights; None keeps the size of the signal.
          skips: add the maps of the way down to those of the same size on the way up.
          residual_color: the colour image starts from the photo; the network gives the difference,
            in front of the tanh.
          seed: int for weights that are a function of it; None draws from TensorFlow's generator.
          name, dtype: as of any Keras model.

        Raises:
          ValueError: the arguments do not describe a network.
        """
        if image_size % 4:
            raise ValueError(f"image_size is {image_size}, a multiple of 4 expected")
        check_choice("norm_scale_init", norm_scale_init, NORM_SCALES)
        check_choice("norm", norm, NORMS)
        super().__init__(name=name, dtype=dtype, autocast=False)
        self.image_size, self.c_dim, self.repeat_num = image_size, c_dim, repeat_num
        self.update_running_stats = update_running_stats
        self.condition_after_norm = condition_after_norm
        self.skips, self.residual_color = skips, residual_color
        self.named_layers = {}

        def layer(kind, path, *shape, **options):
            arguments = self._layer_arguments(path, seed)
            self.named_layers[path] = kind(*shape, **options, **arguments)

        def convolution(*shape, **options):
            layer(Convolution, *shape, stddev=init_stddev, **options)

        def add_norm(path, channels):
            layer(InstanceNorm, path, channels, norm_scale_init, norm=norm)

        width = conv_dim
        convolution("main.0", 7, 3 + c_dim, width)
        add_norm("main.1", width)
        for place in (3, 6):
            convolution(f"main.{place}", 4, width, 2 * width, stride=2)
            add_norm(f"main.{place + 1}", 2 * width)
            width *= 2
        for place in self._blocks:
            # Without norms, every block adds a quarter to the variance.
            for part, gain in ((0, 1.0), (3, 0.5)):
                convolution(f"main.{place}.main.{part}", 3, width, width, gain=gain)
                add_norm(f"main.{place}.main.{part + 1}", width)
            if condition_blocks:
                layer(Condition, f"main.{place}.condition", c_dim, width, stddev=init_stddev)
        for place in self._upsamplings:
            convolution(f"main.{place}", 4, width, width // 2, stride=2, transposed=True)
            add_norm(f"main.{place + 1}", width // 2)
            width //= 2
        # Neither mask nor colours begin saturated.
        convolution("im_reg.0", 7, width, 3, gain=0.1)
        convolution("im_att.0", 7, width, 1, gain=0.1)
        self.built = True

    @property
    def _blocks(self):
        return range(9, 9 + self.repeat_num)

    @property
    def _upsamplings(self):
        return 9 + self.repeat_num, 12 + self.repeat_num

    def call(
        self,
        images: tf.Tensor,
        aus: tf.Tensor,
        training: bool = False,
        use_running_stats: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        if any(side % 4 for side in images.shape[1:3]):
            height, width = images.shape[1:3]
            raise ValueError(f"images of {width} x {height} pixels, multiples of 4 expected")
        statistics = {}

        def norm(path, x):
            x, *moments = self.named_layers[path](x, use_running_stats)
            if moments[0] is not None:
                statistics[path] = moments, int(np.prod(x.shape[1:3]))
            return x

        def conv_norm(path, x):
            head, _, place = path.rpartition(".")
            return norm(f"{head}.{int(place) + 1}", self.named_layers[path](x))

        images = tf.cast(images, self.compute_dtype)
        aus = tf.cast(aus, self.compute_dtype)
        if self.condition_after_norm:
            kernel = self.named_layers["main.0"].kernel
            x = norm("main.1", conv2d(images, kernel[:, :, :3]))
            x += tf.matmul(aus, tf.reduce_sum(kernel[:, :, 3:], axis=[0, 1]))[:, None, None]
            x = tf.nn.relu(x)
        else:
            x = tf.nn.relu(norm("main.1", self._first_layer(images, aus)))
        skipped = []
        for path in ("main.3", "main.6"):
            skipped.append(x)
            x = tf.nn.relu(conv_norm(path, x))
        for place in self._blocks:
            y = conv_norm(f"main.{place}.main.0", x)
            condition = self.named_layers.get(f"main.{place}.condition")
            if condition is not None:
                y += condition(aus)
            x += conv_norm(f"main.{place}.main.3", tf.nn.relu(y))
        for place in self._upsamplings:
            x = conv_norm(f"main.{place}", x)
            x = tf.nn.relu(x + skipped.pop() if self.skips else x)
        if training and self.update_running_stats and statistics:
            self._update_running_stats(statistics)
        return self._heads(x, images, training)

    def _first_layer(self, images, aus):
        """Convolves images with the AUs appended as constant channels (R, G, B, AU01, ...).

        A constant channel has the same result everywhere but at the zero padding: a map just large
        enough for every case is convolved and then spread.
        """
        kernel = self.named_layers["main.0"].kernel
        side, outputs, (height, width) = kernel.shape[0], kernel.shape[3], images.shape[1:3]
        rows, columns = min(height, side), min(width, side)
        y = conv2d(tf.tile(aus[:, None, None, :], [1, rows, columns, 1]), kernel[:, :, 3:])
        down, across = (tf.constant(_spread(n, side), y.dtype) for n in (height, width))
        y = tf.matmul(across, tf.reshape(y, [-1, columns, outputs]))
        y = tf.matmul(down, tf.reshape(y, [-1, rows, width * outputs]))
        return conv2d(images, kernel[:, :, :3]) + tf.reshape(y, [-1, height, width, outputs])

    def _heads(self, x, images, training):
        """Both heads in one convolution: a result of few channels costs as much as one of many."""
        heads = [self.named_layers[path].kernel for path in ("im_reg.0", "im_att.0")]
        x = conv2d(x, tf.concat(heads, axis=-1))
        x = tf.cast(x, stable_dtype(x.dtype))
        color = x[..., :3]
        if self.residual_color:
            # One operation in training; the exported network has to do without it.
            atanh = tf.atanh if training else _atanh
            color += atanh(COLOR_RANGE * tf.cast(images, color.dtype))
        return tf.sigmoid(x[..., 3:]), tf.tanh(color)

    def _update_running_stats(self, statistics):
        """Moves running statistics towards the batch's means of mean and unbiased variance."""
        variables, values = [], []
        for path, ((mean, variance), pixels) in statistics.items():
            norm = self.named_layers[path]
            variables += [norm.running_mean, norm.running_var]
            unbiased = variance * (pixels / max(pixels - 1, 1))
            values += [tf.reduce_mean(v, axis=[0, 1, 2]) for v in (mean, unbiased)]
        sizes = [value.shape[0] for value in values]
        (values,) = replica_mean([tf.concat(values, axis=0)])
        sources = [tf.cast(s, v.dtype) for s, v in zip(tf.split(values, sizes), variables)]
        ema_update(variables, sources, RUNNING_DECAY)


class Discriminator(_Network):
    """The critic: how real a face looks, patch by patch, and its AUs.

    Call: `(images)` -> (scores, aus).
      images: [N, image_size, image_size, 3] in [-1, 1].
      scores: [N, h, w, 1], h = w = image_size / 2**repeat_num; aus: [N, c_dim], linear, so they may
        leave 0-1; both at least float32.
    """

    def __init__(
        self,
        image_size: int = 128,
        conv_dim: int = 64,
        c_dim: int = 17,
        repeat_num: int = 6,
        seed: int | None = None,
        name: str = "discriminator",
        dtype: Any = None,
    ):
        """Builds the network; arguments as of `Generator`, and

        Args:
          repeat_num: int, strided convolutions, each twice as wide as the one before.

        Raises:
          ValueError: image_size is no multiple of 2**repeat_num.
        """
        if image_size % 2**repeat_num:
            raise ValueError(
                f"image_size is {image_size}, a multiple of {2**repeat_num} expected for "
                f"repeat_num={repeat_num}"
            )
        super().__init__(name=name, dtype=dtype, autocast=False)
        self.image_size, self.c_dim, self.repeat_num = image_size, c_dim, repeat_num
        widths = [3] + [conv_dim * 2**i for i in range(repeat_num)]
        shapes = {
            f"main.{2 * i}": (4, widths[i], widths[i + 1], 2, False, True)
            for i in range(repeat_num)
        }
        shapes["conv1"] = 3, widths[-1], 1
        shapes["conv2"] = image_size // 2**repeat_num, widths[-1], c_dim
        self.named_layers = {
            path: Convolution(*shape, **self._layer_arguments(path, seed))
            for path, shape in shapes.items()
        }
        self.built = True

    def call(self, images: tf.Tensor) -> list[tf.Tensor]:
        height, width = images.shape[1:3]
        if (height, width) != (self.image_size, self.image_size):
            raise ValueError(
                f"images of {width} x {height} pixels, {self.image_size} x {self.image_size} "
                "expected"
            )
        x = tf.cast(images, self.compute_dtype)
        for i in range(self.repeat_num):
            x = self.named_layers[f"main.{2 * i}"](x)
        scores = self.named_layers["conv1"](x)
        # The kernel of the AU head is as large as the map: a product of matrices.
        kernel = self.named_layers["conv2"].kernel
        rows = int(np.prod(kernel.shape[:3]))
        aus = tf.matmul(tf.reshape(x, [-1, rows]), tf.reshape(kernel, [rows, self.c_dim]))
        return [tf.cast(output, stable_dtype(output.dtype)) for output in (scores, aus)]


def _atanh(x):
    return 0.5 * (tf.math.log(1.0 + x) - tf.math.log(1.0 - x))


def _spread(length, side):
    """Returns the matrix of ones and zeros that takes each place on an axis to the place of an axis
    of at most `side` that is as near to the ends: [length, min(length, side)]."""
    if length <= side:
        return np.eye(length)
    near = side // 2
    places = np.arange(length)
    sources = np.minimum(places, near) + np.maximum(places - (length - 1 - near), 0)
    return np.eye(side)[sources]
