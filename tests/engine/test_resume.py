"""A run killed at any step and resumed ends with the bits of one that never stopped."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests import tiny
from tf_facegan.engine import run_folder

ROOT = Path(__file__).parents[2]
# An iteration consumes 16 images; the fade lasts from image 64 to 128.
KILLS = {"before the fade": 3, "inside the fade": 6, "at full resolution": 11}

# Runs train.py and kills its own process, unannounced, after some iterations.
KILLED = """
import os, signal, sys
import train
from tf_facegan.tbgan.trainer import Trainer
iteration, left = Trainer.iteration, [int(sys.argv[1])]
def killing(self, *args):
    if not left[0]:
        os.kill(os.getpid(), signal.{signal})
    left[0] -= 1
    return iteration(self, *args)
Trainer.iteration = killing
sys.exit(train.main(sys.argv[2:]))
"""


def run(kill_after, *args, kill="SIGKILL"):
    code = KILLED.replace("{signal}", kill)
    command = [sys.executable, "-c", code, str(kill_after), *map(str, args)]
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)


def new_run(kill_after, faces, results, **options):
    flags = ["--preset", "demo", "--dataset", faces, "--result_dir", results]
    return run(kill_after, *flags, *tiny.set_flags({}), **options)


def final_networks(results):
    with np.load(run_folder.locate("latest", results).path / "network-final.npz") as file:
        return {key: file[key] for key in file.files}


@pytest.fixture(scope="module")
def uninterrupted(faces, tmp_path_factory):
    results = tmp_path_factory.mktemp("uninterrupted")
    done = new_run(10**6, faces, results)
    assert done.returncode == 0, done.stderr
    return final_networks(results)


@pytest.mark.parametrize("where", KILLS)
def test_killed_and_resumed_ends_with_the_same_bits(where, faces, uninterrupted, tmp_path):
    killed = new_run(KILLS[where], faces, tmp_path)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = run(10**6, "--resume", "latest", "--result_dir", tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert "Resumed at" in resumed.stdout
    networks = final_networks(tmp_path)
    assert networks.keys() == uninterrupted.keys()
    for name, value in networks.items():
        assert value.tobytes() == uninterrupted[name].tobytes(), name


@pytest.mark.parametrize("kill", ("SIGTERM", "SIGINT"))
def test_a_signal_finishes_the_step_and_checkpoints(kill, faces, uninterrupted, tmp_path):
    stopped = new_run(6, faces, tmp_path, kill=kill)
    assert stopped.returncode == 128 + signal.Signals[kill], stopped.stderr
    # The signal arrived in the seventh iteration of 16 images; it was finished and kept.
    assert f"Stopped by {kill} at 0.1 kimg" in stopped.stdout
    run_path = run_folder.locate("latest", tmp_path).path
    assert sorted(run_path.glob("checkpoints/*"))[-1].name == "ckpt-000000000112"
    assert not (run_path / "network-final.npz").exists()
    resumed = run(10**6, "--resume", run_path, "--result_dir", tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    for name, value in final_networks(tmp_path).items():
        assert value.tobytes() == uninterrupted[name].tobytes(), name
    again = run(0, "--resume", run_path, "--result_dir", tmp_path)
    assert again.returncode == 1 and "nothing to resume" in again.stderr
