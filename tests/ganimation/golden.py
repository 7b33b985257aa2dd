"""The conformance vectors of GANimation: files, rebuilt inputs, networks filled with weights."""

import functools
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.golden.recipe import fingerprint, tensor
from tf_facegan.ganimation import reference
from tf_facegan.ganimation.networks import Discriminator, Generator

FOLDER = Path(__file__).parent.parent / "golden" / "ganimation"
IMAGES, SCORES, STATISTICS = 1e-4, 1e-5, 1e-5  # absolute tolerances
LOSSES, NORMS = 2e-5, 1e-4  # relative
GRADIENTS, VIRTUAL_GRADIENTS = 1e-4, 2e-3  # of the norm
PARAMETERS = 3e-6  # absolute, at a rate of 1e-4
SIZES = {
    "tiny": {"seed": 11, "batch": 4, "G": (32, 8, 17, 2), "D": (32, 8, 17, 3)},
    "default": {"seed": 12, "batch": 1, "G": (128, 64, 17, 6), "D": (128, 64, 17, 6)},
}
_NORM_RECIPES = {
    "running_mean": {"scale": 0.2},
    "running_var": {"scale": 0.5, "offset": 0.4, "kind": "uniform"},
    "weight": {"scale": 0.1, "offset": 1.0},
    "bias": {"scale": 0.1},
}


class Vectors:
    """One vector file, its inputs, and networks with its weights."""

    def __init__(self, name):
        self.sizes = SIZES[name]
        with np.load(FOLDER / f"{name}.npz") as archive:
            self.arrays = {key: archive[key] for key in archive.files}
        self.images = tf.constant(nhwc(self._input("in/x_real", kind="signed")))
        self.labels = self._labels("in/label_org")
        self.virtual_targets = self._labels("in/label_trg_virtual")

    def network(self, name):
        """Returns a fresh G or D holding the recipe's weights."""
        model = (Generator if name == "G" else Discriminator)(*self.sizes[name])
        shapes = {key: array.shape for key, array in reference.extract(model).items()}
        reference.assign(model, {key: self.weight(name, key, s) for key, s in shapes.items()})
        return model

    def weight(self, network, name, shape):
        if len(shape) == 4:
            gain = 1.0 if network == "G" else 1.2
            options = {"scale": gain / np.sqrt(np.prod(shape[1:]))}
        else:
            options = _NORM_RECIPES[name.rpartition(".")[2]]
        return tensor(f"w/{network}/{name}", shape, self.sizes["seed"], **options)

    def targets(self, step=None):
        return self._labels("in/label_trg" if step is None else f"in/label_trg/{step}")

    def mixing(self, step=None):
        name = "draw/alpha" if step is None else f"draw/alpha/{step}"
        shape = (self.sizes["batch"], 1, 1, 1)
        return tf.constant(tensor(name, shape, self.sizes["seed"], kind="uniform"))

    def _labels(self, name):
        shape = (self.sizes["batch"], 17)
        return tf.constant(tensor(name, shape, self.sizes["seed"], kind="uniform"))

    def _input(self, name, **options):
        side = self.sizes["G"][0]
        shape = (self.sizes["batch"], 3, side, side)
        return tensor(name, shape, self.sizes["seed"], **options)

    def group(self, prefix):
        """Returns {rest of the key: array} of all keys that begin with `prefix` and a slash."""
        start = prefix + "/"
        return {k[len(start) :]: v for k, v in self.arrays.items() if k.startswith(start)}


vectors = functools.cache(Vectors)


def nhwc(images):
    return np.transpose(images, (0, 2, 3, 1))


def nchw(images):
    return np.transpose(np.asarray(images), (0, 3, 1, 2))


def published(array):
    """Returns a kernel, or what is like one, in the published layout; anything else as it is."""
    array = np.asarray(array)
    return array.transpose(3, 2, 0, 1) if array.ndim == 4 else array


def fingerprint_vector(array):
    norm, mean, first = fingerprint(array)
    return np.concatenate([[norm, mean], first])


def assert_losses(terms, prefix, expected):
    """Compares logged terms with {name without the prefix: value}."""
    for name, value in expected.items():
        np.testing.assert_allclose(
            terms[f"{prefix}/{name}"], value, rtol=LOSSES, atol=1e-8, err_msg=name
        )
