"""GANimation's schedule: epochs of whole batches, a critic count, falling rates. Pure Python."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from tf_facegan.config import check_choice

if TYPE_CHECKING:
    from tf_facegan.ganimation.config import Train


DECAYS = ("multiply", "linear")


@dataclasses.dataclass(frozen=True)
class Phase:
    """What one iteration runs, as the loop takes it.

    Attributes:
      epoch: int from 0; step: int from 0, within the epoch of `steps`.
      g_lr, d_lr: float, learning rates.
      reads_only: whether the critic only learns to read action units, without the generator.
      trains_generator: whether a generator step follows the critic step.
      images: int, of an iteration; tick_kimg: float, thousand images between log lines.
      epochs: int, of the whole training.
    """

    epoch: int
    step: int
    steps: int
    g_lr: float
    d_lr: float
    reads_only: bool
    trains_generator: bool
    images: int
    tick_kimg: float
    epochs: int

    @property
    def key(self) -> int:
        """Data are opened anew when this changes: every epoch leaves out an incomplete batch."""
        return self.epoch

    def describe(self) -> str:
        return f"epoch {self.epoch + 1}/{self.epochs} step {self.step + 1}/{self.steps}"

    def scalars(self) -> dict[str, float]:
        return {"epoch": self.epoch, "g_lr": self.g_lr, "d_lr": self.d_lr}


def steps_per_epoch(train: Train, count: int) -> int:
    """Returns the whole batches of a set.

    Args:
      train: `config.Train`.
      count: int, images of the set.

    Raises:
      ValueError: when no generator step would ever be taken, or for an unknown `lr_decay`.
    """
    steps = count // train.batch_size
    if steps < train.n_critic:
        raise ValueError(
            f"train.batch_size={train.batch_size} makes {steps} steps an epoch of {count} images: "
            f"at least train.n_critic={train.n_critic} expected, for one generator step"
        )
    if not 0 <= train.reading_epochs < train.num_epochs:
        raise ValueError(
            f"train.reading_epochs is {train.reading_epochs}, expected 0 or more and less than "
            f"train.num_epochs={train.num_epochs}"
        )
    check_choice("train.lr_decay", train.lr_decay, DECAYS)
    return steps


def phase_at(images: int, train: Train, steps: int) -> Phase:
    """Evaluates the schedule.

    Args:
      images: int, images shown so far, a multiple of the batch size.
      train: `config.Train`.
      steps: int, of an epoch.

    Returns:
      `Phase`.
    """
    epoch, step = divmod(images // train.batch_size, steps)
    factor = rate_factor(epoch, train)
    reads_only = epoch < train.reading_epochs
    return Phase(
        epoch=epoch,
        step=step,
        steps=steps,
        g_lr=train.g_lr * factor,
        d_lr=train.d_lr * factor,
        reads_only=reads_only,
        trains_generator=not reads_only and (step + 1) % train.n_critic == 0,
        images=train.batch_size,
        tick_kimg=train.sample_step * train.batch_size / 1000,
        epochs=train.num_epochs,
    )


def rate_factor(epoch: int, train: Train) -> float:
    """Returns what the learning rates are multiplied by in an epoch (from 0)."""
    late = max(0, epoch - train.num_epochs_decay)
    if train.lr_decay == "linear":
        return 1.0 - late / (train.num_epochs - train.num_epochs_decay) if late else 1.0
    return 0.9**late
