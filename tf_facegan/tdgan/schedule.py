"""TDGAN's schedule: epochs of pairs with an incomplete last batch, gaps between updates. Pure
Python."""

from __future__ import annotations

import dataclasses

from tf_facegan.config import check_choice, check_least
from tf_facegan.tdgan.config import GAP_COUNTERS, Train


@dataclasses.dataclass(frozen=True)
class Phase:
    """What one iteration runs, as the loop takes it.

    Attributes:
      epoch: int from 0; epochs: int, of the whole training.
      step: int from 0, within the epoch of `steps`.
      images: int, pairs of an iteration; the last of an epoch may have fewer.
      update_FR, update_ER: bool, whether it updates the discriminators.
      invariance: bool, whether the expression encoder learns from G_ER_INV, if that has a weight.
      tick_kimg: float, thousand pairs between log lines.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    images: int
    update_FR: bool
    update_ER: bool
    invariance: bool
    tick_kimg: float

    key = "pairs"  # the stream of pairs runs through all epochs

    @property
    def ends_epoch(self) -> bool:
        return self.step == self.steps - 1

    def describe(self) -> str:
        return f"epoch {self.epoch + 1}/{self.epochs} step {self.step + 1}/{self.steps}"

    def scalars(self) -> dict[str, float]:
        return {"epoch": self.epoch}


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Where in training what happens.

    Attributes:
      train: `config.Train`.
      count: int, pairs of an epoch.
      replicas: int, devices; the last batch of an epoch leaves out what they cannot share evenly.
    """

    train: Train
    count: int
    replicas: int = 1

    def __post_init__(self):
        train = self.train
        check_choice("train.gap_counter", train.gap_counter, GAP_COUNTERS)
        least = dict.fromkeys(("epochs", "batch_size", "D_gap_FR", "D_gap_ER"), 1)
        for name, limit in {**least, "invariance_start": 0}.items():
            check_least(f"train.{name}", getattr(train, name), limit)
        if train.batch_size % self.replicas:
            raise ValueError(
                f"train.batch_size is {train.batch_size}, a multiple of the {self.replicas} "
                "devices expected"
            )
        if self.epoch_images < 1:
            raise ValueError(
                f"the sets make {self.count} pairs, at least one for each of the {self.replicas} "
                "devices expected"
            )

    @property
    def epoch_images(self) -> int:
        """Pairs shown in an epoch."""
        return self.count // self.replicas * self.replicas

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return -(-self.epoch_images // self.train.batch_size)

    @property
    def total_images(self) -> int:
        return self.train.epochs * self.epoch_images

    def at(self, images: int) -> Phase:
        """Returns the `Phase` after so many pairs; `images` is where an iteration begins."""
        train = self.train
        epoch, offset = divmod(images, self.epoch_images)
        step = offset // train.batch_size
        counted = step if train.gap_counter == "epoch" else epoch * self.steps + step
        return Phase(
            epoch=epoch,
            epochs=train.epochs,
            step=step,
            steps=self.steps,
            images=min(train.batch_size, self.epoch_images - offset),
            update_FR=counted % train.D_gap_FR == 0,
            update_ER=counted % train.D_gap_ER == 0,
            invariance=epoch >= train.invariance_start,
            tick_kimg=train.tick_kimg,
        )
