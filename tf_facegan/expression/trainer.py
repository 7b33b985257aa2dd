"""What the trainers of the three models share: sets, devices, epochs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tf_facegan.config import check_choice
from tf_facegan.engine.devices import run_replicas, split_batch
from tf_facegan.expression import epochs, images
from tf_facegan.expression.representation import class_names
from tf_facegan.records.reader import RecordSet

if TYPE_CHECKING:
    from tf_facegan.engine.progress import Progress
    from tf_facegan.engine.run_folder import RunFolder


EVALUATION_BATCH = 64


class Trainer:
    """Base of the trainers; the loop of `engine/loop.py` drives them.

    Args:
      config: a configuration of `config.py`.
      strategy: `tf.distribute.Strategy` from `engine/devices.py`.

    Attributes:
      set: the `RecordSet` trained on; test: the one judged, or None.
      names: tuple of str, the expressions.

    Raises:
      ValueError, FileNotFoundError: when set and configuration do not fit each other.
    """

    def __init__(self, config: Any, strategy: tf.distribute.Strategy):
        self.config, self.strategy = config, strategy
        self._replicas = strategy.num_replicas_in_sync
        batch = config.train.batch_size
        if batch < 1 or batch % self._replicas:
            raise ValueError(
                f"train.batch_size is {batch}, a multiple of the {self._replicas} devices expected"
            )
        self._channel_order = getattr(config.data, "channel_order", "rgb")
        check_choice("data.channel_order", self._channel_order, images.CHANNEL_ORDERS)
        sets = config.data.sets
        if "faces" not in sets:
            raise ValueError(f"data.sets is {sets}: expected a folder for the role `faces`")
        self.set = _open_set(sets["faces"], config.runtime.on_corrupt)
        self.test = _open_set(sets["test"], config.runtime.on_corrupt) if "test" in sets else None
        self.names = class_names(self.set)
        if self.test is not None and class_names(self.test) != self.names:
            raise ValueError(f"{self.test.path}: other expressions than in {self.set.path}")
        if self.test is not None and self.test.info.shape != self.set.info.shape:
            raise ValueError(
                f"{self.test.path}: images of {self.test.info.shape}, {self.set.info.shape} as in "
                f"{self.set.path} expected"
            )

    @property
    def image_size(self) -> int:
        """int, side of the images."""
        return self.set.resolution

    def batches(self, phase: epochs.Phase, position: int) -> Iterator[dict[str, tf.Tensor]]:
        """Iterates over record batches, from an example on."""
        return self.set.iterate(
            self.config.train.batch_size,
            position=position,
            seed=self.config.random_seed,
            prefetch=self.config.runtime.prefetch,
        )

    def prepare_run(self, run: RunFolder) -> Any:
        """Puts into a new run's folder what using its networks needs."""
        run.save_dataset(self.set.info)

    def images_of(self, records: tf.Tensor | np.ndarray) -> tf.Tensor:
        """Makes images, float32 NHWC in [0, 1], of records of the set."""
        return images.from_records(records, self.set.range, self._channel_order)

    def shown(self, images: tf.Tensor | np.ndarray) -> tf.Tensor | np.ndarray:
        """Returns images [..., 3] of the network's order of colours as RGB."""
        return images[..., ::-1] if self._channel_order == "bgr" else images

    def split(self, inputs: Any) -> Any:
        """Deals the global batch out to the replicas."""
        return split_batch(self.strategy, inputs)

    def run(
        self, function: Callable[..., dict[str, tf.Tensor]], *inputs: Any
    ) -> dict[str, tf.Tensor]:
        """Runs a function of per-replica inputs; its scalars become means over the replicas."""
        return run_replicas(self.strategy, function, inputs)

    def mean_over(
        self,
        records: RecordSet,
        numbers: np.ndarray,
        judge: Callable[[Any, Any], dict[str, tf.Tensor]],
    ) -> dict[str, tf.Tensor]:
        """Returns the means of what `judge` says of some records.

        Args:
          records: `RecordSet`.
          numbers: int [N], which of them.
          judge: function of (record batch, int64 labels [n]) -> {name: scalar mean}.
        """
        sums = {}
        for start in range(0, len(numbers), EVALUATION_BATCH):
            own = numbers[start : start + EVALUATION_BATCH]
            labels = records.fields["expression"][own]
            terms = judge(tf.constant(records.read(own)), tf.constant(labels))
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + float(value) * len(own)
        return {name: value / len(numbers) for name, value in sums.items()}

    def some_of_each(self, count: int) -> np.ndarray:
        """Returns record numbers of the set, `count` of each expression (repeated if there are
        fewer; of an expression that has none, any), a function of the seed."""
        random = np.random.RandomState(self.config.random_seed)
        labels, chosen = self.set.fields["expression"], []
        for number in range(len(self.names)):
            own = np.flatnonzero(labels == number)
            own = own if len(own) else np.arange(self.set.count)
            chosen.append(random.choice(own, count, replace=len(own) < count))
        return np.concatenate(chosen)


def epoch_phase(
    trainer: Trainer, progress: Progress, epoch_images: int, **options: Any
) -> epochs.Phase:
    """Returns the phase of an iteration of one batch."""
    return epochs.phase_at(progress, trainer.config.train.batch_size, epoch_images, **options)


def _open_set(path, on_corrupt):
    records = RecordSet(path, on_corrupt=on_corrupt)
    shape = records.info.shape
    if shape[0] != 3 or shape[1] != shape[2] or shape[1] % 4:
        raise ValueError(
            f"{records.path}: images of {shape}, three colours and a square side that is a "
            "multiple of 4 expected"
        )
    return records
