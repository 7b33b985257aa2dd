"""A run stopped anywhere and resumed ends with the bits of one that never stopped."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.expression import tiny

ROOT = Path(__file__).parents[2]
# Iterations after which a run dies, without a checkpoint there, and is told to stop.
STOPS = {"autoencoder": (3, 7), "cwgan": (1, 3), "vgg16": (1, 2)}

# Trains without a stop; then again, dying in an iteration, going on, stopped by a signal in another
# one, and going on.
TRAIN = """
import ast, os, signal, sys
import train
from tf_facegan import systems

kind, results, flags = sys.argv[1], sys.argv[2], sys.argv[3:]
dies, stops = ast.literal_eval(os.environ["STOPS"])
Trainer = systems.get("expression-" + kind).part("trainer")
iteration, done, action = Trainer.iteration, [0], [None]

class Dies(BaseException):
    pass

def counting(self, phase, batches, progress):
    if action[0] == "die" and progress.iteration == dies:
        raise Dies
    if action[0] == "stop" and progress.iteration == stops:
        os.kill(os.getpid(), signal.SIGTERM)
    return iteration(self, phase, batches, progress)

Trainer.iteration = counting
new = ["--preset", f"expression-{kind}-raf", *flags, "--result_dir"]
assert train.main([*new, results + "/whole"]) == 0
action[0] = "die"
try:
    train.main([*new, results + "/parts"])
except Dies:
    print("died")
resume = ["--resume", "latest", "--result_dir", results + "/parts"]
action[0] = "stop"
assert train.main(resume) == 128 + signal.SIGTERM
action[0] = None
assert train.main(resume) == 0
"""


def arrays(folder):
    with np.load(folder / "network-final.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


@pytest.mark.parametrize(
    "kind", ["autoencoder", "cwgan", pytest.param("vgg16", marks=pytest.mark.slow)]
)
def test_stopped_and_resumed_ends_with_the_same_bits(kind, faces, test_faces, tmp_path):
    changes = {**tiny.CHANGES[kind], "train.batch_size": 8}
    if kind == "cwgan":
        changes["loss.mismatch_weight"] = 0.3
    else:
        changes["data.sets.test"] = str(test_faces)
    flags = ["--dataset", str(faces), *(f"--set={k}={v!r}" for k, v in changes.items())]
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    env["STOPS"] = repr(STOPS[kind])
    command = [sys.executable, "-c", TRAIN, kind, str(tmp_path), *flags]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "died" in done.stdout and "Stopped by SIGTERM" in done.stdout
    assert done.stdout.count("Resumed at") == 2
    (whole,), (parts,) = ((tmp_path / name).iterdir() for name in ("whole", "parts"))
    own, expected = arrays(parts), arrays(whole)
    assert own.keys() == expected.keys() and len(own) > 8
    for name, array in expected.items():
        assert own[name].tobytes() == array.tobytes(), name
    for path in whole.glob("history.csv"):
        assert (parts / path.name).read_text() == path.read_text()
    final = sorted(path.name for path in whole.glob("fakes*.png"))
    assert final == sorted(path.name for path in parts.glob("fakes*.png"))
    for name in final:
        assert (parts / name).read_bytes() == (whole / name).read_bytes(), name
