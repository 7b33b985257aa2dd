"""UV maps of 3D faces: a texture image, a shape array and a normal array, or some of the three."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tf_facegan import pickles
from tf_facegan.records import schema, writer
from tf_facegan.sources import matching
from tf_facegan.sources.images import read_rgb
from tf_facegan.sources.labels import label_options

RANGE = (-1.0, 1.0)
_ARRAY_SUFFIXES = (".pkl", ".npy")
_SUFFIXES = {"texture": (".png",), "shape": _ARRAY_SUFFIXES, "normals": _ARRAY_SUFFIXES}

# An 8-bit value as menpo reads it (float64 in [0, 1]), rounded to float32, then * 2 - 1 in float32.
_TEXTURE_VALUES = (np.arange(256) / 255.0).astype(np.float32) * 2 - 1


@dataclasses.dataclass(frozen=True)
class Face:
    """The files of one face: `paths` are those of the modalities in the order of the channels."""

    stem: str
    paths: tuple

    def __str__(self):
        return self.stem


def find_faces(folders: Mapping[str, str | Path]) -> list[Face]:
    """Finds faces by the stems of their files.

    Args:
      folders: {modality: folder} in the order of the channels: "texture" (8-bit PNG files), "shape"
        and "normals" (`.pkl` or `.npy` arrays), or some of them.

    Returns:
      list of Face, sorted by stem.

    Raises:
      FileNotFoundError: a folder is missing or has no such files.
      ValueError: a stem that one of the folders lacks.
    """
    found = [matching.files_by_stem(folders[name], _SUFFIXES[name]) for name in folders]
    matching.check_partners(list(folders.values()), found)
    return [Face(stem, tuple(files[stem] for files in found)) for stem in found[0]]


def create_set(
    path: str | Path,
    folders: Mapping[str, str | Path],
    *,
    shuffle: bool = True,
    labels: str | Path | None = None,
    label_names: str | Path | None = None,
    label_kind: str | None = None,
    **options: Any,
) -> schema.SetInfo:
    """Builds a set of UV maps (TBGAN's `create_from_pkl`, `…_img` and `…_img_norm`).

    The `uv_layout.npz` beside the folder of shapes goes with the set: with it meshes can be made of
    what is learned from it.

    Args:
      path: folder to make.
      folders: as in `find_faces`.
      shuffle: put the examples in the published shuffled order, else sorted by stem.
      labels, label_names, label_kind: as in `labels.read_labels`; None makes a set without labels.
      **options: as in `writer.write_set`: workers, overwrite, max_images, shards, on_error.

    Returns:
      schema.SetInfo.

    Raises:
      FileNotFoundError, ValueError: see `find_faces`, `load_maps`, `read_labels`, `write_set`.
    """
    faces = find_faces(folders)
    if shuffle:
        faces = [faces[number] for number in writer.shuffled(len(faces))]
    layout = Path(folders["shape"]).absolute().parent / schema.UV_LAYOUT
    return writer.write_set(
        path,
        faces,
        functools.partial(load_maps, modalities=tuple(folders)),
        modalities=[[name, 3] for name in folders],
        value_range=RANGE,
        attachments=[layout] if layout.is_file() else [],
        **label_options(labels, [face.stem for face in faces], label_kind, label_names),
        **options,
    )


def load_maps(face: Face, modalities: Sequence[str]) -> np.ndarray:
    """Loads the UV maps of a face.

    Args:
      face: Face.
      modalities: tuple of str, what its paths are: "texture", "shape" or "normals".

    Returns:
      float32 [3 * len(modalities), S, S]: a texture mapped from 0..255 to [-1, 1], shape and
      normals as stored.

    Raises:
      ValueError: an unreadable file, sizes that differ, values that are not finite; names the file.
    """
    maps = None
    for number, (name, path) in enumerate(zip(modalities, face.paths)):
        values = read_rgb(path).transpose(2, 0, 1) if name == "texture" else _load_map(path)
        if maps is None:
            maps = np.empty((3 * len(modalities), *values.shape[1:]), np.float32)
        part = maps[3 * number : 3 * number + 3]
        if values.shape != part.shape:
            raise ValueError(
                f"{path}: shape {list(values.shape)}, but {face.paths[0]} is "
                f"{part.shape[2]}x{part.shape[1]}: {list(part.shape)} expected"
            )
        if name == "texture":
            np.take(_TEXTURE_VALUES, values, out=part, mode="clip")
        else:
            part[:] = values
    return maps


def _load_map(path):
    array = pickles.load_array(path)
    if array.dtype.kind != "f":
        raise ValueError(f"{path}: {array.dtype} values, floating point expected")
    if array.ndim != 3 or len(array) != 3:
        hint = " (the channels come first)" if array.ndim == 3 and array.shape[2] == 3 else ""
        raise ValueError(f"{path}: shape {list(array.shape)}, [3, S, S] expected{hint}")
    if not np.isfinite(array).all():
        raise ValueError(f"{path}: holds NaN or infinite values")
    return array
