"""Which pairs of frames RD-GAN is trained on and shown, and batches of them.

A pair is (source, target): the source's face is to be drawn with the target's boundary. Lists are
made of a set's fields `subject`, `sequence` and `frame`; numbers of subjects and sequences are in
the order of their names.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tf_facegan.records import order

if TYPE_CHECKING:
    import tensorflow as tf

    from tf_facegan.records.reader import RecordSet


FIELDS = ("subject", "sequence", "frame")
COMPANION = "boundary"
_PARALLEL_READS = 2


@dataclasses.dataclass(frozen=True)
class Frames:
    """The frames of a set, or a part of them, in the order of their names.

    Attributes:
      numbers: int64 [n], record numbers.
      subjects, sequences: int64 [n].
    """

    numbers: np.ndarray
    subjects: np.ndarray
    sequences: np.ndarray

    @classmethod
    def of(cls, fields: dict[str, np.ndarray]) -> Frames:
        """Takes {`subject`, `sequence`, `frame`: int64 [count]} of a set."""
        columns = [np.asarray(fields[name]) for name in FIELDS]
        numbers = np.lexsort(columns[::-1])
        return cls(numbers, columns[0][numbers], columns[1][numbers])

    def only(self, subjects: np.ndarray) -> Frames:
        """Returns the frames of some subjects."""
        chosen = np.isin(self.subjects, subjects)
        parts = (self.numbers, self.subjects, self.sequences)
        return Frames(*(part[chosen] for part in parts))

    def by_subject(self) -> list[np.ndarray]:
        """Returns a list of the record numbers of every subject."""
        return _groups(self.numbers, self.subjects)

    def by_sequence(self) -> list[np.ndarray]:
        """Returns a list of the record numbers of every sequence."""
        _, numbers = np.unique([self.subjects, self.sequences], axis=1, return_inverse=True)
        return _groups(self.numbers, numbers.ravel())


def training_pairs(frames: Frames, limit: int = 1_000_000, seed: int = 0) -> np.ndarray:
    """FaceGAN's pairs: every frame of a subject with every later one, across its sequences.

    Args:
      frames: `Frames`.
      limit: int, so many at most; a random choice.
      seed: int, of the choice and of the order.

    Returns:
      int64 [n, 2], shuffled.
    """
    parts = [np.zeros((0, 2), np.int64)]
    for numbers in frames.by_subject():
        parts.append(numbers[np.stack(np.triu_indices(len(numbers), 1), axis=1)])
    pairs = np.concatenate(parts)
    return pairs[np.random.RandomState(seed).permutation(len(pairs))[:limit]]


def prediction_pairs(frames: Frames) -> np.ndarray:
    """Pairs of the first frame of every sequence with every later one, in order: int64 [n, 2]."""
    parts = [np.zeros((0, 2), np.int64)]
    for numbers in frames.by_sequence():
        sources = np.full(len(numbers) - 1, numbers[0])
        parts.append(np.stack([sources, numbers[1:]], axis=1))
    return np.concatenate(parts)


def continuity_pairs(frames: Frames, gap: int = 3) -> np.ndarray:
    """Pairs of every frame with the one `gap` places later in its sequence, in order: [n, 2]."""
    parts = [np.zeros((0, 2), np.int64)]
    parts += [np.stack([n[:-gap], n[gap:]], axis=1) for n in frames.by_sequence() if len(n) > gap]
    return np.concatenate(parts)


def reenactment_pairs(frames: Frames, source: int = 190) -> np.ndarray:
    """Pairs of one frame with every frame, whoever it shows, in order: int64 [n, 2].

    Args:
      frames: `Frames`.
      source: int, place of the frame in the order of names; 190 is published.

    Raises:
      ValueError: there are not so many frames.
    """
    if not 0 <= source < len(frames.numbers):
        raise ValueError(f"source frame {source} asked for, there are {len(frames.numbers)} frames")
    sources = np.full_like(frames.numbers, frames.numbers[source])
    return np.stack([sources, frames.numbers], axis=1)


def split_subjects(frames: Frames, share: float, seed: int = 0) -> tuple[Frames, Frames]:
    """Chooses subjects to leave out of training.

    Args:
      frames: `Frames`.
      share: float in [0, 1) of the subjects, rounded; above 0 it is one at least.
      seed: int, of the choice.

    Returns:
      (`Frames` to train on, `Frames` of the others).

    Raises:
      ValueError: no subject would be left to train on.
    """
    subjects = np.unique(frames.subjects)
    count = max(1, round(share * len(subjects))) if share > 0 else 0
    if count >= len(subjects):
        raise ValueError(
            f"data.validation_share={share:g} of {len(subjects)} subjects leaves none to train on"
        )
    held_out = np.random.RandomState(seed).permutation(subjects)[:count]
    return frames.only(np.setdiff1d(subjects, held_out)), frames.only(held_out)


def read(
    records: RecordSet,
    pairs: np.ndarray,
    resolution: int | None = None,
    source_boundaries: bool = False,
) -> dict[str, np.ndarray]:
    """Reads pairs.

    Args:
      records: `RecordSet` with the companion `boundary`.
      pairs: int64 [N, 2].
      resolution: int, side of the level; None is the largest.
      source_boundaries: whether the sources' drawings are wanted, too.

    Returns:
      dict of arrays as stored [N, 3, S, S]: `sources`, `targets`, `boundaries` (of the targets)
      and, if wanted, `source_boundaries`.
    """
    sources, targets = np.asarray(pairs, np.int64).T
    images = {
        "sources": records.read(sources, resolution),
        "targets": records.read(targets, resolution),
        "boundaries": records.read(targets, resolution, COMPANION),
    }
    if source_boundaries:
        images["source_boundaries"] = records.read(sources, resolution, COMPANION)
    return images


def iterate(
    records: RecordSet,
    pairs: np.ndarray,
    batch: int,
    resolution: int | None = None,
    position: int = 0,
    seed: int = 0,
    prefetch: int = 2,
    source_boundaries: bool = False,
) -> Iterator[dict[str, tf.Tensor]]:
    """Iterates over endless batches of pairs; each epoch is a new permutation of the list.

    Args:
      records, resolution, source_boundaries: as of `read`.
      pairs: int64 [n, 2], the list.
      batch: int, pairs of a batch.
      position: int, pairs consumed since the beginning; any value is free.
      seed: int, of the permutations.
      prefetch: int, batches read ahead.

    Yields:
      dict of tensors as of `read`.

    Raises:
      ValueError, OSError: a record that cannot be read.
    """
    import tensorflow as tf

    first = read(records, pairs[:1], resolution, source_boundaries)
    types = [tf.as_dtype(array.dtype) for array in first.values()]
    failures = []

    def read_batch(number):
        positions = position + int(number) * batch + np.arange(batch)
        chosen = pairs[order.indices(positions, len(pairs), seed)]
        try:
            return list(read(records, chosen, resolution, source_boundaries).values())
        except (ValueError, OSError) as error:
            failures.append(error)
            raise

    def load(number):
        tensors = tf.numpy_function(read_batch, [number], types, stateful=False)
        for tensor, array in zip(tensors, first.values()):
            tensor.set_shape((batch, *array.shape[1:]))
        return dict(zip(first, tensors))

    numbers = tf.data.Dataset.range(np.iinfo(np.int64).max // batch)
    batches = numbers.map(load, num_parallel_calls=_PARALLEL_READS, deterministic=True)
    with _causes(tf, failures):
        yield from batches.prefetch(prefetch)


@contextlib.contextmanager
def _causes(tf, failures):
    """Turns the tf.errors of a pipeline into the error that caused them."""
    try:
        yield
    except tf.errors.OpError:
        if not failures:
            raise
        raise failures[0] from None


def _groups(numbers, keys):
    """Splits numbers into runs of equal keys."""
    return np.split(numbers, np.flatnonzero(np.diff(keys)) + 1) if len(numbers) else []
