"""Training of the autoencoder."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tf_facegan.config import check_choice
from tf_facegan.engine.optimizers import Adam
from tf_facegan.engine.run_folder import sheet_name
from tf_facegan.expression import losses, reference
from tf_facegan.expression.epochs import History
from tf_facegan.expression.networks import Autoencoder
from tf_facegan.expression.trainer import Trainer, epoch_phase
from tf_facegan.utilities.images import save_image_grid

if TYPE_CHECKING:
    from tf_facegan.engine.progress import Progress
    from tf_facegan.engine.run_folder import RunFolder
    from tf_facegan.expression import epochs
    from tf_facegan.expression.config import AutoencoderConfig


TARGET_RANGES = ("unit", "symmetric")


class AutoencoderTrainer(Trainer):
    """Trains the autoencoder; arguments and errors as of `Trainer`.

    Attributes:
      autoencoder: `networks.Autoencoder`.
    """

    def __init__(self, config: AutoencoderConfig, strategy: tf.distribute.Strategy):
        super().__init__(config, strategy)
        check_choice("network.target_range", config.network.target_range, TARGET_RANGES)
        self.epoch_images = epoch_steps(self.set.count, config) * config.train.batch_size
        self.total_images = config.train.epochs * self.epoch_images
        with strategy.scope():
            self.autoencoder = Autoencoder(
                **network_arguments(config), image_size=self.image_size, seed=config.random_seed
            )
            self._variables = list(self.autoencoder.named_trainable_variables.values())
            settings = dataclasses.asdict(config.opt)
            self._rate = settings.pop("learning_rate")
            self.opt = Adam(self._variables, **settings)
        columns = ["Loss/reconstruction"]
        columns += ["Validation/reconstruction"] if self.test is not None else []
        self.history = History(config.train.epochs, columns)

    def phase(self, progress: Progress) -> epochs.Phase:
        """Returns what to run now, as the loop takes it."""
        return epoch_phase(self, progress, self.epoch_images)

    def iteration(
        self, phase: epochs.Phase, batches: Iterator[dict[str, tf.Tensor]], progress: Progress
    ) -> dict[str, tf.Tensor]:
        """Takes one step; at the end of an epoch judges the set for validation.

        Returns:
          dict of summary name to scalar.
        """
        scalars = dict(self._step(self.split(next(batches)["images"])))
        if phase.ends_epoch and self.test is not None:
            numbers = np.arange(self.test.count)
            scalars.update(self.mean_over(self.test, numbers, self._judge))
        self.history.add(phase.epoch, scalars)
        return scalars

    @tf.function(reduce_retracing=False)
    def _step(self, records):
        return self.run(self._replica_step, records)

    def _replica_step(self, records):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._variables)
            loss = self._error(records, training=True)
        gradients = tape.gradient(loss, self._variables)
        skipped = self.opt.apply(gradients, self._variables, self._rate)
        return {"Loss/reconstruction": loss, "Train/overflow_frequency": skipped}

    def _error(self, records, training):
        images = self.images_of(records)
        targets = images if self._is_unit else images - 0.5
        return losses.reconstruction_error(self.autoencoder(images - 0.5, training), targets)

    @tf.function(reduce_retracing=True)
    def _judge(self, records, labels):
        return {"Validation/reconstruction": self._error(records, training=False)}

    @property
    def _is_unit(self):
        return self.config.network.target_range == "unit"

    def checkpoint_items(self) -> dict[str, tf.Module | tf.Variable]:
        return {"autoencoder": self.autoencoder, "opt": self.opt, "history": self.history}

    def networks(self) -> dict[str, dict[str, np.ndarray]]:
        return {"autoencoder": reference.extract(self.autoencoder)}

    def write_reals(self, run: RunFolder) -> None:
        """Writes `reals.png`, the faces of the sheet."""
        self._save_sheet(self._sheet_images(), run.path / "reals.png")

    def write_samples(self, run: RunFolder, kimg: float) -> None:
        """Writes `fakes<kimg>.png`, every face above its reconstruction, and the history."""
        images = self._sheet_images()
        made = self.autoencoder(images - 0.5).numpy() + (0.0 if self._is_unit else 0.5)
        self._save_sheet(images, run.path / f"{sheet_name(kimg)}.png", made)
        self.history.write(run.path)

    def _sheet_images(self):
        each = math.ceil(self.config.train.sample_images / len(self.names))
        numbers = self.some_of_each(each)[: self.config.train.sample_images]
        return self.images_of(self.set.read(numbers))

    def _save_sheet(self, images, path, below=None):
        columns = min(8, len(images))
        rows = []
        for start in range(0, len(images), columns):
            rows.append(np.asarray(images[start : start + columns]))
            rows += [below[start : start + columns]] if below is not None else []
        rows = [np.pad(r, [(0, columns - len(r)), (0, 0), (0, 0), (0, 0)]) for r in rows]
        sheet = self.shown(np.concatenate(rows)).transpose(0, 3, 1, 2)
        save_image_grid(sheet, path, (0, 1), (columns, len(rows)))


def epoch_steps(count: int, config: Any) -> int:
    """Returns the steps of a pass over `count` images; the last one ends in the next pass."""
    return math.ceil(count / config.train.batch_size)


def network_arguments(config: AutoencoderConfig) -> dict[str, Any]:
    """Returns the arguments of `networks.Autoencoder` that a configuration holds."""
    arguments = dataclasses.asdict(config.network)
    del arguments["target_range"]
    return arguments
