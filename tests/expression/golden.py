"""The conformance vectors of the expression system: files, inputs, networks filled with weights."""

import functools
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.golden.recipe import fingerprint, tensor
from tf_facegan.expression import reference
from tf_facegan.expression.networks import Autoencoder, Critic, Generator

FOLDER = Path(__file__).parent.parent / "golden" / "expression"
SEED = 2203
FORWARD = 1e-5  # absolute
GRADIENTS = CHANGES = LATER = 1e-4  # of the norm, of the norm, absolute
BATCH = 4
_BIASES = ("b", "Biases", "biases", "bias", "beta")


@functools.cache
def load(name):
    """Returns {key: array} of a vector file."""
    with np.load(FOLDER / f"{name}.npz") as archive:
        return {key: archive[key] for key in archive.files}


def cwgan_weight(name, shape):
    """Returns a weight of generator or critic."""
    leaf = name.replace("/", ".").rpartition(".")[2]
    options = {"scale": 0.1, "offset": 1.0 if leaf == "scale" else 0.0}
    if leaf == "Filters":
        gain, inputs = (4, shape[3]) if name.startswith("Generator") else (2, shape[2])
        options = {"scale": np.sqrt(gain / (25 * inputs))}
    elif leaf in ("W", "weights"):
        is_one = name in ("Generator.Input.W", "Discriminator.output.W")
        options = {"scale": np.sqrt((1 if is_one else 2) / shape[0])}
    elif leaf not in (*_BIASES, "scale", "offset"):
        raise KeyError(name)
    return tensor(f"w/{name}", shape, SEED, **options)


def autoencoder_weight(name, shape):
    layer, leaf = name.split("/")
    options = {
        "moving_mean": {"scale": 0.02},
        "moving_variance": {"kind": "uniform", "scale": 0.1, "offset": 0.05},
        "gamma": {"scale": 0.1, "offset": 1.0},
    }.get(leaf, {"scale": 0.1})
    if leaf == "kernel":
        inputs = shape[3] if "transpose" in layer else shape[-2]
        scales = {"dense_5": 4 * np.sqrt(1 / 1600), "conv2d_transpose_10": 3.0}
        options = {"scale": scales.get(layer, np.sqrt(2 / (9 * inputs)))}
    return tensor(f"w/{name}", shape, SEED, **options)


def network(cls, weight=cwgan_weight, **options):
    """Returns a fresh network holding the recipe's weights."""
    model = cls(**options)
    arrays = reference.extract(model)
    reference.assign(model, {name: weight(name, a.shape) for name, a in arrays.items()})
    return model


def networks(**options):
    """Returns (generator, critic)."""
    return network(Generator, **options), network(Critic)


def autoencoder(**options):
    return network(Autoencoder, autoencoder_weight, **options)


def noise(number, size=128):
    return tf.constant(tensor(f"in/noise_{number}", (BATCH, size), SEED))


def mixing(number):
    draw = tensor(f"in/alpha_{number}", (BATCH, 1), SEED, kind="uniform")
    return tf.constant(draw.reshape(BATCH, 1, 1, 1))


def condition():
    return tf.constant(tensor("in/label", (BATCH, 20), SEED, scale=0.5))


def reals():
    """Returns the scaled real images, NHWC."""
    draw = tensor("in/real", (BATCH, 30000), SEED, scale=256, kind="uniform")
    flat = np.clip(np.floor(draw), 0, 255).astype(np.int32)
    return tf.constant(np.float32(2) * (flat.astype(np.float32) / np.float32(255) - 0.5))


def nhwc(flat):
    return tf.transpose(tf.reshape(flat, [-1, 3, 100, 100]), [0, 2, 3, 1])


def chw(images):
    return np.transpose(np.asarray(images), (0, 3, 1, 2))


def assert_fingerprint(array, vectors, key, atol=FORWARD):
    norm, mean, first = fingerprint(array)
    expected = [vectors[f"{key}/{part}"] for part in ("l2", "mean", "first16")]
    np.testing.assert_allclose(norm, expected[0], rtol=atol, err_msg=key)
    np.testing.assert_allclose(mean, expected[1], atol=atol, err_msg=key)
    np.testing.assert_allclose(first, expected[2], atol=atol, err_msg=key)


def assert_group(arrays, vectors, key, tolerance, ignored=()):
    """Compares {name: array} in the published layout with a group of fingerprints.

    Norm, mean and the first 16 entries, as a vector, may differ by `tolerance` times the norm.
    """
    names = [str(name) for name in vectors[f"{key}/names"]]
    assert set(names) == set(arrays), key
    for row, name in enumerate(names):
        if name in ignored:
            continue
        norm, mean, first = fingerprint(arrays[name])
        expected = float(vectors[f"{key}/l2"][row])
        limit = tolerance * expected + 1e-12
        assert abs(norm - expected) <= limit, f"{key} {name}: norm {norm}, {expected} expected"
        assert abs(mean - vectors[f"{key}/mean"][row]) <= limit, f"{key} {name}: mean"
        difference = first - vectors[f"{key}/first16"][row, : len(first)]
        assert np.sqrt(np.sum(difference**2)) <= limit, f"{key} {name}: {difference}"
        assert not np.any(vectors[f"{key}/first16"][row, len(first) :])
