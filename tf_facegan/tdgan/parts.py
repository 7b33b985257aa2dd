"""The parts of TDGAN's networks (Xie, Hu and Chen, IEEE TCSVT 31(6), 2021): encoder, head, decoder.

Images are NHWC in [0, 1], gray or RGB, of a side that 16 divides. Layers go by their published
names; `reference.py` knows the published layouts of their weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tf_facegan.layers import normal, seed_of, stable_dtype
from tf_facegan.tdgan.kernels import conv2d, conv2d_transpose, norm_relu

ENCODER_EPSILON, DECODER_EPSILON = 1e-3, 1e-5  # of the instance norms
RESIDUAL_SCALE = 0.17
NUM_RESIDUAL_BLOCKS = 4  # inception blocks of an encoder
CODE_STRIDE = 16  # pixels of an image a position of the code stands for
GAUSSIAN = 0.02  # standard deviation of the initial weights of decoder and heads
HEAD_INPUTS = {"fc1": 8192, "fc2": 1024, "fc3": 1024}  # of the published head's layers


class Part(tf.keras.layers.Layer):
    """What encoder, head and decoder share: variables by their published names.

    Attributes:
      named_variables: {published name within the part: variable}, in published order.
    """

    def __init__(self, width: float, seed: int | None, name: str, dtype: Any):
        super().__init__(name=name, dtype=dtype, autocast=False)
        self._width, self._seed = width, seed
        self.named_variables = {}

    def maps(self, count: int) -> int:
        """Feature maps where the published network has `count`."""
        return max(int(round(count * self._width)), 1)

    def _add(self, name, shape, initializer):
        self.named_variables[name] = self.add_weight(
            name=name, shape=shape, initializer=initializer, experimental_autocast=False
        )

    def _uniform(self, name, shape, fan_in):
        """Adds a variable drawn as PyTorch draws weights and biases by default."""
        bound, seed = fan_in**-0.5, seed_of(self._seed, f"{self.name}.{name}")
        self._add(name, shape, lambda shape, dtype=None: _uniform(shape, bound, seed, dtype))

    def _normal(self, name, shape, gain=1.0):
        seed, deviation = seed_of(self._seed, f"{self.name}.{name}"), GAUSSIAN * gain
        self._add(name, shape, lambda shape, dtype=None: normal(shape, deviation, seed, dtype))

    def _cast(self, name):
        return tf.cast(self.named_variables[name], self.compute_dtype)

    def _biased_conv2d(self, name, x):
        return tf.nn.bias_add(conv2d(x, self._cast(f"{name}.weight")), self._cast(f"{name}.bias"))


class Encoder(Part):
    """An encoder (section III of the paper), the same for faces, expressions and discriminators.

    Call: images [N, S, S, C] -> code [N, S / 16, S / 16, 128 * width].
    """

    def __init__(
        self,
        channels: int = 1,
        width: float = 1.0,
        seed: int | None = None,
        name: str = "encoder",
        dtype: Any = None,
    ):
        super().__init__(width, seed, name, dtype)
        maps = self.maps
        self._conv_norm("conv1.0", 5, channels, maps(32))
        self._conv_norm("conv2.0", 5, maps(32), maps(64))
        for block in range(NUM_RESIDUAL_BLOCKS):
            self._residual_block(f"repeat.{block}", maps(64), maps(16))
        self._conv_norm("conv3.0", 5, maps(64), maps(128))
        self._conv_norm("conv4.0", 5, maps(128), maps(128))
        self.built = True

    def _conv_norm(self, name, side, inputs, outputs):
        self._uniform(f"{name}.conv.weight", [side, side, inputs, outputs], inputs * side**2)
        self._add(f"{name}.bn.weight", [outputs], "ones")
        self._add(f"{name}.bn.bias", [outputs], "zeros")

    def _residual_block(self, name, outer, inner):
        for branch in range(3):
            self._conv_norm(f"{name}.branch{branch}.0", 1, outer, inner)
            for layer in range(1, branch + 1):
                self._conv_norm(f"{name}.branch{branch}.{layer}", 3, inner, inner)
        self._uniform(f"{name}.conv2d.weight", [1, 1, 3 * inner, outer], 3 * inner)
        self._uniform(f"{name}.conv2d.bias", [outer], 3 * inner)

    def call(self, images: tf.Tensor) -> tf.Tensor:
        return self.stages(images)["ds4_out"]

    def stages(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns {published stage: features} of images, in order; `ds4_out` is the code."""
        x, stages = tf.cast(images, self.compute_dtype), {}
        for number in (1, 2, 3, 4):
            x = stages[f"conv{number}_out"] = self._apply([f"conv{number}.0"], x)
            x = stages[f"ds{number}_out"] = max_pool(x)
            if number == 2:
                for block in range(NUM_RESIDUAL_BLOCKS):
                    x = self._apply_block(f"repeat.{block}", x)
                stages["incep_out"] = x
        return stages

    def _apply(self, names, x):
        """Convolution, instance norm and ReLU; of several layers with the same input at once."""
        kernels, scales, shifts = (
            [self._cast(f"{name}.{kind}") for name in names]
            for kind in ("conv.weight", "bn.weight", "bn.bias")
        )
        x = conv2d(x, _joined(kernels))
        return norm_relu(x, _joined(scales), _joined(shifts), ENCODER_EPSILON)

    def _apply_block(self, name, x):
        heads = self._apply([f"{name}.branch{branch}.0" for branch in range(3)], x)
        branches = tf.split(heads, 3, axis=-1)
        for branch in range(3):
            for layer in range(1, branch + 1):
                path = f"{name}.branch{branch}.{layer}"
                branches[branch] = self._apply([path], branches[branch])
        merged = self._biased_conv2d(f"{name}.conv2d", tf.concat(branches, axis=-1))
        return tf.nn.relu(RESIDUAL_SCALE * merged + x)


