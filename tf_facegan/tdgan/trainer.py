"""Training of TDGAN: networks, draws, the `tf.function` step, validation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tf_facegan.config import check_least
from tf_facegan.engine.devices import run_replicas, split_batch
from tf_facegan.engine.draws import Draws
from tf_facegan.engine.eager import scalar
from tf_facegan.engine.run_folder import sheet_name
from tf_facegan.tdgan import dataset, images, reference
from tf_facegan.tdgan.networks import Discriminator, Generator
from tf_facegan.tdgan.schedule import Schedule
from tf_facegan.tdgan.step import DROPOUT_PASSES, Step
from tf_facegan.tdgan.validation import FILE, Validation
from tf_facegan.utilities.images import save_image_grid

if TYPE_CHECKING:
    from tf_facegan.engine.progress import Progress
    from tf_facegan.engine.run_folder import RunFolder
    from tf_facegan.tdgan.config import Config
    from tf_facegan.tdgan.schedule import Phase


BEST_SNAPSHOT = "network-best.npz"
SEED_LIMIT = 2**31
REALS = 16  # faces, and as many expressions, of `reals.png`


class Trainer:
    """Trains the generator and both discriminators; the loop of `engine/loop.py` drives it.

    Args:
      config: `tdgan.config.Config`.
      strategy: `tf.distribute.Strategy` from `engine/devices.py`.

    Attributes:
      G, D_FR, D_ER: the networks.
      data: `dataset.Data`.
      validation: `validation.Validation`, or None.

    Raises:
      ValueError, FileNotFoundError: when sets and configuration do not fit each other.
    """

    def __init__(self, config: Config, strategy: tf.distribute.Strategy):
        self.config, self.strategy = config, strategy
        self.data = dataset.load(config)
        count = max(len(self.data.faces), len(self.data.expressions))
        self._replicas = strategy.num_replicas_in_sync
        self._schedule = Schedule(config.train, count, self._replicas)
        self.total_images = self._schedule.total_images
        self._pairs = dataset.Pairs(
            self.data, self._schedule, config.random_seed, config.data.repair
        )
        with strategy.scope():
            self.G, self.D_FR, self.D_ER = self._make_networks()
            networks = {"G": self.G, "D_FR": self.D_FR, "D_ER": self.D_ER}
            self._step = Step(networks, config)
        self._names = tuple(networks)
        self.validation = self._make_validation()
        self._draws = tf.function(self._draws_of_step, autograph=False)
        self._sheet_inputs = self._choose_sheet()

    def _make_networks(self):
        arguments, seed = dataclasses.asdict(self.config.networks), self.config.random_seed * 3
        noise_dim, num_blocks = arguments.pop("noise_dim"), arguments.pop("num_blocks")
        expressions = self.data.num_expressions
        return (
            Generator(expressions, noise_dim, num_blocks, **arguments, seed=seed),
            # One class more: what is generated.
            Discriminator(self.data.num_identities + 1, **arguments, seed=seed + 1),
            Discriminator(expressions, **arguments, seed=seed + 2),
        )

    def _make_validation(self):
        settings, train = self.config.validation, self.config.train
        if self.data.validation is None:
            return None
        for name, least in (("gap", 1), ("start", 0)):
            check_least(f"validation.{name}", getattr(settings, name), least)
        last = self._validation_of(train.epochs)
        return Validation(
            self.data.validation,
            self.G,
            self.D_ER,
            self.config.networks,
            settings.batch_size,
            last + 1,
            min(self._validation_of(settings.start + 1), last),
        )

    def _validation_of(self, epoch):
        """The number, from 0, of the first validation after so many epochs or more."""
        return -(-epoch // self.config.validation.gap) - 1

    # What the loop asks for

    def phase(self, progress: Progress) -> Phase:
        """Returns what to run now, as the loop takes it."""
        return self._schedule.at(progress.images)

    def batches(self, phase: Phase, position: int) -> Iterator[dict[str, tf.Tensor]]:
        """Iterates over batches of pairs from a position on, which is where an iteration begins."""
        here = self._schedule.at(position)
        number = here.epoch * here.steps + here.step
        return self._pairs.iterate(number, self.config.runtime.prefetch)

    def iteration(
        self, phase: Phase, batches: Iterator[dict[str, tf.Tensor]], progress: Progress
    ) -> dict[str, tf.Tensor]:
        """Takes one step.

        Returns:
          dict of summary name to scalar tensor.
        """
        draws = self.draws(progress.iteration, phase.images)
        inputs = split_batch(self.strategy, (next(batches), draws))
        return self._take(phase.update_FR, phase.update_ER, phase.invariance, *inputs)

    def end_iteration(
        self, run: RunFolder, phase: Phase, progress: Progress, log: Callable[[str], None]
    ) -> dict[str, float]:
        """Validates at the end of an epoch, and keeps the best network.

        Args:
          run: `RunFolder`.
          phase: of the iteration that ended.
          progress: after it.
          log: function of a line.

        Returns:
          dict of summary name to float, empty where nothing was measured.
        """
        gap, epoch = self.config.validation.gap, phase.epoch + 1
        last = epoch == phase.epochs
        if self.validation is None or not phase.ends_epoch or not (epoch % gap == 0 or last):
            return {}
        values, is_best = self.validation.measure(self._validation_of(epoch))
        if is_best:
            run.save_snapshot(BEST_SNAPSHOT, self.networks())
        self.validation.save(run.path / FILE)
        numbers = " ".join(
            f"{name.split('/')[1].replace('_', ' ')} {value:.4f}" for name, value in values.items()
        )
        log(f"epoch {epoch}/{phase.epochs} {numbers}{' (kept)' * is_best}")
        return values

    def checkpoint_items(self) -> dict[str, tf.Module | tf.Variable]:
        items = {name: getattr(self, name) for name in self._names}
        items.update({f"{name}_opt": opt for name, opt in self._step.optimizers.items()})
        if self.validation is not None:
            items["validation"] = self.validation.history
        return items

    def networks(self) -> dict[str, dict[str, np.ndarray]]:
        return {name: reference.extract(getattr(self, name)) for name in self._names}

    def prepare_run(self, run: RunFolder) -> None:
        """Puts into a new run's folder what using its networks needs: the set of expressions."""
        run.save_dataset(self.data.expressions.set.info)

    def write_reals(self, run: RunFolder) -> None:
        """Writes `reals.png`: faces, and below them expressions as the validation sees them."""
        size, shown = self.config.networks.image_size, []
        for rows in (self.data.faces, self.data.expressions):
            records = rows.read(np.arange(REALS) % len(rows))
            prepared = images.prepare(tf.constant(records), self.config.networks.grayscale)
            shown.append(images.centre_crop(prepared, size).numpy())
        grid = np.concatenate(shown).transpose(0, 3, 1, 2)
        save_image_grid(grid, run.path / "reals.png", (0, 1), (REALS // 2, 4))

    def write_samples(self, run: RunFolder, kimg: float) -> None:
        """Writes `fakes<kimg>.png`: face, expression, generated, both consistency images."""
        faces, expressions, noise = self._sheet_inputs
        codes = self.G.encode_face(faces), self.G.encode_expression(expressions)
        fakes = self.G.decode(*codes, noise[0])
        con_FR, con_ER = self.G(fakes, faces, noise[1]), self.G(expressions, fakes, noise[2])
        picture = images.sheet(faces, expressions, fakes, con_FR, con_ER)
        path = run.path / f"{sheet_name(kimg)}.png"
        save_image_grid(picture.transpose(2, 0, 1)[None], path, (0, 255), (1, 1))

    def _choose_sheet(self):
        """Returns the inputs of all sample sheets: (faces, expressions, noise)."""
        places, networks = np.arange(images.SHEET_ROWS), self.config.networks
        shown = []
        for rows in (self.data.faces, self.data.expressions):
            records = tf.constant(rows.read(places * max(len(rows) // len(places), 1) % len(rows)))
            prepared = images.prepare(records, networks.grayscale)
            shown.append(images.centre_crop(prepared, networks.image_size))
        random = Draws(self.config.random_seed, 0)
        shape = [3, len(places), *self.G.noise_shape]
        return (*shown, random.uniform("sheet/noise", shape))

    # Randomness

    def draws(self, step: int, batch: int) -> dict[str, Any]:
        """Every random number of one step, for the global batch.

        Args:
          step: int, number of the step since the beginning of training.
          batch: int N, pairs.

        Returns:
          dict: `noise` float32 [N, 3, S / 16, S / 16, noise_dim] in [0, 1), for the three images
          generated; `dropout` {pass: int64 [N, 2]}, empty without dropout; `offsets` int64 [N, 2],
          top and left of the crops; `flips` bool [N].
        """
        return self._draws(scalar(step, tf.int64), batch)

    def _draws_of_step(self, step, batch):
        random = Draws(self.config.random_seed, step)
        height, width = self.data.expressions.set.info.shape[1:]
        size, networks = self.config.networks.image_size, self.config.networks
        passes = DROPOUT_PASSES if networks.dropout else ()
        offsets = [
            random.integers(f"crop/{name}", [batch], side - size + 1)
            for name, side in (("top", height), ("left", width))
        ]
        return {
            "noise": random.uniform("noise", [batch, 3, *self.G.noise_shape]),
            "dropout": {
                name: random.integers(f"dropout/{name}", [batch, 2], SEED_LIMIT) for name in passes
            },
            "offsets": tf.stack(offsets, axis=1),
            "flips": random.uniform("flip", [batch]) < 0.5,
        }

    # The step

    @tf.function(autograph=False, reduce_retracing=False)
    def _take(self, update_FR, update_ER, invariance, batch, draws):
        """One step; traced once for each combination of updates and size of batch."""
        args = update_FR, update_ER, invariance, batch, draws
        return run_replicas(self.strategy, self._replica_step, args)

    def _replica_step(self, update_FR, update_ER, invariance, records, draws):
        networks = self.config.networks
        faces, expressions = (
            images.prepare(records[name], networks.grayscale) for name in ("faces", "expressions")
        )
        batch = {
            "faces": faces,
            "expressions": images.crop(
                expressions, draws["offsets"], draws["flips"], networks.image_size
            ),
            "identities": records["identities"],
            "labels": records["labels"],
        }
        draws = {"noise": tf.unstack(draws["noise"], axis=1), "dropout": draws["dropout"]}
        scalars, _ = self._step(batch, draws, update_FR, update_ER, invariance)
        return {name: tf.cast(value, tf.float32) for name, value in scalars.items()}
