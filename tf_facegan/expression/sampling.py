"""Samples of a trained generator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tf_facegan import pickles
from tf_facegan.expression import images as doors
from tf_facegan.expression.blocks import BatchNorm
from tf_facegan.files import atomic_file

if TYPE_CHECKING:
    from tf_facegan.expression.networks import Generator


def generate(
    generator: Generator,
    noise: np.ndarray,
    condition: np.ndarray,
    layout: str = "nhwc",
    channel_order: str = "rgb",
    minibatch: int = 64,
) -> np.ndarray:
    """Makes images.

    Args:
      generator: `networks.Generator`. If it takes the statistics of a batch, all samples are one
        batch, whatever `minibatch` says, as published.
      noise: [N, noise_dim]; condition: [N, condition_dim].
      layout, channel_order: what it was trained with.
      minibatch: int, images of a call of the network.

    Returns:
      uint8 [N, H, W, 3], RGB.
    """
    step = len(noise) if generator.statistics == "batch" else minibatch
    parts = [
        to_numbers(generator(noise[start : start + step], condition[start : start + step]), layout)
        for start in range(0, len(noise), step)
    ]
    numbers = np.concatenate(parts).astype(np.uint8)
    return numbers[..., ::-1] if channel_order == "bgr" else numbers


def generate_classes(
    generator: Generator,
    rows: np.ndarray,
    noise: np.ndarray,
    layout: str = "nhwc",
    channel_order: str = "rgb",
    minibatch: int = 64,
) -> np.ndarray:
    """Makes images of each expression from the same noise, each expression by itself.

    Args:
      generator, layout, channel_order, minibatch: as of `generate`.
      rows: float32 [K, condition_dim], a condition for each expression.
      noise: [N, noise_dim].

    Returns:
      uint8 [K, N, H, W, 3], RGB.
    """
    conditions = [np.repeat(np.asarray(row)[None], len(noise), axis=0) for row in rows]
    options = {"layout": layout, "channel_order": channel_order, "minibatch": minibatch}
    return np.stack([generate(generator, noise, row, **options) for row in conditions])


def to_numbers(outputs: np.ndarray | tf.Tensor, layout: str = "nhwc") -> np.ndarray:
    """Turns generated images into numbers as they are published, cut off, not rounded.

    Args:
      outputs: [N, H, W, 3] in [-1, 1], what a generator gave.
      layout: "nhwc", or "scrambled" for a generator trained so.

    Returns:
      int32 [N, H, W, 3] in 0 to 255, in the order of colours it was trained with.
    """
    if layout == "scrambled":
        outputs = doors.unscrambled(outputs)
    return ((np.asarray(outputs, np.float32) + 1) * np.float32(127.5)).astype(np.int32)


def gather_statistics(
    generator: Generator, rows: np.ndarray, batches: int = 50, batch: int = 64, seed: int = 0
) -> None:
    """Sets the moving statistics of a generator that was trained without them.

    They become the means over batches in which the expressions are mixed evenly; with them the
    condition has its effect also in a batch of one expression.

    Args:
      generator: `networks.Generator`, of a published checkpoint for example.
      rows: float32 [K, condition_dim], a condition for each expression.
      batches: int, how many; batch: int, images in each.
      seed: int, of the noise.
    """
    random = np.random.RandomState(seed)
    norms = [n for n in generator.named_layers.values() if isinstance(n, BatchNorm)]
    decays = [norm.decay for norm in norms]
    condition = tf.gather(tf.constant(rows), np.arange(batch) % len(rows))
    try:
        for number in range(batches):
            for norm in norms:
                norm.decay = number / (number + 1)
            noise = random.randn(batch, generator.noise_dim).astype(np.float32)
            generator(noise, condition, training=True)
    finally:
        for norm, decay in zip(norms, decays):
            norm.decay = decay


def save_published(folder: str | Path, expression: str, epoch: int, images: np.ndarray) -> Path:
    """Writes samples as the published code does.

    Args:
      folder: where.
      expression: str, its name.
      epoch: int, of the training that made the network.
      images: uint8 [N, H, W, 3], RGB.

    Returns:
      pathlib.Path of `<expression>_<epoch>_<N>.npy`: int32, blue first.
    """
    path = Path(folder) / f"{expression}_{epoch}_{len(images)}.npy"
    with atomic_file(path) as file:
        np.save(file, images[..., ::-1].astype(np.int32))
    return path


def load_published(path: str | Path) -> np.ndarray:
    """Reads samples that `save_published` or the published code wrote.

    Args:
      path: the file.

    Returns:
      uint8 [N, H, W, 3], RGB.

    Raises:
      FileNotFoundError: no such file.
      ValueError: it holds something else.
    """
    array = pickles.load_array(path)
    if array.ndim != 4 or array.shape[3] != 3 or array.dtype.kind not in "iu":
        raise ValueError(
            f"{path}: {array.dtype} {list(array.shape)}, integers [N, H, W, 3] expected"
        )
    if array.size and (array.min() < 0 or array.max() > 255):
        raise ValueError(f"{path}: numbers from {array.min()} to {array.max()}, 0 to 255 expected")
    return array[..., ::-1].astype(np.uint8)
