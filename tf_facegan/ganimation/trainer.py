"""Training of GANimation: networks, optimizers, draws and the `tf.function` steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tf_facegan.config import check_choice
from tf_facegan.engine.devices import run_replicas, split_batch
from tf_facegan.engine.draws import Draws
from tf_facegan.engine.eager import scalar
from tf_facegan.engine.optimizers import Adam
from tf_facegan.engine.run_folder import sheet_name
from tf_facegan.ganimation import dataset, losses, reference, schedule, showing
from tf_facegan.ganimation.networks import Discriminator, Generator
from tf_facegan.ganimation.watch import MaskWatch
from tf_facegan.records.reader import RecordSet
from tf_facegan.records.values import to_signed
from tf_facegan.sources.action_units import INTENSITY_RANGE
from tf_facegan.utilities.images import save_image_grid

if TYPE_CHECKING:
    from tf_facegan.engine.progress import Progress
    from tf_facegan.engine.run_folder import RunFolder
    from tf_facegan.ganimation.config import Config


SMOOTH_REDUCTIONS = ("mean", "sum")


class Trainer:
    """Trains one generator and one critic; the loop of `engine/loop.py` drives it.

    Args:
      config: `ganimation.config.Config`.
      strategy: `tf.distribute.Strategy` from `engine/devices.py`.

    Attributes:
      G, D: the networks.
      set: the `RecordSet` trained on.
      labels: float32 [count, c_dim], AUs of all its images in 0-1.

    Raises:
      ValueError: when set and configuration do not fit each other.
    """

    def __init__(self, config: Config, strategy: tf.distribute.Strategy):
        self.config, self.strategy = config, strategy
        data, train = config.data, config.train
        if "faces" not in data.sets:
            raise ValueError(f"data.sets is {data.sets}: expected a folder for the role `faces`")
        self.set = RecordSet(data.sets["faces"], on_corrupt=config.runtime.on_corrupt)
        self._image_size = dataset.image_size(self.set.info, data)
        columns = dataset.au_columns(self.set.info, data)
        self.labels = self.set.fields[dataset.FIELD][:, columns] / np.float32(INTENSITY_RANGE[1])
        self._replicas = strategy.num_replicas_in_sync
        if train.batch_size % self._replicas:
            raise ValueError(
                f"train.batch_size is {train.batch_size}, expected a multiple of the "
                f"{self._replicas} devices"
            )
        self._steps = schedule.steps_per_epoch(train, self.set.count)
        self.total_images = train.num_epochs * self._steps * train.batch_size
        self._loss_options = _loss_options(config.loss, train.batch_size)
        arguments = dataset.network_arguments(config, self.set.info)
        seed = config.random_seed * 2
        with strategy.scope():
            self.G = Generator(**arguments["G"], seed=seed + 1)
            self.D = Discriminator(**arguments["D"], seed=seed + 2)
            self.G_opt, self.D_opt = _adam(config.G_opt, self.G), _adam(config.D_opt, self.D)
        self._label_rows = tf.constant(self.labels)
        self._draws = tf.function(self._draws_of_step)
        self._watch = MaskWatch(config.loss.lambda_sat)
        self._sheet = self._choose_sheet()

    # What the loop asks for

    def phase(self, progress: Progress) -> schedule.Phase:
        """Returns what to run now, as the loop takes it."""
        return schedule.phase_at(progress.images, self.config.train, self._steps)

    def batches(self, phase: schedule.Phase, position: int) -> Iterator[dict[str, tf.Tensor]]:
        """Iterates over record batches of the phase's epoch, from the phase's step on.

        Every epoch is a permutation of its own; what is left of it after whole batches is not seen.
        """
        batch = self.config.train.batch_size
        return self.set.iterate(
            batch,
            resolution=self._image_size,
            position=phase.epoch * self.set.count + phase.step * batch,
            seed=self.config.random_seed,
            prefetch=self.config.runtime.prefetch,
        )

    def iteration(
        self, phase: schedule.Phase, batches: Iterator[dict[str, tf.Tensor]], progress: Progress
    ) -> dict[str, tf.Tensor]:
        """Runs a critic step, and every n_critic-th time a generator step on the same batch; in the
        first `reading_epochs` the critic only reads action units.

        Returns:
          dict of published summary name to scalar tensor.
        """
        batch = next(batches)
        batch = {
            "images": batch["images"],
            "labels": tf.gather(self._label_rows, batch["index"]),
        }
        draws = self.draws(progress.iteration, self.config.train.batch_size)
        inputs = split_batch(self.strategy, (batch, draws))
        step = self.reading_step if phase.reads_only else self.critic_step
        scalars = step(*inputs, scalar(phase.d_lr, tf.float32))
        if phase.trains_generator:
            scalars.update(self.generator_step(*inputs, scalar(phase.g_lr, tf.float32)))
            self._watch.add(scalars["G/attention_mean"])
        return scalars

    def end_iteration(
        self, run: RunFolder, phase: schedule.Phase, progress: Progress, log: Callable[[str], None]
    ) -> None:
        """Logs a warning where the attention masks are saturated."""
        warning = self._watch.warning()
        if warning:
            log(warning)

    def checkpoint_items(self) -> dict[str, tf.Module | tf.Variable]:
        return {"G": self.G, "D": self.D, "G_opt": self.G_opt, "D_opt": self.D_opt}

    def networks(self) -> dict[str, dict[str, np.ndarray]]:
        return {name: reference.extract(getattr(self, name)) for name in ("G", "D")}

    def histograms(self) -> dict[str, np.ndarray]:
        """The weights as `<net>/<published name>` and the masks of the sample sheet, where they are
        asked for."""
        if not self.config.train.save_weight_histograms:
            return {}
        made = losses.cycle(self.G, *self._sheet)
        found = {name: made[name] for name in ("attention", "rec_attention")}
        for net in ("G", "D"):
            for name, value in getattr(self, net).named_variables.items():
                found[f"{net}/{name}"] = value
        return found

    def prepare_run(self, run: RunFolder) -> None:
        """Puts into a new run's folder what using its networks needs."""
        run.save_dataset(self.set.info)

    def write_reals(self, run: RunFolder) -> None:
        """Writes `reals.png`: the photos of the sample sheet."""
        images = self._sheet_images.numpy().transpose(0, 3, 1, 2)
        save_image_grid(images, run.path / "reals.png", size=(len(images), 1))

    def write_samples(self, run: RunFolder, kimg: float) -> None:
        """Writes `fakes<kimg>.png`: a column a photo, from top to bottom the photo and everything
        of `losses.cycle` in its order (masks grey; white keeps the photo)."""
        rows = [self._sheet_images, *losses.cycle(self.G, *self._sheet).values()]
        rows = [2 * row - 1 if row.shape[3] == 1 else row for row in rows]
        rows = [np.broadcast_to(row, (*row.shape[:3], 3)) for row in rows]
        images = np.concatenate(rows).transpose(0, 3, 1, 2)
        path = run.path / f"{sheet_name(kimg)}.png"
        save_image_grid(images, path, size=(len(rows[0]), len(rows)))

    @property
    def _sheet_images(self):
        return self._sheet[0]

    def _choose_sheet(self):
        """Returns (images, labels, targets[, virtual targets]) of the sample sheet, repeatably."""
        count, names = self.config.train.sample_images, ["targets"]
        names += ["virtual targets"] * self.config.loss.use_virtual
        random = np.random.RandomState(self.config.random_seed)
        photos = random.choice(self.set.count, count, replace=count > self.set.count)
        rows = [photos, *(random.randint(self.set.count, size=count) for _ in names)]
        images = self._processed(self.set.read(photos, self._image_size))
        return (images, *(tf.gather(self._label_rows, chosen) for chosen in rows))

    # Randomness

    def draws(self, step: int, batch: int) -> dict[str, tf.Tensor]:
        """Every random number of one iteration, for the global batch.

        Args:
          step: int, number of the iteration since the beginning of training.
          batch: int, global batch.

        Returns:
          dict: `targets` [N, c_dim], AUs of random images of the set with noise; `mixing`
          [N, 1, 1, 1] in [0, 1); with the virtual cycle `virtual_targets`, with mirror images
          `flip` [N, 1, 1, 1] in [0, 1), and what `showing.draw` gives.
        """
        return self._draws(scalar(step, tf.int64), batch)

    def _draws_of_step(self, step, batch):
        random = Draws(self.config.random_seed, step)
        column = [batch, 1, 1, 1]
        draws = {
            "targets": self._targets(random, "targets", batch),
            "mixing": random.uniform("mixing", column),
        }
        if self.config.loss.use_virtual:
            draws["virtual_targets"] = self._targets(random, "virtual_targets", batch)
        if self.config.data.flip:
            draws["flip"] = random.uniform("flip", column)
        return {**draws, **showing.draw(random, self.config.train, batch, self._image_size)}

    def _targets(self, random, name, batch):
        train = self.config.train
        rows = tf.gather(self._label_rows, random.integers(name, [batch], self.set.count))
        noise = 2 * random.uniform(f"{name}/noise", rows.shape) - 1
        targets = rows + train.target_noise * noise
        return tf.clip_by_value(targets, 0.0, 1.0) if train.clamp_targets else targets

    # The steps

    @tf.function
    def critic_step(
        self,
        batch: dict[str, tf.Tensor],
        draws: dict[str, tf.Tensor],
        learning_rate: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Takes one critic step; returns dict of summary name to scalar tensor.

        Args:
          batch: {`images` [N, 3, S, S] as stored, `labels` [N, c_dim] in 0-1}.
          draws: as `draws` gives them.
          learning_rate: scalar tensor; None for the one training begins with.
        """
        rate = self.config.train.d_lr if learning_rate is None else learning_rate
        return run_replicas(self.strategy, self._replica_critic_step, (batch, draws, rate))

    @tf.function
    def reading_step(
        self,
        batch: dict[str, tf.Tensor],
        draws: dict[str, tf.Tensor],
        learning_rate: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Takes a critic step of reading action units only; arguments as of `critic_step`."""
        rate = self.config.train.d_lr if learning_rate is None else learning_rate
        return run_replicas(self.strategy, self._replica_reading_step, (batch, draws, rate))

    @tf.function
    def generator_step(
        self,
        batch: dict[str, tf.Tensor],
        draws: dict[str, tf.Tensor],
        learning_rate: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Takes one generator step; arguments and result as of `critic_step`."""
        rate = self.config.train.g_lr if learning_rate is None else learning_rate
        return run_replicas(self.strategy, self._replica_generator_step, (batch, draws, rate))

    def _replica_critic_step(self, batch, draws, learning_rate):
        loss, apart = self.config.loss, self.config.train.separate_gp_step
        images = self._mirrored(self._processed(batch["images"]), draws)
        fakes, _, _ = losses.edit(self.G, images, draws["targets"], training=True)
        images, fakes = (
            showing.show(seen, draws, kind) for seen, kind in ((images, "real"), (fakes, "fake"))
        )
        variables = list(self.D.named_trainable_variables.values())

        def penalty():
            return losses.gradient_penalty(self.D, images, fakes, draws["mixing"], loss.lambda_gp)

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            total, terms = losses.critic_loss(
                self.D,
                images,
                fakes,
                batch["labels"],
                loss.lambda_cls,
                self._loss_options["cls_divisor"],
                loss.distrust,
            )
            if not apart:
                terms["D/loss_gp"] = penalty()
                total += terms["D/loss_gp"]
        skipped = self.D_opt.apply(tape.gradient(total, variables), variables, learning_rate)
        if apart:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(variables)
                terms["D/loss_gp"] = penalty()
            # Parameters that the penalty does not depend on still move by their momentum.
            gradients = tape.gradient(terms["D/loss_gp"], variables, unconnected_gradients="zero")
            skipped = tf.maximum(skipped, self.D_opt.apply(gradients, variables, learning_rate))
            total += terms["D/loss_gp"]
        return {"D/loss": total, **terms, "D/skipped_steps": skipped}

    def _replica_reading_step(self, batch, draws, learning_rate):
        images = self._mirrored(self._processed(batch["images"]), draws)
        variables = list(self.D.named_trainable_variables.values())
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            loss = losses.reading_loss(
                self.D,
                showing.show(images, draws, "real"),
                batch["labels"],
                self.config.loss.lambda_cls,
                self._loss_options["cls_divisor"],
            )
        skipped = self.D_opt.apply(tape.gradient(loss, variables), variables, learning_rate)
        return {"D/loss": loss, "D/loss_cls": loss, "D/skipped_steps": skipped}

    def _replica_generator_step(self, batch, draws, learning_rate):
        images = self._mirrored(self._processed(batch["images"]), draws)
        variables = list(self.G.named_trainable_variables.values())
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            total, terms = losses.generator_loss(
                self.G,
                self.D,
                images,
                batch["labels"],
                draws["targets"],
                draws.get("virtual_targets"),
                show=lambda fakes: showing.show(fakes, draws, "fake"),
                **self._loss_options,
            )
        skipped = self.G_opt.apply(tape.gradient(total, variables), variables, learning_rate)
        return {**terms, "G/skipped_steps": skipped}

    def _processed(self, records):
        return to_signed(records, self.set.range)

    def _mirrored(self, images, draws):
        if "flip" not in draws:
            return images
        return tf.where(draws["flip"] < self.config.data.flip, images[:, :, ::-1], images)


def _loss_options(loss, batch_size):
    """Returns the keyword arguments of `losses.generator_loss`; ValueError for unknown values."""
    check_choice("loss.smooth_reduction", loss.smooth_reduction, SMOOTH_REDUCTIONS)
    names = "lambda_cls lambda_rec lambda_sat lambda_smooth alpha_rec uncross_virtual_smooth"
    return {
        **{name: getattr(loss, name) for name in names.split()},
        "cls_divisor": batch_size if loss.cls_per_batch else 1.0,
        "smooth_sum_batch": batch_size if loss.smooth_reduction == "sum" else None,
    }


def _adam(settings, network):
    variables = list(network.named_trainable_variables.values())
    return Adam(variables, **dataclasses.asdict(settings))
