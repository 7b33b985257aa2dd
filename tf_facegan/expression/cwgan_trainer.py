"""Training of the conditional WGAN-GP."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tf_facegan.config import check_choice
from tf_facegan.engine.draws import Draws
from tf_facegan.engine.eager import scalar
from tf_facegan.engine.optimizers import Adam
from tf_facegan.engine.run_folder import sheet_name
from tf_facegan.engine.summaries import mean_of_steps
from tf_facegan.expression import epochs, images, losses, reference, representation, sampling
from tf_facegan.expression.networks import Critic, Generator
from tf_facegan.expression.trainer import Trainer
from tf_facegan.utilities.images import save_image_grid

if TYPE_CHECKING:
    from tf_facegan.engine.progress import Progress
    from tf_facegan.engine.run_folder import RunFolder
    from tf_facegan.expression.config import CWGANConfig


HIDDEN_LAYER = "Discriminator.fully"


class CWGANTrainer(Trainer):
    """Trains generator and critic; arguments and errors as of `Trainer`.

    Attributes:
      G, D: the networks.
      representations: `representation.Representations`, the conditions.
    """

    def __init__(self, config: CWGANConfig, strategy: tf.distribute.Strategy):
        super().__init__(config, strategy)
        check_choice("data.layout", config.data.layout, images.LAYOUTS)
        weight = config.loss.mismatch_weight
        if not 0 <= weight < 1:
            raise ValueError(f"loss.mismatch_weight is {weight}, 0 to below 1 expected")
        self.epoch_images = epochs.whole_batches(self.set.count, config.train)
        self.total_images = epochs.gan_images(self.set.count, config.train)
        path = config.data.representations
        self.representations = (
            representation.load(path) if path else representation.one_hot(self.names)
        )
        rows = self.representations.of(self.names).astype(np.float32)
        self._rows = tf.constant(rows)
        sizes = {"condition_dim": rows.shape[1], "image_size": self.image_size}
        with strategy.scope():
            seed = config.random_seed * 2
            self.G = Generator(**dataclasses.asdict(config.networks), **sizes, seed=seed + 1)
            self.D = Critic(
                **sizes,
                dim=config.networks.dim,
                condition_gain=config.networks.condition_gain,
                seed=seed + 2,
            )
            self._G_variables = list(self.G.named_trainable_variables.values())
            self._D_variables = [
                variable
                for name, variable in self.D.named_trainable_variables.items()
                if not (config.train.freeze_hidden and name.startswith(HIDDEN_LAYER))
            ]
            self.G_opt, self.D_opt = (
                Adam(variables, opt.beta1, opt.beta2, opt.epsilon)
                for variables, opt in (
                    (self._G_variables, config.G_opt),
                    (self._D_variables, config.D_opt),
                )
            )
        self._draws = tf.function(self._draws_of_step)

    def phase(self, progress: Progress) -> epochs.Phase:
        """Returns what to run now, as the loop takes it."""
        train = self.config.train
        batches = train.critic_iterations + (progress.iteration > 0)
        return epochs.phase_at(progress, batches * train.batch_size, self.epoch_images)

    def iteration(
        self, phase: epochs.Phase, batches: Iterator[dict[str, tf.Tensor]], progress: Progress
    ) -> dict[str, tf.Tensor]:
        """Takes one generator step (but not in the first iteration), then the critic's steps.

        Returns:
          dict of summary name to scalar tensor, means over the critic's steps.
        """
        draws = self.draws(progress.iteration)
        share = scalar(self.rate_share(progress), tf.float32)
        scalars = {"Train/rate_share": share}
        if progress.iteration > 0:
            inputs = next(batches)["expression"], draws["G"]
            scalars.update(self._generator_step(share, *self.split(inputs)))
        repeats = []
        for drawn in draws["D"]:
            batch = next(batches)
            inputs = batch["images"], batch["expression"], drawn
            repeats.append(self._critic_step(share, *self.split(inputs)))
        return {**scalars, **mean_of_steps(repeats)}

    def rate_share(self, progress: Progress) -> float:
        """Returns the factor of both learning rates, from 1 down to 0 in the last passes."""
        decaying = self.config.train.decay_epochs * self.epoch_images
        left = self.total_images - progress.images
        return min(1.0, left / decaying) if decaying else 1.0

    # Randomness

    def draws(self, step: int) -> dict[str, Any]:
        """Every random number of one iteration, for the global batch.

        Args:
          step: int, number of the iteration.

        Returns:
          dict: `G`, {`noise` [N, noise_dim]}; `D`, a list over the critic's steps of {`noise`,
          `mixing` [N, 1, 1, 1] in [0, 1), `other` int64 [N], by how many the expression of a fake
          is another than that of the real face: 0 in every second row}.
        """
        return self._draws(scalar(step, tf.int64))

    def _draws_of_step(self, step):
        random, train = Draws(self.config.random_seed, step), self.config.train
        noise = [train.batch_size, self.G.noise_dim]
        is_odd = tf.range(train.batch_size) % 2 == 1

        def others(name):
            steps = random.integers(name, [train.batch_size], max(len(self.names) - 1, 1))
            return tf.where(is_odd, 1 + steps, 0)

        return {
            "G": {"noise": random.normal("G/noise", noise)},
            "D": [
                {
                    "noise": random.normal(f"D{i}/noise", noise),
                    "mixing": random.uniform(f"D{i}/mixing", [train.batch_size, 1, 1, 1]),
                    "other": others(f"D{i}/other"),
                }
                for i in range(train.critic_iterations)
            ],
        }

    # The steps

    @tf.function(reduce_retracing=False)
    def _generator_step(self, share, labels, drawn):
        return self.run(self._replica_generator_step, share, labels, drawn)

    @tf.function(reduce_retracing=False)
    def _critic_step(self, share, records, labels, drawn):
        return self.run(self._replica_critic_step, share, records, labels, drawn)

    def _replica_generator_step(self, share, labels, drawn):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._G_variables)
            condition = tf.gather(self._rows, labels)
            loss, terms = losses.generator_loss(self.G, self.D, drawn["noise"], condition)
        gradients = tape.gradient(loss, self._G_variables)
        rate = self.config.G_opt.learning_rate * share
        skipped = self.G_opt.apply(gradients, self._G_variables, rate)
        return {**terms, "TrainG/overflow_frequency": skipped}

    def _replica_critic_step(self, share, records, labels, drawn):
        reals = self.reals_of(records)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._D_variables)
            loss, terms = losses.critic_loss(
                self.G,
                self.D,
                reals,
                drawn["noise"],
                tf.gather(self._rows, labels),
                drawn["mixing"],
                self.config.loss.gradient_penalty_weight,
                self._mismatch(labels, drawn["other"]),
            )
        gradients = tape.gradient(loss, self._D_variables)
        rate = self.config.D_opt.learning_rate * share
        skipped = self.D_opt.apply(gradients, self._D_variables, rate)
        return {**terms, "TrainD/overflow_frequency": skipped}

    def _mismatch(self, labels, other):
        weight = self.config.loss.mismatch_weight
        if not weight:
            return None
        condition = tf.gather(self._rows, (labels + other) % len(self.names))
        return losses.Mismatch(condition, tf.cast(other > 0, tf.float32)[:, None], weight)

    def reals_of(self, records: tf.Tensor | np.ndarray) -> tf.Tensor:
        """Makes what the critic sees of records: NHWC in [-1, 1]."""
        reals = 2 * (self.images_of(records) - 0.5)
        return images.scrambled(reals) if self.config.data.layout == "scrambled" else reals

    # What the loop asks for

    def checkpoint_items(self) -> dict[str, tf.Module | tf.Variable]:
        return {"G": self.G, "D": self.D, "G_opt": self.G_opt, "D_opt": self.D_opt}

    def networks(self) -> dict[str, dict[str, np.ndarray]]:
        return {name: reference.extract(getattr(self, name)) for name in ("G", "D")}

    def prepare_run(self, run: RunFolder) -> CWGANConfig:
        """Keeps the representations in the run's folder; returns the configuration with which a
        resumed run takes them from there."""
        super().prepare_run(run)
        path = run.path.resolve() / representation.FOLDER
        self.representations.save(path)
        data = dataclasses.replace(self.config.data, representations=str(path))
        return dataclasses.replace(self.config, data=data)

    def write_reals(self, run: RunFolder) -> None:
        """Writes `reals.png`, a row for each expression."""
        reals = self.set.read(self.some_of_each(self.config.train.sample_images))
        size = self.config.train.sample_images, len(self.names)
        save_image_grid(reals, run.path / "reals.png", self.set.range, size)

    def write_samples(self, run: RunFolder, kimg: float) -> None:
        """Writes `fakes<kimg>.png`, a row for each expression, the same noise in every row."""
        columns = self.config.train.sample_images
        noise = Draws(self.config.random_seed, 0).normal("sheet", [columns, self.G.noise_dim])
        rows = sampling.generate_classes(
            self.G, self._rows, noise, self.config.data.layout, self.config.data.channel_order
        )
        sheet = np.concatenate(rows).transpose(0, 3, 1, 2)
        size = columns, len(self.names)
        save_image_grid(sheet, run.path / f"{sheet_name(kimg)}.png", (0, 255), size)
