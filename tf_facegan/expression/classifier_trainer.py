"""Training of the VGG16 classifier."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tf_facegan.config import check_choice
from tf_facegan.engine.optimizers import Adam
from tf_facegan.expression import losses, reference
from tf_facegan.expression.autoencoder_trainer import epoch_steps
from tf_facegan.expression.epochs import History
from tf_facegan.expression.pool import Pool
from tf_facegan.expression.trainer import Trainer, epoch_phase
from tf_facegan.expression.vgg16 import BLOCKS, Classifier
from tf_facegan.utilities.images import save_image_grid

if TYPE_CHECKING:
    from tf_facegan.engine.progress import Progress
    from tf_facegan.engine.run_folder import RunFolder
    from tf_facegan.expression import epochs
    from tf_facegan.expression.config import ClassifierConfig


SPLITS = ("official", "random")
_SHEET = 8  # faces of each expression on the sheet of reals


class ClassifierTrainer(Trainer):
    """Trains the classifier; arguments and errors as of `Trainer`.

    Attributes:
      classifier: `networks.Classifier`.
    """

    def __init__(self, config: ClassifierConfig, strategy: tf.distribute.Strategy):
        super().__init__(config, strategy)
        train = config.train
        check_choice("train.split", train.split, SPLITS)
        if not 0 <= train.fine_tune_blocks <= BLOCKS:
            raise ValueError(
                f"train.fine_tune_blocks is {train.fine_tune_blocks}, 0 to {BLOCKS} expected"
            )
        self._choose_images()
        steps = train.steps_per_epoch or epoch_steps(self.learned.count, config)
        self.epoch_images = steps * train.batch_size
        self._blocks = train.fine_tune_blocks if train.fine_tune_epochs else 0
        count = train.epochs + train.fine_tune_epochs
        self.total_images = count * self.epoch_images
        with strategy.scope():
            self.classifier = Classifier(
                num_classes=len(self.names),
                seed=config.random_seed,
                **dataclasses.asdict(config.network),
            )
            own = self.classifier.named_trainable_variables
            self._stages = [list(own(blocks).values()) for blocks in (0, self._blocks)]
            opt = config.opt
            self.opt = Adam(self._stages[1], opt.beta1, opt.beta2, opt.epsilon)
        # The stage of the last step: the optimizer is reset when fine-tuning begins.
        self._stage = tf.Variable(0, dtype=tf.int32, trainable=False)
        columns = ["Loss/classifier", "Loss/accuracy"]
        if self.judged is not None:
            columns += ["Validation/classifier", "Validation/accuracy"]
        self.history = History(count, columns)

    def _choose_images(self):
        """Sets `learned` and `judged`: sets, or parts of the pool of both."""
        train = self.config.train
        self.learned, self.judged = self.set, self.test
        if train.split == "official":
            return
        sets = [self.set] + ([self.test] if self.test is not None else [])
        numbers = np.random.RandomState(self.config.random_seed).permutation(
            sum(records.count for records in sets)
        )
        kept = int(len(numbers) * train.validation_share)
        if not 0 < kept < len(numbers):
            raise ValueError(
                f"train.validation_share is {train.validation_share}: {kept} of {len(numbers)} "
                "images would be judged, some and not all expected"
            )
        self.judged, self.learned = Pool(sets, numbers[:kept]), Pool(sets, numbers[kept:])

    def phase(self, progress: Progress) -> epochs.Phase:
        """Returns what to run now, as the loop takes it."""
        frozen = self.config.train.epochs
        return epoch_phase(self, progress, self.epoch_images, frozen_epochs=frozen)

    def batches(self, phase: epochs.Phase, position: int) -> Iterator[dict[str, tf.Tensor]]:
        """Iterates over record batches, from an example on."""
        return self.learned.iterate(
            self.config.train.batch_size,
            position=position,
            seed=self.config.random_seed,
            prefetch=self.config.runtime.prefetch,
        )

    def iteration(
        self, phase: epochs.Phase, batches: Iterator[dict[str, tf.Tensor]], progress: Progress
    ) -> dict[str, tf.Tensor]:
        """Takes one step; at the end of an epoch judges the images for validation.

        Returns:
          dict of summary name to scalar.
        """
        if phase.stage != int(self._stage):
            self.opt.reset()
            self._stage.assign(phase.stage)
        batch = next(batches)
        inputs = self.split((batch["images"], batch["expression"]))
        scalars = dict(self._step(phase.stage, *inputs))
        if phase.ends_epoch and self.judged is not None:
            numbers = np.arange(self.judged.count)[: self.config.train.validation_images]
            scalars.update(self.mean_over(self.judged, numbers, self._judge))
        self.history.add(phase.epoch, scalars)
        return scalars

    @tf.function(reduce_retracing=False)
    def _step(self, stage, records, labels):
        """One step; traced once a stage."""

        def replica_step(records, labels):
            variables, opt = self._stages[stage], self.config.opt
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(variables)
                loss, terms = self._loss(records, labels)
            rate = opt.fine_tune_learning_rate if stage else opt.learning_rate
            skipped = self.opt.apply(tape.gradient(loss, variables), variables, rate)
            # ReLUs that TensorFlow fuses with frozen convolutions make 0 of NaN: no loss shows it.
            mean = tf.reduce_mean(self.images_of(records))
            return {**terms, "Train/image_mean": mean, "Train/overflow_frequency": skipped}

        return self.run(replica_step, records, labels)

    def _loss(self, records, labels):
        logits = self.classifier.logits(2 * self.images_of(records) - 1)
        return losses.classification_loss(logits, labels)

    @tf.function(reduce_retracing=True)
    def _judge(self, records, labels):
        _, terms = self._loss(records, labels)
        return {name.replace("Loss", "Validation"): value for name, value in terms.items()}

    def checkpoint_items(self) -> dict[str, tf.Module | tf.Variable]:
        return {
            "classifier": self.classifier,
            "opt": self.opt,
            "stage": self._stage,
            "history": self.history,
        }

    def networks(self) -> dict[str, dict[str, np.ndarray]]:
        return {"classifier": reference.extract(self.classifier)}

    def write_reals(self, run: RunFolder) -> None:
        """Writes `reals.png`, a row for each expression."""
        reals = self.set.read(self.some_of_each(_SHEET))
        save_image_grid(reals, run.path / "reals.png", self.set.range, (_SHEET, len(self.names)))

    def write_samples(self, run: RunFolder, kimg: float) -> None:
        """Writes the history and its curves."""
        self.history.write(run.path)
