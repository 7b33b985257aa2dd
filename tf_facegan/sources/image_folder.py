"""A folder of pictures, one an example."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import logging
from PIL import Image

from tf_facegan.records import schema, writer
from tf_facegan.sources import faces, images, matching, pictures
from tf_facegan.sources.labels import label_options

if TYPE_CHECKING:
    import numpy as np


_HOW_TO_FIT = "--crop center|face --resolution N makes them so, --kind single-size keeps their size"


def create_set(
    path: str | Path,
    image_dir: str | Path,
    *,
    shuffle: bool = True,
    crop: faces.CropOptions = faces.WHOLE,
    preview: str | Path | None = None,
    resolution: int | None = None,
    kind: str = schema.MULTI_RESOLUTION,
    labels: str | Path | None = None,
    label_names: str | Path | None = None,
    label_kind: str | None = None,
    on_error: str = "stop",
    **options: Any,
) -> schema.SetInfo:
    """Builds a set of the images of a folder (PGGAN's `create_from_images`).

    The first image that can be read decides whether the set is grey or RGB.

    Args:
      path: folder to make.
      image_dir: folder of images; sub-folders, hidden files and other files are left out.
      shuffle: put the examples in the published shuffled order, else sorted by name.
      crop, resolution: as in `load_image`.
      preview: PNG file for a sheet of images before and after the crop; None for no sheet.
      kind: "multi-resolution" or "single-size".
      labels, label_names, label_kind: as in `labels.read_labels`; None makes a set without labels.
      on_error, **options: as in `writer.write_set`: workers, overwrite, max_images, shards.

    Returns:
      schema.SetInfo.

    Raises:
      FileNotFoundError, ValueError: no folder, no image, see `load_image`, `read_labels` and
        `write_set`.
    """
    if crop.crop == "face" and resolution is None:
        raise ValueError("--crop face needs --resolution, the side of the crops in pixels")
    check_resolution(resolution, kind)
    files = find_images(image_dir)
    if preview is not None:
        faces.write_preview(preview, files, crop, resolution)
    if labels is not None:
        matching.by_stem(files)  # else a label would not say whose it is
    load = functools.partial(load_image, crop=crop, resolution=resolution)
    first = _first_image(files, load, skip=on_error == "skip")
    if kind == schema.MULTI_RESOLUTION:
        _check_size(*first)
    channels = len(first[1])
    if shuffle:
        files = [files[number] for number in writer.shuffled(len(files))]
    return writer.write_set(
        path,
        files,
        functools.partial(load, channels=channels),
        modalities=[["image", channels]],
        value_range=pictures.VALUE_RANGE,
        kind=kind,
        on_error=on_error,
        **label_options(labels, [file.stem for file in files], label_kind, label_names),
        **options,
    )


def find_images(folder: str | Path) -> list[Path]:
    """The images of a folder, sorted by name; says which other files there are.

    Args:
      folder: the folder; sub-folders and hidden files are left out.

    Returns:
      list of pathlib.Path.

    Raises:
      FileNotFoundError: no such folder, or no images in it.
    """
    found = matching.files_in(folder, images.SUFFIXES)
    others = [
        entry.name
        for entry in sorted(set(Path(folder).iterdir()) - set(found))
        if not entry.name.startswith(".")
    ]
    if others:
        logging.warning("%s: left out, no images: %s", folder, matching.shortened(others))
    return found


def load_image(
    path: str | Path,
    crop: faces.CropOptions = faces.WHOLE,
    resolution: int | None = None,
    channels: int | None = None,
) -> np.ndarray:
    """Loads an image.

    Args:
      path: image file, 8 bits, grey or RGB; turned upright as its EXIF data say.
      crop: faces.CropOptions.
      resolution: int, side to resize a square image to (Pillow's Lanczos filter), or to cut a face
        to (area averages); None keeps the size.
      channels: int, channels to expect; None takes 1 or 3.

    Returns:
      uint8 array [1 or 3, H, W].

    Raises:
      ValueError: an unreadable image, transparency, CMYK, more than 8 bits, other channels, not
        square where it is to be resized, or no face where one is to be cut out; names the file.
      OSError: the file cannot be opened.
    """
    image = images.read_grey_or_rgb(path)
    if channels not in (None, image.shape[2]):
        found, expected = ("grey", "RGB") if channels == 3 else ("RGB", "grey")
        raise ValueError(f"{path}: is {found}, {expected} expected as in the first image")
    image = faces.prepare(image, crop, resolution, path)
    if resolution is not None:
        height, width, _ = image.shape
        if height != width:
            raise ValueError(
                f"{path}: {width}x{height} pixels; --resolution needs square images, which --crop "
                "center and --crop face cut out"
            )
        image = images.resized_array(image, resolution, Image.Resampling.LANCZOS)
    return image.transpose(2, 0, 1)


def check_resolution(resolution: int | None, kind: str) -> None:
    """Raises ValueError unless images of `resolution` (int, or None) can be a set of this kind."""
    if resolution is None:
        return
    if resolution < 1:
        raise ValueError(f"--resolution is {resolution}, a positive number expected")
    if kind == schema.MULTI_RESOLUTION:
        try:
            schema.check_power_of_two([3, resolution, resolution])
        except ValueError as error:
            raise ValueError(f"--resolution is {resolution}; {error}") from None


def _first_image(files, load, skip):
    """The first file that can be loaded, and its array."""
    for file in files:
        try:
            return file, load(file)
        except (ValueError, OSError) as error:
            if not skip:
                raise
            failure = error
    raise ValueError(f"none of the {len(files)} images can be loaded; {failure}")


def _check_size(file, array):
    try:
        schema.check_power_of_two(array.shape)
    except ValueError as error:
        raise ValueError(f"{file}: {error}; {_HOW_TO_FIT}") from None
