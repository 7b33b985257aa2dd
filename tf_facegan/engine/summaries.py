"""Scalars of a run: averaged over the time between two ticks, as PGGAN's autosummary does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tf_facegan.engine.disk import disk_errors
from tf_facegan.engine.eager import release, scalar

_PENDING_LIMIT = 256
_SKIPPED = ("overflow_frequency", "skipped")  # in names of shares of steps that were skipped
_STUCK = 5  # skipped iterations in a row


class Averages:
    """Means of scalars since the last flush.

    Values may be tensors; they are fetched in bulk, so that adding one does not wait for a device.
    A value that is not finite contributes nothing.
    """

    def __init__(self):
        self._sums, self._counts, self._pending = {}, {}, []
        self._not_finite, self._in_a_row = set(), {}

    def add(self, scalars: dict[str, tf.Tensor]) -> None:
        """Adds one evaluation: dict of name to scalar."""
        self._pending.append(scalars)
        if len(self._pending) >= _PENDING_LIMIT:
            self._collect()

    def not_finite(self) -> list[str]:
        """Returns the names of values that were infinite or not a number, sorted."""
        self._collect()
        return sorted(self._not_finite)

    def stuck(self) -> list[str]:
        """Returns the names of optimizers' shares of skipped steps, sorted, where no step was taken
        in the last iterations."""
        self._collect()
        return sorted(name for name, count in self._in_a_row.items() if count >= _STUCK)

    def flush(self) -> dict[str, float]:
        """Returns dict of name to mean (float) and starts anew."""
        self._collect()
        means = {name: self._sums[name] / count for name, count in self._counts.items()}
        self._sums, self._counts, self._not_finite = {}, {}, set()
        return means

    def _collect(self):
        for scalars in self._pending:
            for name, value in scalars.items():
                value = float(np.asarray(release(value)))
                if is_skipped_share(name):
                    self._in_a_row[name] = self._in_a_row.get(name, 0) + 1 if value == 1 else 0
                if np.isfinite(value):
                    self._sums[name] = self._sums.get(name, 0.0) + value
                    self._counts[name] = self._counts.get(name, 0) + 1
                else:
                    self._not_finite.add(name)
        self._pending = []


def mean_of_steps(steps: Sequence[dict[str, tf.Tensor]]) -> dict[str, tf.Tensor]:
    """Returns the means of what several steps of an iteration gave, dict of name to scalar; a step
    alone as it is. Done by one function: single operations would cost more than some steps."""
    return dict(steps[0] if len(steps) == 1 else _mean_of_steps(release(list(steps))))


@tf.function(autograph=False, reduce_retracing=False)
def _mean_of_steps(steps):
    return {name: sum(one[name] for one in steps) / len(steps) for name in steps[0]}


def is_skipped_share(name: str) -> bool:
    """Whether a scalar is the share of an optimizer's steps that were skipped, since a gradient was
    not finite."""
    return any(word in name for word in _SKIPPED)


class EventFile:
    """The TensorBoard events of a run folder; None keeps none. Closed at the end of a `with`."""

    def __init__(self, folder: str | Path):
        self._folder = folder
        self._writer = (
            tf.summary.create_noop_writer()
            if folder is None
            else tf.summary.create_file_writer(str(folder))
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with disk_errors(self._folder):
            self._writer.close()

    def scalars(self, values: dict[str, float], step: int) -> None:
        """Writes dict of name to float at `step` (images shown)."""
        step = scalar(step, tf.int64)
        with disk_errors(self._folder), self._writer.as_default(step=step):
            for name, value in values.items():
                tf.summary.scalar(name, scalar(value, tf.float32))
            self._writer.flush()

    def histograms(self, values: dict[str, np.ndarray], step: int) -> None:
        """Writes dict of name to array at `step`."""
        with disk_errors(self._folder), self._writer.as_default(step=step):
            for name, value in values.items():
                tf.summary.histogram(name, value)
            self._writer.flush()

    @contextlib.contextmanager
    def graph_of(self, name: str, step: int) -> Iterator[None]:
        """Writes the graphs of the functions that a block traces, as `name`."""
        tf.summary.trace_on(graph=True, profiler=False)
        try:
            yield
            with disk_errors(self._folder), self._writer.as_default(step=step):
                tf.summary.trace_export(name)
                self._writer.flush()
        finally:
            tf.summary.trace_off()
