"""The conformance vectors of TBGAN: files, rebuilt inputs, networks filled with weights."""

import functools
import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.golden.recipe import fingerprint, tensor
from tf_facegan.tbgan import reference
from tf_facegan.tbgan.networks import Discriminator, Generator

FOLDER = Path(__file__).parent.parent / "golden" / "tbgan"
NETWORK_FILES = ("sep3", "sep4", "sep4_nofuse", "nolabel")
FORWARD, GRADIENT = 5e-4, 5e-3  # tolerances, of the largest magnitude
BIAS_SCALE = 0.2
WEIGHT_SCALES = {"G": 1.0, "Gs": 1.0, "D": 1.25}


@functools.cache
def load(name):
    """Returns (arrays, configuration) of a vector file."""
    with np.load(FOLDER / f"{name}.npz") as archive:
        arrays = {key: archive[key] for key in archive.files if key != "config"}
        return arrays, json.loads(str(archive["config"]))


def cases(kind):
    """Returns (file, lod) of every network vector of a kind: lods, loss_lods or step_lods."""
    return [(f, lod) for f in NETWORK_FILES for lod in load(f"nets_{f}")[1][kind]]


def nhwc(images):
    return np.transpose(images, (0, 2, 3, 1))


def fingerprint_vector(array):
    norm, mean, first = fingerprint(array)
    return np.concatenate([[norm, mean], first])


def assert_close(actual, expected, tolerance, name=""):
    """Compares within a share of the largest magnitude expected."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape, name
    error = np.abs(actual - expected).max() / max(np.abs(expected).max(), 1e-12)
    assert error <= tolerance, f"{name}: {error:.2e} of the largest magnitude"


class Vectors:
    """One vector file, its inputs, and networks with its weights."""

    def __init__(self, name):
        self.arrays, self.config = load(f"nets_{name}")
        self.batch, self.label_size = self.config["batch"], self.config["label_size"]
        self.latent_size = self.network("G").latent_size

    def network(self, name):
        """Returns a fresh G, D or Gs holding the recipe's weights."""
        names = "num_channels", "resolution", "label_size", "fmap_base", "fmap_max", "lod_sep"
        arguments = {key: self.config[key] for key in names}
        kind, own = (Discriminator, "d") if name == "D" else (Generator, "g")
        model = kind(**arguments, **self.config[own])
        shapes = {k: tuple(v.shape) for k, v in model.named_variables.items()}
        reference.assign(model, {k: self.weight(name, k, s) for k, s in shapes.items()})
        return model

    def weight(self, network, name, shape):
        scale = BIAS_SCALE if name.endswith("bias") else WEIGHT_SCALES[network]
        return self.tensor(f"w/{network}/{name}", shape, scale=scale)

    def tensor(self, name, shape, **kwargs):
        return tensor(name, shape, self.config["seed"], **kwargs)

    def latents(self, name):
        return tf.constant(self.tensor(f"in/{name}", (self.batch, self.latent_size)))

    def labels(self, name):
        return tf.constant(self.tensor(f"in/{name}", (self.batch, self.label_size), scale=1.5))

    def side(self, lod):
        return self.config["resolution"] >> int(lod)

    def images(self, name, side):
        """Returns NCHW images with values in [-1, 1)."""
        shape = (self.batch, self.config["num_channels"], side, side)
        return self.tensor(f"in/{name}", shape, kind="signed")

    def mixing(self, name):
        return tf.constant(self.tensor(f"in/{name}", (self.batch, 1, 1, 1), kind="uniform"))

    def expected(self, lod, key):
        return self.arrays[f"lod{lod:g}/{key}"]
