"""Four devices give what one gives."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
CHANGES = {
    "autoencoder": {},
    "cwgan": {"train.critic_iterations": 1, "loss.mismatch_weight": 0.3},
    "vgg16": {"train.epochs": 0, "train.fine_tune_epochs": 2},
}

# One iteration with global batch 8, on one and on four devices of the same process.
COMPARE = """
import ast, sys
import numpy as np
import tensorflow as tf
from tests.expression import tiny
from tf_facegan.engine import devices
from tf_facegan.engine.progress import Progress

kind, faces, out, changes = sys.argv[1], sys.argv[2], sys.argv[3], ast.literal_eval(sys.argv[4])
results = {}
mirrored = devices.make_strategy(1, 4)
for name, strategy in {"one": tf.distribute.OneDeviceStrategy("/cpu:0"), "four": mirrored}.items():
    trainer = tiny.trainer_for(kind, strategy, faces, **changes)
    assert strategy.num_replicas_in_sync == {"one": 1, "four": 4}[name]
    scalars = tiny.iterate(trainer, 1, Progress(iteration=1))
    results.update({f"{name}/scalar/{key}": np.array(value) for key, value in scalars.items()})
    for key, item in trainer.checkpoint_items().items():
        if key.endswith("opt"):
            moments = {f"{name}/moment/{key}/{i}": m.numpy() for i, m in enumerate(item.m)}
            results.update(moments)
        if hasattr(item, "named_variables"):
            values = item.named_variables.items()
            moving = {k: v.numpy() for k, v in values if "moving" in k}
            results.update({f"{name}/moving/{k}": v for k, v in moving.items()})
np.savez(out, **results)
"""


@pytest.mark.parametrize(
    "kind", ["autoencoder", "cwgan", pytest.param("vgg16", marks=pytest.mark.slow)]
)
def test_four_devices_step_like_one(kind, faces, tmp_path):
    out = tmp_path / "results.npz"
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", COMPARE, kind, str(faces), str(out), repr(CHANGES[kind])]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    results = dict(np.load(out))
    names = [key[len("one/") :] for key in results if key.startswith("one/")]
    assert sum(name.startswith("moment/") for name in names) >= 4
    assert (kind == "vgg16") or any(name.startswith("moving/") for name in names)
    for name in names:
        one, four = results[f"one/{name}"], results[f"four/{name}"]
        tolerance = max(1e-4 * np.abs(one).max(), 1e-6)
        np.testing.assert_allclose(four, one, atol=tolerance, err_msg=name)
