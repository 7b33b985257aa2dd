"""Long runs of every system: memory, step time and open files stay what they are.

`TF_FACEGAN_STEPS` says how many iterations (200), of which `TF_FACEGAN_SNAPSHOTS` (10) end with a
sheet and a snapshot.
"""

import gc
import os
import resource
import time

import numpy as np
import pytest

from tests.faults import systems
from tests.faults.test_not_finite import prepared
from tf_facegan.engine.loop import Loop

STEPS = int(os.environ.get("TF_FACEGAN_STEPS", 200))
SNAPSHOTS = int(os.environ.get("TF_FACEGAN_SNAPSHOTS", 10))
GROWTH = 32 << 20  # bytes that memory may grow after the first third, whatever the length
SLOWER = 1.1  # the last tenth of the steps against the first

pytestmark = pytest.mark.slow


class Watched:
    """A trainer that notes time, memory and open files of every iteration."""

    def __init__(self, trainer, images):
        self._trainer, self.total_images = trainer, images
        self.seconds, self.memory, self.handles, self.sheets = [], [], [], 0

    def __getattr__(self, name):
        return getattr(self._trainer, name)

    def iteration(self, phase, batches, progress):
        began = time.process_time()
        values = self._trainer.iteration(phase, batches, progress)
        values = {name: float(np.asarray(value)) for name, value in values.items()}
        self.seconds.append(time.process_time() - began)
        if progress.iteration % 10 == 0:
            gc.collect()
            with open("/proc/self/statm", encoding="ascii") as file:
                self.memory.append(int(file.read().split()[1]) * resource.getpagesize())
            self.handles.append(len(os.listdir("/proc/self/fd")))
        return values

    def write_samples(self, run, kimg):
        self.sheets += 1
        self._trainer.write_samples(run, kimg)


class Ticking:
    """A phase with ticks of its own."""

    def __init__(self, phase, tick_kimg):
        self._phase, self.tick_kimg = phase, tick_kimg

    def __getattr__(self, name):
        return getattr(self._phase, name)


@pytest.mark.parametrize("name", systems.SYSTEMS)
def test_a_long_run_stays_as_it_is(name, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tests.faults.test_not_finite.ITERATIONS", STEPS)
    trainer, run, config = prepared(name, tmp_path)
    watched = Watched(trainer, trainer.total_images)
    tick = trainer.total_images / SNAPSHOTS / 1000
    phase = trainer.phase
    watched.phase = lambda progress: Ticking(phase(progress), tick)
    runtime = type(config.runtime)(checkpoint_minutes=1e9)
    Loop(watched, run, runtime, 1, 1).train()
    steps, third = len(watched.seconds), len(watched.memory) // 3
    assert steps >= STEPS / 2
    grown = max(watched.memory[third:]) - watched.memory[third]
    # The same number of early and late steps, after those in which functions are traced.
    tenth = max(5, steps // 10)
    typical = np.median(watched.seconds)
    early = [s for s in watched.seconds[: steps // 2] if s < 5 * typical][:tenth]
    ratio = np.median(watched.seconds[-tenth:]) / np.median(early)
    with capsys.disabled():
        print(
            f"\nlong run {name}: {steps} steps, {watched.sheets} sheets, memory "
            f"{watched.memory[third] >> 20} MB + {grown >> 20} MB, step time x {ratio:.2f}, "
            f"{watched.handles[third]} to {watched.handles[-1]} open files"
        )
    assert grown < GROWTH
    assert watched.handles[-1] <= watched.handles[third]
    assert ratio < SLOWER
