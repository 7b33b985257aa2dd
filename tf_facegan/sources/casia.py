"""CASIA-WebFace (Yi et al. 2014): faces of many identities."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tf_facegan.sources import images, pictures
from tf_facegan.sources.matching import left_out

if TYPE_CHECKING:
    from tf_facegan.records import schema


INDEXES = ("casia_data_example.npz", "casia_data_examples.npz")
IMAGE_FOLDER = "img"


def create_set(
    path: str | Path,
    folder: str | Path,
    resolution: int = 128,
    gray: bool = False,
    max_identities: int | None = None,
    on_error: str = "stop",
    **options: Any,
) -> schema.SetInfo:
    """Builds a set of faces, field `identity`.

    Args:
      path: folder to make.
      folder: a folder for each identity, with its pictures in it; or TDGAN's layout, `img` with
        these folders beside `casia_data_example.npz`, which says which of the pictures count.
      resolution: int, side of the stored pictures. Others are stretched, bilinearly by Pillow, as
        in TDGAN (96x112 becomes 128x128).
      gray: convert to grey before that, as TDGAN does; still stored as three channels.
      max_identities: int, take the first so many identities, sorted by name; None is all.
      on_error: "stop" or "skip" at a picture that is listed but missing.
      options: as for `pictures.write`.

    Returns:
      schema.SetInfo; the names of `identity` are those of the folders.

    Raises:
      FileNotFoundError: no such folder, or no pictures in it.
      ValueError: an index of another form, and what `write_set` raises.
    """
    pictures.check_positive(resolution=resolution, max_identities=max_identities)
    found, problems = find_faces(folder)
    everyone = {_identity(file) for file in found} | {_identity(file) for file, _ in problems}
    wanted = set(sorted(everyone)[:max_identities])
    found = [file for file in found if _identity(file) in wanted]
    skipped = left_out([entry for entry in problems if _identity(entry[0]) in wanted], on_error)
    if not found:
        raise ValueError(f"{folder}: no pictures of the first {max_identities} identities")
    numbers, names = pictures.numbered([_identity(file) for file in found])
    counts = np.bincount(numbers)
    print(
        f"{len(names)} identities, {len(found)} pictures, {counts.min()} to {counts.max()} of each"
    )
    return pictures.write(
        path,
        pictures.Part(found, {"identity": numbers}, skipped),
        functools.partial(load_stretched, side=resolution, gray=gray),
        field_names={"identity": names},
        on_error=on_error,
        **options,
    )


def _identity(file):
    return Path(file).parent.name


def find_faces(folder: str | Path) -> tuple[list[Path], list[tuple[str, str]]]:
    """Finds the pictures of all identities.

    Args:
      folder: as for `create_set`.

    Returns:
      (list of pathlib.Path sorted by identity and name, list of (file, what is wrong with it)).

    Raises:
      FileNotFoundError: no such folder, or no pictures in it.
      ValueError: an index of another form.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; a folder for each identity expected")
    index = next((folder / name for name in INDEXES if (folder / name).is_file()), None)
    if index is not None:
        listed = _read_index(index)
        found = [file for file in listed if file.is_file()]
        problems = [(str(file), "listed, but missing") for file in listed if not file.is_file()]
    else:
        found, problems = _list_faces(folder), []
    if not found:
        raise FileNotFoundError(f"{folder}: no pictures like 0000045/001.jpg in it")
    return found, problems


def load_stretched(path: str | Path, side: int, gray: bool = False) -> np.ndarray:
    """Loads a picture stretched to a square, uint8 [3, side, side] RGB."""
    image = images.open_rgb(path)
    image = image.convert("L") if gray else image
    return images.channels_first(images.resized(image, (side, side)))


def _list_faces(folder):
    return sorted(
        file
        for identity in folder.iterdir()
        if identity.is_dir() and not identity.name.startswith(".")
        for file in identity.iterdir()
        if file.suffix.lower() in images.SUFFIXES and not file.name.startswith(".")
    )


def _read_index(path):
    """The files that TDGAN's index lists, in its order."""
    arrays = pictures.load_npz(path, ["img_dir_list", "img_lab_list"])
    names, labels = arrays.values()
    if names.dtype.kind != "U" or names.ndim != 1 or labels.shape != names.shape:
        raise ValueError(
            f"{path}: img_dir_list is {names.dtype} {list(names.shape)} and img_lab_list "
            f"{labels.dtype} {list(labels.shape)}; names and as many labels expected"
        )
    listed = [Path(name) for name in names.tolist()]
    identities = {}
    for name, label in zip(listed, labels.tolist()):
        if len(name.parts) != 2 or ".." in name.parts:
            raise ValueError(f"{path}: lists {name}, <identity>/<picture> expected")
        if identities.setdefault(label, name.parts[0]) != name.parts[0]:
            raise ValueError(
                f"{path}: label {label} stands for {identities[label]} and for {name.parts[0]}"
            )
    return [path.parent / IMAGE_FOLDER / name for name in listed]
