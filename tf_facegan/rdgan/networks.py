"""RD-GAN's generators and discriminators (AuroraWJJ/RD-GAN).

Images are NHWC in [-1, 1], square with sides that are multiples of 16. Variables have the published
names and layouts. Constructors default to the published networks.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tf_facegan.layers import stable_dtype
from tf_facegan.rdgan.layers import Dense, Network, Pass, pool

STEP = 16  # what the sides of images are multiples of
LAST_STDDEV = 0.1  # of the first weights of the last layer, where the others' follow their inputs


class _Generator(Network):
    """What the generators share: how layers are added, and the last one."""

    def _extractor(self, scope, *layers):
        """Adds convolutions (name, inputs, outputs[, options])."""
        for name, inputs, outputs, *options in layers:
            options = dict(*options)
            side = options.pop("side", self.kernel_size)
            inputs = inputs if inputs == 3 else self.channels(inputs)
            shape = side, inputs, self.channels(outputs)
            self.add(f"{scope}/{name}", *shape, activation="leaky_relu", **options)

    def _joiner(self, *layers):
        """Adds transposed convolutions; the last one makes the image and has neither batch norm
        nor activation. `inputs` is the list of what is put side by side."""
        for name, inputs, outputs, *options in layers:
            options = {"stride": 2, **dict(*options)}
            last = outputs == 3
            side = options.pop("side", self.kernel_size)
            shape = side, sum(map(self.channels, inputs)), 3 if last else self.channels(outputs)
            options.update(norm=not last, activation=None if last else "relu")
            if last and self.init_stddev is None:  # or tanh would begin saturated
                options["stddev"] = LAST_STDDEV
            self.add(f"G_joiner/{name}", *shape, transposed=True, **options)
        self.b = self.add_weight(
            name="b", shape=(1, 1, 1, 3), initializer="zeros", experimental_autocast=False
        )

    @property
    def named_variables(self):
        return {**super().named_variables, "G_joiner/b": self.b}

    def _image(self, x):
        dtype = stable_dtype(x.dtype)
        return tf.tanh(tf.cast(x, dtype) + tf.cast(self.b, dtype))


_PLAIN, _ONCE = {"norm": False}, {"stride": 1}


class FaceGenerator(_Generator):
    """FaceGAN's generator: a face with the expression of a boundary drawing.

    Call: `(images, boundaries, training=False, seed=None)` -> images.
      images: [N, S, S, 3], faces; boundaries: [N, S, S, 3], drawings of the wanted landmarks.
      training: batch statistics instead of moving ones, which it moves.
      seed: of dropout, independent of `training`: None for none, an int, or int64 [N, 2].
      result: [N, S, S, 3] in (-1, 1), at least float32.

    The published code keeps dropout at prediction, so that it needs a seed there too.
    """

    def __init__(
        self,
        dropout_keep: float = 0.6,
        kernel_size: int = 3,
        width: float = 1.0,
        seed: int | None = None,
        name: str = "face_generator",
        **kw: Any,
    ):
        """Builds the network; arguments as of `layers.Network`."""
        super().__init__(kernel_size, width, dropout_keep, seed, name=name, **kw)
        small = {"side": kernel_size - 1}
        self._extractor(
            "G_f_extracter",
            ("conv1_1", 3, 32, _PLAIN),
            ("conv1_2", 32, 32, _PLAIN),
            ("conv2_1", 32, 64, _PLAIN),
            ("conv2_2", 64, 64, _PLAIN),
            ("conv3_1", 64, 128),
            ("conv3_2", 128, 128),
            ("conv4_1", 128, 256, small),
            ("conv4_2", 256, 256, small),
        )
        self._extractor(
            "G_l_extracter",
            ("conv1_1", 3, 32, _PLAIN),
            ("conv1_2", 32, 32, _PLAIN),
            ("conv2_1", 32, 64, _PLAIN),
            ("conv2_2", 64, 64, _PLAIN),
            ("conv3_1", 64, 128),
            ("conv3_2", 128, 128, {"stride": 2}),
        )
        self._joiner(
            ("deconv1_1", (256, 128), 384, _ONCE),
            ("deconv1_2", (384,), 128),
            ("deconv2_1", (128, 128, 64), 320, _ONCE),
            ("deconv2_2", (320,), 64),
            ("deconv3_1", (64, 64), 64, _ONCE),
            ("deconv3_2", (64,), 32),
            ("deconv4_1", (32, 32), 16, _ONCE),
            ("deconv4_2", (16,), 3, small),
        )

    def call(
        self,
        images: tf.Tensor,
        boundaries: tf.Tensor,
        training: bool = False,
        seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        run = Pass(self, training, seed)
        features = self.image_features(run, images)
        result = self.join(run, features, self.boundary_features(run, boundaries))
        run.finish()
        return result

    def image_features(self, run: Pass, images: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Returns (feature [N, S/16, S/16, C], skips: three maps) of faces in a `layers.Pass`."""
        x, skips = tf.cast(images, self.compute_dtype), []
        for level in (1, 2, 3, 4):
            x = pool(run.pair(f"G_f_extracter/conv{level}", x))
            skips.append(x)
            if level % 2 == 0:
                x = run.dropout(x)
        return x, skips[:3]

    def boundary_features(self, run: Pass, boundaries: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns (feature [N, S/16, S/16, C], skip) of boundary drawings in a `layers.Pass`."""
        x = run.pair("G_l_extracter/conv1", tf.cast(boundaries, self.compute_dtype))
        x = run.dropout(pool(x, side=3, stride=4))
        skip = pool(run.pair("G_l_extracter/conv2", x))
        return run.dropout(run.pair("G_l_extracter/conv3", run.dropout(skip))), skip

    def join(self, run: Pass, image_features: tuple, boundary_features: tuple) -> tf.Tensor:
        """Returns the images of what the two extractors gave, in a `layers.Pass`."""
        (x, (skip0, skip1, skip2)), (y, boundary_skip) = image_features, boundary_features
        x = run.pair("G_joiner/deconv1", x, y)
        x = run.pair("G_joiner/deconv2", x, skip2, boundary_skip)
        x = run.pair("G_joiner/deconv3", x, skip1)
        return self._image(run.pair("G_joiner/deconv4", x, skip0))


class FineGenerator(_Generator):
    """FineGAN's generator: refines what FaceGAN made, with the source image at hand.

    Call: `(sources, coarse, training=False, seed=None)` -> images, all [N, S, S, 3]; `training`,
    `seed` and result as of `FaceGenerator`.
    """

    def __init__(
        self,
        dropout_keep: float = 0.6,
        kernel_size: int = 3,
        width: float = 1.0,
        seed: int | None = None,
        name: str = "fine_generator",
        **kw: Any,
    ):
        """Builds the network; arguments as of `layers.Network`."""
        super().__init__(kernel_size, width, dropout_keep, seed, name=name, **kw)
        for number in (1, 2):
            self._extractor(
                f"G_{number}_extracter",
                ("conv1_1", 3, 32, _PLAIN),
                ("conv1_2", 32, 32, _PLAIN),
                ("conv2_1", 32, 64, _PLAIN),
                ("conv2_2", 64, 64, _PLAIN),
                ("conv3_1", 64, 128),
                ("conv3_2", 128, 128),
            )
        self._joiner(
            ("deconv2_1", (128, 128), 128, _ONCE),
            ("deconv2_2", (128,), 64),
            ("deconv3_1", (64, 64, 64), 64, _ONCE),
            ("deconv3_2", (64,), 32),
            ("deconv4_1", (32, 32, 32), 32, _ONCE),
            ("deconv4_2", (32,), 3, {"side": kernel_size - 1}),
        )

    def call(
        self,
        sources: tf.Tensor,
        coarse: tf.Tensor,
        training: bool = False,
        seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        run = Pass(self, training, seed)
        features = self.image_features(run, sources, 1), self.image_features(run, coarse, 2)
        result = self.join(run, *features)
        run.finish()
        return result

    def image_features(
        self, run: Pass, images: tf.Tensor, number: int
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Returns (feature [N, S/8, S/8, C], skips: two maps) of the extractor 1 (sources) or 2."""
        x, skips = tf.cast(images, self.compute_dtype), []
        for level in (1, 2, 3):
            x = pool(run.pair(f"G_{number}_extracter/conv{level}", x))
            skips.append(x)
            x = run.dropout(x)
        return x, skips[:2]

    def join(self, run: Pass, first: tuple, second: tuple) -> tf.Tensor:
        """Returns the images of what the two extractors gave, in a `layers.Pass`."""
        (x, skips), (y, other_skips) = first, second
        x = run.pair("G_joiner/deconv2", x, y)
        x = run.pair("G_joiner/deconv3", x, skips[1], other_skips[1])
        return self._image(run.pair("G_joiner/deconv4", x, skips[0], other_skips[0]))


class TwoWayGenerator(_Generator):
    """The generator of the earlier two-way model, without skips and dropout.

    Call: `(images, boundaries, training=False)` -> images, as of `FaceGenerator`; `combinations`
    gives all four of two images and two boundaries.
    """

    def __init__(
        self,
        kernel_size: int = 3,
        width: float = 1.0,
        seed: int | None = None,
        name: str = "two_way_generator",
        **kw: Any,
    ):
        """Builds the network; arguments as of `layers.Network`."""
        super().__init__(kernel_size, width, seed=seed, name=name, **kw)
        self._extractor(
            "G_f_extracter",
            ("conv1", 3, 32, {"stride": 4, **_PLAIN}),
            ("conv2", 32, 64),
            ("conv3", 64, 384, {"stride": 2}),
        )
        self._extractor(
            "G_l_extracter",
            ("conv1", 3, 32, {"stride": 2, **_PLAIN}),
            ("conv2", 32, 64, {"stride": 2}),
            ("conv3", 64, 128, {"stride": 2}),
        )
        self._joiner(
            ("deconv1", (384, 128), 512),
            ("deconv2", (512,), 256),
            ("deconv3", (256,), 3),
        )

    def call(self, images: tf.Tensor, boundaries: tf.Tensor, training: bool = False) -> tf.Tensor:
        run = Pass(self, training)
        features = [self.features(run, x, kind) for x, kind in ((images, "f"), (boundaries, "l"))]
        result = self.join(run, *features)
        run.finish()
        return result

    def combinations(
        self,
        left: tf.Tensor,
        right: tf.Tensor,
        left_boundaries: tf.Tensor,
        right_boundaries: tf.Tensor,
        training: bool = False,
    ) -> dict[str, tf.Tensor]:
        """Gives both faces with both boundaries, every extractor run once for each input.

        Returns:
          {"left_left", "right_right", "left_right", "right_left": [N, S, S, 3]}; the first word is
          the face, the second the boundary.
        """
        run = Pass(self, training)
        faces = {"left": self.features(run, left, "f"), "right": self.features(run, right, "f")}
        drawings = {
            "left": self.features(run, left_boundaries, "l"),
            "right": self.features(run, right_boundaries, "l"),
        }
        sides = ("left", "left"), ("right", "right"), ("left", "right"), ("right", "left")
        made = {f"{face}_{own}": self.join(run, faces[face], drawings[own]) for face, own in sides}
        run.finish()
        return made

    def features(self, run: Pass, images: tf.Tensor, kind: str) -> tf.Tensor:
        """Returns the feature map [N, S/8, S/8, C] of faces ("f") or boundaries ("l")."""
        x = tf.cast(images, self.compute_dtype)
        for layer in (1, 2, 3):
            x = run(f"G_{kind}_extracter/conv{layer}", x)
        return x

    def join(self, run: Pass, faces: tf.Tensor, boundaries: tf.Tensor) -> tf.Tensor:
        """Returns the images of two feature maps, in a `layers.Pass`."""
        x = run("G_joiner/deconv1", faces, boundaries)
        return self._image(run("G_joiner/deconv3", run("G_joiner/deconv2", x)))


class FaceDiscriminator(Network):
    """The discriminator of FaceGAN; the two-way model has two, `D_left` and `D_right`.

    Call: `(images, training=False)` -> scores [N, 1], linear, at least float32; `training` as of
    `FaceGenerator`. Real and generated images are separate calls, with statistics of their own.
    """

    def __init__(
        self,
        image_size: int = 128,
        kernel_size: int = 3,
        width: float = 1.0,
        scope: str = "D_right",
        seed: int | None = None,
        name: str = "face_discriminator",
        **kw: Any,
    ):
        """Builds the network; arguments as of `layers.Network`, and

        Args:
          image_size: int, side of the images.
          scope: first part of the variables' names.
        """
        super().__init__(kernel_size, width, seed=seed, name=name, **kw)
        self._scope = scope
        side = map_side(image_size)
        widths = [3, *map(self.channels, (128, 256, 512, 512))]
        for layer in (1, 2, 3, 4):
            shape = kernel_size, widths[layer - 1], widths[layer]
            options = {"stride": 2, "norm": layer > 1, "activation": "leaky_relu"}
            self.add(f"{scope}/conv{layer}", *shape, **options)
        self.add(f"{scope}/fct", side * side * widths[-1], 1, layer=Dense)

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        run = Pass(self, training)
        x = tf.cast(images, self.compute_dtype)
        for layer in (1, 2, 3, 4):
            x = run(f"{self._scope}/conv{layer}", x)
        scores = run(f"{self._scope}/fct", flat(x))
        run.finish()
        return tf.cast(scores, stable_dtype(scores.dtype))


class FineDiscriminator(Network):
    """The discriminator of FineGAN, which judges maps of three sizes.

    Call: `(images, training=False, seed=None)` -> scores [N, 1], linear, at least float32;
    `training` and `seed` as of `FaceGenerator`.
    """

    def __init__(
        self,
        dropout_keep: float = 0.6,
        image_size: int = 128,
        kernel_size: int = 3,
        width: float = 1.0,
        seed: int | None = None,
        name: str = "fine_discriminator",
        **kw: Any,
    ):
        """Builds the network; arguments as of `layers.Network` and `FaceDiscriminator`."""
        super().__init__(kernel_size, width, dropout_keep, seed, name=name, **kw)
        side = map_side(image_size)
        widths = [3, *map(self.channels, (128, 256, 512, 512))]
        for level in (1, 2, 3, 4):
            options = {"norm": level > 1, "activation": "leaky_relu"}
            shape = kernel_size, widths[level - 1], widths[level]
            self.add(f"D/conv{level}_1", *shape, stride=2, **options)
            if level < 4:
                self.add(f"D/conv{level}_2", kernel_size, widths[level], widths[level], **options)
        features = (side**2, widths[4]), ((4 * side) ** 2, widths[2]), ((2 * side) ** 2, widths[3])
        hidden = self.channels(100)
        self.add("D/fct1", sum(pixels * width for pixels, width in features), hidden, layer=Dense)
        self.add("D/fct2", hidden, 1, layer=Dense)

    def call(
        self, images: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        run = Pass(self, training, seed)
        x, maps = tf.cast(images, self.compute_dtype), []
        for level in (1, 2, 3):
            x = run.pair(f"D/conv{level}", x)
            maps.append(flat(x))
            x = run.dropout(x)
        x = run.dropout(run("D/conv4_1", x))
        scores = run("D/fct2", run("D/fct1", flat(x), *maps[1:]))
        run.finish()
        return tf.cast(scores, stable_dtype(scores.dtype))


def flat(x: tf.Tensor) -> tf.Tensor:
    """Flattens maps [N, H, W, C] to [N, H * W * C]."""
    return tf.reshape(x, [-1, x.shape[1] * x.shape[2] * x.shape[3]])


def map_side(image_size: int) -> int:
    """Returns the side of the smallest map.

    Raises:
      ValueError: image_size is no multiple of STEP.
    """
    if image_size < STEP or image_size % STEP:
        raise ValueError(f"image_size is {image_size}, a multiple of {STEP} expected")
    return image_size // STEP
