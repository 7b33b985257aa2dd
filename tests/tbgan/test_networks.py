"""Shapes, options, dtypes and limits of TBGAN's networks, and PGGAN as a special case."""

import numpy as np
import pytest
import tensorflow as tf

from tf_facegan import layers
from tf_facegan.tbgan.architecture import Architecture, parameter_count
from tf_facegan.tbgan.networks import Discriminator, Generator

TINY = {"resolution": 16, "label_size": 2, "fmap_base": 32, "fmap_max": 4, "lod_sep": 3}


def _latents(G, count=4, seed=0):
    return tf.random.stateless_normal([count, G.latent_size], [seed, 1])


def _labels(count=4, size=2):
    return tf.nn.softmax(tf.random.stateless_normal([count, size], [2, 3]))


def _published(num_channels, resolution, label_size, lod_sep, fmap_mult=3):
    base = (num_channels, resolution, label_size, 8192, 1.0, 512, fmap_mult, lod_sep, True)
    return Architecture(*base)


@pytest.mark.parametrize(
    "arguments, generator, discriminator",
    [
        ((9, 512, 7, 7), 206_959_464, 204_161_384),
        ((9, 512, 0, 7), 206_787_432, 204_150_625),
        ((9, 1024, 7, 7), 206_980_449, 204_182_456),
        ((3, 1024, 0, 9), 207_593_931, 207_451_921),
        ((3, 1024, 0, 12, 1), 23_079_115, 23_087_249),
    ],
)
def test_published_parameter_counts(arguments, generator, discriminator):
    architecture = _published(*arguments)
    assert parameter_count(architecture.generator_layers()) == generator
    assert parameter_count(architecture.discriminator_layers()) == discriminator


def test_published_numbers_of_variables():
    architecture = _published(9, 512, 7, 7)
    assert 2 * len(architecture.generator_layers()) == 72
    assert 2 * len(architecture.discriminator_layers()) == 90


@pytest.mark.parametrize("lod", [0, 0.5, 1, 1.25, 2, (1, tf.constant(0.5)), (0, 0)])
@pytest.mark.parametrize("fused_scale", [True, False])
def test_shapes_are_native(lod, fused_scale):
    G, D = (
        Generator(**TINY, fused_scale=fused_scale),
        Discriminator(**TINY, fused_scale=fused_scale),
    )
    level = lod[0] if isinstance(lod, tuple) else int(lod)
    images = G(_latents(G), _labels(), lod)
    assert images.shape == (4, 16 >> level, 16 >> level, 9)
    scores, labels = D(images, lod)
    assert scores.shape == (4, 1) and labels.shape == (4, 2)


def test_without_labels():
    G, D = Generator(**{**TINY, "label_size": 0}), Discriminator(**{**TINY, "label_size": 0})
    scores, labels = D(G(_latents(G), tf.zeros([4, 0]), 1), 1)
    assert scores.shape == (4, 1) and labels.shape == (4, 0)


def test_all_variables_exist_at_once_and_their_use_is_known():
    G, D = Generator(**TINY), Discriminator(**TINY)
    for model in (G, D):
        assert len(model.trainable_variables) == len(model.named_variables)
        for lod in (0, 0.5, 1, 2, (1, tf.constant(0.0))):
            with tf.GradientTape() as tape:
                if model is G:
                    output = G(_latents(G), _labels(), lod)
                else:
                    level = lod[0] if isinstance(lod, tuple) else int(lod)
                    output = D(tf.ones([4, 16 >> level, 16 >> level, 9]), lod)
            gradients = tape.gradient(output, model.trainable_variables)
            pairs = zip(gradients, model.trainable_variables)
            reached = {v.ref() for g, v in pairs if g is not None}
            assert reached == {v.ref() for v in model.used_variables(lod)}


def test_zero_fade_as_a_tensor_equals_no_blend():
    G, D = Generator(**TINY, seed=1), Discriminator(**TINY, seed=1)
    plain, blended = (G(_latents(G), _labels(), lod) for lod in (1, (1, tf.constant(0.0))))
    np.testing.assert_allclose(plain, blended, rtol=1e-6)
    np.testing.assert_allclose(D(plain, 1)[0], D(plain, (1, tf.constant(0.0)))[0], rtol=1e-6)


