"""Folds of a cross-validation as `.npz` files, TDGAN's form of the small expression sets."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tf_facegan.sources import images, pictures
from tf_facegan.sources.expressions import EXPRESSIONS
from tf_facegan.sources.matching import left_out, natural

if TYPE_CHECKING:
    from tf_facegan.records import schema


_PARTS = {"train": "tr", "test": "tt"}


def create_sets(
    path: str | Path,
    source: str | Path,
    resolution: int | None = None,
    gray: bool = False,
    classes: Sequence[str] = EXPRESSIONS,
    on_error: str = "stop",
    **options: Any,
) -> dict[str, schema.SetInfo]:
    """Builds `path`/fold0/train, `path`/fold0/test, `path`/fold1/train, …, field `expression`.

    Args:
      path: folder to make.
      source: an `.npz` file with `tr_x`, `tr_y`, `tt_x`, `tt_y`, or a folder of them, one a fold:
        pictures uint8 [N, H, W] (grey) or [N, H, W, 3] (RGB), labels integers [N].
      resolution: int, length of the shorter side, resized bilinearly by Pillow (TDGAN trains with
        144); None keeps what the files hold.
      gray: convert to grey before that, as TDGAN does; still stored as three channels.
      classes: list of str, the names that the labels stand for. Pictures of classes that are none
        of EXPRESSIONS (contempt) are left out.
      on_error: "stop" or "skip" at a label that has no name.
      options: as for `pictures.write`.

    Returns:
      {"fold0/train": schema.SetInfo, …}.

    Raises:
      FileNotFoundError: no such file, or none in the folder.
      ValueError: arrays of another form; names the file.
    """
    pictures.check_positive(resolution=resolution)
    missing = [name for name in EXPRESSIONS if name not in classes]
    if missing:
        raise ValueError(f"--classes lacks {', '.join(missing)}; found {', '.join(classes)}")
    _array.cache_clear()  # the files may be others than before
    parts = {}
    for number, file in enumerate(_files(source)):
        for name in _PARTS:
            part = _read_part(file, name, list(classes), on_error)
            parts[f"fold{number}/{name}"] = part
            pictures.print_counts(f"fold{number}/{name}", part.fields["expression"], EXPRESSIONS)
    return pictures.write(
        path,
        parts,
        functools.partial(load_picture, side=resolution, gray=gray),
        field_names={"expression": EXPRESSIONS},
        on_error=on_error,
        **options,
    )


def load_picture(
    example: tuple[str | Path, str, int], side: int | None, gray: bool = False
) -> np.ndarray:
    """Loads a picture of a fold.

    Args:
      example: (file, name of the array, number of the picture in it).
      side: int, length of its shorter side; None is as it is.
      gray: convert to grey first.

    Returns:
      uint8 [3, H, W], RGB.
    """
    file, name, number = example
    return images.fitted(Image.fromarray(_array(str(file), name)[number]), side, gray)


@functools.lru_cache(maxsize=2)
def _array(file, name):
    return pictures.load_npz(file, [name])[name]


def _files(source):
    source = Path(source)
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise FileNotFoundError(f"{source}: no such file or folder; .npz files expected")
    found = sorted(source.glob("*.npz"), key=lambda file: natural(file.name))
    if not found:
        raise FileNotFoundError(f"{source}: no *.npz files in it")
    return found


def _read_part(file, name, classes, on_error):
    key = _PARTS[name]
    labels = pictures.load_npz(file, [f"{key}_y"])[f"{key}_y"]
    faces = _array(str(file), f"{key}_x")
    is_grey, is_rgb = faces.ndim == 3, faces.ndim == 4 and faces.shape[3] == 3
    if faces.dtype != np.uint8 or not (is_grey or is_rgb):
        raise ValueError(
            f"{file}: {key}_x is {faces.dtype} {list(faces.shape)}, uint8 [N, H, W] or "
            "[N, H, W, 3] expected"
        )
    if labels.dtype.kind not in "iu" or labels.shape != faces.shape[:1]:
        raise ValueError(
            f"{file}: {key}_y is {labels.dtype} {list(labels.shape)}, integers "
            f"[{len(faces)}] expected"
        )
    names = [classes[label] if 0 <= label < len(classes) else None for label in labels.tolist()]
    unknown = [
        (f"{file}, {key}_x {number}", f"label {labels[number]}, 0 to {len(classes) - 1} expected")
        for number, label in enumerate(names)
        if label is None
    ]
    other = [
        (f"{file}, {key}_x {number}", f"{label} is none of the seven expressions")
        for number, label in enumerate(names)
        if label is not None and label not in EXPRESSIONS
    ]
    chosen = [number for number, label in enumerate(names) if label in EXPRESSIONS]
    expressions = np.array([EXPRESSIONS.index(names[number]) for number in chosen], np.int64)
    examples = [(file, f"{key}_x", number) for number in chosen]
    skipped = left_out(unknown, on_error) + other
    return pictures.Part(examples, {"expression": expressions}, skipped)
