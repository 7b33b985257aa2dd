"""The same work on many files by all cores, with a progress bar."""

from __future__ import annotations

import concurrent.futures
import functools
import multiprocessing
import os
from collections.abc import Callable, Sequence
from typing import Any

import cv2
from tqdm import tqdm

from tf_facegan.records.work import interrupts_held

WORTH_A_POOL = 6  # items; fewer are done sooner than processes start


class Workers:
    """Processes that stay for several rounds of work; a context manager.

    They are spawned, not forked: forked ones inherit the locks of OpenCV's threads. One worker, or
    a few items, work in this process.
    """

    def __init__(self, workers: int | None, items: int):
        """Prepares for rounds of `items` items.

        Args:
          workers: int, processes; None for one a core.
          items: int.

        Raises:
          ValueError: `workers` is less than 1.
        """
        if workers is not None and workers < 1:
            raise ValueError(f"--workers is {workers}, expected at least 1")
        self._count = 1 if items < WORTH_A_POOL else min(workers or os.cpu_count() or 1, items)
        self._pool = None

    def __enter__(self):
        if self._count > 1:
            self._pool = concurrent.futures.ProcessPoolExecutor(
                self._count,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_begin,
            )
        return self

    def __exit__(self, *_):
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def map(
        self,
        function: Callable[[Any, Any], Any],
        common: Any,
        items: Sequence[Any],
        description: str,
        unit: str = "mesh",
    ) -> list:
        """Calls `function(common, item)` for every item.

        Args:
          function: a function of a module (processes import it by name).
          common: what every call shares.
          items: list.
          description: what the progress bar says.
          unit: what an item is called there.

        Returns:
          list of results in the order of the items.

        Raises:
          Exception: the first error of a call; the context manager drops calls not yet started.
        """
        call = functools.partial(function, common)
        if self._pool is None:
            results = map(call, items)
        else:
            with interrupts_held():
                results = self._pool.map(call, items)
        bar = tqdm(results, total=len(items), desc=description, unit=unit, disable=None)
        return list(bar)


def _begin():
    cv2.setNumThreads(1)
