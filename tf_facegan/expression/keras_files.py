"""Weights in Keras HDF5 files, read as numbers: nothing in the file is run."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from tf_facegan import hdf5_files


def read_weights(path: str | Path) -> dict[str, np.ndarray]:
    """Reads a file of `save_weights` or `save` (`.h5`).

    Args:
      path: the file.

    Returns:
      {"<layer>/<leaf>": array}, as "block1_conv1/kernel"; old leaf names ("block1_conv1_W_1:0",
      "…_b_1:0") become kernel and bias.

    Raises:
      FileNotFoundError: no such file.
      ValueError: it is no such file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; Keras weights (.h5) expected")
    try:
        with h5py.File(path, "r") as file:
            root = hdf5_files.member(file, "model_weights") if "model_weights" in file else file
            weights = {}
            for layer in map(_text, root.attrs["layer_names"]):
                group = hdf5_files.member(root, layer)
                for name in map(_text, group.attrs["weight_names"]):
                    array = np.asarray(hdf5_files.member(group, name))
                    weights[f"{layer}/{_leaf(layer, name)}"] = array
            return weights
    except (OSError, LookupError, AttributeError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a file of Keras weights ({error})") from None


def _leaf(layer, name):
    leaf = name.rpartition("/")[2].partition(":")[0]
    old = leaf[len(layer) :] if leaf.startswith(layer) else leaf
    return {"_W_1": "kernel", "_b_1": "bias", "_W": "kernel", "_b": "bias"}.get(old, leaf)


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)
