"""Long runs of every system: memory, step time and open files stay what they are.

`TF_FACEGAN_STEPS` says how many iterations (200), of which `TF_FACEGAN_SNAPSHOTS` (10) end with a
sheet and a snapshot. Time is the processor's, and taken relative to a fixed computation beside each
step: what other programs do to caches and clocks is in both.
"""

import collections
import gc
import os
import resource
import time

import numpy as np
import pytest
import tensorflow as tf

from tests.faults import systems
from tests.faults.test_not_finite import prepared
from tf_facegan.engine.eager import release
from tf_facegan.engine.loop import Loop

STEPS = int(os.environ.get("TF_FACEGAN_STEPS", 200))
SNAPSHOTS = int(os.environ.get("TF_FACEGAN_SNAPSHOTS", 10))
# Bytes that memory may grow after a phase's first third: in all, for each step, and for each sheet
# with its snapshot and checkpoint. TensorFlow leaves up to 48 bytes of eager tensors that no
# operation made, and that are not released (see `engine/eager.py`).
SLACK, A_STEP, A_SHEET = 16 << 20, 1 << 10, 64 << 10
MOST = 32 << 20  # bytes, however long a run is
SLOWER = 1.1  # the last tenth of the steps against the first
SHARE = 0.25  # of the steps, that a phase needs to be looked at

pytestmark = pytest.mark.slow


class Watched:
    """A trainer that notes time, memory and open files of every iteration."""

    def __init__(self, trainer, tick_kimg):
        self._trainer, self._tick_kimg = trainer, tick_kimg
        self._fixed = fixed_computation()
        self.seconds = collections.defaultdict(list)  # {phase: [(of a step, of the fixed one)]}
        self.memory, self.handles = collections.defaultdict(list), []
        self.written = collections.defaultdict(list)  # steps and sheets until then
        self.sheets = self.steps = 0

    def __getattr__(self, name):
        return getattr(self._trainer, name)

    def phase(self, progress):
        return Ticking(self._trainer.phase(progress), self._tick_kimg)

    def iteration(self, phase, batches, progress):
        began = time.process_time()
        values = self._trainer.iteration(phase, batches, progress)
        values = {name: float(np.asarray(release(value))) for name, value in values.items()}
        ended = time.process_time()
        self._fixed()
        self.seconds[kind_of(phase)].append((ended - began, time.process_time() - ended))
        self.steps += 1
        if progress.iteration % 10 == 0:
            gc.collect()
            with open("/proc/self/statm", encoding="ascii") as file:
                pages = int(file.read().split()[1])
            self.memory[kind_of(phase)].append(pages * resource.getpagesize())
            self.written[kind_of(phase)].append((self.steps, self.sheets))
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


def kind_of(phase):
    """What decides which functions a phase runs: the stage, or the level of detail."""
    now = getattr(phase, "now", None)
    return getattr(phase, "stage", None), now and (now.level, bool(now.fade))


def fixed_computation():
    """A function of small operations, as a tiny step is made of."""
    x = tf.random.stateless_uniform([4, 16, 16, 8], [0, 0])
    kernel = tf.random.stateless_uniform([3, 3, 8, 8], [0, 1], -0.1, 0.1)

    @tf.function
    def compute():
        y = x
        for _ in range(20):
            y = tf.tanh(tf.nn.conv2d(y, kernel, 1, "SAME"))
        return tf.reduce_sum(y)

    for _ in range(20):
        compute().numpy()
    return lambda: release(compute()).numpy()


def slower(seconds):
    """How many times as long the last tenth of the steps takes as the first, relative to the fixed
    computation, and by itself; steps in which functions are traced are left out.

    Args:
      seconds: array [steps, 2].
    """
    typical = np.median(seconds, axis=0)
    kept = seconds[(seconds < 5 * typical).all(axis=1)]
    tenth = max(5, len(kept) // 10)
    step, fixed = (kept[-tenth:].mean(axis=0) / kept[:tenth].mean(axis=0)).tolist()
    return step / fixed, step


def allowed(written):
    """Bytes that memory may grow while steps and sheets are written: array [moments, 2]."""
    steps, sheets = written[-1] - written[0]
    return min(MOST, SLACK + A_STEP * steps + A_SHEET * sheets)


def growth(memory):
    """How memory grew, for people: its start, and what was added by each third of the rest."""
    third = len(memory) // 3
    ends = [max(memory[: third * part]) for part in (1, 2)] + [max(memory)]
    added = ", ".join(f"{(end - memory[0]) / 2**20:.1f}" for end in ends)
    return f"{memory[0] >> 20} MB + {added} MB"


def test_steps_that_get_slower_are_seen():
    steps = np.stack([np.linspace(1.0, 1.3, 200), np.ones(200)], axis=1)
    assert slower(steps)[0] > SLOWER
    steps[:, 1] = steps[:, 0]  # so does everything else
    assert slower(steps) == (1.0, pytest.approx(1.28, abs=0.02))


@pytest.mark.parametrize("name", systems.SYSTEMS)
def test_a_long_run_stays_as_it_is(name, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tests.faults.test_not_finite.ITERATIONS", STEPS)
    trainer, run, config = prepared(name, tmp_path)
    watched = Watched(trainer, trainer.total_images / SNAPSHOTS / 1000)
    began = time.process_time()
    runtime = type(config.runtime)(checkpoint_minutes=1e9)
    Loop(watched, run, runtime, 1, 1).train()
    assert watched.steps >= STEPS / 2
    # A phase of its own has functions of its own: memory is flat when they are traced.
    phases = [k for k, found in watched.seconds.items() if len(found) >= SHARE * watched.steps]
    ratios = [slower(np.array(watched.seconds[key])) for key in phases]
    memory = [watched.memory[key][len(watched.memory[key]) // 3 :] for key in phases]
    grown = [max(found) - found[0] for found in memory]
    written = [np.array(watched.written[key][len(watched.written[key]) // 3 :]) for key in phases]
    limits = [allowed(one) for one in written]
    third = len(watched.handles) // 3
    assert ratios
    with capsys.disabled():
        times = ", ".join(f"x {relative:.2f} ({alone:.2f} alone)" for relative, alone in ratios)
        print(
            f"\nlong run {name}: {watched.steps} steps, {watched.sheets} sheets, memory "
            f"{' and '.join(map(growth, memory))} "
            f"({', '.join(f'{limit / 2**20:.1f}' for limit in limits)} MB allowed), "
            f"step time {times}, "
            f"{watched.handles[third]} to {watched.handles[-1]} open files; "
            f"{time.process_time() - began:.0f} s of processor time"
        )
    assert all(found < limit for found, limit in zip(grown, limits))
    assert watched.handles[-1] <= watched.handles[third]
    assert max(relative for relative, _ in ratios) < SLOWER