def test_a_fade_tensor_does_not_retrace():
    G = Generator(**TINY)
    traces = []

    @tf.function
    def generate(fade):
        traces.append(1)
        return G(_latents(G), _labels(), (1, fade))

    images = [generate(tf.constant(fade)) for fade in (0.0, 0.25, 0.5)]
    assert len(traces) == 1
    np.testing.assert_allclose((images[0] + images[2]) / 2, images[1], atol=1e-5)


def test_generator_samples_are_independent():
    G = Generator(**TINY, seed=3)
    latents, labels = _latents(G), _labels()
    together = G(latents, labels, 0.5)
    apart = tf.concat([G(latents[i : i + 1], labels[i : i + 1], 0.5) for i in range(4)], 0)
    np.testing.assert_allclose(together, apart, atol=1e-5)


def test_discriminator_samples_meet_in_their_group_only():
    D = Discriminator(**TINY, mbstd_group_size=2, seed=3)
    images = tf.random.stateless_normal([4, 16, 16, 9], [4, 5])
    with tf.GradientTape() as tape:
        tape.watch(images)
        score = D(images)[0][0, 0]
    reached = np.abs(tape.gradient(score, images)).sum(axis=(1, 2, 3)) > 0
    assert reached.tolist() == [True, False, True, False]


def test_discriminator_parts_equal_separate_calls():
    D = Discriminator(**TINY, seed=3)
    parts = tf.random.stateless_normal([2, 4, 16, 16, 9], [4, 5])
    together = D(tf.reshape(parts, [8, 16, 16, 9]), parts=2)
    apart = [D(part) for part in parts]
    for i in range(2):
        np.testing.assert_allclose(
            together[i], tf.concat([outputs[i] for outputs in apart], 0), atol=1e-5
        )


def test_branches_share_nothing():
    G = Generator(**TINY)
    with tf.GradientTape() as tape:
        texture = G(_latents(G), _labels())[..., :3]
    names = list(G.named_variables)
    gradients = tape.gradient(texture, list(G.named_variables.values()))
    reached = {n for n, g in zip(names, gradients) if g is not None and np.abs(g).max() > 0}
    assert "16x16/tex/Conv1/weight" in reached and "ToRGB_lod0/tex/bias" in reached
    assert not any("/shp/" in name or "/nor/" in name for name in reached)


class _Pggan:
    """PGGAN's networks written down without branches, from a network's own variables."""

    def __init__(self, model):
        self.variables = {k: v.numpy() for k, v in model.named_variables.items()}

    def layer(self, name, x, fan_in, gain=2.0, resample=None, norm=False, linear=False):
        weight = self.variables[f"{name}/weight"] * np.sqrt(gain / fan_in)
        if resample == "up":
            x, weight = layers.upscale2d(x), weight[::-1, ::-1].transpose(0, 1, 3, 2)
        x = tf.nn.conv2d(x, weight, 1, "SAME")
        x = layers.downscale2d(x) if resample == "down" else x
        x += self.variables[f"{name}/bias"]
        x = x if linear else tf.maximum(x * 0.2, x)
        return x * tf.math.rsqrt(tf.reduce_mean(x**2, -1, keepdims=True) + 1e-8) if norm else x

    def generate(self, latents):
        x = latents * tf.math.rsqrt(tf.reduce_mean(latents**2, -1, keepdims=True) + 1e-8)
        dense = self.variables["4x4/Dense/weight"] * np.sqrt(2.0) / 4 / np.sqrt(8)
        x = tf.transpose(tf.reshape(x @ dense, [-1, 8, 4, 4]), [0, 2, 3, 1])
        x = tf.nn.leaky_relu(x + self.variables["4x4/Dense/bias"], 0.2)
        x *= tf.math.rsqrt(tf.reduce_mean(x**2, -1, keepdims=True) + 1e-8)
        x = self.layer("4x4/Conv", x, 72, norm=True)
        x = self.layer("8x8/Conv0_up", x, 72, resample="up", norm=True)
        x = self.layer("8x8/Conv1", x, 72, norm=True)
        return self.layer("ToRGB_lod0", x, 8, gain=1.0, linear=True)

    def discriminate(self, images):
        x = self.layer("FromRGB_lod0", images, 3)
        x = self.layer("8x8/Conv0", x, 72)
        # Halving is linear, so that it commutes with the bias but must come before the activation.
        x = self.layer("8x8/Conv1_down", x, 72, resample="down")
        deviation = tf.sqrt(tf.math.reduce_variance(x, axis=0) + 1e-8)
        statistic = tf.fill([4, 4, 4, 1], tf.reduce_mean(deviation))
        x = self.layer("4x4/Conv", tf.concat([x, statistic], -1), 81)
        x = tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [4, 128])
        x = x @ self.variables["4x4/Dense0/weight"] * np.sqrt(2.0 / 128)
        x = tf.nn.leaky_relu(x + self.variables["4x4/Dense0/bias"], 0.2)
        x = x @ self.variables["4x4/Dense1/weight"] / np.sqrt(8)
        return x + self.variables["4x4/Dense1/bias"]


