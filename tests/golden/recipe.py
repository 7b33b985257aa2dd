"""Rebuilds the deterministic inputs of the conformance vectors, which store results only."""

import zlib

import numpy as np


def tensor(name, shape, seed, scale=1.0, offset=0.0, kind="normal"):
    """Return the float32 array called `name`.

    Args:
      name: str, the full name, e.g. "w/main.0.weight" or "in/image".
      shape: tuple of int, in the layout of the reference (NCHW for images,
        OIHW for PyTorch kernels, HWIO for TensorFlow ones).
      seed: int, the vector's seed.
      scale, offset: the array is `offset + scale * draw`.
      kind: "normal" (standard normal), "uniform" (in [0, 1)) or
        "signed" (uniform in [-1, 1)).
    """
    rng = np.random.RandomState((zlib.crc32(name.encode()) ^ seed) & 0x7FFFFFFF)
    if kind == "normal":
        draw = rng.standard_normal(shape)
    elif kind == "uniform":
        draw = rng.random_sample(shape)
    elif kind == "signed":
        draw = rng.random_sample(shape) * 2.0 - 1.0
    else:
        raise ValueError(f"unknown kind {kind!r}")
    return (offset + scale * draw).astype(np.float32)


def fingerprint(array):
    """Return (l2 norm, mean, first 16 values flattened in C order) as float64."""
    flat = np.asarray(array, np.float64).ravel()
    return float(np.sqrt((flat**2).sum())), float(flat.mean()), flat[:16].copy()
