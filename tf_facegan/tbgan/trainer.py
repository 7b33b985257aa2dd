"""Training of TBGAN: networks, optimizers, draws and the `tf.function` step."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tf_facegan.engine.accumulation import mean_over_parts
from tf_facegan.engine.devices import local_rows, run_replicas, split_batch
from tf_facegan.engine.draws import Draws
from tf_facegan.engine.eager import scalar
from tf_facegan.engine.optimizers import Adam, ema_update
from tf_facegan.engine.run_folder import sheet_name
from tf_facegan.engine.summaries import mean_of_steps
from tf_facegan.records import schema as records_schema
from tf_facegan.sources.action_units import INTENSITY_RANGE
from tf_facegan.tbgan import losses, reference, schedule
from tf_facegan.tbgan.dataset import open_set
from tf_facegan.tbgan.grid import make_grid
from tf_facegan.tbgan.inference import generate_full_size, label_kind, network_arguments
from tf_facegan.tbgan.networks import Discriminator, Generator
from tf_facegan.utilities.images import save_image_grid

if TYPE_CHECKING:
    from tf_facegan.engine.progress import Progress
    from tf_facegan.engine.run_folder import RunFolder
    from tf_facegan.tbgan.config import Config


@dataclasses.dataclass(frozen=True)
class IterationPhase:
    """What the loop runs now: the schedule's `now`, and how many `images` an iteration consumes."""

    now: schedule.Phase
    images: int

    @property
    def key(self) -> tuple[int, int]:
        """Data are opened anew when this changes."""
        return self.now.resolution, self.now.minibatch

    @property
    def tick_kimg(self) -> float:
        return self.now.tick_kimg

    def describe(self) -> str:
        return f"lod {self.now.lod:<5.2f} minibatch {self.now.minibatch:<4d}"

    def scalars(self) -> dict[str, float]:
        return {"lod": self.now.lod, "minibatch": self.now.minibatch}


