"""A run killed at any step and resumed ends with the bits of one that never stopped."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
# 6 steps an epoch, 3 epochs, a generator step every second.
KILLS = {"between both steps of the generator": 3, "in the second epoch": 8, "rates fall": 14}

# Trains in a folder with the engine's loop, going on where a checkpoint is; kills its own process,
# unannounced, after some iterations.
TRAIN = """
import os, signal, sys
from pathlib import Path
import tensorflow as tf
from tests.ganimation import tiny
from tf_facegan.engine import devices
from tf_facegan.engine.loop import Loop
from tf_facegan.engine.run_folder import RunFolder
from tf_facegan.ganimation.trainer import Trainer

faces, folder, left = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
tf.config.experimental.enable_op_determinism()
folder.mkdir(exist_ok=True)
config = tiny.config_for(faces, **{"data.flip": 0.5, "loss.use_virtual": True})
trainer = Trainer(config, devices.make_strategy(1))
iteration = trainer.iteration
def killing(*args):
    global left
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return iteration(*args)
trainer.iteration = killing
Loop(trainer, RunFolder(folder), config.runtime, 1, config.train.network_snapshot_ticks).train()
"""


def run(faces, folder, kill_after=-1):
    command = [sys.executable, "-c", TRAIN, str(faces), str(folder), str(kill_after)]
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)


def final_networks(folder):
    with np.load(folder / "network-final.npz") as file:
        return {key: file[key] for key in file.files}


@pytest.fixture(scope="module")
def uninterrupted(au_faces, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted") / "run"
    done = run(au_faces, folder)
    assert done.returncode == 0, done.stderr
    # A line every 4 steps, a snapshot every second line and at the end.
    lines = [line for line in done.stdout.splitlines() if line.startswith("tick")]
    assert len(lines) == 5 and "epoch 3/3 step 6/6" in lines[-1]
    snapshots = sorted(path.name for path in folder.glob("network-*.npz"))
    assert len(snapshots) == 2 and (folder / "fakes000000.png").is_file()
    return final_networks(folder)


@pytest.mark.parametrize(
    "where", [pytest.param(w, marks=pytest.mark.slow) if i != 1 else w for i, w in enumerate(KILLS)]
)
def test_killed_and_resumed_ends_with_the_same_bits(where, au_faces, uninterrupted, tmp_path):
    folder = tmp_path / "run"
    killed = run(au_faces, folder, KILLS[where])
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = run(au_faces, folder)
    assert resumed.returncode == 0, resumed.stderr
    assert "Resumed at" in resumed.stdout
    networks = final_networks(folder)
    assert networks.keys() == uninterrupted.keys()
    for name, value in networks.items():
        assert value.tobytes() == uninterrupted[name].tobytes(), name
