"""Faces to be classified or reconstructed: of picture files, folders of them, or record sets."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from tf_facegan.expression import representation
from tf_facegan.records.reader import RecordSet
from tf_facegan.sources import faces, image_folder
from tf_facegan.sources import images as sources
from tf_facegan.utilities.images import to_uint8


@dataclasses.dataclass(frozen=True)
class Faces:
    """Some faces.

    Attributes:
      names: list of N str, file names or record numbers.
      images: uint8 [N, S, S, 3], RGB.
      expressions: list of N str, what the set says of them; None for pictures.
    """

    names: list
    images: np.ndarray
    expressions: list | None = None


def read(
    paths: Sequence[str | Path],
    side: int,
    crop: faces.CropOptions = faces.WHOLE,
    limit: int | None = None,
) -> Faces:
    """Reads faces.

    Args:
      paths: list of picture files and folders of them, or one folder of a record set.
      side: int S, to which pictures are resized; a set must have it.
      crop: `sources.faces.CropOptions`, how faces are cut out of pictures.
      limit: int, only the first so many; None: all.

    Returns:
      `Faces`.

    Raises:
      FileNotFoundError, ValueError: naming the file.
    """
    paths = [Path(path) for path in paths]
    if len(paths) == 1 and paths[0].is_dir() and any(paths[0].glob("*.tfrecords")):
        return _of_set(paths[0], side, limit)
    files = []
    for path in paths:
        files += image_folder.find_images(path) if path.is_dir() else [path]
    files = files[:limit]
    pictures = [_picture(file, crop, side) for file in files]
    return Faces([file.name for file in files], np.stack(pictures))


def _picture(file, crop, side):
    picture = faces.prepare(sources.read_grey_or_rgb(file), crop, side, file)
    height, width, channels = picture.shape
    if height != width:
        raise ValueError(
            f"{file}: {width}x{height} pixels, a square expected; --crop center or --crop face "
            "cuts one out"
        )
    picture = sources.resized_array(picture, side, Image.Resampling.LANCZOS)
    return np.repeat(picture, 3 // channels, axis=2)


def _of_set(path, side, limit):
    records = RecordSet(path)
    if records.info.shape != [3, side, side]:
        raise ValueError(f"{path}: images of {records.info.shape}, [3, {side}, {side}] expected")
    numbers = np.arange(records.count)[:limit]
    images = to_uint8(records.read(numbers), records.range).transpose(0, 2, 3, 1)
    expressions = None
    if "expression" in records.fields:
        known = representation.class_names(records)
        expressions = [known[label] for label in records.fields["expression"][numbers]]
    return Faces([str(number) for number in numbers], images, expressions)