class Head(Part):
    """A classification head: three matrix products, dropout before the first two.

    Call: `(code, training=False, seed=None)` -> logits [N, num_classes], at least float32.
      code: [N, H, W, C].
      seed: int64 [N, 2], one for the dropout of each sample; dropout is active when it is given.
      training: with it dropout is active without a seed too, drawn from TensorFlow's generator.
    """

    def __init__(
        self,
        code_shape: Sequence[int],
        num_classes: int,
        dropout: float = 0.5,
        width: float = 1.0,
        seed: int | None = None,
        name: str = "fc",
        dtype: Any = None,
    ):
        super().__init__(width, seed, name, dtype)
        self.code_shape, self._dropout = tuple(code_shape), dropout
        inputs = code_shape[0] * code_shape[1] * code_shape[2]
        hidden = self.maps(1024)
        self._sizes = {"fc1": (inputs, hidden), "fc2": (hidden, hidden)}
        for layer, shape in {**self._sizes, "fc3": (hidden, num_classes)}.items():
            # With fewer inputs the weights are wider, so that the logits begin at the same size.
            gain = (HEAD_INPUTS[layer] / shape[0]) ** 0.5
            self._normal(f"{layer}.weight", shape, gain)
            self._add(f"{layer}.bias", shape[1:], "zeros")
        self.built = True

    def call(
        self, code: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        return self.stages(code, training, seed)["fc3_out"]

    def stages(
        self, code: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Returns {published stage: features}; `fc3_out` holds the logits."""
        x = tf.cast(code, self.compute_dtype)
        x, stages = tf.reshape(x, [-1, self._sizes["fc1"][0]]), {}
        draws = self._dropout_draws(tf.shape(x)[0], training, seed)
        for layer, drawn in zip(self._sizes, draws):
            x = tf.nn.relu(self._product(layer, dropped(x, drawn, self._dropout)))
            stages[f"{layer}_out"] = x
        logits = self._product("fc3", x)
        stages["fc3_out"] = tf.cast(logits, stable_dtype(logits.dtype))
        return stages

    def _product(self, layer, x):
        y = tf.matmul(x, self._cast(f"{layer}.weight"))
        return tf.nn.bias_add(y, self._cast(f"{layer}.bias"))

    def _dropout_draws(self, batch, training, seed):
        """Returns for each layer the uniform draws [N, inputs] that dropout is decided by."""
        widths = [inputs for inputs, _ in self._sizes.values()]
        if not self._dropout or (seed is None and not training):
            return [None] * len(widths)
        if seed is None:
            drawn = tf.random.uniform([batch, sum(widths)])
        else:
            drawn = tf.map_fn(
                lambda one: tf.random.stateless_uniform([sum(widths)], one),
                seed,
                fn_output_signature=tf.float32,
            )
        return tf.split(drawn, widths, axis=1)


class Decoder(Part):
    """The embedding module and decoder: two codes and noise become an image.

    Call: `(face_code, expression_code, noise)` -> image [N, S, S, C] in [0, 1], at least float32.
      codes: [N, S / 16, S / 16, 128 * width].
      noise: [N, S / 16, S / 16, noise_dim], uniform in [0, 1); None if noise_dim is 0.
    """

    def __init__(
        self,
        channels: int = 1,
        noise_dim: int = 256,
        num_blocks: int = 6,
        width: float = 1.0,
        seed: int | None = None,
        name: str = "decoder",
        dtype: Any = None,
    ):
        super().__init__(width, seed, name, dtype)
        self._noise_dim, self._num_blocks = noise_dim, num_blocks
        code = self.maps(128)
        self._embedding("emb1.0", 2 * code + noise_dim, code)
        for block in range(num_blocks):
            self._embedding(f"emb2.{block}.infer.0", code, code)
        maps = [code, self.maps(512), self.maps(256), self.maps(128), self.maps(64)]
        for number, (inputs, outputs) in enumerate(zip(maps, maps[1:]), 1):
            self._normal(f"us{number}.0.weight", [4, 4, outputs, inputs])
        self._normal("us5.0.weight", [3, 3, channels, maps[-1]])
        self.built = True

    def _embedding(self, name, inputs, outputs):
        self._normal(f"{name}.weight", [3, 3, inputs, outputs])
        self._uniform(f"{name}.bias", [outputs], inputs * 9)

    def call(
        self, face_code: tf.Tensor, expression_code: tf.Tensor, noise: tf.Tensor | None = None
    ) -> tf.Tensor:
        return self.stages(face_code, expression_code, noise)["img"]

    def stages(
        self, face_code: tf.Tensor, expression_code: tf.Tensor, noise: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Returns {published stage: features}, in order; `img` is the image."""
        inputs = [expression_code, face_code] + [noise] * bool(self._noise_dim)
        x = tf.concat([tf.cast(part, self.compute_dtype) for part in inputs], axis=-1)
        stages = {}
        x = stages["emb1_out"] = self._embed("emb1.0", x)
        for block in range(self._num_blocks):
            x += self._embed(f"emb2.{block}.infer.0", x)
        stages["emb2_out"] = x
        for number in (1, 2, 3, 4):
            x = conv2d_transpose(x, self._cast(f"us{number}.0.weight"), 2)
            x = norm_relu(x, epsilon=DECODER_EPSILON)
            stages[f"us{number}_out"] = x
        x = conv2d_transpose(x, self._cast("us5.0.weight"), 1)
        stages["img"] = tf.sigmoid(tf.cast(x, stable_dtype(x.dtype)))
        return stages

    def _embed(self, name, x):
        return tf.nn.relu(self._biased_conv2d(name, x))


def max_pool(x: tf.Tensor) -> tf.Tensor:
    """Maximum over windows of 3x3 that start at every second pixel, the last one cut at the border
    (PyTorch's ceil mode): [N, H, W, C] -> [N, floor(H / 2), floor(W / 2), C]."""
    height, width = x.shape[1:3]
    if height % 2 == width % 2 == 0:
        return tf.nn.max_pool2d(x, 3, 2, "SAME")
    padding = [[0, 0], [0, 1 - height % 2], [0, 1 - width % 2], [0, 0]]
    return tf.nn.max_pool2d(tf.pad(x, padding, constant_values=x.dtype.min), 3, 2, "VALID")


def dropped(x: tf.Tensor, drawn: tf.Tensor | None, rate: float) -> tf.Tensor:
    """Returns x where uniform draws reach `rate`, scaled by 1 / (1 - rate), and 0 elsewhere.

    Without draws (None) it is x.
    """
    if drawn is None:
        return x
    return tf.where(drawn >= rate, x / (1.0 - rate), tf.zeros([], x.dtype))


def _joined(parts):
    return parts[0] if len(parts) == 1 else tf.concat(parts, axis=-1)


def _uniform(shape, bound, seed, dtype):
    """Draws an initial weight, uniform within +-bound, the same for every dtype."""
    if seed is None:
        draw = tf.random.uniform(shape, -bound, bound)
    else:
        draw = tf.random.stateless_uniform(shape, [seed, 0], -bound, bound)
    return tf.cast(draw, dtype or tf.float32)
