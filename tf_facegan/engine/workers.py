"""The processes that train together, one a machine: what they tell each other, and losing one."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tf_facegan.engine import devices

# What TensorFlow raises in the others when a worker is gone.
_LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)
_ABORTED = "Collective ops is aborted"


class Workers:
    """All processes of a run; usually this one alone.

    Args:
      strategy: `tf.distribute.Strategy` of the run; None is this process alone.

    Attributes:
      number: int, of this process; count: int, of all.
      is_chief: bool; only the chief, number 0, writes into the run folder.
    """

    def __init__(self, strategy: tf.distribute.Strategy | None = None):
        self._strategy = strategy
        addresses, self.number = devices.worker_addresses(strategy) if strategy else ([], 0)
        self._addresses = addresses
        self.count = max(len(addresses), 1)
        self.is_chief = self.number == 0
        self._all_tables = tf.function(self._sum_tables)

    def gather(self, numbers: list[int]) -> np.ndarray:
        """Collects numbers from all workers; all have to call it at the same place.

        Args:
          numbers: list of n ints below 2**53.

        Returns:
          int64 array [workers, n], the same everywhere.
        """
        if self.count == 1:
            return np.array([numbers], np.int64)
        table = np.zeros([self.count, len(numbers)])
        table[self.number] = numbers
        return np.array(self._all_tables(tf.constant(table)), np.int64)

    def wait(self) -> None:
        """Returns when all workers have called it."""
        self.gather([0])

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Turns what TensorFlow raises when another worker is gone into a ConnectionError."""
        try:
            yield
        except tf.errors.OpError as error:
            if self.count == 1 or not (isinstance(error, _LOST) or _ABORTED in str(error)):
                raise
            raise ConnectionError(
                f"worker {self.number} of {self.count} ends: {self._whom(str(error))} is gone; "
                "start all of them again with --resume to go on from the last checkpoint"
            ) from None

    def _sum_tables(self, table):
        def add(table):
            replicas = tf.distribute.get_replica_context()
            here = len(self._strategy.extended.worker_devices)
            first = replicas.replica_id_in_sync_group % here == 0
            table = tf.where(first, table, tf.zeros_like(table))
            return replicas.all_reduce(tf.distribute.ReduceOp.SUM, table)

        tables = self._strategy.run(add, args=(table,))
        return self._strategy.experimental_local_results(tables)[0]

    def _whom(self, message):
        """The worker that an error message of TensorFlow names."""
        for kind, task in re.findall(r"/job:(\w+)/(?:replica:\d+/)?task:(\d+)", message):
            number = devices.worker_number(self._strategy, kind, int(task))
            if number != self.number:
                return f"worker {number} ({self._addresses[number]})"
        return "another worker"
