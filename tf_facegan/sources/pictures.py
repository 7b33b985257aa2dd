"""Sets of pictures: what the sources of 8-bit colour pictures write in the same way."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from tf_facegan import array_files
from tf_facegan.records import schema, splits, writer

VALUE_RANGE = (0, 255)


@dataclasses.dataclass(frozen=True)
class Part:
    """The examples of one set.

    Attributes:
      examples: list of N, what `load` takes.
      fields: {name: array [N, ...]}.
      skipped: list of (what, reason), left out of it.
    """

    examples: Sequence
    fields: dict = dataclasses.field(default_factory=dict)
    skipped: Sequence = ()


@overload
def write(
    path: str | Path, parts: Part, load: Callable[[Any], np.ndarray], **options: Any
) -> schema.SetInfo: ...


@overload
def write(
    path: str | Path,
    parts: Mapping[str, Part],
    load: Callable[[Any], np.ndarray],
    **options: Any,
) -> dict[str, schema.SetInfo]: ...


def write(
    path: str | Path,
    parts: Part | Mapping[str, Part],
    load: Callable[[Any], np.ndarray],
    **options: Any,
) -> schema.SetInfo | dict[str, schema.SetInfo]:
    """Writes pictures, uint8 RGB [3, H, W] with values 0 to 255.

    Args:
      path: folder to make.
      parts: Part for one set at `path`, or {name: Part} for sets below it.
      load: function of an example giving its picture.
      options: as for `writer.write_set`; the default kind is "single-size".

    Returns:
      schema.SetInfo, or {name: schema.SetInfo} as from `splits.write_splits`.
    """
    options = {"kind": schema.SINGLE_SIZE, **options}
    if isinstance(parts, Part):
        return _write_one(path, parts, load=load, **options)
    return splits.write_splits(path, parts, _write_one, load=load, **options)


def _write_one(path, part, load, **options):
    return writer.write_set(
        path,
        part.examples,
        load,
        modalities=[["image", 3]],
        value_range=VALUE_RANGE,
        fields=part.fields,
        skipped=part.skipped,
        **options,
    )


def check_positive(**flags: float | None) -> None:
    """Raises ValueError unless every flag is a positive number, or None."""
    for name, value in flags.items():
        if value is not None and value < 1:
            raise ValueError(f"--{name} is {value}, a positive number expected")


def numbered(names: Sequence) -> tuple[np.ndarray, list]:
    """Numbers names in sorted order.

    Args:
      names: list of N str, with repetitions.

    Returns:
      (int64 [N], sorted list of the different names).
    """
    distinct, numbers = np.unique(names, return_inverse=True)
    return numbers.astype(np.int64), distinct.tolist()


def print_counts(what: str, numbers: np.ndarray, names: Sequence[str]) -> None:
    """Prints how many examples of every class there are; a number below 0 is none."""
    numbers = np.asarray(numbers)
    counts = np.bincount(numbers[numbers >= 0], minlength=len(names))
    listed = ", ".join(f"{name} {count}" for name, count in zip(names, counts))
    print(f"{what}: {len(numbers)} pictures: {listed}")


def load_npz(path: str | Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Reads arrays of plain values from an `.npz` file.

    Args:
      path: the file.
      names: list of str, the arrays that have to be there.

    Returns:
      {name: array}.

    Raises:
      ValueError: no `.npz` file, an array is missing or holds objects; names the file.
      OSError: the file cannot be opened.
    """
    try:
        content = array_files.read_npz(path)
    except ValueError as error:
        raise ValueError(f"{error}; {', '.join(names)} expected") from None
    missing = [name for name in names if name not in content]
    if missing:
        expected = f"{path}: {', '.join(names)} expected"
        raise ValueError(f"{expected}; no {', '.join(missing)} in it, found {sorted(content)}")
    return {name: content[name] for name in names}
