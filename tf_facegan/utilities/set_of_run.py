"""The record set of a run, for utilities that compare its network with real images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tf_facegan.engine.run_folder import RunFolder
    from tf_facegan.records.reader import RecordSet


def open_set(run_folder: RunFolder, dataset: str | Path | None = None) -> RecordSet:
    """Opens the set that a run was trained on, or another one as the run would read it.

    Args:
      run_folder: `RunFolder` of a training run.
      dataset: folder of another set, such as faces that were held out; None: the run's own.

    Returns:
      `RecordSet`.

    Raises:
      ValueError, FileNotFoundError: the run names no set, the folder holds none, or other images.
    """
    from tf_facegan.records.reader import RecordSet

    data = run_folder.load_config().data
    folder = dataset or data.sets.get("faces")
    if folder is None:
        raise ValueError("the run names no data set to compare with (--set dataset=DIR names one)")
    records = RecordSet(folder, data.dtype, data.dynamic_range, data.max_label_size)
    trained = run_folder.load_dataset().shape
    if list(records.info.shape) != list(trained):
        raise ValueError(
            f"{folder}: images are {list(records.info.shape)}, {list(trained)} as those of the run "
            "expected"
        )
    return records
