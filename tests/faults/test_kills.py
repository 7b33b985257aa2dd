"""Runs of every system that are killed again and again end with the bits of one that never was.

`TF_FACEGAN_KILLS` says how often a run is killed (20), `TF_FACEGAN_KILL_SEED` where (0).
"""

import os
import random
import signal
import time

import numpy as np
import pytest
import tensorflow as tf

from tests.faults import systems
from tf_facegan.engine.run_folder import CONFIG, DONE

KILLS = int(os.environ.get("TF_FACEGAN_KILLS", 20))
SEED = int(os.environ.get("TF_FACEGAN_KILL_SEED", 0))
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
# A checkpoint after every iteration: many of the kills find one half-written.
OPTIONS = {"runtime.checkpoint_minutes": 0}
TIMEOUT = 900

pytestmark = pytest.mark.slow


def newest(run):
    """Images of the newest checkpoint of a run, or None."""
    names = sorted(path.name for path in run.glob("checkpoints/ckpt-*")) if run else []
    return int(names[-1].partition("-")[2]) if names else None


def run_of(results):
    """The run folder, as soon as it is one that can be resumed."""
    found = [path.parent for path in results.glob(f"*/{CONFIG}")]
    return found[-1] if found else None


def wait_for(process, results, condition):
    """Waits until a condition of the newest checkpoint holds; False if the process ends first."""
    end = time.monotonic() + TIMEOUT
    while process.poll() is None:
        assert time.monotonic() < end, "the run does not get on"
        if condition(newest(run_of(results))):
            return True
        time.sleep(0.001)
    return False


class Killed:
    """A run that is killed and started again until it ends."""

    def __init__(self, system, sets, folder, iterations, seed):
        self.system, self.sets, self.iterations = system, sets, iterations
        self.results, self.output = folder / "results", folder / "output.txt"
        self.results.mkdir(parents=True)
        self.random = random.Random(f"{system.preset} {seed}")
        self.log = []

    def start(self):
        run = run_of(self.results)
        if run is None:  # killed before there was anything to resume
            words = self.system.flags(self.sets, self.results, self.iterations, **OPTIONS)
        else:
            words = ["--resume", run, "--result_dir", self.results]
        return systems.start("train.py", words, self.output)

    def kill(self, step_images):
        """Starts the run and kills it at a random moment; False if it ended before."""
        before = newest(run_of(self.results))
        process = self.start()
        number = self.random.choice(SIGNALS)
        if self.random.random() < 0.2:  # anywhere, starting up included
            time.sleep(self.random.uniform(0, 8))
            early = True
        else:
            early = False
            ahead = self.random.randint(1, 3) * step_images
            target = (before or 0) + ahead
            reached = wait_for(process, self.results, lambda n: n is not None and n >= target)
            if not reached:
                assert process.returncode == 0, self.output.read_text()
                return False
            time.sleep(self.random.uniform(0, 0.05))
        kept = newest(run_of(self.results))
        process.send_signal(number)
        code = process.wait(timeout=TIMEOUT)
        if code == 0:  # it was about to end
            return False
        text = self.output.read_text()
        expected = {-number, 128 + number} | ({130, 1} if early else set())
        assert code in expected, (number, code, text)
        assert "Traceback" not in text, text
        after = newest(run_of(self.results))
        assert (after or 0) >= (kept or 0), "a checkpoint is gone"
        if code == 128 + number and f"Stopped by {number.name}" in text:
            assert after is not None and f"at {after / 1000:.1f} kimg" in text, text
        self.log.append(f"{number.name} at {after}")
        return True

    def finish(self):
        process = self.start()
        assert process.wait(timeout=TIMEOUT) == 0, self.output.read_text()


def contents(run):
    """Everything that a finished run ends with: {what: bytes or array}."""
    found = {}
    with np.load(run / "network-final.npz") as file:
        found.update({f"network/{name}": file[name] for name in file.files})
    (last,) = sorted(run.glob("checkpoints/ckpt-*"))[-1:]
    reader = tf.train.load_checkpoint(str(last / "state"))
    for name in reader.get_variable_to_shape_map():
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH":
            found[f"checkpoint/{name}"] = reader.get_tensor(name)
    for pattern in ("fakes*.png", "metric-*.jsonl", "history.csv"):
        found.update({path.name: np.array(path.read_bytes()) for path in run.glob(pattern)})
    return found


@pytest.mark.parametrize("name", systems.SYSTEMS)
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bits(name, tmp_path, capsys):
    system, iterations = systems.SYSTEMS[name], max(12, 3 * KILLS)
    sets = system.write(tmp_path / "sets")
    whole = Killed(system, sets, tmp_path / "whole", iterations, SEED)
    whole.finish()
    expected = contents(run_of(whole.results))
    broken = Killed(system, sets, tmp_path / "broken", iterations, SEED)
    step_images = newest(run_of(whole.results)) // iterations
    kills = sum(broken.kill(step_images) for _ in range(KILLS))
    if not (run_of(broken.results) / DONE).exists():
        broken.finish()
    found = contents(run_of(broken.results))
    assert found.keys() == expected.keys()
    different = [key for key in expected if found[key].tobytes() != expected[key].tobytes()]
    assert not different, different[:20]
    assert not list(run_of(broken.results).glob("checkpoints/.ckpt-*"))
    with capsys.disabled():
        print(f"\nkills {name}: {kills} of {KILLS}, same bits ({'; '.join(broken.log)})")
