"""Shapes, options, dtypes and limits of GANimation's networks."""

import numpy as np
import pytest
import tensorflow as tf

from tests.ganimation import tiny
from tf_facegan.ganimation import reference
from tf_facegan.ganimation.layers import NORM_SCALES, NORMS
from tf_facegan.ganimation.networks import COLOR_RANGE, Discriminator, Generator
from tf_facegan.layers import conv2d


def parameters(model, trainable=True):
    named = model.named_variables.values()
    return sum(v.shape.num_elements() for v in named if v.trainable == trainable)


def inputs(count=2, height=16, width=16, c_dim=17):
    images = tf.random.stateless_uniform([count, height, width, 3], [1, 2], -1, 1)
    return images, tf.random.stateless_uniform([count, c_dim], [3, 4])


def test_published_parameter_counts():
    G, D = Generator(), Discriminator()
    assert parameters(G) == 8_471_296 and parameters(G, trainable=False) == 7_424
    assert parameters(D) == 44_860_352
    assert len(G.named_trainable_variables) == 53 and len(D.named_variables) == 14
    assert parameters(Generator(c_dim=5)) == 8_433_664
    assert parameters(Discriminator(c_dim=5)) == 44_762_048


@pytest.mark.parametrize("height, width", [(16, 16), (8, 24), (4, 4), (12, 32)])
def test_generator_takes_any_multiple_of_four(height, width):
    images, aus = inputs(3, height, width)
    attention, color = Generator(**tiny.G, seed=1)(images, aus)
    assert attention.shape == (3, height, width, 1) and color.shape == (3, height, width, 3)
    assert 0 < np.min(attention) and np.max(attention) < 1 and np.abs(color).max() < 1


def test_critic_keeps_the_batch_axis():
    for count in (1, 3):
        scores, aus = Discriminator(**tiny.D, seed=1)(inputs(count)[0])
        assert scores.shape == (count, 4, 4, 1) and aus.shape == (count, 17)


@pytest.mark.parametrize("height, width", [(16, 16), (8, 12), (7, 7), (6, 9)])
def test_first_layer_is_the_convolution_of_appended_planes(height, width):
    G = Generator(**tiny.G, seed=1)
    images, aus = inputs(3, height, width)
    planes = tf.tile(aus[:, None, None], [1, height, width, 1])
    kernel = G.named_layers["main.0"].kernel
    expected = conv2d(tf.concat([images, planes], axis=-1), kernel)
    np.testing.assert_allclose(G._first_layer(images, aus), expected, atol=1e-6)


def test_aus_change_the_result_and_the_order_of_samples_does_not():
    G = Generator(**tiny.G, seed=1, norm_scale_init="ones")
    images, aus = inputs()
    results = G(images, aus)
    for one, other in zip(results, G(images, 1 - aus)):
        assert np.abs(one - other).max() > 1e-4
    for one, other in zip(results, G(images[::-1], aus[::-1])):
        np.testing.assert_allclose(one, other[::-1], atol=1e-6)


def test_training_updates_running_statistics_and_nothing_else():
    G = Generator(**tiny.G, seed=1)
    images, aus = inputs()
    before = {name: v.numpy() for name, v in G.named_variables.items()}
    outputs = G(images, aus)
    assert all(np.array_equal(before[n], v) for n, v in G.named_variables.items())
    training = G(images, aus, training=True)
    for one, other in zip(outputs, training):
        np.testing.assert_array_equal(one, other)
    changed = {n for n, v in G.named_variables.items() if not np.array_equal(before[n], v)}
    assert changed == {name for name in before if "running" in name}
    kept = Generator(**tiny.G, seed=1, update_running_stats=False)
    kept(images, aus, training=True)
    assert all(np.array_equal(before[n], v) for n, v in kept.named_variables.items())


