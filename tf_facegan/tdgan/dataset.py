"""What TDGAN trains and is tested on: rows of record sets, pairs of them, batches of pairs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tf_facegan.config import check_choice
from tf_facegan.records import order
from tf_facegan.records.reader import RecordSet
from tf_facegan.tdgan.config import VALIDATION_SOURCES
from tf_facegan.tdgan.folds import make_folds

if TYPE_CHECKING:
    import tensorflow as tf

    from tf_facegan.tdgan.config import Config
    from tf_facegan.tdgan.schedule import Schedule


IDENTITY, EXPRESSION = "identity", "expression"
SUBJECTS = ("subject", IDENTITY)  # fields that say who is shown, the first that a set has


@dataclasses.dataclass(frozen=True)
class Rows:
    """Some records of a set.

    Attributes:
      set: `RecordSet`.
      rows: int64 [N], their numbers.
      labels: int64 [N], their classes.
    """

    set: RecordSet
    rows: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(cls, records: RecordSet, field: str, rows: np.ndarray) -> Rows:
        return cls(records, rows, records.fields[field][rows].astype(np.int64))

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, places: np.ndarray) -> np.ndarray:
        """Returns uint8 [B, C, H, W] of places within the rows."""
        return self.set.read(self.rows[places])


@dataclasses.dataclass(frozen=True)
class Data:
    """The sets of a run, checked and divided.

    Attributes:
      faces, expressions: `Rows` to train on.
      validation, test: `Rows`, or None.
      names: list of str, of the expressions, or None.
      num_identities: int, real classes of the face discriminator.
      num_expressions: int.
    """

    faces: Rows
    expressions: Rows
    validation: Rows
    test: Rows
    names: list
    num_identities: int
    num_expressions: int


def load(config: Config) -> Data:
    """Opens the sets that a configuration names and chooses their rows.

    Args:
      config: `tdgan.config.Config`.

    Returns:
      `Data`.

    Raises:
      ValueError, FileNotFoundError: a role without a set, a set without the field it needs, of
        another size or colours than the networks, or too small to be divided.
    """
    for role in ("faces", "expressions"):
        if not config.data.sets.get(role):
            raise ValueError(f"data.sets is {config.data.sets}: no folder for the role `{role}`")
    check_choice("validation.source", config.validation.source, VALIDATION_SOURCES)
    faces = _open(config, "faces", IDENTITY, exact=True)
    identities = faces.fields[IDENTITY]
    classes = config.data.num_identities or int(identities.max()) + 1
    chosen = np.flatnonzero(identities < classes)
    if not len(chosen):
        raise ValueError(f"{faces.path}: no identity below data.num_identities={classes}")
    everything, test = _test_rows(config)
    train, validation = _validation_rows(config, everything, test)
    names = everything.set.info.fields[EXPRESSION].get("names")
    return Data(
        faces=Rows.of(faces, IDENTITY, chosen),
        expressions=train,
        validation=validation,
        test=test,
        names=names,
        num_identities=classes,
        num_expressions=len(names) if names else int(everything.labels.max()) + 1,
    )


def _open(config, role, field, exact=False, path=None):
    """Opens the set of a role, or one at a path of its own, and checks that it fits."""
    records = RecordSet(path or config.data.sets[role], on_corrupt=config.runtime.on_corrupt)
    channels, height, width = records.info.shape
    size, path = config.networks.image_size, records.path
    if field not in records.fields:
        known = ", ".join(records.fields) or "none"
        raise ValueError(f"{path}: no field `{field}`, which {role} need; fields: {known}")
    if records.info.dtype != "uint8" or channels not in (1, 3):
        raise ValueError(
            f"{path}: {channels} channels of {records.info.dtype}, gray or RGB of uint8 expected"
        )
    if channels == 1 and not config.networks.grayscale:
        raise ValueError(f"{path}: gray images; give --set networks.grayscale=True")
    fits = (height, width) == (size, size) if exact else min(height, width) >= size
    if not fits:
        wanted = f"{size}x{size}" if exact else f"at least {size}x{size} (crops are cut out)"
        raise ValueError(f"{path}: images of {height}x{width} pixels, {wanted} expected for {role}")
    return records


def _test_rows(config):
    """Returns (rows to train on, rows to test on or None)."""
    data = config.data
    if data.folds:
        return _fold_rows(config)
    test = labelled(_open(config, "test", EXPRESSION)) if data.sets.get("test") else None
    return labelled(_open(config, "expressions", EXPRESSION)), test


def _fold_rows(config):
    """The same with `data.folds`: groups of subjects, or sets that are divided already."""
    data = config.data
    if data.sets.get("test"):
        raise ValueError("data.folds and a set for the role `test`: only one of them can be given")
    if not 0 <= data.fold < data.folds:
        raise ValueError(f"data.fold is {data.fold}, 0 to {data.folds - 1} expected")
    folder = Path(data.sets["expressions"])
    divided = sorted(folder.glob("fold*/train"))
    if divided:
        if len(divided) != data.folds:
            raise ValueError(f"{folder}: {len(divided)} folds, data.folds is {data.folds}")
        parts = (folder / f"fold{data.fold}" / part for part in ("train", "test"))
        return tuple(labelled(_open(config, "expressions", EXPRESSION, path=p)) for p in parts)
    expressions = _open(config, "expressions", EXPRESSION)
    if subjects_of(expressions) is None:
        raise ValueError(f"{expressions.path}: no field `{SUBJECTS[0]}`, which data.folds needs")
    rows = labelled(expressions).rows
    held = _groups(expressions, rows, data.folds, config.random_seed) == data.fold
    return tuple(Rows.of(expressions, EXPRESSION, rows[part]) for part in (~held, held))


def labelled(records: RecordSet) -> Rows:
    """The rows of a set that show a known expression (frames of a sequence between them do not)."""
    rows = np.flatnonzero(records.fields[EXPRESSION] >= 0)
    if not len(rows):
        raise ValueError(f"{records.path}: no record has a label in the field `{EXPRESSION}`")
    return Rows.of(records, EXPRESSION, rows)


def _validation_rows(config, train, test):
    """Returns (rows to train on, rows to validate on or None)."""
    source = config.validation.source
    if source == "none":
        return train, None
    if source == "test":
        if test is None:
            raise ValueError("validation.source is test, but there is no set for the role `test`")
        return train, test
    # Another seed than that of the test folds, from which these rows are what is left.
    groups = _groups(train.set, train.rows, config.validation.groups, config.random_seed + 1)
    held = groups == 0
    return tuple(Rows.of(train.set, EXPRESSION, train.rows[part]) for part in (~held, held))


def _groups(records, rows, count, seed):
    """The group of each row; without subjects every picture is one of its own."""
    subjects = subjects_of(records)
    subjects = rows if subjects is None else subjects[rows]
    try:
        return make_folds(subjects, count, seed)
    except ValueError as error:
        raise ValueError(f"{records.path}: {error}") from None


def subjects_of(records: RecordSet) -> np.ndarray | None:
    """Who is shown in each record of a set, or None."""
    return next((records.fields[name] for name in SUBJECTS if name in records.fields), None)


def pair(
    places: np.ndarray,
    epoch: int,
    num_faces: int,
    num_expressions: int,
    seed: int = 0,
    repair: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns which face and which expression belong to places of an epoch's list of pairs.

    The larger set is gone through once, the smaller one again and again.

    Args:
      places: int array in [0, max(num_faces, num_expressions)).
      epoch: int.
      num_faces, num_expressions: int.
      seed, repair: with `repair`, expressions come in another order every epoch.

    Returns:
      (int64 array of faces, int64 array of expressions).
    """
    places = np.asarray(places, np.int64)
    faces, expressions = places % num_faces, places % num_expressions
    if repair:
        expressions = order.indices(epoch * num_expressions + expressions, num_expressions, seed)
    return faces, expressions


