"""What TBGAN trains on: a record set, or black images to measure speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tf_facegan.records.reader import RecordSet
from tf_facegan.records.synthetic import SyntheticSet

if TYPE_CHECKING:
    from tf_facegan.tbgan.config import Data


def open_set(data: Data, on_corrupt: str = "stop") -> RecordSet | SyntheticSet:
    """Opens what a configuration trains on.

    Args:
      data: `config.Data`.
      on_corrupt: as of `RecordSet`.

    Returns:
      `RecordSet`, or `SyntheticSet` of black images.

    Raises:
      ValueError: no set, or two; and as of these classes.
    """
    if data.synthetic is not None and not data.sets:
        return SyntheticSet(*data.synthetic)
    if "faces" not in data.sets or data.synthetic is not None:
        raise ValueError(
            f"data.sets is {data.sets}, data.synthetic is {data.synthetic}: expected a folder for "
            "the role `faces`, or synthetic images"
        )
    return RecordSet(
        data.sets["faces"],
        data.dtype,
        data.dynamic_range,
        data.max_label_size,
        on_corrupt=on_corrupt,
    )
