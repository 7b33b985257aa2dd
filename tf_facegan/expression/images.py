"""Images at the doors of the networks: ranges, order of colours, and the published layout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    import numpy as np


CHANNEL_ORDERS = ("rgb", "bgr")
LAYOUTS = ("nhwc", "scrambled")


def from_records(
    records: tf.Tensor | np.ndarray,
    value_range: Sequence[float] = (0, 255),
    channel_order: str = "rgb",
) -> tf.Tensor:
    """Makes images of a batch of records.

    Args:
      records: [N, 3, H, W], RGB, uint8 or float32.
      value_range: values in them that stand for black and white.
      channel_order: "rgb", or "bgr" as the published arrays.

    Returns:
      float32 [N, H, W, 3] in [0, 1].
    """
    low, high = value_range
    images = tf.transpose(tf.cast(records, tf.float32), [0, 2, 3, 1])
    images = images / high if low == 0 else (images - low) / (high - low)
    return images[..., ::-1] if channel_order == "bgr" else images


def scrambled(images: tf.Tensor) -> tf.Tensor:
    """Takes images [N, H, W, C] to what the published GAN makes of them.

    It flattens them by rows, columns and colours, and reads the same numbers by colours, rows and
    columns.
    """
    batch, height, width, channels = tf.unstack(tf.shape(images))
    x = tf.reshape(images, [batch, channels, height, width])
    return tf.ensure_shape(tf.transpose(x, [0, 2, 3, 1]), images.shape)


def unscrambled(images: tf.Tensor) -> tf.Tensor:
    """Inverse of `scrambled`."""
    x = tf.transpose(images, [0, 3, 1, 2])
    return tf.ensure_shape(tf.reshape(x, tf.shape(images)), images.shape)
