"""Image files as arrays, and their sizes.

`read_rgb` is OpenCV's reading, exact for PNG and fast. `open_rgb` is Pillow's, for sources whose
published loaders read and resize with Pillow: it takes grey pictures too, as faces often are.
"""

from __future__ import annotations

import contextlib
import io
import re
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from tf_facegan.command_line import one_line

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
_MODES = ("RGB", "L", "P", "1")
_DEEP = re.compile("RGBX?;16")
_ORIENTATION = ExifTags.Base.Orientation
_UPRIGHT = 1
_ORIENTATIONS = range(1, 9)
FORMATS = ("PNG", "JPEG", "BMP", "DIB", "TIFF", "WEBP", "GIF", "PPM")
# What Pillow raises for damaged files.
_UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    AssertionError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)

cv2.setLogLevel(0)  # what is wrong with a file is said by an error, in one line


def read_rgb(path: str | Path) -> np.ndarray:
    """Reads an 8-bit colour image, upright as its EXIF data say.

    Args:
      path: PNG, JPEG or whatever else OpenCV decodes.

    Returns:
      uint8 array [H, W, 3], RGB (a view of OpenCV's BGR: `cvtColor` would start threads, which are
      in each other's way where every core runs a process).

    Raises:
      ValueError: no readable image, not 8 bits, CMYK, or not three channels; names the file.
      OSError: the file cannot be opened.
    """
    image = read_grey_or_rgb(path)
    if image.shape[2] != 3:
        raise ValueError(f"{path}: grey, 3 channels (RGB) expected")
    return image


def read_grey_or_rgb(path: str | Path) -> np.ndarray:
    """Reads an 8-bit grey or colour image, upright as its EXIF data say.

    Args:
      path: PNG, JPEG or whatever else OpenCV decodes.

    Returns:
      uint8 array [H, W, 1] or [H, W, 3], RGB; see `read_rgb`.

    Raises:
      ValueError: no readable image, not 8 bits, CMYK, or transparency; names the file.
      OSError: the file cannot be opened.
    """
    return decode(np.fromfile(path, np.uint8), path)


def decode(content: bytes | np.ndarray, name: object) -> np.ndarray:
    """`read_grey_or_rgb` of the content of a file; `name` names it in messages.

    Args:
      content: bytes, or uint8 [N].
      name: object whose `str` names the image.
    """
    encoded = np.frombuffer(content, np.uint8)
    mode, orientation = _header(name, encoded)  # first: it says how large the picture is
    try:
        image = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)
    except cv2.error:
        image = None
    if image is None:
        raise ValueError(f"{name}: not a readable image")
    if image.dtype != np.uint8:
        raise ValueError(f"{name}: {image.dtype} values, 8 bits expected")
    if mode == "CMYK":  # OpenCV makes RGB of it without a word, and without its colour profile
        raise ValueError(f"{name}: CMYK colours, RGB or grey expected")
    if orientation != _UPRIGHT:
        picture = Image.fromarray(image)
        picture.getexif()[_ORIENTATION] = orientation
        image = np.asarray(ImageOps.exif_transpose(picture))
    image = np.atleast_3d(image)
    if image.shape[2] not in (1, 3):
        raise ValueError(
            f"{name}: {image.shape[2]} channels, RGB or grey, no transparency expected"
        )
    return image[:, :, ::-1]


def _header(name, encoded):
    """Pillow's mode of a file's pixels, and the EXIF orientation that is still to be applied."""
    try:
        with open_picture(io.BytesIO(encoded)) as header:  # decodes nothing
            # TIFF files are turned by their decoders; the other formats have an "exif" block.
            exif = header.getexif() if "exif" in header.info else {}
            orientation = exif.get(_ORIENTATION, _UPRIGHT)
            return header.mode, orientation if orientation in _ORIENTATIONS else _UPRIGHT
    except _UNREADABLE as error:
        raise _unreadable(name, error) from None


def _unreadable(name, error):
    """The error for a picture that Pillow refuses; of an unknown format it says nothing more."""
    if isinstance(error, UnidentifiedImageError):
        return ValueError(f"{name}: not a readable image")
    return ValueError(f"{name}: not a readable image ({one_line(error)})")


@contextlib.contextmanager
def open_picture(file: str | Path | BinaryIO) -> Iterator[Image.Image]:
    """Opens a picture with Pillow, of formats that hold pictures only and are not too large.

    Pillow knows formats that are programs (PostScript). More than 179 million pixels are an error.

    Raises:
      what Pillow raises.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damage that can be passed over
        with Image.open(file, formats=FORMATS) as image:
            yield image


def open_rgb(path: str | Path) -> Image.Image:
    """Opens an 8-bit colour or grey image with Pillow, upright as its EXIF data say.

    Args:
      path: PNG, JPEG or whatever else Pillow decodes.

    Returns:
      PIL.Image.Image in mode RGB, decoded.

    Raises:
      ValueError: no readable image, transparency, CMYK or more than 8 bits; names the file.
      OSError: the file cannot be opened.
    """
    try:
        with open_picture(path) as image:
            # Pillow makes 8 bits of 16-bit colours without a word; only its tiles tell.
            is_deep = any(_DEEP.search(str(tile.args)) for tile in image.tile)
            image.load()
            upright = ImageOps.exif_transpose(image)
    except _UNREADABLE as error:
        if getattr(error, "filename", None) is not None:  # it cannot be opened
            raise
        raise _unreadable(path, error) from None
    if is_deep:
        raise ValueError(f"{path}: 16 bits a value, 8 bits expected")
    if image.mode not in _MODES or "transparency" in image.info:
        found = "transparency" if image.mode in _MODES else f"{image.mode} pixels"
        raise ValueError(f"{path}: {found}, 8-bit RGB or grey without transparency expected")
    return upright.convert("RGB")


def resized(
    image: Image.Image, size: Sequence[int], resample: int = Image.Resampling.BILINEAR
) -> Image.Image:
    """Resizes with Pillow, which smooths what it makes smaller.

    Args:
      image: PIL.Image.Image.
      size: (width, height), the aspect ratio is not kept.
      resample: one of Pillow's filters.

    Returns:
      PIL.Image.Image, `image` itself if it has that size.
    """
    return image if image.size == tuple(size) else image.resize(size, resample)


def fitted(image: Image.Image, side: int | None, gray: bool = False) -> np.ndarray:
    """Resizes bilinearly so that the shorter side is `side`; the longer one is rounded down.

    That is torchvision's `Resize(side)` for Pillow pictures, which TDGAN's loaders use.

    Args:
      image: PIL.Image.Image, grey or RGB.
      side: int; None keeps the size.
      gray: convert to grey before that.

    Returns:
      uint8 array [3, H, W].
    """
    image = image.convert("L") if gray else image
    if side is not None:
        width, height = image.size
        shorter = min(width, height)
        image = resized(image, (width * side // shorter, height * side // shorter))
    return channels_first(image)


def channels_first(image: Image.Image) -> np.ndarray:
    """uint8 array [3, H, W] of a Pillow picture, grey or RGB."""
    return np.asarray(image.convert("RGB")).transpose(2, 0, 1)


def center_square(image: np.ndarray) -> np.ndarray:
    """The largest square in the middle of an array [H, W, C], as PGGAN cuts it out of LSUN's."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


def resized_array(image: np.ndarray, side: int, resample: int) -> np.ndarray:
    """`resized` of a uint8 array [H, W, 1 or 3] to [side, side, 1 or 3]."""
    grey = image.shape[2] == 1
    picture = Image.fromarray(image[:, :, 0] if grey else image)
    return np.atleast_3d(resized(picture, (side, side), resample))
