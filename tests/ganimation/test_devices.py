"""Four devices give what one gives."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
TERMS = {
    "published": {},
    "authors": {
        "loss.smooth_reduction": "sum",
        "loss.cls_per_batch": True,
        "train.separate_gp_step": True,
        "data.flip": 0.5,
    },
    "virtual": {"loss.use_virtual": True, "loss.alpha_rec": 0.5},
}

# One iteration with both steps and global batch 8, on one and on four devices of the same process.
COMPARE = """
import ast, sys
import numpy as np
import tensorflow as tf
from tests.ganimation import tiny
from tf_facegan.engine import devices
from tf_facegan.engine.progress import Progress
from tf_facegan.ganimation.trainer import Trainer

faces, out, changes = sys.argv[1], sys.argv[2], ast.literal_eval(sys.argv[3])
config = tiny.config_for(faces, **{"train.batch_size": 8, "train.n_critic": 1, **changes})
results = {}
mirrored = devices.make_strategy(1, 4)
for name, strategy in {"one": tf.distribute.OneDeviceStrategy("/cpu:0"), "four": mirrored}.items():
    trainer = Trainer(config, strategy)
    assert strategy.num_replicas_in_sync == {"one": 1, "four": 4}[name]
    progress = Progress()
    phase = trainer.phase(progress)
    scalars = trainer.iteration(phase, trainer.batches(phase, 0), progress)
    results.update({f"{name}/scalar/{key}": np.array(value) for key, value in scalars.items()})
    for network in ("G", "D"):
        model, optimizer = getattr(trainer, network), getattr(trainer, network + "_opt")
        slots = zip(model.named_trainable_variables, optimizer.m)
        results.update({f"{name}/moment/{network}/{key}": m.numpy() for key, m in slots})
        weights = model.named_variables.items()
        results.update({f"{name}/weight/{network}/{key}": v.numpy() for key, v in weights})
np.savez(out, **results)
"""


@pytest.mark.parametrize(
    "terms", ["published", *(pytest.param(t, marks=pytest.mark.slow) for t in list(TERMS)[1:])]
)
def test_four_devices_step_like_one(terms, au_faces, tmp_path):
    out = tmp_path / "results.npz"
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", COMPARE, str(au_faces), str(out), repr(TERMS[terms])]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    results = dict(np.load(out))
    names = [key[len("one/") :] for key in results if key.startswith("one/")]
    compared = 0
    for name in names:
        one, four = results[f"one/{name}"], results[f"four/{name}"]
        if name.startswith("weight/") and "running" not in name:
            moment = results[f"one/{name.replace('weight', 'moment', 1)}"]
            # Adam's first step is lr * sign(gradient): of a gradient next to zero it is anything.
            clear = np.abs(moment) > 1e-3 * np.abs(moment).max()
            compared += clear.sum()
            np.testing.assert_allclose(four[clear], one[clear], atol=2e-6, err_msg=name)
        else:
            tolerance = max(2e-5 * np.abs(one).max(), 1e-6)
            np.testing.assert_allclose(four, one, atol=tolerance, err_msg=name)
    assert compared > 1000


def test_batches_that_do_not_fit_the_devices_are_refused(au_faces):
    from types import SimpleNamespace

    from tests.ganimation import tiny
    from tf_facegan.ganimation.trainer import Trainer

    with pytest.raises(ValueError, match="train.batch_size is 4, .* a multiple of the 3 devices"):
        Trainer(tiny.config_for(au_faces), SimpleNamespace(num_replicas_in_sync=3))
