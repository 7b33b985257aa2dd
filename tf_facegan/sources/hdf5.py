"""Images in an HDF5 file, as PGGAN stored its data sets before TFRecords."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tf_facegan import hdf5_files, pickles
from tf_facegan.records import writer
from tf_facegan.sources import pictures

if TYPE_CHECKING:
    from tf_facegan.records import schema


_PREFIX = "data"


@dataclasses.dataclass(frozen=True)
class Row:
    """An image: the file, the name of the array in it and the number in the array."""

    file: Path
    array: str
    number: int

    def __str__(self):
        return f"{self.file}: {self.array}[{self.number}]"


def create_set(
    path: str | Path, hdf5_filename: str | Path, shuffle: bool = True, **options: Any
) -> schema.SetInfo:
    """Builds a set of the largest images in an HDF5 file.

    Args:
      path: folder to make.
      hdf5_filename: file with arrays `data*`, uint8 [N, 1 or 3, S, S]; that with the largest S is
        taken. A file `<its name without extension>-labels.npy` beside it, [N, L], holds labels.
      shuffle: put the examples in the published shuffled order, else in that of the file.
      **options: as in `writer.write_set`: workers, overwrite, max_images, shards, on_error.

    Returns:
      schema.SetInfo: uint8 [1 or 3, S, S].

    Raises:
      FileNotFoundError: no such file.
      ValueError: no HDF5 file, no such arrays in it, labels of another shape; names the file.
    """
    file = Path(hdf5_filename)
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such HDF5 file")
    _open.cache_clear()  # the file may be another one than before
    name, (count, channels, _, _) = _largest(file)
    order = writer.shuffled(count) if shuffle else np.arange(count)
    labels = _read_labels(file.with_name(f"{file.stem}-labels.npy"), count)
    return writer.write_set(
        path,
        [Row(file, name, int(number)) for number in order],
        load_row,
        modalities=[["image", channels]],
        value_range=pictures.VALUE_RANGE,
        labels=None if labels is None else labels[order],
        **options,
    )


def load_row(row: Row) -> np.ndarray:
    """Loads an image, uint8 [C, S, S].

    Raises:
      ValueError: the file is damaged there; names file, array and number.
    """
    try:
        return hdf5_files.member(_open(row.file), row.array)[row.number]
    except (OSError, KeyError, RuntimeError) as error:
        raise ValueError(f"{row}: cannot be read ({error})") from None


def _largest(file):
    """Name and shape of the array of images with the largest side."""
    try:
        found = hdf5_files.members(_open(file))
    except (ValueError, KeyError, RuntimeError) as error:
        raise ValueError(f"{file}: not a readable HDF5 file ({error})") from None
    arrays = {
        name: item.shape
        for name, item in found.items()
        if name.startswith(_PREFIX)
        and len(getattr(item, "shape", ())) == 4
        and item.dtype == np.uint8
        and item.shape[0]
        and item.shape[1] in (1, 3)
    }
    if not arrays:
        names = [f"{name} {_described(item)}" for name, item in found.items()]
        raise ValueError(
            f"{file}: no arrays data*, uint8 [N, 1 or 3, S, S], but {', '.join(names) or 'nothing'}"
        )
    return max(arrays.items(), key=lambda item: item[1][3])


def _described(item):
    return f"{item.dtype} {list(item.shape)}" if hasattr(item, "shape") else "(a group)"


@functools.lru_cache(maxsize=1)
def _open(file):
    import h5py  # comes with TensorFlow

    try:
        return h5py.File(file, "r")
    except OSError as error:
        raise ValueError(f"{file}: not a readable HDF5 file ({error})") from None


def _read_labels(path, count):
    if not path.is_file():
        return None
    labels = pickles.load_array(path)
    if labels.dtype.kind not in "fiub" or labels.ndim != 2 or len(labels) != count:
        raise ValueError(
            f"{path}: {labels.dtype} {list(labels.shape)}, numbers [{count}, L] expected"
        )
    if not np.isfinite(labels).all():
        raise ValueError(f"{path}: holds NaN or infinite values")
    return labels
