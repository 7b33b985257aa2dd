"""Accuracy and cross entropy on held-out pictures, epoch after epoch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tf_facegan.array_files import write_npz
from tf_facegan.tdgan import images

if TYPE_CHECKING:
    from tf_facegan.tdgan import dataset
    from tf_facegan.tdgan.config import Networks
    from tf_facegan.tdgan.networks import Discriminator, Generator


LEAST_ACCURACY = 0.1  # below it no network is the best one (published)
# Columns of the history, and their names in the published file: the classification module, then
# the expression discriminator.
COLUMNS = ("tt_acc_mat", "tt_ce_mat", "tt_acc_mat_ExpDis", "tt_ce_mat_ExpDis")
FILE = "val_data.npz"


def scores(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Returns (accuracy, cross entropy), means over the samples.

    The published cross entropy is the sum of the batches' means over the number of batches less
    one; the accuracy is the same.

    Args:
      logits: [N, K].
      labels: int [N].
    """
    logits, labels = np.asarray(logits, np.float64), np.asarray(labels)
    shifted = logits - logits.max(axis=1, keepdims=True)
    chosen = np.take_along_axis(shifted, labels[:, None], axis=1)[:, 0]
    entropies = np.log(np.exp(shifted).sum(axis=1)) - chosen
    return float((logits.argmax(axis=1) == labels).mean()), float(entropies.mean())


class Validation:
    """Measures the two classifiers of a run and keeps what was measured.

    Args:
      rows: `dataset.Rows` to validate on.
      G, D_ER: the networks.
      settings: `config.Networks`.
      batch_size: int, images of an evaluation step.
      times: int, validations of the whole training.
      first: int, number of the first one that can find the best network.

    Attributes:
      first: as given.
      history: variable float64 [times, 4], `COLUMNS`; not a number where nothing was measured yet.
    """

    def __init__(
        self,
        rows: dataset.Rows,
        G: Generator,
        D_ER: Discriminator,
        settings: Networks,
        batch_size: int,
        times: int,
        first: int = 0,
    ):
        self._rows, self._G, self._D_ER = rows, G, D_ER
        self._settings, self._batch_size, self.first = settings, batch_size, first
        self.history = tf.Variable(np.full([times, len(COLUMNS)], np.nan), trainable=False)

    def measure(self, number: int) -> tuple[dict[str, float], bool]:
        """Measures the networks as they are and notes it as validation `number`, from 0.

        Returns:
          ({summary name: float}, bool: whether the classification module is the best one yet).
        """
        row = np.concatenate([scores(logits, self._rows.labels) for logits in self.logits()])
        before = self.history.numpy()
        best = max([LEAST_ACCURACY, *before[self.first : number, 0]])
        before[number] = row
        self.history.assign(before)
        accuracy, entropy, D_accuracy, D_entropy = map(float, row)
        is_best = number >= self.first and accuracy > best
        values = {
            "Validation/accuracy": accuracy,
            "Validation/cross_entropy": entropy,
            "Validation/D_ER_accuracy": D_accuracy,
            "Validation/D_ER_cross_entropy": D_entropy,
            "Validation/best_accuracy": accuracy if is_best else best,
        }
        return values, is_best

    def save(self, path: str | Path) -> None:
        """Writes the published file of what was measured, four arrays of one value each time."""
        history = self.history.numpy()
        history = history[~np.isnan(history[:, 0])]
        write_npz(path, dict(zip(COLUMNS, history.T)))

    def logits(self) -> list[np.ndarray]:
        """Returns the logits [N, K] of the classification module and of the discriminator."""
        found, size = ([], []), self._batch_size
        for begin in range(0, len(self._rows), size):
            places = np.arange(begin, min(begin + size, len(self._rows)))
            both = self._classify(tf.constant(self._rows.read(places)))
            for logits, more in zip(found, both):
                logits.append(more.numpy())
        return [np.concatenate(logits) for logits in found]

    @tf.function(autograph=False)
    def _classify(self, records):
        faces = images.prepare(records, self._settings.grayscale)
        faces = images.centre_crop(faces, self._settings.image_size)
        return self._G.classify(faces), self._D_ER(faces)[1]
