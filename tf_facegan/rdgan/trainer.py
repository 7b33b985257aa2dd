"""Training of RD-GAN: data, draws and the `tf.function` steps of its stages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tf_facegan.engine.devices import run_replicas, split_batch
from tf_facegan.engine.draws import Draws
from tf_facegan.engine.eager import scalar
from tf_facegan.engine.run_folder import sheet_name
from tf_facegan.engine.summaries import mean_of_steps
from tf_facegan.files import put_json_line
from tf_facegan.metrics.psnr import psnr
from tf_facegan.metrics.ssim import grey_ssim
from tf_facegan.rdgan import losses, networks, pairs, reference, schedule, stages
from tf_facegan.rdgan.images import to_8_bits
from tf_facegan.records.reader import RecordSet
from tf_facegan.records.values import to_signed
from tf_facegan.utilities.images import save_image_grid

if TYPE_CHECKING:
    from tf_facegan.engine.progress import Progress
    from tf_facegan.engine.run_folder import RunFolder
    from tf_facegan.rdgan.config import Config
    from tf_facegan.records.schema import SetInfo


VALIDATION = "metric-validation.jsonl"
_SEED_LIMIT = 2**31 - 1


class Trainer:
    """Trains FaceGAN, then FineGAN; or the two-way model. The loop of `engine/loop.py` drives it.

    Args:
      config: `rdgan.config.Config`.
      strategy: `tf.distribute.Strategy` from `engine/devices.py`.

    Attributes:
      stages: {name: `stages.Stage`}, in their order.
      set: the `RecordSet` trained on.
      frames, held_out: `pairs.Frames` trained on and validated with; they share no subject.

    Raises:
      ValueError: when set and configuration do not fit each other.
    """

    def __init__(self, config: Config, strategy: tf.distribute.Strategy):
        self.config, self.strategy = config, strategy
        data, self._batch_size = config.data, config.train.batch_size
        self._replicas = strategy.num_replicas_in_sync
        if "faces" not in data.sets:
            raise ValueError(f"data.sets is {data.sets}: expected a folder for the role `faces`")
        schedule.check(config)
        if config.loss.adversarial not in losses.ADVERSARIAL:
            known = " or ".join(losses.ADVERSARIAL)
            raise ValueError(f"loss.adversarial is {config.loss.adversarial!r}, expected {known}")
        if self._batch_size % self._replicas:
            raise ValueError(
                f"train.batch_size is {self._batch_size}, expected a multiple of the "
                f"{self._replicas} devices"
            )
        self.set = RecordSet(data.sets["faces"], on_corrupt=config.runtime.on_corrupt)
        check_set(self.set.info, data.image_size)
        self._image_size = data.image_size or self.set.resolution
        self.set.read([], self._image_size)  # ValueError if there is no such level
        everyone = pairs.Frames.of(self.set.fields)
        self.frames, self.held_out = pairs.split_subjects(
            everyone, data.validation_share, config.random_seed
        )
        self._lists = {name: self._list(name) for name in config.train.stages}
        self.total_images = schedule.total_images(config)
        with strategy.scope():
            self.stages = stages.make(config, self._image_size)
        self._draws = tf.function(self._draws_of_step)
        held_out = pairs.prediction_pairs(self.held_out)
        shown = held_out if len(held_out) else self._lists[config.train.stages[-1]]
        self._sheet = _spread(shown, config.train.sample_images)
        self._judged = _spread(held_out, config.train.validation_pairs)
        self._scores = {}
        # Number of the stage that is trained, or was last.
        self._stage = tf.Variable(0, dtype=tf.int32, trainable=False)

    def _list(self, stage):
        """The pairs a stage is trained on."""
        data = self.config.data
        seed = self.config.random_seed
        if stage == "fine":
            found = pairs.prediction_pairs(self.frames)
            found = found[np.random.RandomState(seed).permutation(len(found))]
        else:
            found = pairs.training_pairs(self.frames, data.max_pairs, seed)
        if not len(found):
            raise ValueError(
                f"{self.set.path}: no pairs to train {stage} on; sequences of several frames "
                "expected (after data.validation_share)"
            )
        return found[: data.small_data_size]

    # What the loop asks for

    def phase(self, progress: Progress) -> schedule.Phase:
        """Returns what to run now, as the loop takes it."""
        return schedule.phase_at(progress, self.config)

    def batches(self, phase: schedule.Phase, position: int) -> Iterator[dict[str, tf.Tensor]]:
        """Iterates over batches of the pairs of the phase's stage, from an example on."""
        return pairs.iterate(
            self.set,
            self._lists[phase.stage],
            self._batch_size,
            resolution=self._image_size,
            position=position - phase.first_image,
            seed=self.config.random_seed,
            prefetch=self.config.runtime.prefetch,
            source_boundaries=self.stages[phase.stage].source_boundaries,
        )

    def iteration(
        self, phase: schedule.Phase, batches: Iterator[dict[str, tf.Tensor]], progress: Progress
    ) -> dict[str, tf.Tensor]:
        """Runs the discriminator steps of the phase and one generator step, all on new batches.

        Returns:
          dict of summary name to scalar tensor: the losses of the generator's batch, and the means
          of the discriminator's over its own batches (`D_steps/…`).
        """
        self._stage.assign(list(self.stages).index(phase.stage))
        step = progress.images // self._batch_size
        taken = {"D": [], "G": []}
        for number in range(phase.d_steps + 1):
            batch = next(batches)
            draws = self.draws(phase.stage, step + number, self._batch_size)
            inputs = split_batch(self.strategy, (batch, draws))
            side = "G" if number == phase.d_steps else "D"
            rate = scalar(getattr(phase, f"{side}_lr"), tf.float32)
            taken[side].append(self.step(phase.stage, side, *inputs, rate))
        scalars = {}
        for steps in taken.values():
            if steps:
                scalars.update(mean_of_steps(steps))
        validation, self._scores = self._scores, {}
        return {**{f"{phase.stage}/{k}": v for k, v in scalars.items()}, **validation}

    def checkpoint_items(self) -> dict[str, tf.Module | tf.Variable]:
        items = {"stage": self._stage}
        for stage in self.stages.values():
            items.update({**stage.networks, **stage.optimizers})
        return items

    def networks(self) -> dict[str, dict[str, np.ndarray]]:
        """Published arrays of the networks of all stages that have begun."""
        return {
            name: reference.extract(network)
            for stage in self._begun()
            for name, network in stage.networks.items()
        }

    def prepare_run(self, run: RunFolder) -> None:
        """Puts into a new run's folder what using its networks needs."""
        run.save_dataset(self.set.info)

    def write_reals(self, run: RunFolder) -> None:
        """Writes `reals.png`: a row a pair, source, boundary and target."""
        self._save_sheet(run.path / "reals.png", [])

    def write_samples(self, run: RunFolder, kimg: float) -> None:
        """Writes `fakes<kimg>.png`: a row a pair, source, boundary, target and what every stage
        makes of it; scores held-out pairs into `metric-validation.jsonl`."""
        made = self.predict(self._read(self._sheet))
        self._save_sheet(run.path / f"{sheet_name(kimg)}.png", list(made.values()))
        scores = self.validate()
        if scores:
            self._scores = {f"Validation/{name}": value for name, value in scores.items()}
            protocol = "first frame of a sequence to a later one, held-out subjects; 8-bit images"
            line = {"kimg": kimg, "pairs": len(self._judged), "protocol": protocol, **scores}
            put_json_line(run.path / VALIDATION, line, "kimg")

    def _save_sheet(self, path, made):
        batch = self._read(self._sheet)
        columns = [batch[name].numpy() for name in ("sources", "boundaries", "targets")] + made
        images = np.stack(columns, axis=1).reshape(-1, *columns[0].shape[1:])
        size = len(columns), len(self._sheet)
        save_image_grid(images.transpose(0, 3, 1, 2), path, size=size)

    def _begun(self):
        return list(self.stages.values())[: int(self._stage) + 1]

    def _read(self, chosen):
        return self.processed(pairs.read(self.set, chosen, self._image_size))

    # Prediction

    def predict(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs all stages that have begun on a batch as of `stages`.

        Returns:
          {stage: float32 array [N, S, S, 3] in (-1, 1)}.
        """
        inference = self.config.inference
        seed = self.config.random_seed if inference.dropout else None
        made = {stage.name: [] for stage in self._begun()}
        for start in range(0, len(batch["sources"]), inference.predict_batch_size):
            part = {k: v[start : start + inference.predict_batch_size] for k, v in batch.items()}
            for name in made:
                made[name].append(self.stages[name].predict(part, seed).numpy())
        return {name: np.concatenate(parts) for name, parts in made.items()}

    def validate(self) -> dict[str, float]:
        """Compares predictions for held-out subjects with the truth.

        Returns:
          {"<stage>_ssim", "<stage>_psnr": float}, means over `validation_pairs` pairs, and the same
          of the sources themselves as `source_…` (PSNR counts as 100 at most); empty when nothing
          is held out.
        """
        if not len(self._judged):
            return {}
        batch = self._read(self._judged)
        images = {"source": batch["sources"].numpy(), **self.predict(batch)}
        truth = to_8_bits(batch["targets"].numpy())
        scores = {}
        for name, made in images.items():
            made = to_8_bits(made)
            scores[f"{name}_ssim"] = float(grey_ssim(made, truth).mean())
            scores[f"{name}_psnr"] = float(np.mean(np.minimum(psnr(made, truth), 100.0)))
        return scores

    # Randomness

    def draws(self, stage: str, step: int, batch: int) -> dict[str, tf.Tensor]:
        """Every random number of one step, for the global batch.

        Args:
          stage: str.
          step: int, number of the step since the beginning of training.
          batch: int, global batch.

        Returns:
          {name out of the stage's `seeds`: int64 [N, 2]}, seeds of dropout.
        """
        return self._draws(stage, scalar(step, tf.int64), batch)

    def _draws_of_step(self, stage, step, batch):
        random = Draws(self.config.random_seed, step)
        return {
            name: random.integers(f"{stage}/{name}", [batch, 2], _SEED_LIMIT)
            for name in self.stages[stage].seeds
        }

    # The step

    @tf.function
    def step(
        self,
        stage: str,
        side: str,
        batch: dict[str, tf.Tensor],
        draws: dict[str, tf.Tensor],
        learning_rate: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """Takes one step; traced once for each stage and side.

        Args:
          stage: str; side: "G" or "D".
          batch: as `pairs.iterate` gives it.
          draws: as `draws` gives them.
          learning_rate: scalar tensor.

        Returns:
          dict of name to scalar tensor, means over the devices.
        """
        args = stage, side, batch, draws, learning_rate
        return run_replicas(self.strategy, self._replica_step, args)

    def _replica_step(self, stage, side, batch, draws, learning_rate):
        one = self.stages[stage]
        take = one.generator_step if side == "G" else one.discriminator_step
        return take(self.processed(batch), draws, learning_rate)

    def processed(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Turns records [N, 3, S, S] into what the networks see: [N, S, S, 3] in [-1, 1]."""
        ranges = {name: self.set.range for name in ("sources", "targets")}
        boundary = self.set.info.companions[pairs.COMPANION]["range"]
        return {n: to_signed(images, ranges.get(n, boundary)) for n, images in batch.items()}


def check_set(info: SetInfo, image_size: int | None = None) -> None:
    """Checks that a set can be trained on.

    Raises:
      ValueError: naming the set, what it lacks and what makes it.
    """
    channels, height, width = info.shape
    if channels != 3 or height != width:
        raise ValueError(
            f"set {info.name}: images of {channels} channels, {width} x {height} pixels; square "
            "RGB images expected"
        )
    missing = [name for name in pairs.FIELDS if name not in info.fields]
    missing += [name for name in (pairs.COMPANION,) if name not in info.companions]
    if missing:
        raise ValueError(
            f"set {info.name}: no {', '.join(missing)}; dataset_tool.py create_ck, create_mmi and "
            "create_toy_faces write what RD-GAN needs"
        )
    try:
        networks.map_side(image_size or height)
    except ValueError as error:
        raise ValueError(f"set {info.name}: {error}") from None


def _spread(found, count):
    """Returns `count` rows spread over a list, all of it if it is no longer."""
    places = np.linspace(0, len(found) - 1, min(count, len(found)))
    return found[np.rint(places).astype(np.int64)]
