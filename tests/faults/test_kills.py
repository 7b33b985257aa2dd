"""Runs of every system that are killed again and again end with the bits of one that never was.

`TF_FACEGAN_KILLS` says how often a run is killed (20), `TF_FACEGAN_KILL_SEED` where (0). The first
kill and every fifth are of `python train.py …` as typed, anywhere from its first line on; the
others are of processes that begin with TensorFlow imported (`preloaded.py`), when they are seen to
do what the kill is aimed at.
"""

import collections
import contextlib
import os
import random
import resource
import signal
import time

import numpy as np
import pytest
import tensorflow as tf

from tests.faults import preloaded, systems
from tf_facegan.engine.run_folder import CONFIG, DONE

KILLS = int(os.environ.get("TF_FACEGAN_KILLS", 20))
SEED = int(os.environ.get("TF_FACEGAN_KILL_SEED", 0))
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGINT)
# A checkpoint after every iteration: there are many moments to be killed at.
OPTIONS = {"runtime.checkpoint_minutes": 0}
UNSEEN = 5  # checkpoints, in which what a kill is aimed at may be missed
TIMEOUT = 3600  # seconds for a run, on a machine that others use

pytestmark = pytest.mark.slow


def newest(run):
    """Images of the newest checkpoint of a run, or None."""
    names = sorted(path.name for path in run.glob("checkpoints/ckpt-*")) if run else []
    return int(names[-1].partition("-")[2]) if names else None


def run_of(results):
    """The run folder, as soon as it is one that can be resumed."""
    found = [path.parent for path in results.glob(f"*/{CONFIG}")]
    return found[-1] if found else None


class Watch:
    """What a run folder shows of what the run is doing."""

    def __init__(self, run):
        self._run = run
        self._events = max(run.glob("events.*"), key=lambda path: path.stat().st_mtime)
        self._before = self._shown()

    def sees(self, aim):
        """Whether the run has begun what a kill is aimed at since the last look."""
        before, self._before = self._before, self._shown()
        return aim(before, self._before)

    def _shown(self):
        names, sheets = os.listdir(self._run), set()
        for name in names:
            if name.endswith(".png"):  # sheets, and the curves of a classifier
                with contextlib.suppress(FileNotFoundError):  # renamed meanwhile
                    sheets.add((name, (self._run / name).stat().st_mtime_ns))
        return {
            "checkpoints": set(os.listdir(self._run / "checkpoints")),
            "parts": {name for name in names if name.startswith(".network-")},
            "sheets": sheets,
            "events": self._events.stat().st_size,
            "log": (self._run / "log.txt").stat().st_size,
        }


def _begins(kind, start=""):
    def aim(before, now):
        return any(name.startswith(start) for name in now[kind] - before[kind])

    return aim


def _grows(kind):
    return lambda before, now: now[kind] > before[kind]


# What a kill is aimed at: how it shows in the run folder, and up to how many seconds later it is.
AIMS = {
    "step": (_begins("checkpoints", "ckpt-"), 0.1),
    "checkpoint": (_begins("checkpoints", "."), 0.02),
    "snapshot": (_begins("parts"), 0.005),
    "summary": (_grows("log"), 0.01),
    "sheet": (lambda before, now: before["sheets"] != now["sheets"], 0.005),
    "flush": (_grows("events"), 0.002),
}


