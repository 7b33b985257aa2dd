"""Several sets of one source: training and test set, folds."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tf_facegan import files

UNFINISHED = ".unfinished"  # in the folder until all sets are there: a hash, and what is done


def write_splits(
    path: str | Path,
    splits: Mapping[str, Any],
    write: Callable[..., Any],
    overwrite: bool = False,
    workers: int | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Writes a set for each split into `path`/<name of the split>.

    A build that was interrupted goes on where it stopped when it is started again with the same
    arguments; with others it begins anew. Sets that it had finished stay, even if a file that they
    were made of has changed since.

    Args:
      path: folder to make.
      splits: {name: whatever `write` takes}; a name may have parts ("fold0/train").
      write: function(path, split, overwrite=, workers=, **options) that writes one set with
        `writer.write_set`.
      overwrite: replace sets that are there.
      workers, options: handed to `write`; all but `workers` and `on_error` decide what the sets
        hold.

    Returns:
      {name: what `write` returned}, without the sets that were there from a build that goes on.

    Raises:
      ValueError: something is at `path` already.
    """
    path = Path(os.path.abspath(path))
    mark = path / UNFINISHED
    # How errors are dealt with does not change what an example looks like.
    content = {name: value for name, value in options.items() if name != "on_error"}
    fingerprint = hashlib.sha256(pickle.dumps((splits, content), protocol=4)).hexdigest()
    noted = mark.read_text(encoding="utf-8").splitlines() if mark.is_file() else []
    done = noted if noted[:1] == [fingerprint] else [fingerprint]
    overwrite = overwrite or bool(noted)
    _check_output(path, splits, overwrite)
    path.mkdir(parents=True, exist_ok=True)
    files.write_text(mark, "\n".join(done))
    written = {}
    try:
        for name, split in splits.items():
            if name in done[1:] and (path / name).is_dir():
                continue
            written[name] = write(
                path / name, split, overwrite=overwrite, workers=workers, **options
            )
            done.append(name)
            files.write_text(mark, "\n".join(done))
    except BaseException:
        _remove_if_empty(path, splits)
        raise
    mark.unlink()
    return written


def _check_output(path, splits, overwrite):
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise ValueError(f"{path}: is a file or a link; a folder to make expected")
    there = sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []
    if there and not overwrite:
        raise ValueError(f"{path}: exists; give --overwrite to replace it, or another name")
    own = {Path(name).parts[0] for name in splits} | {UNFINISHED}
    foreign = [name for name in there if name not in own and not name.endswith(".partial")]
    if foreign:
        raise ValueError(
            f"{path}: not replaced, because it holds more than {', '.join(sorted(splits))}: "
            f"{', '.join(foreign[:5])}"
        )


def _remove_if_empty(path, splits):
    """Removes the folders if no set was begun in them."""
    for parent in {(path / name).parent for name in splits} - {path}:
        with contextlib.suppress(OSError):  # not empty, or not made yet
            parent.rmdir()
    if [entry.name for entry in path.iterdir()] == [UNFINISHED]:
        (path / UNFINISHED).unlink()
        path.rmdir()
