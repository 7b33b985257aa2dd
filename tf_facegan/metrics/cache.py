"""What metrics know of real images, kept between evaluations.

An entry is found by a hash of everything that it depends on, so that nothing has to be deleted
when a set, a network or a protocol changes.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tf_facegan import array_files

if TYPE_CHECKING:
    import numpy as np

    from tf_facegan.records.reader import RecordSet


CACHE = Path("~/.cache/tf_facegan/metrics")
_FORMAT = 1  # raise it when a metric changes what it keeps


class StatisticsCache:
    """A folder of statistics.

    Args:
      folder: where it is; None is `~/.cache/tf_facegan/metrics`.
    """

    def __init__(self, folder: str | Path | None = None):
        self._folder = Path(CACHE if folder is None else folder).expanduser()

    def load(self, description: dict) -> tuple[np.ndarray, ...] | None:
        """Returns the tuple of arrays kept for a description (dict of JSON values), or None."""
        path = self._path(description)
        try:
            return tuple(array_files.read_npz(path).values())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            logging.warning("%s: cannot be read (%s), made anew", path, error)
            return None

    def save(self, description: dict, arrays: Sequence) -> None:
        """Keeps a tuple of arrays for a description; where the disk does not take it, it is a
        warning, since nothing depends on it."""
        path = self._path(description)
        named = {f"array{i}": array for i, array in enumerate(arrays)}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            array_files.write_npz(path, named)
        except OSError as error:
            logging.warning("%s: not kept (%s)", path, error.strerror or error)

    def _path(self, description):
        text = json.dumps([_FORMAT, description], sort_keys=True)
        return self._folder / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.npz"


def set_identity(records: RecordSet) -> dict:
    """What tells one set from another, and from itself after a change.

    Args:
      records: `RecordSet`.

    Returns:
      dict of JSON values: path, files with sizes and times, type and range.
    """
    files = sorted(records.path.glob("*.tfrecords"))
    stats = [(file.name, file.stat()) for file in files]
    return {
        "path": str(records.path.resolve()),
        "files": [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats],
        "count": records.count,
        "dtype": records.info.dtype,
        "range": [float(end) for end in records.range],
    }
