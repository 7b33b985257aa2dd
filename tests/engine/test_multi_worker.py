"""Several machines, played by processes on loopback."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests import tiny
from tf_facegan.engine import run_folder
from tf_facegan.engine.run_folder import DONE

ROOT = Path(__file__).parents[2]
BATCH = 1000

# The loop under a trainer that counts on all workers; arguments: run folder, iterations, seconds an
# iteration takes.
COUNTING = f"""
import sys, time, types
import tensorflow as tf
from tf_facegan import command_line
from tf_facegan.engine import devices
from tf_facegan.engine.loop import Loop, Stopped
from tf_facegan.engine.run_folder import RunFolder
from tf_facegan.engine.workers import Workers
from tests.engine.test_loop import Counter

class Together(Counter):
    def __init__(self, strategy, iterations, seconds):
        self.strategy, self.seconds = strategy, seconds
        self.total_images = iterations * {BATCH}
        with strategy.scope():
            self.count = tf.Variable(0.0)

    def iteration(self, phase, batches, progress):
        time.sleep(self.seconds)
        self.images = progress.images + phase.images
        self.step()
        return {{"Loss/one": 1.0}}

    @tf.function
    def step(self):
        def add():
            replicas = tf.distribute.get_replica_context()
            self.count.assign_add(replicas.all_reduce("SUM", tf.constant(1.0)))
        self.strategy.run(add)

def main(_):
    strategy = devices.make_strategy()
    workers = Workers(strategy)
    trainer = Together(strategy, int(sys.argv[2]), float(sys.argv[3]))
    settings = types.SimpleNamespace(checkpoint_minutes=10.0, keep_checkpoints=2)
    try:
        Loop(trainer, RunFolder(sys.argv[1]), settings, 1, 1, workers).train()
    except Stopped as stop:
        return 128 + stop.signal
    finally:
        print("count", int(trainer.count.numpy()), "images", trainer.images, flush=True)

