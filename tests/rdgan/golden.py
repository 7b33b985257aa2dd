"""The conformance vectors of RD-GAN: files, rebuilt inputs, networks filled with weights."""

import functools
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.golden.recipe import fingerprint, tensor
from tf_facegan.rdgan import networks, reference

FOLDER = Path(__file__).parent.parent / "golden" / "rdgan"
SEED = 1107
OUTPUTS, LOSSES, NORMS = 1e-5, 1e-5, 3e-3  # absolute, relative, relative
CANCELLED = 1e-6  # gradients and changes that are nothing but rounding have smaller norms
# The gradient of FaceGAN's last bias all but cancels: in float64 it is 3.8e-3 from the vector.
ROUNDED = {"G_joiner/b": 6e-3}
NO_DROPOUT = {"dropout_keep": 1.0}


class Vectors:
    """One vector file and networks with the recipe's weights."""

    def __init__(self, name):
        with np.load(FOLDER / f"{name}.npz") as archive:
            self.arrays = {key: archive[key] for key in archive.files}

    def group(self, prefix):
        """Returns {rest of the key: array} of all keys that begin with `prefix` and a slash."""
        start = prefix + "/"
        return {k[len(start) :]: v for k, v in self.arrays.items() if k.startswith(start)}

    def rows(self, prefix):
        """Returns {variable: (norm, mean, first 16)} of a grouped key."""
        group = self.group(prefix)
        columns = (group[key] for key in ("names", "l2", "mean", "first16"))
        return {str(name): (norm, mean, first) for name, norm, mean, first in zip(*columns)}


vectors = functools.cache(Vectors)


def image(placeholder):
    """Returns the input [2, 128, 128, 3] of a placeholder."""
    return tf.constant(tensor(f"in/{placeholder}", (2, 128, 128, 3), SEED, kind="signed"))


def filled(model):
    """Gives a network the recipe's weights and returns it."""
    arrays = {n: weight(n, tuple(v.shape)) for n, v in model.named_variables.items()}
    reference.assign(model, arrays)
    return model


def weight(name, shape):
    kind = name.rpartition("/")[2]
    if len(shape) == 4 and kind == "W":
        inputs = shape[3] if "/deconv" in name else shape[2]
        options = {"scale": (2 / (shape[0] * shape[1] * inputs)) ** 0.5}
    elif kind == "W":
        options = {"scale": (1 / shape[0]) ** 0.5}
    else:
        options = {
            "b": {"scale": 0.1},
            "gamma": {"scale": 0.1, "offset": 1.0},
            "beta": {"scale": 0.1},
            "moving_mean": {"scale": 0.2},
            "moving_variance": {"scale": 1.0, "offset": 0.5, "kind": "uniform"},
        }[kind]
    return tensor(f"w/{name}", shape, SEED, **options)


FACE = {
    "G": lambda: filled(networks.FaceGenerator(**NO_DROPOUT)),
    "D": lambda: filled(networks.FaceDiscriminator()),
}
FINE = {
    "G": lambda: filled(networks.FineGenerator(**NO_DROPOUT)),
    "D": lambda: filled(networks.FineDiscriminator(**NO_DROPOUT)),
}
TWO_WAY = {
    "G": lambda: filled(networks.TwoWayGenerator()),
    "left": lambda: filled(networks.FaceDiscriminator(scope="D_left")),
    "right": lambda: filled(networks.FaceDiscriminator(scope="D_right")),
}


def assert_map(actual, group, name):
    """Compares a feature map or image with its fingerprint (and crop, where there is one)."""
    norm, mean, first = fingerprint(actual)
    np.testing.assert_allclose(norm, group[f"{name}/l2"], rtol=LOSSES, err_msg=name)
    np.testing.assert_allclose(mean, group[f"{name}/mean"], atol=OUTPUTS, err_msg=name)
    np.testing.assert_allclose(first, group[f"{name}/first16"], atol=3 * OUTPUTS, err_msg=name)
    if f"{name}/crop" in group:
        crop = np.asarray(actual)[0, 60:68, 60:68]
        np.testing.assert_allclose(crop, group[f"{name}/crop"], atol=OUTPUTS, err_msg=name)


def assert_rows(arrays, expected, relative=NORMS):
    """Compares {variable: array} with grouped rows: norms, means and first values."""
    assert set(arrays) == set(expected)
    compared = 0
    for name, (norm, mean, first) in expected.items():
        actual_norm, actual_mean, actual_first = fingerprint(arrays[name])
        actual_first = np.pad(actual_first, (0, 16 - len(actual_first)))
        if norm < CANCELLED:
            assert actual_norm < 10 * CANCELLED, name
            continue
        compared += 1
        tolerance = max(relative, ROUNDED.get(name, 0))
        np.testing.assert_allclose(actual_norm, norm, rtol=tolerance, err_msg=name)
        size = np.size(arrays[name])
        deviation = norm / np.sqrt(size)
        error = np.abs(actual_first - first).max()
        assert error <= 10 * tolerance * max(deviation, np.abs(first).max()), name
        assert abs(actual_mean - mean) <= tolerance * deviation, name
    assert compared > len(expected) / 2