@pytest.mark.parametrize("branches", [None, (("rgb", 3),)])
def test_one_branch_and_factor_one_is_pggan(branches):
    sizes = {"resolution": 8, "label_size": 0, "fmap_base": 64, "fmap_max": 8, "fmap_mult": 1}
    arguments = {"num_channels": 3, "branches": branches, "lod_sep": 3 if branches else 5, **sizes}
    G, D = Generator(**arguments, seed=5), Discriminator(**arguments, seed=6)
    for model in (G, D):
        for name, variable in model.named_variables.items():
            assert name.count("/") == 1 + name[0].isdigit()
            if name.endswith("bias"):
                variable.assign(tf.random.stateless_normal(variable.shape, [len(name), 1]))
    images = G(_latents(G), tf.zeros([4, 0]))
    np.testing.assert_allclose(images, _Pggan(G).generate(_latents(G)), atol=1e-5)
    np.testing.assert_allclose(D(images)[0], _Pggan(D).discriminate(images), atol=1e-5)


@pytest.mark.parametrize(
    "branches, names",
    [
        ((("tex", 3), ("depth", 1)), {"ToRGB_lod0/tex": (4, 3), "ToRGB_lod0/depth": (4, 1)}),
        ((("shp", 3),), {"ToRGB_lod0": (8, 3)}),
    ],
)
def test_other_branches(branches, names):
    channels = sum(width for _, width in branches)
    arguments = {**TINY, "fmap_mult": 2, "num_channels": channels, "branches": branches}
    G, D = Generator(**arguments), Discriminator(**arguments)
    for name, shape in names.items():
        assert G.named_variables[f"{name}/weight"].shape[2:] == shape
    for lod in (0, 0.5, 1):
        images = G(_latents(G), _labels(), lod)
        assert images.shape[-1] == channels
        assert np.isfinite(D(images, lod)[0]).all()


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"resolution": 24}, "resolution is 24"),
        ({"resolution": 2}, "resolution is 2"),
        ({"num_channels": 4}, "num_channels is 4"),
        ({"label_size": -1}, "label_size is -1"),
        ({"fmap_base": 2}, "fmap_base=2"),
        ({"branches": (("tex", 3), ("shp", 3))}, "num_channels=9"),
        ({"branches": (("tex", 3), ("tex", 6))}, "different names"),
        ({"branches": (("tex", 8), ("shp", 1)), "fmap_mult": 1, "fmap_max": 3}, "3 feature maps"),
        ({"lod_sep": 1}, "lod_sep is 1"),
    ],
)
@pytest.mark.parametrize("network", [Generator, Discriminator])
def test_bad_arguments_are_named(network, changes, message):
    with pytest.raises(ValueError, match=message):
        network(**{**TINY, **changes})


@pytest.mark.parametrize("network", [Generator, Discriminator])
def test_unknown_arguments_are_errors(network):
    with pytest.raises(TypeError, match="fmap_basis"):
        network(**TINY, fmap_basis=1)