sys.exit(command_line.run(main, None))
"""


def environment(ports, number):
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    config = {"cluster": cluster, "task": {"type": "worker", "index": number}}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    return {**os.environ, **quiet, "TF_CONFIG": json.dumps(config)}


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start(*commands):
    """Starts a worker for each command line (words after `python`)."""
    ports = free_ports(len(commands))
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT}
    return [
        subprocess.Popen([sys.executable, *map(str, words)], env=environment(ports, n), **pipes)
        for n, words in enumerate(commands)
    ]


def ends(workers, timeout=300):
    """Returns [(exit code, stdout, stderr)] of the workers."""
    try:
        outputs = [worker.communicate(timeout=timeout) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    return [(worker.returncode, *output) for worker, output in zip(workers, outputs)]


def count_together(*folders, iterations=400, seconds=0.05):
    for folder in folders:
        folder.mkdir(exist_ok=True)
    return start(*(["-c", COUNTING, folder, iterations, seconds] for folder in folders))


def wait_for_ticks(run, workers, ticks=2):
    deadline = time.monotonic() + 120
    log = run / "log.txt"
    while not (log.is_file() and log.read_text().count("tick") >= ticks):
        assert time.monotonic() < deadline
        assert all(worker.poll() is None for worker in workers), ends(workers)
        time.sleep(0.05)


def counted(output):
    """(count, images) that a worker printed at its end."""
    return tuple(map(int, re.search(r"count (\d+) images (\d+)", output).groups()))


def checkpoint_images(run):
    newest = sorted((run / "checkpoints").glob("ckpt-*"))[-1]
    return json.loads((newest / "progress.json").read_text())["images"]


def test_a_signal_to_one_stops_all_after_the_same_step_and_all_resume(tmp_path):
    run = tmp_path / "run"
    workers = count_together(run, run)
    wait_for_ticks(run, workers)
    workers[1].send_signal(signal.SIGTERM)
    chief, other = ends(workers)
    assert (chief[0], other[0]) == (128 + signal.SIGTERM,) * 2, (chief, other)
    images = checkpoint_images(run)
    assert 0 < images < 400 * BATCH
    assert counted(chief[1]) == counted(other[1]) == (2 * images / BATCH, images)
    assert "Stopped by SIGTERM" in chief[1] and "Stopped" not in other[1]
    assert (run / "log.txt").read_text().count("Stopped by SIGTERM") == 1

    iterations = images // BATCH + 4
    chief, other = ends(count_together(run, run, iterations=iterations, seconds=0))
    assert (chief[0], other[0]) == (0, 0), (chief, other)
    assert counted(chief[1]) == counted(other[1]) == (2 * iterations, iterations * BATCH)
    assert (run / DONE).is_file()
    with np.load(run / "network-final.npz") as file:
        assert file["G/count"] == 2 * iterations
    assert len(list(run.glob("events.*"))) == 2  # the chief's, once a start


@pytest.mark.parametrize("victim", (pytest.param(0, marks=pytest.mark.slow), 1))
def test_when_a_worker_dies_the_others_end(victim, tmp_path):
    run = tmp_path / "run"
    workers = count_together(run, run)
    wait_for_ticks(run, workers)
    workers[victim].kill()
    died = time.monotonic()
    left = ends(workers)[1 - victim]
    assert time.monotonic() - died < 60
    assert left[0] == 1
    lines = left[2].strip().splitlines()
    expected = (
        rf"error: worker {1 - victim} of 2 ends: worker {victim} \(127.0.0.1:\d+\) is gone; .*"
    )
    assert len(lines) == 1 and re.fullmatch(expected, lines[0]), left[2]
    if victim == 1:
        assert lines[0][len("error: ") :] in (run / "log.txt").read_text()
    # Ticks come every third iteration, with a checkpoint.
    images = checkpoint_images(run)
    assert images % (3 * BATCH) == 0
    iterations = images // BATCH + 2
    chief, _ = ends(count_together(run, run, iterations=iterations, seconds=0))
    assert chief[0] == 0 and f"Resumed at {images / 1000:.1f} kimg" in chief[1]
    assert counted(chief[1]) == (2 * iterations, iterations * BATCH)


@pytest.mark.slow
@pytest.mark.parametrize("victim", (0, 1))
def test_when_a_worker_hangs_the_others_end(victim, tmp_path):
    run = tmp_path / "run"
    workers = count_together(run, run)
    wait_for_ticks(run, workers)
    workers[victim].send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    try:
        code = workers[1 - victim].wait(timeout=60)
        assert time.monotonic() - stopped < 60
    finally:
        workers[victim].kill()
    error = workers[1 - victim].stderr.read().strip()
    assert code == 1
    assert re.fullmatch(rf"error: worker {1 - victim} of 2 ends: .* is gone; .*", error), error


@pytest.mark.slow
def test_a_worker_that_sees_other_checkpoints_is_refused(tmp_path):
    shared = tmp_path / "shared"
    results = ends(count_together(shared, shared, iterations=3, seconds=0))
    assert [code for code, *_ in results] == [0, 0], results
    (shared / DONE).unlink()
    for code, _, error in ends(count_together(shared, tmp_path / "own", iterations=6, seconds=0)):
        assert code == 1
        assert "the workers read different checkpoints (3.000 kimg, none)" in error


def test_a_port_in_use_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-c", COUNTING, str(tmp_path), "1", "0"]
        options = {"cwd": ROOT, "capture_output": True, "text": True, "timeout": 120}
        done = subprocess.run(command, env=environment([port, 1], 0), **options)
    assert done.returncode == 1
    expected = (
        f"error: TF_CONFIG: this worker cannot listen at 127.0.0.1:{port} (is the port free?)"
    )
    assert expected in done.stderr


def train(*args):
    words = ["train.py", *map(str, args)]
    command, env = [sys.executable, *words], {**environment([1], 0), "TF_CONFIG": ""}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


def final_networks(results):
    with np.load(run_folder.locate("latest", results).path / "network-final.npz") as file:
        return dict(file)


@pytest.mark.slow
def test_two_workers_give_the_weights_of_one_stopped_or_not(faces, tmp_path):
    # Adam's step is lr * sign(gradient) without an epsilon, so that the rounding of a gradient next
    # to zero would decide. The preset's `loss.detail` makes gradients up to 25 times as large.
    changes = {"G_opt.epsilon": 25e-4, "D_opt.epsilon": 25e-4, "schedule.minibatch_base": 16}
    flags = ["--preset", "demo", "--dataset", faces, *tiny.set_flags(changes)]
    train(*flags, "--result_dir", tmp_path / "one")
    together = ["train.py", *flags, "--result_dir", tmp_path / "two"]
    for code, _, error in ends(start(together, together), timeout=900):
        assert code == 0, error
    assert len(list((tmp_path / "two").iterdir())) == 1
    one, two = final_networks(tmp_path / "one"), final_networks(tmp_path / "two")
    assert one.keys() == two.keys()
    for name, value in one.items():
        np.testing.assert_allclose(two[name], value, atol=1e-5, err_msg=name)

    stopped = ["train.py", *flags, "--result_dir", tmp_path / "stopped"]
    workers = start(stopped, stopped)
    while not list((tmp_path / "stopped").glob("*/checkpoints/ckpt-*")):
        assert all(worker.poll() is None for worker in workers), ends(workers)
        time.sleep(0.05)
    workers[1].send_signal(signal.SIGTERM)  # while it traces the first step
    assert [code for code, *_ in ends(workers)] == [128 + signal.SIGTERM] * 2
    resumed = ["train.py", "--resume", "latest", "--result_dir", tmp_path / "stopped"]
    for code, _, error in ends(start(resumed, resumed), timeout=900):
        assert code == 0, error
    for name, value in final_networks(tmp_path / "stopped").items():
        assert value.tobytes() == two[name].tobytes(), name
