"""The aligned faces of CelebA (Liu et al. 2015), as PGGAN's dataset tool cuts them."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import logging

from tf_facegan.records import schema, writer
from tf_facegan.sources import images, matching, pictures

if TYPE_CHECKING:
    import numpy as np


COUNT = 202599
HEIGHT, WIDTH = 218, 178
SIZE = 128


def create_set(
    path: str | Path, celeba_dir: str | Path, cx: int = 89, cy: int = 121, **options: Any
) -> schema.SetInfo:
    """Builds a set of 128x128 crops, in the published shuffled order, without labels.

    Args:
      path: folder to make.
      celeba_dir: folder of the aligned and cropped `.png` files, 178x218 pixels.
      cx, cy: int, centre of the crop in pixels from left and top.
      **options: as in `writer.write_set`: workers, overwrite, max_images, shards, on_error.

    Returns:
      schema.SetInfo: uint8 [3, 128, 128].

    Raises:
      FileNotFoundError: no such folder, or no `.png` files in it.
      ValueError: a crop that does not lie within the images; see `load_face`.
    """
    for flag, centre, side in (("--cx", cx, WIDTH), ("--cy", cy, HEIGHT)):
        low, high = SIZE // 2, side - SIZE // 2
        if not low <= centre <= high:
            raise ValueError(f"{flag} is {centre}, {low} to {high} expected: {SIZE}x{SIZE} pixels")
    files = matching.files_in(celeba_dir, (".png",))
    if len(files) != COUNT:
        logging.warning("%s: %d images, the published set has %d", celeba_dir, len(files), COUNT)
    return pictures.write(
        path,
        pictures.Part([files[number] for number in writer.shuffled(len(files))]),
        functools.partial(load_face, cx=cx, cy=cy),
        kind=schema.MULTI_RESOLUTION,
        **options,
    )


def load_face(path: str | Path, cx: int, cy: int) -> np.ndarray:
    """Loads the crop around (cx, cy), uint8 [3, 128, 128].

    Raises:
      ValueError: an unreadable image, or one that is not 178x218 RGB; names the file.
    """
    image = images.read_rgb(path)
    if image.shape[:2] != (HEIGHT, WIDTH):
        height, width = image.shape[:2]
        raise ValueError(
            f"{path}: {width}x{height} pixels, {WIDTH}x{HEIGHT} (aligned and cropped) expected"
        )
    top, left = cy - SIZE // 2, cx - SIZE // 2
    return image[top : top + SIZE, left : left + SIZE].transpose(2, 0, 1)
