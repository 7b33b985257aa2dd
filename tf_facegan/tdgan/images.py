"""From records to what the networks see, and from there to the published picture."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

# Pillow's conversion to gray, which the published loaders use: (weights of R, G, B), half, bits.
_GRAY, _HALF, _BITS = (19595, 38470, 7471), 1 << 15, 16
SHEET_ROWS = 3


def prepare(
    records: tf.Tensor | np.ndarray, grayscale: bool, dtype: tf.DType = tf.float32
) -> tf.Tensor:
    """Turns records into images.

    Args:
      records: uint8 [N, C, H, W], gray or RGB.
      grayscale: make RGB gray, as Pillow does.
      dtype: of the result.

    Returns:
      [N, H, W, C] in [0, 1].
    """
    images = tf.transpose(records, [0, 2, 3, 1])
    if grayscale and images.shape[-1] == 3:
        weighted = tf.cast(images, tf.int32) * tf.constant(_GRAY)
        total = tf.reduce_sum(weighted, axis=-1, keepdims=True) + _HALF
        images = tf.bitwise.right_shift(total, _BITS)
    return tf.cast(images, dtype) / 255.0


def crop(images: tf.Tensor, offsets: tf.Tensor, flips: tf.Tensor, size: int) -> tf.Tensor:
    """Cuts a square out of every image, and mirrors some.

    Args:
      images: [N, H, W, C].
      offsets: int64 [N, 2], top and left.
      flips: bool [N].
      size: int S, side of the squares.

    Returns:
      [N, S, S, C].
    """
    steps = tf.range(size, dtype=tf.int64)
    rows = offsets[:, :1] + steps
    columns = offsets[:, 1:] + tf.where(flips[:, None], size - 1 - steps, steps)
    return tf.gather(tf.gather(images, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)


def centre_crop(images: tf.Tensor | np.ndarray, size: int) -> tf.Tensor | np.ndarray:
    """Cuts the middle out of images: [N, H, W, C] -> [N, size, size, C]."""
    top, left = ((side - size) // 2 for side in images.shape[1:3])
    return images[:, top : top + size, left : left + size]


def sheet(
    faces: np.ndarray,
    expressions: np.ndarray,
    fakes: np.ndarray,
    con_FR: np.ndarray,
    con_ER: np.ndarray,
    rows: int = SHEET_ROWS,
) -> np.ndarray:
    """Puts images side by side as published (`combinefig_dualcon`): a row for each pair.

    Args:
      faces, expressions, fakes, con_FR, con_ER: [N, S, S, C] in [0, 1], C 1 or 3; the columns.
      rows: int, at most.

    Returns:
      uint8 [min(N, rows) * S, 5 * S, 3], values cut off and not rounded, as published.
    """
    columns = [np.asarray(images)[:rows] for images in (faces, expressions, fakes, con_FR, con_ER)]
    picture = np.concatenate([np.concatenate(list(column)) for column in columns], axis=1)
    picture = np.broadcast_to(picture, (*picture.shape[:2], 3))
    return (picture * 255).astype(np.uint8)
