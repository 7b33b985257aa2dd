"""Sizes, dropout, statistics and precision of RD-GAN's networks."""

import numpy as np
import pytest
import tensorflow as tf

from tf_facegan.rdgan import networks
from tf_facegan.rdgan.layers import NORM_MOMENTUM, Pass

SMALL = {"width": 0.125, "seed": 0}
SIDE = 32


def images(count=2, seed=0, dtype=np.float32):
    return np.random.RandomState(seed).uniform(-1, 1, (count, SIDE, SIDE, 3)).astype(dtype)


def small(cls, **options):
    """A small network whose weights are large enough for its results to differ from zero."""
    sized = {"image_size": SIDE} if "Discriminator" in cls.__name__ else {}
    model = cls(**{**SMALL, **sized, **options})
    for name, variable in model.named_variables.items():
        if name.endswith("/W"):
            inputs = np.prod(variable.shape) / variable.shape[2 if "/deconv" in name else -1]
            variable.assign(variable * (np.sqrt(2 / inputs) / 0.02))
    return model


def call(model, count=2, **options):
    inputs = [images(count)] if "discriminator" in model.name else [images(count), images(count, 1)]
    return model(*inputs, **options)


@pytest.mark.parametrize(
    "cls, trainable, moving",
    [
        (networks.FaceGenerator, 3_947_363, 4_064),
        (networks.FaceDiscriminator, 3_872_641, 2_560),
        (networks.FineGenerator, 1_100_483, 1_664),
        (networks.FineDiscriminator, 49_536_585, 4_096),
        (networks.TwoWayGenerator, 3_882_179, 2_816),
    ],
)
def test_published_sizes(cls, trainable, moving):
    model = cls()
    sizes = {n: int(np.prod(v.shape)) for n, v in model.named_variables.items()}
    assert sum(sizes[name] for name in model.named_trainable_variables) == trainable
    assert sum(sizes.values()) == trainable + moving
    assert len(model.variables) == len(sizes)  # all of them are checkpointed


ALL = [
    networks.FaceGenerator,
    networks.FineGenerator,
    networks.TwoWayGenerator,
    networks.FaceDiscriminator,
    networks.FineDiscriminator,
]


@pytest.mark.parametrize("cls", ALL)
def test_shapes_seeds_and_initial_weights(cls):
    model, same, other = small(cls), small(cls), small(cls, seed=1)
    result = call(model)
    assert result.shape == ((2, 1) if "discriminator" in model.name else (2, SIDE, SIDE, 3))
    np.testing.assert_array_equal(result, call(same))
    assert not np.allclose(result, call(other))
    arguments = {"image_size": SIDE} if "discriminator" in model.name else {}
    for name, variable in cls(**arguments, seed=0).named_variables.items():
        kind = name.rpartition("/")[2]
        value = variable.numpy()
        if kind == "W" and value.size > 1000:
            np.testing.assert_allclose(value.std(), 0.02, rtol=0.15, err_msg=name)
        if kind != "W":
            assert np.all(value == (kind in ("gamma", "moving_variance"))), name


DROPPING = [networks.FaceGenerator, networks.FineGenerator, networks.FineDiscriminator]


@pytest.mark.parametrize("cls", DROPPING)
@pytest.mark.parametrize("training", [False, True])
def test_dropout_is_a_function_of_the_seeds_alone(cls, training):
    model = small(cls)
    seeds = np.array([[1, 2], [3, 4]])
    kept = call(small(cls, dropout_keep=1.0), training=training, seed=seeds)
    np.testing.assert_array_equal(kept, call(model, training=training))
    plain = call(model, training=training)
    dropped = call(model, training=training, seed=seeds)
    assert not np.allclose(plain, dropped)
    np.testing.assert_array_equal(dropped, call(model, training=training, seed=seeds))
    assert not np.allclose(dropped, call(model, training=training, seed=seeds + 1))
    assert not np.allclose(dropped, call(model, training=training, seed=5))


