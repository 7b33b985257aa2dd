"""RD-GAN's images as 8 bits and back, rounded down as published."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def to_8_bits(images: np.ndarray) -> np.ndarray:
    """Turns images in [-1, 1] into uint8, rounded down as published."""
    return ((images + np.float32(1)) * np.float32(127.5)).astype(np.uint8)


def from_8_bits(images: np.ndarray) -> np.ndarray:
    """Turns uint8 images into float32 in [-1, 1]."""
    return np.asarray(images, np.float32) / np.float32(127.5) - np.float32(1)


def quantised(images: tf.Tensor) -> tf.Tensor:
    """Returns images in [-1, 1] (tensor) as they come back from 8-bit files, rounded down."""
    return tf.floor((images + 1.0) * 127.5) / 127.5 - 1.0
