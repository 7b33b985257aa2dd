"""UV maps of 3D faces: a texture image, a shape and a normal array for each face."""

import dataclasses
from pathlib import Path

import numpy as np
from absl import logging

from tf_facegan import pickles
from tf_facegan.records import schema, writer
from tf_facegan.sources import matching
from tf_facegan.sources.images import read_rgb
from tf_facegan.sources.labels import read_labels

MODALITIES = (("texture", 3), ("shape", 3), ("normals", 3))
RANGE = (-1.0, 1.0)
_ARRAY_SUFFIXES = (".pkl", ".npy")

# An 8-bit value as menpo reads it (float64 in [0, 1]), rounded to float32, then * 2 - 1 in float32.
_TEXTURE_VALUES = (np.arange(256) / 255.0).astype(np.float32) * 2 - 1


@dataclasses.dataclass(frozen=True)
class Triple:
    """The three files of one face."""

    stem: str
    texture: Path
    shape: Path
    normals: Path

    def __str__(self):
        return self.stem


def find_triples(texture_dir, shape_dir, normals_dir):
    """Finds faces by the stems of their files.

    Args:
      texture_dir: folder of 8-bit PNG files.
      shape_dir, normals_dir: folders of `.pkl` or `.npy` arrays.

    Returns:
      list of Triple, sorted by stem.

    Raises:
      FileNotFoundError: a folder is missing or has no such files.
      ValueError: a stem that one of the folders lacks.
    """
    folders = [texture_dir, shape_dir, normals_dir]
    suffixes = [(".png",), _ARRAY_SUFFIXES, _ARRAY_SUFFIXES]
    found = [matching.files_by_stem(*pair) for pair in zip(folders, suffixes)]
    matching.check_partners(folders, found)
    return [Triple(stem, *(files[stem] for files in found)) for stem in found[0]]


def create_set(
    path,
    texture_dir,
    shape_dir,
    normals_dir,
    shuffle=True,
    labels=None,
    label_names=None,
    label_kind=None,
    workers=None,
    overwrite=False,
):
    """Builds a set of texture, shape and normals (TBGAN's `create_from_pkl_img_norm`).

    The `uv_layout.npz` beside `shape_dir` goes with the set: with it meshes can be made of what is
    learned from it.

    Args:
      path: folder to make.
      texture_dir, shape_dir, normals_dir: as in `find_triples`.
      shuffle: put the examples in the published shuffled order, else sorted by stem.
      labels, label_names, label_kind: as in `labels.read_labels`; None makes a set without labels.
      workers, overwrite: as in `writer.write_set`.

    Returns:
      schema.SetInfo.

    Raises:
      FileNotFoundError, ValueError: see `find_triples`, `load_triple`, `read_labels`, `write_set`.
    """
    triples = find_triples(texture_dir, shape_dir, normals_dir)
    if shuffle:
        triples = [triples[number] for number in writer.shuffled(len(triples))]
    options = {}
    if labels is not None:
        found = read_labels(labels, [triple.stem for triple in triples], label_kind, label_names)
        if found.unused:
            logging.warning("%s: no face for %s", labels, matching.shortened(found.unused))
        options = {
            "labels": found.values,
            "label_kind": found.kind,
            "label_names": found.names,
        }
    layout = Path(shape_dir).absolute().parent / schema.UV_LAYOUT
    return writer.write_set(
        path,
        triples,
        load_triple,
        modalities=MODALITIES,
        value_range=RANGE,
        attachments=[layout] if layout.is_file() else [],
        workers=workers,
        overwrite=overwrite,
        **options,
    )


def load_triple(triple):
    """Loads the UV maps of a face (TBGAN's `create_from_pkl_img_norm`).

    Args:
      triple: Triple.

    Returns:
      float32 [9, S, S]: texture mapped from 0..255 to [-1, 1], then shape and normals as stored.

    Raises:
      ValueError: an unreadable file, sizes that differ, values that are not finite; names the file.
    """
    texture = read_rgb(triple.texture)
    height, width, _ = texture.shape
    maps = np.empty((9, height, width), np.float32)
    np.take(_TEXTURE_VALUES, texture.transpose(2, 0, 1), out=maps[:3], mode="clip")
    for path, part in ((triple.shape, maps[3:6]), (triple.normals, maps[6:])):
        part[:] = _load_map(path, triple.texture, part.shape)
    return maps


def _load_map(path, texture, shape):
    array = pickles.load_array(path)
    if array.dtype.kind != "f":
        raise ValueError(f"{path}: {array.dtype} values, floating point expected")
    if array.shape != shape:
        hint = " (the channels come first)" if array.shape == (*shape[1:], 3) else ""
        raise ValueError(
            f"{path}: shape {list(array.shape)}, but {texture} is {shape[2]}x{shape[1]}: "
            f"{list(shape)} expected{hint}"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{path}: holds NaN or infinite values")
    return array