class Trainer:
    """Trains one generator and one discriminator; the loop of `engine/loop.py` drives it.

    Args:
      config: `tbgan.config.Config`.
      strategy: `tf.distribute.Strategy` from `engine/devices.py`.

    Attributes:
      G, D, Gs: the networks; Gs is the moving average of G.
      set: the `RecordSet` (or `SyntheticSet`) trained on.

    Raises:
      ValueError: when set and configuration do not fit each other.
    """

    def __init__(self, config: Config, strategy: tf.distribute.Strategy):
        self.config, self.strategy = config, strategy
        self.set = open_set(config.data, config.runtime.on_corrupt)
        self.total_images = int(config.train.total_kimg * 1000)
        self._replicas = strategy.num_replicas_in_sync
        self._detail = losses.detail_gains(config.loss.detail, self.set.info.modalities)
        schedule.check_minibatches(config, self.set.resolution, self._replicas)
        self._label_kind = label_kind(self.set.info)
        self._label_scale = 1.0 / INTENSITY_RANGE[1] if self._label_kind == "intensity" else 1.0
        with strategy.scope():
            self.G, self.Gs = self._network(Generator, "G", 1), self._network(Generator, "G", 1)
            self.D = self._network(Discriminator, "D", 2)
            self.G_opt, self.D_opt = _adam(config.G_opt, self.G), _adam(config.D_opt, self.D)
        # floor and ceil of the last level of detail: the optimizers are reset when either changes
        self._levels = tf.Variable([-1, -1], dtype=tf.int32, trainable=False)
        self._lod = schedule.phase_at(0, config.schedule, self.set.resolution, 1).lod
        self._label_rows = tf.constant(self.set.labels)
        self._draws = tf.function(self._draws_of_step)
        self._grid = make_grid(self.set, config.grid, config.random_seed, self.G.latent_size)

    @property
    def scales_losses(self) -> bool:
        """bool: some steps are expected to overflow, and are skipped."""
        return self.config.G_opt.use_loss_scaling or self.config.D_opt.use_loss_scaling

    def _network(self, cls, section, stream):
        arguments = network_arguments(self.config, section, self.set.info)
        return cls(**arguments, seed=self.config.random_seed * 2 + stream)

    # What the loop asks for

    def phase(self, progress: Progress) -> IterationPhase:
        """Returns what to run now, as the loop takes it."""
        here = schedule.phase_at(
            progress.images, self.config.schedule, self.set.resolution, self._replicas
        )
        return IterationPhase(
            here, here.minibatch * self.config.train.D_repeats * self.config.train.minibatch_repeats
        )

    def batches(self, phase: IterationPhase, position: int) -> Iterator[dict[str, tf.Tensor]]:
        """Iterates over record batches of the phase's resolution, from an example on: of several
        machines, each reads its rows only."""
        return self.set.iterate(
            phase.now.minibatch,
            resolution=phase.now.resolution,
            position=position,
            seed=self.config.random_seed,
            prefetch=self.config.runtime.prefetch,
            rows=local_rows(self.strategy, phase.now.minibatch),
        )

    def iteration(
        self, phase: IterationPhase, batches: Iterator[dict[str, tf.Tensor]], progress: Progress
    ) -> dict[str, tf.Tensor]:
        """Runs `minibatch_repeats` times: `D_repeats` discriminator steps, one generator step.

        Returns:
          dict of summary name to scalar tensor, means over the repeats.
        """
        now, train = phase.now, self.config.train
        self._enter_level(now.lod)
        fade = scalar(now.fade, tf.float32) if now.fade else 0
        rates = scalar(now.G_lrate, tf.float32), scalar(now.D_lrate, tf.float32)
        repeats = []
        for repeat in range(train.minibatch_repeats):
            step = progress.iteration * train.minibatch_repeats + repeat
            examples = [self._example(next(batches)) for _ in range(train.D_repeats)]
            examples = split_batch(self.strategy, examples, is_local=True)
            draws = split_batch(self.strategy, self.draws(step, now.minibatch))
            repeats.append(self._step(now.level, fade, rates, examples, draws, now.parts))
        return mean_of_steps(repeats)

    def _enter_level(self, lod):
        """Resets the optimizers where a fade starts or ends (PGGAN's `reset_opt_for_new_lod`)."""
        self._lod = lod
        levels = [int(np.floor(lod)), int(np.ceil(lod))]
        if self.config.train.reset_opt_for_new_lod and self._levels.numpy().tolist() != levels:
            self.G_opt.reset()
            self.D_opt.reset()
        self._levels.assign(levels)

    @staticmethod
    def _example(batch):
        return {"images": batch["images"], "labels": batch["labels"]}

    def checkpoint_items(self) -> dict[str, tf.Module | tf.Variable]:
        return {
            "G": self.G,
            "D": self.D,
            "Gs": self.Gs,
            "G_opt": self.G_opt,
            "D_opt": self.D_opt,
            "levels": self._levels,
        }

    def networks(self) -> dict[str, dict[str, Any]]:
        lod = np.float32(self._lod)
        return {n: {"lod": lod, **reference.extract(getattr(self, n))} for n in ("G", "D", "Gs")}

    @property
    def saves_graph(self) -> bool:
        """bool: the graph of a step goes into the events."""
        return self.config.train.save_tf_graph

    def histograms(self) -> dict[str, np.ndarray]:
        """The weights of G and D as `<net>_<kind>/<layer>` (PGGAN's `setup_weight_histograms`),
        where they are asked for."""
        if not self.config.train.save_weight_histograms:
            return {}
        found = {}
        for net in ("G", "D"):
            for name, value in reference.extract(getattr(self, net)).items():
                layer, _, kind = name.rpartition("/")
                found[f"{net}_{kind}/{layer.replace('/', '_')}"] = value
        return found

    def prepare_run(self, run: RunFolder) -> None:
        """Puts into a new run's folder what using its networks needs; warns of surprises."""
        run.save_dataset(self.set.info)
        if self.set.uv_layout:
            shutil.copyfile(self.set.uv_layout, run.path / records_schema.UV_LAYOUT)
        kimg, full = self.config.train.total_kimg, self.set.resolution
        last = schedule.phase_at(self.total_images, self.config.schedule, full, self._replicas)
        if last.lod > 0:
            print(
                f"warning: with train.total_kimg={kimg:g} training ends at level of detail "
                f"{last.lod:g}, before the full {full} pixels",
                file=sys.stderr,
            )

    def write_reals(self, run: RunFolder) -> None:
        """Writes `reals.png` (and a file for each further modality), always at full size."""
        reals = self.set.read(self._grid.indices)
        self._save_sheet(reals, run.path / "reals.png", self.set.range)

    def write_samples(self, run: RunFolder, kimg: float) -> None:
        """Writes `fakes<kimg>.png` from the moving average, always at full size."""
        labels = self._grid.labels
        if not self.config.grid.raw_labels:
            labels = losses.label_condition(labels * self._label_scale, self._label_kind)
        images = generate_full_size(self.Gs, self._grid.latents, labels, self._lod)
        path = run.path / f"{sheet_name(kimg)}.png"
        self._save_sheet(images.transpose(0, 3, 1, 2), path, self.config.train.drange_net)

    def _save_sheet(self, images, path, value_range):
        modalities = self.set.info.modalities
        save_image_grid(images, path, value_range, self._grid.size, modalities)

    # Randomness

    def draws(self, step: int, minibatch: int) -> dict[str, Any]:
        """Every random number of one step, for the global batch.

        Args:
          step: int, number of the step since the beginning of training.
          minibatch: int, global batch.

        Returns:
          dict: `D`, a list over D_repeats of {`latents` [N, latent], `mixing` [N, 1, 1, 1] in
          [0, 1), `mirror` [N, 1, 1, 1] in [0, 1)}; `G`, {`latents`, `labels` [N, label_size] rows
          of the label array, uniform with replacement}.
        """
        return self._draws(scalar(step, tf.int64), minibatch)

    def _draws_of_step(self, step, minibatch):
        random = Draws(self.config.random_seed, step)
        latent, column = [minibatch, self.G.latent_size], [minibatch, 1, 1, 1]
        rows = random.integers("G/labels", [minibatch], self.set.count)
        return {
            "D": [
                {
                    "latents": random.normal(f"D{i}/latents", latent),
                    "mixing": random.uniform(f"D{i}/mixing", column),
                    "mirror": random.uniform(f"D{i}/mirror", column),
                }
                for i in range(self.config.train.D_repeats)
            ],
            "G": {
                "latents": random.normal("G/latents", latent),
                "labels": tf.gather(self._label_rows, rows),
            },
        }

    # The step

    @tf.function(reduce_retracing=False)
    def _step(self, level, fade, rates, examples, draws, parts):
        """One generator step after D_repeats discriminator steps; traced once a level and blend."""
        args = level, fade, rates, examples, draws, parts
        return run_replicas(self.strategy, self._replica_step, args)

    def _replica_step(self, level, fade, rates, examples, draws, parts):
        (G_lrate, D_lrate), lod, taken = rates, (level, fade), []
        for batch, drawn in zip(examples, draws["D"]):
            taken.append(self._discriminator_step(batch, drawn, lod, D_lrate, parts))
            # Before the generator's step, as published: the average lags by one step.
            averages, sources = (net.named_variables.values() for net in (self.Gs, self.G))
            ema_update(averages, sources, self.config.train.G_smoothing)
        G_overflow = self._generator_step(draws["G"], lod, G_lrate, parts)
        terms = {
            name: tf.reduce_mean(tf.cast([one[name] for one, _ in taken], tf.float32))
            for name in taken[0][0]
        }
        D_overflow = tf.reduce_mean([overflow for _, overflow in taken])
        scalars = {
            **terms,
            "TrainG/learning_rate": G_lrate,
            "TrainD/learning_rate": D_lrate,
            "TrainG/overflow_frequency": G_overflow,
            "TrainD/overflow_frequency": D_overflow,
        }
        for name, optimizer in (("TrainG", self.G_opt), ("TrainD", self.D_opt)):
            if optimizer.scale_log2 is not None:
                scalars[f"{name}/loss_scaling_log2"] = tf.identity(optimizer.scale_log2)
        return scalars

    def _discriminator_step(self, batch, drawn, lod, learning_rate, parts=1):
        variables = self.D.used_variables(lod)
        terms, gradients = mean_over_parts(
            lambda part: self._discriminator_gradients(*part, lod, variables), (batch, drawn), parts
        )
        return terms, self.D_opt.apply(gradients, variables, learning_rate)

    def _discriminator_gradients(self, batch, drawn, lod, variables):
        config = self.config
        reals = losses.process_reals(
            batch["images"],
            fade=lod[1],
            mirror_draw=drawn["mirror"] if config.data.mirror_augment else None,
            mirror_negate=self._mirror_negate,
            drange_data=self.set.range,
            drange_net=config.train.drange_net,
        )
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            loss, terms = losses.discriminator_loss(
                self.G,
                self.D,
                reals,
                batch["labels"] * self._label_scale,
                drawn["latents"],
                drawn["mixing"],
                lod,
                **{**dataclasses.asdict(config.loss), "detail": self._detail},
                label_kind=self._label_kind,
                loss_scale=self.D_opt.loss_scale,
            )
            loss = self.D_opt.scaled(loss)
        return terms, tape.gradient(loss, variables)

    def _generator_step(self, drawn, lod, learning_rate, parts=1):
        variables = self.G.used_variables(lod)
        gradients = mean_over_parts(
            lambda part: self._generator_gradients(part, lod, variables), drawn, parts
        )
        return self.G_opt.apply(gradients, variables, learning_rate)

    def _generator_gradients(self, drawn, lod, variables):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            loss, _ = losses.generator_loss(
                self.G,
                self.D,
                drawn["latents"],
                drawn["labels"] * self._label_scale,
                lod,
                self.config.loss.cond_weight,
                self._label_kind,
                self._detail,
            )
            loss = self.G_opt.scaled(loss)
        return tape.gradient(loss, variables)

    @property
    def _mirror_negate(self):
        """Channels that a mirror image negates: x of shapes and normals."""
        starts = np.cumsum([0] + [width for _, width in self.set.info.modalities])
        names = [name for name, _ in self.set.info.modalities]
        return [int(c) for c, name in zip(starts, names) if name in ("shape", "normals")]


def _adam(settings, network):
    return Adam(
        list(network.named_variables.values()),
        beta1=settings.beta1,
        beta2=settings.beta2,
        epsilon=settings.epsilon,
        loss_scaling=settings.use_loss_scaling,
        initial_scale_log2=settings.loss_scaling_init,
        scale_increment=settings.loss_scaling_inc,
        scale_decrement=settings.loss_scaling_dec,
    )