class Killed:
    """A run that is killed and started again until it ends."""

    def __init__(self, name, sets, folder, iterations, server):
        self.system, self.sets, self.iterations = systems.SYSTEMS[name], sets, iterations
        self.results, self.output = folder / "results", folder / "output.txt"
        self.results.mkdir(parents=True)
        self.random = random.Random(f"{name} {SEED}")
        self.kinds, self.signals, self.halves = (collections.Counter() for _ in range(3))
        self._server, self.start_seconds = server, None

    @property
    def run(self):
        return run_of(self.results)

    def start(self, as_typed=False):
        if self.run is None:  # killed before there was anything to resume
            changes = {**OPTIONS, **self.system.often}
            words = self.system.flags(self.sets, self.results, self.iterations, **changes)
        else:
            words = ["--resume", self.run, "--result_dir", self.results]
        return (systems if as_typed else self._server).start("train.py", words, self.output)

    def kill(self, number):
        """Starts the run and kills it; False if it ended before."""
        before, sent = newest(self.run), SIGNALS[number % len(SIGNALS)]
        at_start = number % 5 == 0
        process = self.start(as_typed=at_start)
        if at_start:
            aim = "start"
            self._wait_in_start(process)
        else:
            aim = list(AIMS)[(number - number // 5 - 1) % len(AIMS)]
            aim = self._wait_for(process, aim)
            if aim is None:
                assert process.returncode == 0, self.output.read_text()
                return False
        kept = newest(self.run)
        process.send_signal(sent)
        code = process.wait(timeout=TIMEOUT)
        if code == 0:  # it was about to end
            return False
        self._check(sent, code, before, kept, at_start)
        self.kinds[aim] += 1
        self.signals[sent.name] += 1
        self.halves.update(_half_written(self.run))
        return True

    def _wait_for(self, process, aim):
        """Waits until a run that goes on does what is aimed at, or has made some checkpoints in
        which that was too short to be seen. Returns what the kill is at; None if the run ends
        first."""
        begins, delay = AIMS[aim]
        first, end = newest(self.run), time.monotonic() + TIMEOUT
        watch, made = None, set()
        while process.poll() is None:
            assert time.monotonic() < end, "the run does not get on"
            made.add(newest(self.run))
            if made == {first}:
                time.sleep(0.01)  # it starts
            elif watch is None:
                watch = Watch(self.run)
            elif watch.sees(begins):
                time.sleep(self.random.uniform(0, delay))
                return aim
            elif len(made) > UNSEEN:
                return "step"
            else:
                time.sleep(0.0005)
        return None

    def _wait_in_start(self, process):
        """Waits for a random part of a start; not after the run gets on, where this start
        is faster than the one that was timed."""
        first = newest(self.run)
        end = time.monotonic() + self.random.uniform(0, self.start_seconds)
        while time.monotonic() < end and process.poll() is None and newest(self.run) == first:
            time.sleep(0.01)

    def _check(self, sent, code, before, kept, at_start):
        text, after = self.output.read_text(), newest(self.run)
        if at_start:
            assert code in {-sent, 128 + sent, 130, 1}, (sent, code, text)
        else:
            assert code == (-sent if sent == signal.SIGKILL else 128 + sent), (sent, code, text)
        # Python itself prints one for Ctrl-C while it still imports.
        assert "Traceback" not in text or (sent == signal.SIGINT and "Run folder" not in text), text
        if not at_start:
            resumed = [line for line in text.splitlines() if line.startswith("Resumed at ")]
            expected = [] if before is None else [f"Resumed at {before / 1000:.1f} kimg"]
            assert resumed == expected, text
        assert (after or 0) >= (kept or 0), "a checkpoint is gone"
        if code == 128 + sent and f"Stopped by {sent.name}" in text:
            assert after is not None and f"at {after / 1000:.1f} kimg" in text, text

    def finish(self):
        """Starts the run, and waits for its end and notes when its first iteration was."""
        began, process = time.monotonic(), self.start()
        while process.poll() is None and not newest(self.run):
            time.sleep(0.05)
        self.start_seconds = time.monotonic() - began
        assert process.wait(timeout=TIMEOUT) == 0, self.output.read_text()


def _half_written(run):
    """Kinds of what a kill has left half-written."""
    hidden = [path.name for path in run.glob("**/.*")] if run else []
    return [
        kind
        for kind, start in (("checkpoint", ".ckpt-"), ("snapshot", ".network-"))
        if any(name.startswith(start) for name in hidden)
    ]


def contents(run):
    """Everything that a finished run ends with: {what: bytes or array}."""
    found = {}
    for path in run.glob("network-*.npz"):
        with np.load(path) as file:
            found.update({f"{path.stem}/{name}": file[name] for name in file.files})
    (last,) = sorted(run.glob("checkpoints/ckpt-*"))[-1:]
    reader = tf.train.load_checkpoint(str(last / "state"))
    for name in reader.get_variable_to_shape_map():
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH":
            found[f"checkpoint/{name}"] = reader.get_tensor(name)
    for pattern in ("fakes*.png", "metric-*.jsonl", "history.csv"):
        found.update({path.name: np.array(path.read_bytes()) for path in run.glob(pattern)})
    return found


def cpu_seconds():
    """Of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("name", systems.SYSTEMS)
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bits(name, tmp_path, capsys):
    began, iterations = cpu_seconds(), max(12, 5 * KILLS)
    sets = systems.SYSTEMS[name].write(tmp_path / "sets")
    with preloaded.Server(systems.ROOT, systems.environment(), name) as server:
        whole = Killed(name, sets, tmp_path / "whole", iterations, server)
        whole.finish()
        broken = Killed(name, sets, tmp_path / "broken", iterations, server)
        broken.start_seconds = whole.start_seconds
        kills = 0
        while kills < KILLS and broken.kill(kills):
            kills += 1
        if not (broken.run / DONE).exists():
            broken.finish()
    expected, found = contents(whole.run), contents(broken.run)
    assert found.keys() == expected.keys()
    different = [key for key in expected if found[key].tobytes() != expected[key].tobytes()]
    assert not different, different[:20]
    assert kills == KILLS, "the run ended before all kills were made"
    leftovers = [path.name for path in broken.run.glob("**/.*") if path.name != ".lock"]
    assert not leftovers
    with capsys.disabled():
        counts = (broken.kinds, broken.signals, broken.halves)
        kinds, signals, halves = (
            ", ".join(f"{count} {kind}" for kind, count in counter.items()) or "none"
            for counter in counts
        )
        print(
            f"\nkills {name}: {kills}, same bits; at {kinds}; by {signals}; left half-written: "
            f"{halves}; {cpu_seconds() - began:.0f} s of processor time"
        )
