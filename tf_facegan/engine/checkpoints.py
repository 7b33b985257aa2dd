"""Checkpoints of all that a run needs to go on: one folder each, moved into place when complete."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from tf_facegan import checksums
from tf_facegan.engine.disk import disk_errors
from tf_facegan.engine.eager import releasing
from tf_facegan.engine.progress import Progress
from tf_facegan.files import atomic_folder, write_text

STATE = "state"
PROGRESS = "progress.json"
# What TensorFlow raises for checkpoints that are cut short, altered, or of another network.
_UNREADABLE = (OSError, ValueError, AssertionError, IndexError, RuntimeError, tf.errors.OpError)


class Checkpoints:
    """The checkpoints of a run, `ckpt-<images>` under one folder.

    Args:
      folder: where they are kept.
      items: dict of name to trackable (models, optimizers, variables).
      keep: int, how many of the newest are kept.
    """

    def __init__(
        self, folder: str | Path, items: Mapping[str, tf.Module | tf.Variable], keep: int = 2
    ):
        self._folder = Path(folder)
        self._checkpoint = tf.train.Checkpoint(**items)
        self._keep = keep

    def save(self, progress: Progress) -> None:
        """Writes a checkpoint; it appears whole or not at all. The oldest ones are removed.

        Raises:
          OSError: the disk does not take it; the older ones are as they were.
        """
        path = self._folder / f"ckpt-{progress.images:012d}"
        with atomic_folder(path, overwrite=True) as temporary:
            with disk_errors(path), releasing():
                self._checkpoint.write(str(temporary / STATE))
            write_text(temporary / PROGRESS, progress.to_json())
            checksums.write(temporary)
        # Newer ones are damaged: `restore` has passed them over.
        there = self._all()
        upto = [other for other in there if other.name <= path.name]
        for other in [*there[len(upto) :], *upto[: -self._keep]]:
            shutil.rmtree(other, ignore_errors=True)

    def restore(self, cleans: bool = True) -> Progress | None:
        """Restores the newest checkpoint that can be read.

        Args:
          cleans: remove what a process killed while it wrote has left; for the process that writes.

        Returns:
          `Progress` of that checkpoint, or None when there is no checkpoint.

        Raises:
          ValueError: when there are checkpoints and none can be read; the reason is the newest's.
        """
        for leftover in self._folder.glob(".ckpt-*") if cleans else ():
            shutil.rmtree(leftover, ignore_errors=True)
        reasons = []
        for path in reversed(self._all()):
            try:
                checksums.check(path)
                progress = Progress.from_json((path / PROGRESS).read_text(encoding="utf-8"))
                self._checkpoint.read(str(path / STATE)).assert_consumed()
                return progress
            except _UNREADABLE as error:
                reasons.append(f"{path}: cannot be read ({str(error).splitlines()[0][:200]})")
                print(f"warning: {reasons[-1]}; trying the one before it", file=sys.stderr)
        if reasons:
            raise ValueError(reasons[0])
        return None

    def _all(self):
        return sorted(self._folder.glob("ckpt-*")) if self._folder.is_dir() else []
