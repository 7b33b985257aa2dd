"""Sets of random pictures that any of the systems can be trained on."""

import functools

import numpy as np

from tf_facegan.records import schema, writer
from tf_facegan.sources.action_units import AUS
from tf_facegan.sources.expressions import EXPRESSIONS

IDENTITIES, FRAMES = 10, 2
UV_MAPS = [["texture", 3], ["shape", 3], ["normals", 3]]
_DISTINCT = 16  # pictures that are drawn; they are used again and again


@functools.cache
def _noise(number, channels, side):
    random = np.random.RandomState(number % _DISTINCT)
    return random.randint(0, 256, (channels, side, side)).astype(np.uint8)


def picture(number, side=64, channels=3):
    """uint8 [channels, side, side]."""
    return _noise(number % _DISTINCT, channels, side)


def uv_picture(number, side):
    """float32 [9, side, side] in [-1, 1]."""
    return picture(number, side, 9) / np.float32(127.5) - 1


def write_faces(folder, side, count=256):
    """Writes one set with everything that GANimation, RD-GAN, TDGAN and the expression models ask
    for; returns its path."""
    random, numbers = np.random.RandomState(0), np.arange(count)
    fields = {
        "aus": random.uniform(0, 5, (count, len(AUS))).astype(np.float32),
        "expression": numbers % len(EXPRESSIONS),
        "identity": numbers % IDENTITIES,
        "subject": numbers // FRAMES % IDENTITIES,
        "sequence": numbers // FRAMES,
        "frame": numbers % FRAMES,
    }
    load = functools.partial(picture, side=side)
    writer.write_set(
        folder,
        list(range(count)),
        load,
        modalities=[["image", 3]],
        value_range=[0, 255],
        kind=schema.SINGLE_SIZE,
        fields=fields,
        field_names={"aus": list(AUS), "expression": list(EXPRESSIONS)},
        companions={"boundary": writer.Companion(load, [["boundary", 3]], [0, 255])},
        workers=1,
    )
    return folder


def write_uv_maps(folder, side, count=256):
    """Writes a multi-resolution set of nine channels for TBGAN; returns its path."""
    writer.write_set(
        folder,
        list(range(count)),
        functools.partial(uv_picture, side=side),
        modalities=UV_MAPS,
        value_range=[-1, 1],
        labels=np.eye(7, dtype=np.float32)[np.arange(count) % 7],
        workers=1,
    )
    return folder
