"""Several devices give what one gives; errors say what to type."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tests import tiny

ROOT = Path(__file__).parents[2]


def cluster_text(type="worker", index=0, **more):
    """`TF_CONFIG` of a cluster of two workers."""
    cluster = {"worker": ["a:1", "b:2"], **more}
    return json.dumps({"cluster": cluster, "task": {"type": type, "index": index}})


# One iteration with global batch 16 at a level, on one and on four devices of the same process.
COMPARE = """
import sys
import numpy as np
import tensorflow as tf
from tests import tiny
from tf_facegan.engine import devices
from tf_facegan.engine.progress import Progress
from tf_facegan.tbgan.trainer import Trainer

faces, images, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
changes = {"schedule.minibatch_base": 16, "train.minibatch_repeats": 1}
config = tiny.config_for(faces, **changes)
results = {}
mirrored = devices.make_strategy(1, 4)
for name, strategy in {"one": tf.distribute.OneDeviceStrategy("/cpu:0"), "four": mirrored}.items():
    trainer = Trainer(config, strategy)
    assert strategy.num_replicas_in_sync == {"one": 1, "four": 4}[name]
    progress = Progress(images=images)
    phase = trainer.phase(progress)
    scalars = trainer.iteration(phase, trainer.batches(phase, images), progress)
    results.update({f"{name}/scalar/{key}": np.array(value) for key, value in scalars.items()})
    for network in ("G", "D"):
        model, optimizer = getattr(trainer, network), getattr(trainer, network + "_opt")
        # With beta1 = 0 the first moment is the gradient.
        slots = zip(model.named_variables, optimizer.m)
        results.update({f"{name}/gradient/{network}/{key}": m.numpy() for key, m in slots})
        weights = model.named_variables.items()
        results.update({f"{name}/weight/{network}/{key}": v.numpy() for key, v in weights})
    for key, variable in trainer.Gs.named_variables.items():
        results[f"{name}/weight/Gs/{key}"] = variable.numpy()
np.savez(out, **results)
"""


@pytest.mark.parametrize("images", (0, 96, 192), ids=("4 pixels", "fade to 8", "8 pixels"))
def test_four_devices_step_like_one(images, faces, tmp_path):
    out = tmp_path / "results.npz"
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", COMPARE, str(faces), str(images), str(out)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    results = dict(np.load(out))
    names = [key[len("one/") :] for key in results if key.startswith("one/")]
    one = {name: results[f"one/{name}"] for name in names}
    four = {name: results[f"four/{name}"] for name in names}
    for name in names:
        if not name.startswith("weight/"):
            tolerance = max(2e-5 * np.abs(one[name]).max(), 1e-6)
            np.testing.assert_allclose(four[name], one[name], atol=tolerance, err_msg=name)
    compared = 0
    for network in ("G", "D", "Gs"):
        largest = max(
            np.abs(one[n]).max() for n in names if n.startswith(f"gradient/{network[0]}/")
        )
        for name in (n for n in names if n.startswith(f"weight/{network}/")):
            gradient = one[name.replace(f"weight/{network}", f"gradient/{network[0]}")]
            # Adam's first step is lr * sign(gradient): of a gradient next to zero it is anything.
            clear = np.abs(gradient) > 1e-6 * largest
            compared += clear.sum()
            np.testing.assert_allclose(four[name][clear], one[name][clear], atol=2e-6, err_msg=name)
    assert compared > 1000


def test_too_many_gpus_say_what_to_type():
    from tf_facegan.engine import devices

    with pytest.raises(ValueError, match=r"64 GPUs wanted, \d+ found: type --num_gpus"):
        devices.make_strategy(64)
    with pytest.raises(ValueError, match="--num_gpus 0: expected at least 1"):
        devices.make_strategy(0)


class SecondMachine:
    """Of two machines with two replicas each, as far as dealing batches out asks a strategy."""

    num_replicas_in_sync = 4
    extended = SimpleNamespace(worker_devices=["/cpu:0", "/cpu:1"])
    cluster_resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"chief": ["a:1"], "worker": ["b:2"]}), task_type="worker", task_id=0
    )

    def experimental_distribute_values_from_function(self, function):
        return [function(SimpleNamespace(replica_id_in_sync_group=r)) for r in (2, 3)]


def test_a_machine_reads_and_gets_its_rows_of_the_batch():
    from tf_facegan.engine import devices

    machine, batch = SecondMachine(), np.arange(12)
    assert devices.worker_addresses(machine) == (["a:1", "b:2"], 1)
    rows = devices.local_rows(machine, 12)
    np.testing.assert_array_equal(rows, [2, 3, 6, 7, 10, 11])
    expected = [[2, 6, 10], [3, 7, 11]]
    np.testing.assert_array_equal(devices.split_batch(machine, batch), expected)
    np.testing.assert_array_equal(devices.split_batch(machine, batch[rows], True), expected)
    alone = tf.distribute.OneDeviceStrategy("/cpu:0")
    np.testing.assert_array_equal(devices.local_rows(alone, 3), [0, 1, 2])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"TF_CONFIG is '\{'; \{\"cluster\": .* expected"),
        ('{"cluster": {"worker": ["a:1", "b:2"]}}', "TF_CONFIG is .* expected"),
        (cluster_text(index=2), "task worker 2 is not in the cluster"),
        (cluster_text(type="evaluator"), "task evaluator 0 is not in the cluster"),
        (cluster_text(ps=["c:3"]), "cluster of worker, ps; chief and worker only"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_refused(text, message, monkeypatch):
    from tf_facegan.engine import devices

    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match=message):
        devices.make_strategy()


def test_a_worker_is_one_device_on_the_cpu(monkeypatch):
    from tf_facegan.engine import devices

    monkeypatch.setenv("TF_CONFIG", cluster_text())
    with pytest.raises(ValueError, match="--logical_cpus 2: not with TF_CONFIG"):
        devices.make_strategy(1, 2)


def test_a_cluster_of_one_is_no_cluster(monkeypatch):
    from tf_facegan.engine import devices

    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": {"worker": ["a:1"]}, "task": {}}))
    assert devices.worker_addresses(devices.make_strategy()) == ([], 0)


def test_minibatches_that_do_not_fit_the_devices_are_refused(faces):
    from tf_facegan.tbgan.schedule import check_minibatches

    config = tiny.config_for(faces, **{"schedule.minibatch_dict": {8: 6}})
    with pytest.raises(ValueError, match="6 images at 8 pixels are 6 for each of 1 devices"):
        check_minibatches(config, 8, 1)
    check_minibatches(tiny.config_for(faces), 8, 2)
    parts = {"schedule.max_minibatch_per_gpu": {8: 6}, "schedule.accumulate": True}
    config = tiny.config_for(faces, **parts, **{"schedule.minibatch_dict": {8: 12}})
    with pytest.raises(ValueError, match=r"are 6 for each of 1 devices, 2 times \(schedule.accum"):
        check_minibatches(config, 8, 1)
