"""TBGAN's generator and discriminator (Gecer et al., ECCV 2020), grown as PGGAN's (Karras et al.,
2018).

A trunk makes the low resolutions; above a resolution given by `lod_sep` the feature maps are cut
into branches, one per modality (texture, shape, normals), that share nothing. Networks work at
the native
resolution of the level of detail: level L of a network of resolution R means images of R / 2**L
pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tf_facegan.layers import (
    EqualizedConv2D,
    EqualizedDense,
    activate,
    downscale2d,
    minibatch_stddev,
    pixel_norm,
    seed_of,
    stable_dtype,
    upscale2d,
)
from tf_facegan.tbgan.architecture import Architecture

if TYPE_CHECKING:
    from tf_facegan.tbgan.architecture import LayerShape


SCORES = "4x4/Dense1"
# Layers without an activation. They do not run in half precision: images would have its steps, and
# gradients of scaled losses overflow there.
HEADS = ("ToRGB", SCORES)


class ProgressiveNetwork(tf.keras.Model):
    """What both networks share: layers by their published names, and the level of detail."""

    def __init__(
        self,
        architecture: Architecture,
        layers: Mapping[str, LayerShape],
        use_wscale: bool,
        activation: str,
        seed: int | None,
        name: str,
        dtype: Any,
        is_normalized: bool = False,
    ):
        super().__init__(name=name, dtype=dtype, autocast=False)
        self.architecture = architecture
        self.named_layers = {}
        for path, shape in layers.items():
            common = {
                "weight_shape": shape.weight_shape,
                "bias_shape": shape.bias_shape,
                "std": shape.std,
                "use_wscale": use_wscale,
                "seed": seed_of(seed, path),
                "name": path.replace("/", "_"),
                "dtype": self.dtype_policy,
                "autocast": False,
            }
            if path.startswith(HEADS):
                common["dtype"] = stable_dtype(self.compute_dtype)
            elif is_normalized:
                # From the sums over bias and activation to the norm nothing is rounded.
                common["output_dtype"] = stable_dtype(self.compute_dtype)
            if shape.kind == "dense":
                self.named_layers[path] = EqualizedDense(**common)
            else:
                self.named_layers[path] = EqualizedConv2D(
                    resample=shape.kind if shape.kind in ("up", "down") else None,
                    activation=None if path.startswith(HEADS) else activation,
                    **common,
                )
        self.built = True

    @property
    def named_variables(self) -> dict[str, tf.Variable]:
        """{published local name: variable}, in published order (`4x4/Conv/weight`, ...)."""
        return {
            f"{path}/{kind}": getattr(layer, kind)
            for path, layer in self.named_layers.items()
            for kind in ("weight", "bias")
        }

    def used_variables(self, lod: float | tuple) -> list[tf.Variable]:
        """Returns the variables that take part at a level of detail, in published order.

        Args:
          lod: as in a call; with a fade tensor the layers of the level below are among them.
        """
        level, fade = self._level(lod)
        top = self.architecture.resolution_log2 - level
        scopes = [f"{2**res}x{2**res}" for res in range(2, top + 1)]
        scopes += [f"{rgb}_lod{level}" for rgb in ("ToRGB", "FromRGB")]
        if fade is not None:
            scopes += [f"{rgb}_lod{level + 1}" for rgb in ("ToRGB", "FromRGB")]
        named = self.named_variables.items()
        return [variable for name, variable in named if name.split("/")[0] in scopes]

    def _level(self, lod):
        """Returns (level, fade); fade is None where there is nothing to blend."""
        top = self.architecture.top_level
        if isinstance(lod, (tuple, list)):
            level, fade = int(lod[0]), lod[1]
            known = level
        else:
            level, fade = int(lod // 1), lod % 1
            known = lod
        if not 0 <= known <= top:
            raise ValueError(f"level of detail is {lod}, expected 0 to {top}")
        if level == top or (isinstance(fade, (int, float)) and fade == 0):
            return level, None
        return level, tf.cast(fade, stable_dtype(self.compute_dtype))

    def _apply(self, path, suffix, groups, split):
        """Applies a layer to feature groups, cutting or joining them first as its branches ask."""
        scopes = self.architecture.scopes(path, split)
        groups = _regroup(groups, len(scopes))
        layers = [f"{scope}/{suffix}" if suffix else scope for scope in scopes]
        return [self.named_layers[name](x) for name, x in zip(layers, groups)]


class Generator(ProgressiveNetwork):
    """The trunk-branch generator, `G_paper` of TBGAN (section 3.1) and PGGAN.

    Call: `(latents, labels, lod=0.0)` -> images.
      latents: [N, latent_size], drawn from N(0, 1).
      labels: [N, label_size], softmax-ed classes or intensities in 0-1.
      lod: level of detail, a Python number in [0, log2(resolution) - 2] whose fraction blends in
        the level above; or a pair (level: int, fade: scalar tensor in [0, 1)) that always blends,
        so that a `tf.function` is traced once a level.
      images: [N, R / 2**floor(lod), R / 2**floor(lod), num_channels], nominally in [-1, 1], no
        tanh; at least float32.

    All variables of all levels exist from construction on. Constructed under a half-precision Keras
    policy the convolutions run in half precision, norms and the layers that make images in float32.
    """

    def __init__(
        self,
        num_channels: int = 9,
        resolution: int = 512,
        label_size: int = 7,
        fmap_base: int = 8192,
        fmap_decay: float = 1.0,
        fmap_max: int = 512,
        fmap_mult: int = 3,
        latent_size: int | None = None,
        lod_sep: int = 7,
        fused_scale: bool = True,
        normalize_latents: bool = True,
        use_wscale: bool = True,
        use_pixelnorm: bool = True,
        pixelnorm_epsilon: float = 1e-8,
        use_leakyrelu: bool = True,
        branches: Sequence[tuple[str, int]] | None = None,
        seed: int | None = None,
        name: str = "generator",
        dtype: Any = None,
    ):
        """Builds the network; the defaults are TBGAN's published values.

        Args:
          num_channels: int, channels of an image, all modalities together.
          resolution: int, side of an image at level 0, a power of two.
          label_size: int, 0 for none.
          fmap_base, fmap_decay, fmap_max, fmap_mult: stage s has
            fmap_mult * min(fmap_base / 2**(s * fmap_decay), fmap_max) feature maps; 3 in TBGAN, 1
            in PGGAN.
          latent_size: int, None for the width of stage 0.
          lod_sep: blocks above resolution 2**lod_sep have branches.
          fused_scale: double and convolve in one operation.
          normalize_latents: pixel norm of latents and labels together.
          use_wscale: equalized learning rate.
          use_pixelnorm, pixelnorm_epsilon: pixel norm after every convolution.
          use_leakyrelu: leaky ReLU, otherwise ReLU.
          branches: ((name, channels), ...), channels adding up to num_channels. None: thirds
            named tex, shp and nor. With a single branch nothing is split.
          seed: int for weights that are a function of it; None draws from TensorFlow's generator.
          name, dtype: as of any Keras model.

        Raises:
          ValueError: the arguments do not describe a network.
        """
        architecture = Architecture(
            num_channels,
            resolution,
            label_size,
            fmap_base,
            fmap_decay,
            fmap_max,
            fmap_mult,
            lod_sep,
            fused_scale,
            branches,
        )
        layers = architecture.generator_layers(latent_size)
        activation = "leaky_relu" if use_leakyrelu else "relu"
        common = architecture, layers, use_wscale, activation, seed, name, dtype
        super().__init__(*common, is_normalized=use_pixelnorm)
        self.latent_size = architecture.fmaps(0) if latent_size is None else latent_size
        self.activation = activation
        self.normalize_latents = normalize_latents
        self.use_pixelnorm = use_pixelnorm
        self.pixelnorm_epsilon = pixelnorm_epsilon

    def call(self, latents: tf.Tensor, labels: tf.Tensor, lod: float | tuple = 0.0) -> tf.Tensor:
        level, fade = self._level(lod)
        top = self.architecture.resolution_log2 - level
        groups, below = [self._first_block(latents, labels)], None
        for res in range(3, top + 1):
            below, groups = groups, self._block(res, groups)
        images = self._to_rgb(top, groups)
        if fade is not None:
            lower = upscale2d(self._to_rgb(top - 1, below))
            images += (lower - images) * tf.cast(fade, images.dtype)
        return images

    def _first_block(self, latents, labels):
        x = tf.cast(latents, stable_dtype(self.compute_dtype))
        if self.architecture.label_size:
            x = tf.concat([x, tf.cast(labels, x.dtype)], axis=1)
        if self.normalize_latents:
            x = pixel_norm(x, self.pixelnorm_epsilon)
        dense = self.named_layers["4x4/Dense"]
        # The published layer flattens NCHW: feature index = channel * 16 + row * 4 + column.
        x = tf.reshape(dense(x), [-1, self.architecture.fmaps(1), 4, 4])
        x = tf.transpose(x, [0, 2, 3, 1])
        x = self._norm(activate(x, tf.cast(dense.bias, x.dtype), self.activation))
        return self._norm(self.named_layers["4x4/Conv"](x))

    def _block(self, res, groups):
        path, split = f"{2**res}x{2**res}", self.architecture.generator_splits(res)
        if self.architecture.fused_scale:
            groups = self._apply(path, "Conv0_up", groups, split)
        else:
            groups = self._apply(path, "Conv0", [upscale2d(x) for x in groups], split)
        groups = self._apply(path, "Conv1", [self._norm(x) for x in groups], split)
        return [self._norm(x) for x in groups]

    def _to_rgb(self, res, groups):
        path = f"ToRGB_lod{self.architecture.resolution_log2 - res}"
        groups = [tf.cast(x, stable_dtype(x.dtype)) for x in groups]
        images = self._apply(path, "", groups, self.architecture.generator_splits(res))
        return tf.concat(images, axis=-1)

    def _norm(self, x):
        return pixel_norm(x, self.pixelnorm_epsilon) if self.use_pixelnorm else x


class Discriminator(ProgressiveNetwork):
    """The trunk-branch discriminator with a label head, `D_paper` of TBGAN (section 3.1) and PGGAN.

    Call: `(images, lod=0.0, parts=1)` -> (scores, labels).
      images: [N, R / 2**floor(lod), R / 2**floor(lod), num_channels], in [-1, 1].
      lod: as the generator's.
      parts: the batch is this many minibatches, one after the other, that share no minibatch
        statistics.
      scores: [N, 1]; labels: [N, label_size], logits; both at least float32.

    Blocks have branches from resolution 2**lod_sep on, FromRGB from half of that on (the
    generator's begin one level higher; so it was published).
    """

    def __init__(
        self,
        num_channels: int = 9,
        resolution: int = 512,
        label_size: int = 7,
        fmap_base: int = 8192,
        fmap_decay: float = 1.0,
        fmap_max: int = 512,
        fmap_mult: int = 3,
        lod_sep: int = 7,
        fused_scale: bool = True,
        mbstd_group_size: int = 4,
        use_wscale: bool = True,
        branches: Sequence[tuple[str, int]] | None = None,
        seed: int | None = None,
        name: str = "discriminator",
        dtype: Any = None,
    ):
        """Builds the network; arguments as of `Generator`, and

        Args:
          mbstd_group_size: samples that share a minibatch standard deviation; 0 or 1 for no such
            layer.

        Raises:
          ValueError: the arguments do not describe a network.
        """
        architecture = Architecture(
            num_channels,
            resolution,
            label_size,
            fmap_base,
            fmap_decay,
            fmap_max,
            fmap_mult,
            lod_sep,
            fused_scale,
            branches,
        )
        layers = architecture.discriminator_layers(mbstd_group_size)
        super().__init__(architecture, layers, use_wscale, "leaky_relu", seed, name, dtype)
        self.mbstd_group_size = mbstd_group_size

    def call(
        self, images: tf.Tensor, lod: float | tuple = 0.0, parts: int = 1
    ) -> tuple[tf.Tensor, tf.Tensor]:
        level, fade = self._level(lod)
        top = self.architecture.resolution_log2 - level
        images = tf.cast(images, self.compute_dtype)
        groups = self._from_rgb(top, images)
        for res in range(top, 2, -1):
            groups = self._block(res, groups)
            if res == top and fade is not None:
                lower = self._from_rgb(top - 1, downscale2d(images))
                share = tf.cast(fade, self.compute_dtype)
                groups = [x + (y - x) * share for x, y in zip(groups, lower)]
        return self._last_block(groups, parts)

    def _from_rgb(self, res, images):
        split = self.architecture.from_rgb_splits(res)
        widths = [channels for _, channels in self.architecture.branch_channels] if split else [1]
        groups = tf.split(images, widths, axis=-1) if split else [images]
        path = f"FromRGB_lod{self.architecture.resolution_log2 - res}"
        return self._apply(path, "", groups, split)

    def _block(self, res, groups):
        path, split = f"{2**res}x{2**res}", self.architecture.discriminator_splits(res)
        groups = self._apply(path, "Conv0", groups, split)
        if self.architecture.fused_scale:
            return self._apply(path, "Conv1_down", groups, split)
        return [downscale2d(x) for x in self._apply(path, "Conv1", groups, split)]

    def _last_block(self, groups, parts):
        (x,) = _regroup(groups, 1)
        if self.mbstd_group_size > 1:
            statistic = tf.cast(minibatch_stddev(x, self.mbstd_group_size, parts), x.dtype)
            x = tf.concat([x, tf.tile(statistic, [1, 4, 4, 1])], axis=-1)
        x = self.named_layers["4x4/Conv"](x)
        # The published layer flattens NCHW: feature index = channel * 16 + row * 4 + column.
        x = tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [-1, 16 * self.architecture.fmaps(1)])
        hidden, head = self.named_layers["4x4/Dense0"], self.named_layers[SCORES]
        x = activate(hidden(x), tf.cast(hidden.bias, x.dtype), "leaky_relu")
        x = head(tf.cast(x, head.compute_dtype))
        x = activate(x, tf.cast(head.bias, x.dtype), None)
        return x[:, :1], x[:, 1:]


def _regroup(groups, count):
    """Cuts or joins groups of feature maps into `count` consecutive ones of equal width."""
    if len(groups) == count:
        return groups
    joined = groups[0] if len(groups) == 1 else tf.concat(groups, axis=-1)
    return [joined] if count == 1 else tf.split(joined, count, axis=-1)
