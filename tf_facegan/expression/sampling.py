"""Samples of a trained generator."""

import numpy as np

from tf_facegan.expression import images as doors


def to_numbers(outputs, layout="nhwc"):
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
