"""Training in half precision: `--mod fp16` and `--mod bf16`."""

import numpy as np
import pytest
import tensorflow as tf

import configs
from tests import tiny
from tf_facegan import config as configuration
from tf_facegan.engine import devices
from tf_facegan.engine.progress import Progress
from tf_facegan.records.reader import RecordSet
from tf_facegan.tbgan import losses, reference
from tf_facegan.tbgan.inference import network_arguments
from tf_facegan.tbgan.networks import Discriminator, Generator
from tf_facegan.tbgan.trainer import Trainer

MODS = configs.MODIFIERS["tbgan"]
SHAPE = {
    "num_channels": 9,
    "resolution": 16,
    "label_size": 7,
    "fmap_base": 512,
    "fmap_max": 32,
    "lod_sep": 3,
}
NARROW = {**SHAPE, "fmap_base": 32, "fmap_max": 8}
TOLERANCE = 2e-2


def size(values):
    return np.sqrt(np.mean(np.square(values)))


def trained(faces, mod, steps, **changes):
    """A trainer after some steps, and how many of G's and D's were skipped."""
    config = tiny.config_for(faces, **{**MODS[mod], **changes})
    trainer = Trainer(config, devices.make_strategy(1, 0))
    progress, skipped = Progress(), np.zeros(2)
    repeats = config.train.minibatch_repeats
    for _ in range(steps // repeats):
        phase = trainer.phase(progress)
        batches = trainer.batches(phase, progress.images)
        scalars = trainer.iteration(phase, batches, progress)
        skipped += [float(scalars[f"Train{n}/overflow_frequency"]) * repeats for n in "GD"]
        progress.images += phase.images
        progress.iteration += 1
    return trainer, skipped


def check_against_float32(trainer):
    config = configuration.override(trainer.config, {"G.dtype": "float32"})
    G = Generator(**network_arguments(config, "G", trainer.set.info), seed=0)
    reference.assign(G, reference.extract(trainer.G))
    latents = np.random.RandomState(0).randn(8, G.latent_size).astype(np.float32)
    labels = np.full((8, 7), 1 / 7, np.float32)
    half, full = (net(latents, labels, lod=0.0).numpy() for net in (trainer.G, G))
    assert half.dtype == full.dtype == "float32"
    assert 0 < np.abs(half - full).max() < TOLERANCE * np.abs(full).max()  # in every pixel
    assert size(half - full) < TOLERANCE * size(full)


@pytest.mark.slow  # float16 is emulated on CPUs
@pytest.mark.parametrize("mod", ["fp16", "bf16"])
def test_twenty_steps(faces, mod):
    changes = {f"{opt}.loss_scaling_init": 16.0 for opt in ("G_opt", "D_opt")}
    changes["schedule.lod_initial_resolution"] = 8
    trainer, skipped = trained(faces, mod, 20, **changes)
    fresh, _ = trained(faces, mod, 0, **changes)
    assert (skipped <= 2).all()
    for network in ("G", "D"):
        before, after = (getattr(t, network).named_variables for t in (fresh, trainer))
        used = [name for name in before if "lod1" not in name]
        for name in used:
            assert np.any(before[name].numpy() != after[name].numpy()), name
            assert after[name].dtype == "float32"
    check_against_float32(trainer)


@pytest.mark.slow
def test_the_published_scale_comes_down_step_by_step(faces):
    trainer, skipped = trained(faces, "fp16", 4)
    np.testing.assert_array_equal(skipped, [4, 4])
    assert float(trainer.G_opt.scale_log2) == float(trainer.D_opt.scale_log2) == 60


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_networks_at_another_precision(policy):
    G, D = Generator(**SHAPE, seed=1), Discriminator(**SHAPE, seed=1)
    half_G = Generator(**SHAPE, seed=1, dtype=policy)
    half_D = Discriminator(**SHAPE, seed=1, dtype=policy)
    latents = np.random.RandomState(1).randn(8, G.latent_size).astype(np.float32)
    labels = np.full((8, 7), 1 / 7, np.float32)
    images = G(latents, labels).numpy()
    difference = half_G(latents, labels).numpy() - images
    assert 0 < np.abs(difference).max() < TOLERANCE * np.abs(images).max()  # in every pixel
    rounded = tf.cast(tf.cast(images + difference, half_G.compute_dtype), tf.float32)
    assert np.mean(rounded == images + difference) < 0.1  # images do not have its steps
    assert size(difference) < TOLERANCE * size(images) / 2
    for half, full in zip(half_D(images), D(images)):
        assert half.dtype == "float32"
        np.testing.assert_allclose(half, full, atol=TOLERANCE * np.abs(full).max())


@pytest.mark.parametrize("seed", range(4))
def test_float16_holds_in_every_pixel_from_eight_maps_a_branch_on(seed):
    """Eight seeds were off by at most 0.98 %."""
    shape = {**SHAPE, "fmap_base": 64, "fmap_max": 8, "seed": seed}
    G, half_G = Generator(**shape), Generator(**shape, dtype="mixed_float16")
    latents = np.random.RandomState(seed).randn(8, G.latent_size).astype(np.float32)
    labels = np.full((8, 7), 1 / 7, np.float32)
    images = G(latents, labels).numpy()
    difference = np.abs(half_G(latents, labels).numpy() - images)
    assert 0 < difference.max() < TOLERANCE * np.abs(images).max()


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_narrow_networks_at_another_precision(policy):
    """Pixel norm enlarges what was rounded away where the few maps of a pixel are next to zero, so
    that single pixels are off; the image as a whole is not."""
    G, half_G = Generator(**NARROW, seed=1), Generator(**NARROW, seed=1, dtype=policy)
    latents = np.random.RandomState(1).randn(8, G.latent_size).astype(np.float32)
    labels = np.full((8, 7), 1 / 7, np.float32)
    images = G(latents, labels).numpy()
    difference = half_G(latents, labels).numpy() - images
    assert 0 < size(difference) < TOLERANCE * size(images)


@pytest.mark.parametrize(("policy", "bits"), [("mixed_float16", 11), ("mixed_bfloat16", 8)])
def test_gradients_at_another_precision(policy, bits):
    """Losses, penalty included, and the gradients of all weights, with scaled losses.

    The slope of a leaky ReLU jumps where rounding gives its input another sign: a share of the
    units like the rounding. What is off by a share of the units has a norm like its root. Four
    seeds were off by 0.5 to 1.8 roots.
    """
    tolerance = 2.5 * 2 ** (-bits / 2)
    random = np.random.RandomState(2)
    shape, scale = {**SHAPE, "resolution": 8}, tf.constant(2.0**10)
    reals = tf.constant(random.uniform(-1, 1, (4, 8, 8, 9)).astype(np.float32))
    labels = tf.constant(np.eye(7, dtype=np.float32)[:4])
    latents = tf.constant(random.randn(4, Generator(**shape).latent_size).astype(np.float32))
    mixing = tf.constant(random.rand(4, 1, 1, 1).astype(np.float32))
    found = []
    for dtype in ("float32", policy):
        G, D = (network(**shape, seed=1, dtype=dtype) for network in (Generator, Discriminator))
        with tf.GradientTape(persistent=True) as tape:
            D_loss, _ = losses.discriminator_loss(
                G, D, reals, labels, latents, mixing, (0, 0), loss_scale=scale
            )
            G_loss, _ = losses.generator_loss(G, D, latents, labels, (0, 0))
            scaled = {"D": (D_loss * scale, D), "G": (G_loss * scale, G)}
        gradients = {
            name: np.concatenate(
                [np.ravel(g / scale) for g in tape.gradient(loss, network.used_variables((0, 0)))]
            )
            for name, (loss, network) in scaled.items()
        }
        found.append({"D_loss": D_loss, "G_loss": G_loss, **gradients})
    full, half = found
    for name, expected in full.items():
        difference = size(half[name] - expected)
        assert half[name].dtype == np.float32
        assert 0 < difference < tolerance * size(expected), (name, difference, size(expected))


def test_an_unknown_precision(faces):
    info = RecordSet(faces).info
    config = tiny.config_for(faces, **{"G.dtype": "int8"})
    with pytest.raises(ValueError, match="G.dtype is 'int8', one of float32, float16, bfloat16"):
        network_arguments(config, "G", info)