def test_running_statistics_are_the_means_over_the_batch():
    G = Generator(**tiny.G, seed=1)
    images, aus = inputs()
    G(images, aus, training=True)
    x = G._first_layer(images, aus).numpy().reshape(2, -1, 4)
    norm = G.named_layers["main.1"]
    np.testing.assert_allclose(norm.running_mean, 0.1 * x.mean((0, 1)), atol=1e-6)
    variance = x.var(axis=1, ddof=1).mean(axis=0)
    np.testing.assert_allclose(norm.running_var, 0.9 + 0.1 * variance, rtol=1e-5)


@pytest.mark.parametrize("init", NORM_SCALES)
def test_initial_values(init):
    G = Generator(conv_dim=16, norm_scale_init=init, seed=3)
    scales = np.concatenate([v for n, v in G.named_variables.items() if _is_scale(n, v)])
    mean, deviation = {"uniform": (0.5, 12**-0.5), "ones": (1, 0), "normal": (1, 0.02)}[init]
    np.testing.assert_allclose(scales.mean(), mean, atol=0.03)
    np.testing.assert_allclose(scales.std(), deviation, atol=0.03 if init == "uniform" else 2e-3)
    assert scales.min() >= 0
    for name, variable in G.named_variables.items():
        if name.endswith((".bias", "running_mean")):
            assert not np.any(variable)
    weight = G.named_variables["main.9.main.0.weight"].numpy()
    np.testing.assert_allclose([weight.mean(), weight.std()], [0, 0.02], atol=1e-3)


def _is_scale(name, variable):
    return name.endswith("weight") and len(variable.shape) == 1


@pytest.mark.parametrize("network, sizes", [(Generator, tiny.G), (Discriminator, tiny.D)])
def test_weights_are_a_function_of_the_seed(network, sizes):
    one, same, other = (network(**sizes, seed=seed) for seed in (1, 1, 2))
    for name, variable in one.named_variables.items():
        np.testing.assert_array_equal(variable, same.named_variables[name])
        if len(variable.shape) == 4 or _is_scale(name, variable):
            assert not np.allclose(variable, other.named_variables[name]), name
    unseeded = network(**sizes).named_variables["main.0.weight"]
    assert not np.allclose(unseeded, network(**sizes).named_variables["main.0.weight"])


@pytest.mark.parametrize("policy", ["float64", "mixed_float16", "mixed_bfloat16"])
def test_dtype_policies(policy):
    expected = tf.float64 if policy == "float64" else tf.float32
    images, aus = inputs()
    tolerance = 1e-5 if policy == "float64" else 0.1
    for network, sizes, arguments in (
        (Generator, tiny.G, (images, aus)),
        (Discriminator, tiny.D, (images,)),
    ):
        outputs = network(**sizes, seed=1, dtype=policy)(*arguments)
        assert {output.dtype for output in outputs} == {expected}
        for output, full in zip(outputs, network(**sizes, seed=1)(*arguments)):
            np.testing.assert_allclose(output, full, atol=tolerance)


def test_instance_norms_do_not_overflow_in_half_precision():
    G = Generator(**tiny.G, seed=1, dtype="mixed_float16")
    G.named_layers["main.0"].weight.assign(G.named_layers["main.0"].weight * 1e4)
    attention, color = G(*inputs())
    assert np.isfinite(attention).all() and np.std(color) > 0


@pytest.mark.parametrize(
    "network, arguments, message",
    [
        (Generator, {"image_size": 30}, "image_size is 30, a multiple of 4"),
        (Generator, {"norm_scale_init": "zero"}, "norm_scale_init is 'zero', expected one of unif"),
        (Generator, {"norm": "batch"}, "norm is 'batch', expected one of instance, affine"),
        (Discriminator, {"image_size": 96}, "image_size is 96, a multiple of 64 .* repeat_num=6"),
    ],
)
def test_arguments_that_make_no_network(network, arguments, message):
    with pytest.raises(ValueError, match=message):
        network(**arguments)