@pytest.mark.parametrize("lod", [-0.5, 2.5, 3, (3, 0.0)])
def test_levels_that_do_not_exist_are_errors(lod):
    G = Generator(**TINY)
    with pytest.raises(ValueError, match="expected 0 to 2"):
        G(_latents(G), _labels(), lod)


@pytest.mark.parametrize("policy", ["float32", "float64", "mixed_float16"])
def test_dtypes_follow_the_policy(policy):
    expected = tf.keras.mixed_precision.Policy(policy)
    outside = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy(policy)
    try:
        G, D = Generator(**TINY, seed=1), Discriminator(**TINY, seed=1)
    finally:
        tf.keras.mixed_precision.set_global_policy(outside)
    assert {v.dtype for v in G.variables + D.variables} == {tf.as_dtype(expected.variable_dtype)}
    with tf.GradientTape() as tape:
        images = G(_latents(G), _labels(), (1, tf.constant(0.5)))
        scores, labels = D(images, (1, tf.constant(0.5)))
    output = tf.float64 if policy == "float64" else tf.float32
    assert {images.dtype, scores.dtype, labels.dtype} == {output}
    gradients = tape.gradient(scores, G.trainable_variables)
    assert all(np.isfinite(g).all() for g in gradients if g is not None)
    full = Generator(**TINY, seed=1)
    reference = full(_latents(full), _labels(), (1, tf.constant(0.5)))
    np.testing.assert_allclose(images, reference, atol=0.03 if "16" in policy else 1e-5)


def test_options_of_the_generator():
    changed = [
        {},
        {"use_pixelnorm": False},
        {"normalize_latents": False},
        {"use_leakyrelu": False},
        {"use_wscale": False},
        {"pixelnorm_epsilon": 0.1},
    ]
    images = []
    for options in changed:
        G = Generator(**TINY, seed=1, **options)
        # With biases of zero pixel norm would hide the scale of the latents.
        for name, variable in G.named_variables.items():
            if name.endswith("bias"):
                variable.assign(tf.ones_like(variable))
        images.append(G(_latents(G), _labels()))
    # Drawing scaled weights gives the same function as scaling them when they are used.
    np.testing.assert_allclose(images[4], images[0], atol=1e-5)
    for other in (1, 2, 3, 5):
        assert np.abs(images[other] - images[0]).max() > 1e-3
    assert Generator(**TINY, latent_size=5).latent_size == 5


def test_discriminator_without_statistics():
    D = Discriminator(**TINY, mbstd_group_size=1)
    assert D.named_variables["4x4/Conv/weight"].shape == (3, 3, 12, 12)
    images = tf.random.stateless_normal([3, 16, 16, 9], [4, 5])
    apart = tf.concat([D(images[i : i + 1])[0] for i in range(3)], 0)
    np.testing.assert_allclose(D(images)[0], apart, atol=1e-5)


@pytest.mark.parametrize("in_graph", [False, True])
@pytest.mark.parametrize("fused_scale", [True, False])
def test_gradient_penalty_matches_differences(in_graph, fused_scale):
    D = Discriminator(**TINY, fused_scale=fused_scale, seed=2, dtype="float64")
    variable = D.named_variables["8x8/tex/Conv0/weight"]
    images = tf.random.stateless_normal([4, 16, 16, 9], [4, 5], dtype=tf.float64)

    def penalty():
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(images)
                score = tf.reduce_sum(D(images, 0.5)[0])
            value = tf.reduce_sum(tf.square(inner.gradient(score, images)))
        return value, outer.gradient(value, variable)

    penalty = tf.function(penalty) if in_graph else penalty
    gradient = penalty()[1]
    direction = tf.random.stateless_normal(variable.shape, [6, 7], dtype=tf.float64)
    values = []
    for step in (1e-6, -2e-6):
        variable.assign_add(step * direction)
        values.append(penalty()[0])
    expected = (values[0] - values[1]) / 2e-6
    np.testing.assert_allclose(tf.reduce_sum(gradient * direction), expected, rtol=1e-4)
