"""Passes over a set: what the loop runs now, and what was measured in each of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tf_facegan.files import atomic_file
from tf_facegan.utilities.charts import write_curves

if TYPE_CHECKING:
    from tf_facegan.engine.progress import Progress
    from tf_facegan.expression.config import CWGANTrain


@dataclasses.dataclass(frozen=True)
class Phase:
    """What the loop runs now; see `engine/loop.py`.

    Attributes:
      images: int, consumed by an iteration.
      epoch: int, counted from 0, in which it begins.
      tick_kimg: float; ticks are at the ends of epochs.
      ends_epoch: bool, whether an epoch ends in the iteration.
      stage: int, 1 while blocks are fine-tuned.
    """

    images: int
    epoch: int
    tick_kimg: float
    ends_epoch: bool
    stage: int = 0

    @property
    def key(self) -> tuple:
        """Data are opened once."""
        return ()

    def describe(self) -> str:
        return f"epoch {self.epoch:<4d}"

    def scalars(self) -> dict[str, float]:
        return {"epoch": self.epoch, "stage": self.stage}


def phase_at(
    progress: Progress, images: int, epoch_images: int, frozen_epochs: int | None = None
) -> Phase:
    """Returns the phase of an iteration.

    Args:
      progress: `engine.progress.Progress`.
      images: int, what the iteration consumes.
      epoch_images: int, images of an epoch.
      frozen_epochs: int, epochs of the first stage; None is all.
    """
    epoch = progress.images // epoch_images
    end = (epoch + 1) * epoch_images
    return Phase(
        images=images,
        epoch=epoch,
        # Half an image less, so that rounding does not take the tick past the end.
        tick_kimg=(end - progress.tick_start - 0.5) / 1000,
        ends_epoch=progress.images + images >= end,
        stage=int(frozen_epochs is not None and epoch >= frozen_epochs),
    )


def whole_batches(count: int, train: CWGANTrain) -> int:
    """Returns the images of a pass of the GAN over `count`: whole batches only, as published."""
    return max(count // train.batch_size, 1) * train.batch_size


def gan_images(count: int, train: CWGANTrain) -> int:
    """Returns after how many images the training of the GAN ends.

    The first iteration has no generator step, as published.

    Args:
      count: int, images of the set.
      train: `config.CWGANTrain`.
    """
    batches = train.critic_iterations + (train.iterations - 1) * (train.critic_iterations + 1)
    return min(train.epochs * whole_batches(count, train), batches * train.batch_size)


def of_snapshot(path: Path, count: int, train: CWGANTrain) -> int:
    """Returns the passes over `count` images after which a snapshot of the GAN was taken.

    Args:
      path: `network-snapshot-<kimg>.npz` or `network-final.npz`.
      count: int, images of the set; 0 where it is not known.
      train: `config.CWGANTrain`.
    """
    if not count:
        return train.epochs
    kimg = path.stem.rpartition("-")[2]
    images = int(kimg) * 1000 if kimg.isdigit() else gan_images(count, train)
    return round(images / whole_batches(count, train))


class History(tf.Module):
    """Means of scalars over each epoch, in a variable, so that a resumed run goes on with them.

    Args:
      epochs: int, rows.
      columns: names of the scalars.
    """

    def __init__(self, epochs: int, columns: Sequence[str]):
        super().__init__()
        self.columns = list(columns)
        shape = (epochs, len(self.columns))
        self.sums = tf.Variable(np.zeros(shape), trainable=False, name="sums")
        self.counts = tf.Variable(np.zeros(shape), trainable=False, name="counts")

    def add(self, epoch: int, scalars: dict[str, tf.Tensor]) -> None:
        """Adds one evaluation of some of the columns, {name: scalar}."""
        known = [name for name in scalars if name in self.columns]
        places = [[epoch, self.columns.index(name)] for name in known]
        values = [tf.cast(scalars[name], tf.float64) for name in known]
        self.sums.scatter_nd_add(places, values)
        self.counts.scatter_nd_add(places, np.ones(len(known)))

    def means(self) -> np.ndarray:
        """Returns float64 [epochs so far, columns], NaN where nothing was measured."""
        sums, counts = self.sums.numpy(), self.counts.numpy()
        rows = np.flatnonzero(counts.any(axis=1))
        done = slice(0, rows[-1] + 1 if len(rows) else 0)
        return np.where(counts, sums / np.maximum(counts, 1), np.nan)[done]

    def write(self, folder: Path) -> None:
        """Writes `history.csv`, and for every kind of scalar (what follows the slash of its name)
        `curve-<kind>.png`, one line for each of its sources."""
        means = self.means()
        with atomic_file(folder / "history.csv", "w") as file:
            file.write(",".join(["epoch", *self.columns]) + "\n")
            for number, row in enumerate(means, 1):
                file.write(",".join([str(number), *(f"{value:.6g}" for value in row)]) + "\n")
        for kind in dict.fromkeys(name.partition("/")[2] for name in self.columns):
            curves = {
                name.partition("/")[0]: means[:, place]
                for place, name in enumerate(self.columns)
                if name.partition("/")[2] == kind
            }
            write_curves(folder / f"curve-{kind}.png", kind, curves)
