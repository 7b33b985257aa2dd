"""Image files as arrays."""

import cv2
import numpy as np


def read_rgb(path):
    """Reads an 8-bit colour image.

    Args:
      path: PNG, JPEG or whatever else OpenCV decodes.

    Returns:
      uint8 array [H, W, 3], RGB (a view of OpenCV's BGR: `cvtColor` would start threads, which are
      in each other's way where every core runs a process).

    Raises:
      ValueError: no readable image, not 8 bits, or not three channels; names the file.
      OSError: the file cannot be opened.
    """
    encoded = np.fromfile(path, np.uint8)
    image = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED) if encoded.size else None
    if image is None:
        raise ValueError(f"{path}: not a readable image")
    if image.dtype != np.uint8:
        raise ValueError(f"{path}: {image.dtype} values, 8 bits expected")
    channels = 1 if image.ndim == 2 else image.shape[2]
    if channels != 3:
        raise ValueError(f"{path}: {channels} channels, 3 (RGB, no transparency) expected")
    return image[:, :, ::-1]
