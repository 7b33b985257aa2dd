"""What a set that is being written says of itself, from what its source gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tf_facegan.records.writer import Companion


@dataclasses.dataclass(frozen=True)
class Labels:
    """The labels of a set.

    Attributes:
      values: float32 [N, L].
      described: `schema.SetInfo.labels`.
    """

    values: np.ndarray
    described: dict


def checked_labels(
    values: np.ndarray | None, kind: str, names: Sequence[str] | None, count: int
) -> Labels | None:
    """Labels of `count` examples, or None where there are none.

    Raises:
      ValueError: `values` are not [count, L].
    """
    if values is None or not np.size(values):
        return None
    values = np.asarray(values, np.float32)
    if values.ndim != 2 or len(values) != count:
        raise ValueError(f"labels have shape {list(values.shape)}, [{count}, L] expected")
    names = None if names is None else list(names)
    return Labels(values, {"size": values.shape[1], "kind": kind, "names": names})


def check_fields(fields: dict[str, np.ndarray], count: int) -> None:
    """Raises ValueError unless the fields {name: array} hold numbers or texts for every example."""
    for name, array in fields.items():
        if array.dtype.kind not in "biufSU" or array.ndim < 1 or len(array) != count:
            raise ValueError(
                f"field {name} is {array.dtype} {list(array.shape)}, numbers or texts for {count} "
                "examples expected"
            )


def selected(
    labels: Labels | None, fields: dict[str, np.ndarray], rows: slice | Sequence[int]
) -> tuple[Labels | None, dict[str, np.ndarray]]:
    """Labels (or None) and fields {name: array} of some examples only."""
    if labels is not None:
        labels = dataclasses.replace(labels, values=labels.values[rows])
    return labels, {name: array[rows] for name, array in fields.items()}


def described_companion(companion: Companion, array: np.ndarray) -> dict:
    """What is said of a `writer.Companion`, of which `array` [c, H, W] is an image."""
    return {
        "channels": array.shape[0],
        "dtype": str(array.dtype),
        "modalities": [list(modality) for modality in companion.modalities],
        "range": list(companion.value_range),
    }


def described_fields(
    fields: dict[str, np.ndarray], names: Mapping[str, Sequence[str]]
) -> dict[str, dict]:
    """`schema.SetInfo.fields` of {name: array}, and {name: list of str} for some of them."""
    described = {}
    for field, array in fields.items():
        described[field] = {"shape": list(array.shape[1:]), "dtype": str(array.dtype)}
        if field in names:
            described[field]["names"] = list(names[field])
    return described


def shard_counts(shards: int, count: int) -> list[int] | None:
    """`schema.SetInfo.shards` of `count` examples; ValueError unless every shard gets one."""
    if not 1 <= shards <= count:
        raise ValueError(f"--shards is {shards}, 1 to {count} (the number of examples) expected")
    if shards == 1:
        return None
    ends = [count * shard // shards for shard in range(shards + 1)]
    return [end - begin for begin, end in zip(ends, ends[1:])]