class Pairs:
    """Batches of pairs of a face and an expression.

    Args:
      data: `Data`.
      schedule: `schedule.Schedule`.
      seed: int, of the order of an epoch.
      repair: see `pair`.
    """

    def __init__(self, data: Data, schedule: Schedule, seed: int, repair: bool = False):
        self._data, self._schedule = data, schedule
        self._seed, self._repair = seed, repair
        self._failure = None

    def batch(self, number: int) -> dict[str, np.ndarray]:
        """Reads a batch.

        Args:
          number: int, of the step since the beginning of training.

        Returns:
          {`faces` uint8 [B, C, S, S], `identities` int64 [B], `expressions` uint8 [B, C, H, W],
          `labels` int64 [B]}.
        """
        schedule, (faces, expressions) = self._schedule, (self._data.faces, self._data.expressions)
        epoch, step = divmod(int(number), schedule.steps)
        begin = step * schedule.train.batch_size
        end = min(begin + schedule.train.batch_size, schedule.epoch_images)
        positions = epoch * schedule.count + np.arange(begin, end)
        places = order.indices(positions, schedule.count, self._seed)
        face, expression = pair(
            places, epoch, len(faces), len(expressions), self._seed + 1, self._repair
        )
        return {
            "faces": faces.read(face),
            "identities": faces.labels[face],
            "expressions": expressions.read(expression),
            "labels": expressions.labels[expression],
        }

    def iterate(self, number: int, prefetch: int = 2) -> Iterator[dict[str, tf.Tensor]]:
        """Iterates over batches without end, from a step on.

        Raises:
          ValueError: a record cannot be read (it is named).
        """
        import tensorflow as tf

        names = ("faces", "identities", "expressions", "labels")

        def read(step):
            try:
                batch = self.batch(step)
            except (ValueError, OSError) as error:
                self._failure = error
                raise
            return [batch[name] for name in names]

        def load(step):
            types = [tf.uint8, tf.int64] * 2
            return dict(zip(names, tf.numpy_function(read, [step], types, stateful=False)))

        steps = tf.data.Dataset.range(number, np.iinfo(np.int64).max)
        batches = steps.map(load, num_parallel_calls=2, deterministic=True).prefetch(prefetch)
        try:
            yield from batches
        except tf.errors.OpError as error:
            if self._failure is None or str(self._failure) not in str(error):
                raise
            raise self._failure from None