def test_images_of_other_sizes_are_refused():
    with pytest.raises(ValueError, match="images of 18 x 16 pixels, multiples of 4 expected"):
        Generator(**tiny.G)(*inputs(height=16, width=18))
    with pytest.raises(ValueError, match="images of 8 x 8 pixels, 16 x 16 expected"):
        Discriminator(**tiny.D)(inputs(4, 8, 8)[0])


def test_a_condition_behind_the_norm_has_more_effect():
    sizes = {**tiny.G, "image_size": 64, "norm_scale_init": "ones", "seed": 1}
    published, mended = (Generator(**sizes, condition_after_norm=b) for b in (False, True))
    assert list(published.named_variables) == list(mended.named_variables)
    images, aus = inputs(2, 64, 64)

    def effect(network):
        """How much other AUs change the colour image away from its border."""
        colors = [network(images, wanted)[1][:, 16:-16, 16:-16] for wanted in (aus, 1 - aus)]
        return float(np.abs(colors[0] - colors[1]).mean())

    assert effect(mended) > effect(published) > 0


def test_blocks_may_be_told_the_action_units_too():
    plain, told = (Generator(**tiny.G, seed=1, condition_blocks=b) for b in (False, True))
    added = set(told.named_variables) - set(plain.named_variables)
    assert added == {"main.9.condition.weight"}
    matrix = told.named_variables["main.9.condition.weight"]
    assert matrix.shape == (17, 16) and matrix.trainable
    images, aus = inputs()
    for before, after in zip(plain(images, aus), told(images, 0 * aus)):
        assert before.shape == after.shape
    matrix.assign(tf.zeros_like(matrix))
    for before, after in zip(plain(images, aus), told(images, aus)):
        np.testing.assert_allclose(before, after, atol=1e-6)
    copy = Generator(**tiny.G, seed=2, condition_blocks=True)
    reference.assign(copy, reference.extract(told))
    np.testing.assert_array_equal(copy(images, aus)[1], told(images, aus)[1])


def test_without_norms_the_brightness_of_a_photo_is_not_lost():
    images, aus = inputs(2, 64, 64)
    aus = 0 * aus  # or it would not be the photo alone that counts
    changes = {}
    for norm in NORMS:
        G = Generator(64, 8, 17, 2, norm_scale_init="ones", norm=norm, init_stddev=None, seed=1)
        _, color = G(images, aus)
        assert 0.01 < np.std(color) < 0.7  # neither gone nor saturated
        other = G(0.5 * images, aus)[1]
        changes[norm] = float(np.abs(other - color).mean() / np.std(color))
        before = G.named_variables["main.1.running_mean"].numpy()
        G(images, aus, training=True)
        moved = not np.array_equal(G.named_variables["main.1.running_mean"], before)
        assert moved == (norm == "instance")
    assert changes["affine"] > 0.2 and changes["instance"] < 0.01


def test_skips_add_maps_of_the_way_down():
    plain, skipping = (Generator(**tiny.G, seed=1, skips=b) for b in (False, True))
    assert list(plain.named_variables) == list(skipping.named_variables)
    images, aus = inputs()
    for network in (plain, skipping):  # nothing comes up from below any more
        for place in (10, 13):
            weight = network.named_variables[f"main.{place}.weight"]
            weight.assign(tf.zeros_like(weight))
    assert np.std(plain(images, aus)[1]) == 0
    assert np.std(skipping(images, aus)[1]) > 0


def test_colour_images_may_start_from_the_photo():
    G = Generator(**tiny.G, seed=1, residual_color=True)
    weight = G.named_variables["im_reg.0.weight"]
    images, aus = inputs()
    drawn = G(images, aus)[1]
    np.testing.assert_allclose(G(images, aus, training=True)[1], drawn, atol=1e-6)
    weight.assign(tf.zeros_like(weight))
    copied = G(images, aus)[1]
    np.testing.assert_allclose(copied, COLOR_RANGE * images, atol=1e-5)
    assert np.abs(drawn - copied).max() > 1e-3
    black_and_white = tf.sign(images)
    assert np.isfinite(G(black_and_white, aus)[1]).all()
