"""The conformance vectors of TDGAN: files, rebuilt inputs, networks filled with weights."""

import functools
import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.golden.recipe import tensor
from tf_facegan.tdgan import reference
from tf_facegan.tdgan.networks import Discriminator, Generator

FOLDER = Path(__file__).parent.parent / "golden" / "tdgan"
NETWORKS = {"G": "Gen", "D_FR": "Dis_FR", "D_ER": "Dis_ER"}  # ours: published
FIRST_VALUES = 16


@functools.cache
def load(name):
    """Returns (arrays, configuration) of a vector file."""
    with np.load(FOLDER / f"{name}.npz") as archive:
        arrays = {key: archive[key] for key in archive.files if key != "config"}
        return arrays, json.loads(str(archive["config"]))


def nchw(array):
    """Returns a NHWC tensor as a NCHW array, anything else as an array."""
    array = np.asarray(array)
    return array.transpose(0, 3, 1, 2) if array.ndim == 4 else array


def nhwc(array):
    return array.transpose(0, 2, 3, 1)


def statistics(array, key, seed):
    """Returns the 19 numbers of an array: l2 norm, mean, probe, first values."""
    array = np.asarray(array, np.float64)
    probe = (array * tensor(f"probe/{key}", array.shape, seed)).sum()
    first = np.full(FIRST_VALUES, np.nan)
    flat = array.ravel()[:FIRST_VALUES]
    first[: len(flat)] = flat
    return np.concatenate([[np.sqrt((array**2).sum()), array.mean(), probe], first])


def errors(actual, expected):
    """Returns (error of the l2 norm, of the probe), both as shares of the norm expected."""
    norm = np.maximum(np.abs(expected[..., 0]), 1e-300)
    difference = np.abs(actual - expected)
    return difference[..., 0] / norm, difference[..., 2] / norm


def assert_statistics(array, expected, key, seed, tolerance):
    """Compares norm and probe with a row of a vector file, within a share of the norm."""
    found = errors(statistics(array, key, seed), expected)
    assert max(found) <= tolerance, f"{key}: {found[0]:.1e} of the norm, probe {found[1]:.1e}"


def assert_close(actual, expected, tolerance, name=""):
    """Compares within a share of the largest magnitude expected."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape, name
    error = np.abs(actual - expected).max() / max(np.abs(expected).max(), 1e-12)
    assert error <= tolerance, f"{name}: {error:.1e} of the largest magnitude"


class Vectors:
    """One vector file, its inputs, and networks with its weights."""

    def __init__(self, name, dtype="float32"):
        self.arrays, self.config = load(name)
        self.seed, self.dtype = self.config["seed"], dtype

    def network(self, name):
        """Returns a fresh "G", "D_FR" or "D_ER" without dropout, with the recipe's weights."""
        config, common = self.config, {"dropout": 0.0, "dtype": self.dtype}
        common["grayscale"] = config.get("gray", True)
        if name == "G":
            model = Generator(
                config.get("ER_cls_num", 7), config["Nz"], config["Nb"], seed=0, **common
            )
        else:
            classes = config["FR_cls_num"] + 1 if name == "D_FR" else config.get("ER_cls_num", 7)
            model = Discriminator(classes, seed=0, **common)
        shapes = {key: array.shape for key, array in reference.extract(model).items()}
        reference.assign(model, {k: self.weight(name, k, s) for k, s in shapes.items()})
        return model

    def weight(self, network, name, shape):
        full = f"w/{NETWORKS[network]}.{name}"
        return self.tensor(full, shape, **weight_scale(f"{NETWORKS[network]}.{name}", shape))

    def tensor(self, name, shape, **kwargs):
        return tensor(name, shape, self.seed, **kwargs)

    def images(self, name):
        """Returns NHWC images in [0, 1)."""
        shape = (self.config["batch"], 1 if self.config["gray"] else 3, 128, 128)
        return self._input(self.tensor(f"in/{name}", shape, kind="uniform"))

    def noise(self, name):
        shape = (self.config["batch"], self.config["Nz"], 8, 8)
        return self._input(self.tensor(f"draw/{name}", shape, kind="uniform"))

    def _input(self, array):
        return tf.constant(nhwc(array).astype(self.dtype))


def weight_scale(name, shape):
    """Returns offset and scale of a weight of the recipe, by its full published name."""
    if name.endswith(".bias"):
        return {"scale": 0.1}
    if name.endswith(".bn.weight"):
        return {"offset": 1.0, "scale": 0.1}
    if ".us5." in name:
        return {"scale": np.sqrt(2 / (shape[0] * 9))}
    if ".us" in name:
        return {"scale": np.sqrt(2 / (shape[0] * 16 / 4))}
    return {"scale": np.sqrt((0.5 if ".emb2." in name else 2) / np.prod(shape[1:]))}
