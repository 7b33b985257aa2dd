"""LSUN (Yu et al. 2015): a category of photographs in an LMDB data base."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from tf_facegan.extras import missing
from tf_facegan.records import schema
from tf_facegan.sources import image_folder, images, pictures

if TYPE_CHECKING:
    import numpy as np


_DATA_FILE = "data.mdb"


@dataclasses.dataclass(frozen=True)
class Entry:
    """A photograph: the file of its data base, and its key there."""

    data_file: Path
    key: bytes

    def __str__(self):
        return f"{self.data_file}: {self.key.decode('ascii', 'backslashreplace')}"


def create_set(
    path: str | Path, lmdb_dir: str | Path, resolution: int = 256, **options: Any
) -> schema.SetInfo:
    """Builds a set of the squares in the middle of the photographs, in the order of the data base.

    Args:
      path: folder to make.
      lmdb_dir: folder of the data base, e.g. `bedroom_train_lmdb`.
      resolution: int, side to resize to (Pillow's Lanczos filter), a power of two.
      **options: as in `writer.write_set`: workers, overwrite, max_images, shards, on_error.

    Returns:
      schema.SetInfo: uint8 [3, resolution, resolution], without labels.

    Raises:
      ImportError: the package lmdb is missing.
      FileNotFoundError: no such data base.
      ValueError: a data base that cannot be read or is empty, a size that is no power of two; see
        `load_photograph`.
    """
    _lmdb()
    _environment.cache_clear()  # the file may be another one than before
    image_folder.check_resolution(resolution, schema.MULTI_RESOLUTION)
    data_file = Path(lmdb_dir) / _DATA_FILE
    if not data_file.is_file():
        raise FileNotFoundError(f"{data_file}: missing; the folder of an LMDB data base expected")
    return pictures.write(
        path,
        pictures.Part([Entry(data_file, key) for key in _keys(data_file)]),
        functools.partial(load_photograph, resolution=resolution),
        kind=schema.MULTI_RESOLUTION,
        **options,
    )


def load_photograph(entry: Entry, resolution: int) -> np.ndarray:
    """Loads a photograph as uint8 [3, resolution, resolution].

    Raises:
      ValueError: no readable RGB image; names data base and key.
    """
    with _reading(entry.data_file) as transaction:
        content = transaction.get(entry.key)
    image = images.decode(content or b"", entry)
    if image.shape[2] != 3:
        raise ValueError(f"{entry}: grey, RGB expected")
    square = images.center_square(image)
    square = images.resized_array(square, resolution, Image.Resampling.LANCZOS)
    return square.transpose(2, 0, 1)


def _keys(data_file):
    with _reading(data_file) as transaction, transaction.cursor() as cursor:
        keys = list(cursor.iternext(keys=True, values=False))
    if not keys:
        raise ValueError(f"{data_file}: holds no entries")
    return keys


@contextlib.contextmanager
def _reading(data_file):
    lmdb = _lmdb()
    try:
        with _environment(data_file).begin() as transaction:
            yield transaction
    except lmdb.Error as error:
        raise ValueError(f"{data_file}: not a readable LMDB data base ({error})") from None


@functools.lru_cache(maxsize=1)  # a process may open a data base only once
def _environment(data_file):
    return _lmdb().open(
        str(data_file.parent), readonly=True, lock=False, readahead=False, create=False
    )


def _lmdb():
    try:
        import lmdb
    except ImportError as error:
        raise ImportError(missing("create_lsun", "lsun", error)) from None
    return lmdb