def test_dropout_of_a_sample_does_not_depend_on_its_batch():
    model = small(networks.FaceGenerator)
    seeds = np.array([[1, 2], [3, 4]])
    both = call(model, seed=seeds)
    second = model(images()[1:], images(seed=1)[1:], seed=seeds[1:])
    np.testing.assert_allclose(both[1:], second, atol=1e-6)


def test_dropout_keeps_the_share_and_the_mean():
    model = small(networks.FaceGenerator)
    run = Pass(model, seed=7)
    features = np.ones([4, 50, 50, 8], np.float32)
    first, second = run.dropout(features).numpy(), run.dropout(features).numpy()
    assert set(np.unique(first)) == {0.0, np.float32(1 / 0.6)}
    np.testing.assert_allclose(first.mean(), 1.0, atol=0.02)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first[0], first[1])


@pytest.mark.parametrize("cls", ALL)
def test_only_training_moves_statistics(cls):
    model = small(cls)
    moving = {n: v for n, v in model.named_variables.items() if "/moving_" in n}
    before = {n: v.numpy() for n, v in moving.items()}
    call(model)
    for name, variable in moving.items():
        np.testing.assert_array_equal(variable, before[name])
    call(model, training=True)
    for name, variable in moving.items():
        assert not np.array_equal(variable, before[name]), name


def test_moving_statistics_are_published_averages():
    model = small(networks.FaceDiscriminator)
    x = images(4)
    run = Pass(model, training=True)
    y = tf.nn.conv2d(run("D_right/conv1", x), model.named_variables["D_right/conv2/W"], 2, "SAME")
    y = y.numpy().reshape(-1, y.shape[3])
    model(x, training=True)
    named = model.named_variables
    moved = [named[f"D_right/conv2/batch_normalization/moving_{k}"] for k in ("mean", "variance")]
    share = 1 - NORM_MOMENTUM
    np.testing.assert_allclose(moved[0], share * y.mean(0), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(moved[1], NORM_MOMENTUM + share * y.var(0, ddof=1), rtol=1e-5)


@pytest.mark.parametrize("cls", ALL)
def test_float64_agrees_and_half_precision_comes_near(cls):
    single, double = small(cls), small(cls, dtype="float64")
    for name, variable in double.named_variables.items():
        variable.assign(tf.cast(single.named_variables[name], tf.float64))
    half = small(cls, dtype="mixed_bfloat16")
    for training in (False, True):
        exact = call(double, training=training)
        assert exact.dtype == tf.float64
        np.testing.assert_allclose(call(single, training=training), exact, atol=1e-4)
        near = call(half, training=training)
        assert near.dtype == tf.float32
        np.testing.assert_allclose(near, exact, atol=0.2)
    for name, variable in double.named_variables.items():
        np.testing.assert_allclose(single.named_variables[name], variable, atol=1e-5)


def test_combinations_are_calls():
    model = small(networks.TwoWayGenerator)
    left, right, left_b, right_b = (images(seed=seed) for seed in range(4))
    made = model.combinations(left, right, left_b, right_b)
    np.testing.assert_allclose(made["left_right"], model(left, right_b), atol=1e-6)
    np.testing.assert_allclose(made["right_left"], model(right, left_b), atol=1e-6)
    np.testing.assert_allclose(made["left_left"], model(left, left_b), atol=1e-6)
    np.testing.assert_allclose(made["right_right"], model(right, right_b), atol=1e-6)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"dropout_keep": 0.0}, "dropout_keep is 0.0, more than 0 and at most 1"),
        ({"kernel_size": 1}, "kernel_size is 1, at least 2"),
        ({"width": 0.0}, "width is 0.0, more than 0"),
        ({"image_size": 40}, "image_size is 40, a multiple of 16"),
    ],
)
def test_arguments_that_describe_no_network(options, message):
    with pytest.raises(ValueError, match=message):
        networks.FineDiscriminator(**options)
