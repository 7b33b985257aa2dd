"""The trainer: draws, steps, validation, sheets, resuming, devices."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf

from tests.tdgan import tiny
from tf_facegan.engine import run_folder
from tf_facegan.engine.devices import make_strategy
from tf_facegan.engine.loop import Loop
from tf_facegan.engine.progress import Progress
from tf_facegan.tdgan import images
from tf_facegan.tdgan.step import DROPOUT_PASSES
from tf_facegan.tdgan.trainer import Trainer

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.filterwarnings("ignore:Even though the .tf.config")


@pytest.fixture(autouse=True, scope="module")
def eager():
    """Steps run without a graph: on tiny networks most of the time would go into making it."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def make(roles, **changes):
    return Trainer(tiny.config_for(roles, **changes), make_strategy(1))


@pytest.fixture(scope="module")
def trainer(roles):
    return make(roles)


def iterate(trainer, count, start=0):
    """Takes iterations from one on; returns their scalars."""
    progress, batches, found = Progress(), None, []
    while progress.iteration < start + count:
        phase = trainer.phase(progress)
        if progress.iteration >= start:
            batches = batches or trainer.batches(phase, progress.images)
            found.append(trainer.iteration(phase, batches, progress))
        progress.images += phase.images
        progress.iteration += 1
    return found


def values_of(trainer):
    return {
        f"{name}/{key}": array
        for name, arrays in trainer.networks().items()
        for key, array in arrays.items()
    }


def changed_parts(trainer, before):
    after = values_of(trainer)
    return {".".join(name.split(".")[:1]) for name in after if (after[name] != before[name]).any()}


def test_draws_are_functions_of_seed_step_and_name(trainer, roles):
    first, again, later = trainer.draws(3, 4), trainer.draws(3, 4), trainer.draws(4, 4)
    tf.nest.map_structure(np.testing.assert_array_equal, first, again)
    assert first["noise"].shape == (4, 3, 1, 1, 4)
    assert 0 <= first["noise"].numpy().min() and first["noise"].numpy().max() < 1
    assert not np.allclose(first["noise"], later["noise"])
    assert set(first["dropout"]) == set(DROPOUT_PASSES)
    seeds = np.concatenate([value.numpy() for value in first["dropout"].values()])
    assert len(np.unique(seeds, axis=0)) == 4 * len(DROPOUT_PASSES)
    assert not make(roles, **{"networks.dropout": 0.0}).draws(0, 4)["dropout"]
    assert not np.allclose(make(roles, random_seed=7).draws(3, 4)["noise"], first["noise"])


def test_crops_and_mirrors_have_the_published_distribution(trainer):
    draws = trainer.draws(0, 3000)
    counts = [np.bincount(draws["offsets"][:, axis], minlength=3) for axis in (0, 1)]
    assert all(len(c) == 3 and c.min() > 900 for c in counts)  # 18 - 16: 0, 1 and 2
    assert 0.46 < draws["flips"].numpy().mean() < 0.54


def test_networks_differ_and_are_functions_of_the_seed(trainer, roles):
    fresh = values_of(make(roles))
    again = values_of(make(roles))
    for name, value in fresh.items():
        np.testing.assert_array_equal(value, again[name])
    name = "enc.conv3.0.conv.weight"
    arrays = [fresh[f"D_FR/{name}"], fresh[f"D_ER/{name}"]]
    arrays += [fresh[f"G/enc_{branch}.conv3.0.conv.weight"] for branch in ("FR", "ER")]
    for one in range(4):
        for other in range(one):
            assert not np.allclose(arrays[one], arrays[other])


def test_discriminators_are_updated_in_their_gaps(roles):
    one = make(roles, **{"validation.source": "none"})  # 14 pairs
    seen = []
    for step in range(5):
        before = values_of(one)
        (scalars,) = iterate(one, 1, start=step)
        seen.append({part.split("/")[0] for part in changed_parts(one, before)})
        assert ("Loss/D_FR" in scalars) == ("D_FR" in seen[-1])
        assert ("Loss/D_ER" in scalars) == ("D_ER" in seen[-1])
        assert all(np.isfinite(float(value)) for value in scalars.values())
        assert float(scalars["Train/skipped_G_ER"]) == 0
    # Gaps of 2 and 3 steps; the fifth step is the first of the second epoch.
    expected = [{"D_FR", "D_ER"}, set(), {"D_FR"}, {"D_ER"}, {"D_FR", "D_ER"}]
    assert seen == [{"G"} | updated for updated in expected]


def test_the_step_sees_augmented_expressions_and_plain_faces(roles, monkeypatch):
    one = make(roles)
    seen = {}

    def step(batch, draws, *parts):
        seen.update(batch=batch, draws=draws)
        return {"Loss/G": tf.constant(0.0)}, {}

    monkeypatch.setattr(one, "_step", step)
    monkeypatch.setattr(one, "_take", one._replica_step)
    iterate(one, 1)
    records, draws = one._pairs.batch(0), one.draws(0, 4)
    faces = records["faces"].transpose(0, 2, 3, 1) / 255.0
    np.testing.assert_allclose(seen["batch"]["faces"], faces, rtol=1e-6)
    whole = records["expressions"].transpose(0, 2, 3, 1) / 255.0
    cropped = images.crop(whole, draws["offsets"], draws["flips"], 16)
    np.testing.assert_allclose(seen["batch"]["expressions"], cropped, rtol=1e-6)
    np.testing.assert_array_equal(seen["batch"]["labels"], records["labels"])
    np.testing.assert_array_equal(seen["batch"]["identities"], records["identities"])
    assert len(seen["draws"]["noise"]) == 3
    np.testing.assert_array_equal(seen["draws"]["noise"][1], draws["noise"][:, 1])


def test_summaries_have_the_published_names(trainer, roles):
    (scalars,) = iterate(make(roles), 1)
    terms = "M_ER D_FR D_FR_r D_FR_f D_ER D_ER_r G G_FR_f G_ER_f G_FR_PER G_ER_PER"
    expected = {f"Loss/{name}" for name in f"{terms} G_CON_FR G_CON_ER".split()}
    assert set(scalars) == expected | {"Train/skipped_G_ER", "Train/skipped_G_FR"}
    weights = trainer.config.loss
    names = ("G_FR_f", "G_ER_f", "G_FR_PER", "G_ER_PER", "G_CON_FR", "G_CON_ER")
    total = sum(getattr(weights, name) * float(scalars[f"Loss/{name}"]) for name in names)
    np.testing.assert_allclose(float(scalars["Loss/G"]), total, rtol=1e-5)


def gradient_parts(roles, **changes):
    """The parts of the generator that one step of it changes."""
    one = make(roles, **changes)
    before = values_of(one)
    iterate(one, 1)
    return {part for part in changed_parts(one, before) if part.startswith("G/")}


ALONE = {f"loss.{name}": 0.0 for name in ("G_FR_f", "G_ER_f", "G_FR_PER", "G_CON_FR", "G_CON_ER")}


def test_optional_gradients(roles):
    assert gradient_parts(roles) == {"G/enc_FR", "G/enc_ER", "G/fc_ER", "G/dec"}
    # Published: the classification module alone learns from its loss, and G_ER_PER is a constant.
    assert gradient_parts(roles, **ALONE, **{"loss.G_ER_PER": 1.0}) == {"G/fc_ER"}
    joint = gradient_parts(roles, **ALONE, **{"loss.joint_expression_loss": True})
    assert joint == {"G/fc_ER", "G/enc_ER"}
    apart = gradient_parts(roles, **ALONE, **{"loss.G_ER_INV": 1.0})
    assert apart == {"G/fc_ER", "G/enc_ER"}
    images = {**ALONE, "loss.G_ER_f": 1.0, "loss.G_CON_FR": 1.0, "loss.G_CON_ER": 1.0}
    assert gradient_parts(roles, **images) == {"G/fc_ER", "G/enc_ER", "G/enc_FR", "G/dec"}
    images["loss.image_code_gradient"] = False
    assert gradient_parts(roles, **images) == {"G/fc_ER", "G/enc_FR", "G/dec"}
    changes = {"loss.G_ER_PER": 1.0, "loss.expression_perceptual_gradient": True}
    assert gradient_parts(roles, **ALONE, **changes) == {"G/fc_ER", "G/enc_ER", "G/enc_FR", "G/dec"}


@pytest.mark.parametrize("start, gap, first", [(0, 1, 0), (1, 1, 1), (2, 2, 1), (9, 1, 2)])
def test_the_best_network_is_looked_for_from_an_epoch_on(start, gap, first, roles):
    one = make(roles, **{"validation.start": start, "validation.gap": gap})  # three epochs
    assert one.validation.first == first  # the last one at the latest


@pytest.mark.parametrize("name, value, least", [("gap", 0, 1), ("start", -1, 0)])
def test_validations_that_cannot_be_are_refused(name, value, least, roles):
    message = f"validation.{name} is {value}, at least {least} expected"
    with pytest.raises(ValueError, match=message):
        make(roles, **{f"validation.{name}": value})


def test_invariance_begins_with_its_epoch(roles):
    one = make(roles, **{"loss.G_ER_INV": 1.0, "train.invariance_start": 1})
    scalars = iterate(one, 4)  # 12 pairs of an epoch in three steps
    assert ["Loss/G_ER_INV" in found for found in scalars] == [False, False, False, True]


@pytest.mark.parametrize("grayscale", (True, False))
def test_colour_sets_train(grayscale, tmp_path):
    roles = tiny.write_sets(tmp_path, channels=3)
    one = make(roles, **{"networks.grayscale": grayscale})
    assert all(np.isfinite(float(value)) for value in iterate(one, 1)[0].values())
    assert one.G.named_variables["dec.us5.0.weight"].shape[2] == (1 if grayscale else 3)
    run = run_folder.RunFolder(tmp_path)
    one.write_reals(run)
    one.write_samples(run, 3)
    assert cv2.imread(str(tmp_path / "reals.png")).shape == (4 * 16, 8 * 16, 3)
    sheet = cv2.imread(str(tmp_path / "fakes000003.png"))
    assert sheet.shape == (3 * 16, 5 * 16, 3)
    face = one.data.faces.read([0])[0]
    if not grayscale:
        difference = sheet[:16, :16, ::-1].astype(int) - face.transpose(1, 2, 0)
        assert np.abs(difference).max() <= 1  # cut off, not rounded


# Whole runs through the loop


class Killed(Exception):
    pass


def run_loop(trainer, run, kill_after=None):
    left = [kill_after]
    iteration = trainer.iteration

    def killing(*args):
        if left[0] == 0:
            raise Killed
        left[0] = left[0] and left[0] - 1
        return iteration(*args)

    trainer.iteration = killing
    settings, train = trainer.config.runtime, trainer.config.train
    Loop(trainer, run, settings, train.image_snapshot_ticks, train.network_snapshot_ticks).train()


def snapshot(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def new_run(trainer, folder):
    run = run_folder.create(folder, "tdgan")
    run.save_config(trainer.config)
    trainer.prepare_run(run)
    return run


# Three epochs of 12 pairs in steps of 5, 5 and 2; a checkpoint at the first step past 16 pairs.
RUN = {"train.batch_size": 5}


@pytest.fixture(scope="module")
def finished(roles, tmp_path_factory):
    """A run that was never stopped."""
    trainer = make(roles, **RUN)
    run = new_run(trainer, tmp_path_factory.mktemp("finished"))
    run_loop(trainer, run)
    return run


def test_a_run_leaves_what_it_should(finished):
    names = {path.name for path in finished.path.iterdir()}
    expected = {"config.json", "dataset.json", "log.txt", "reals.png", "fakes000000.png"}
    expected |= {"network-final.npz", "val_data.npz", "_training-done.txt"}
    assert expected <= names
    info = finished.load_dataset()
    assert info.fields["expression"]["names"][3] == "Happiness" and info.shape == [1, 18, 18]
    measured = snapshot(finished.path / "val_data.npz")
    assert all(len(values) == 3 for values in measured.values())
    log = (finished.path / "log.txt").read_text()
    for epoch in (1, 2, 3):
        assert f"epoch {epoch}/3 accuracy {measured['tt_acc_mat'][epoch - 1]:.4f}" in log
    assert ("(kept)" in log) == (finished.path / "network-best.npz").is_file()
    best = (measured["tt_acc_mat"] > 0.1).any()
    assert best == (finished.path / "network-best.npz").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("kill_after", (2, 4, 7))
def test_killed_and_resumed_ends_with_the_same_bits(kill_after, roles, finished, tmp_path):
    trainer = make(roles, **RUN)
    run = new_run(trainer, tmp_path)
    with pytest.raises(Killed):
        run_loop(trainer, run, kill_after)
    resumed = make(roles, **RUN)
    run_loop(resumed, run)
    for name in ("network-final.npz", "val_data.npz"):
        expected, found = snapshot(finished.path / name), snapshot(run.path / name)
        assert expected.keys() == found.keys()
        for key, value in expected.items():
            assert found[key].tobytes() == value.tobytes(), key


# One iteration with a global batch of 8 on one and on four devices of the same process.
COMPARE = """
import sys
import numpy as np
import tensorflow as tf
from tests.tdgan import tiny
from tests.tdgan.test_trainer import iterate, values_of
from tf_facegan.engine import devices
from tf_facegan.tdgan.trainer import Trainer

tf.config.run_functions_eagerly(True)
out, roles = sys.argv[1], dict(word.split("=") for word in sys.argv[2:])
changes = {"train.batch_size": 8, "validation.source": "none", "optimizer.epsilon": 1.0}
changes["loss.G_ER_INV"] = 2.0  # not linear in the mean of the batch
changes.update({f"optimizer.lr_{name}": 1.0 for name in ("D_FR", "D_ER", "G_FR", "G_ER")})
config = tiny.config_for(roles, **changes)
results = {}
mirrored = devices.make_strategy(1, 4)
for name, strategy in {"one": tf.distribute.OneDeviceStrategy("/cpu:0"), "four": mirrored}.items():
    trainer = Trainer(config, strategy)
    before = values_of(trainer)
    scalars = iterate(trainer, 1)[0]
    results.update({f"{name}/scalar/{key}": value.numpy() for key, value in scalars.items()})
    after = values_of(trainer)
    results.update({f"{name}/change/{key}": after[key] - before[key] for key in after})
np.savez(out, **results)
"""


@pytest.mark.slow
def test_four_devices_step_like_one(roles, tmp_path):
    out = tmp_path / "results.npz"
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    words = [f"{role}={path}" for role, path in roles.items()]
    command = [sys.executable, "-c", COMPARE, str(out), *words]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    results = snapshot(out)
    names = [key[len("one/") :] for key in results if key.startswith("one/")]
    changed = 0
    for name in names:
        one, four = results[f"one/{name}"], results[f"four/{name}"]
        # With an epsilon of one the change of the first step is close to the gradient's size.
        tolerance = max(1e-3 * np.abs(one).max(), 1e-6)
        np.testing.assert_allclose(four, one, atol=tolerance, err_msg=name)
        changed += name.startswith("change/") and np.abs(one).max() > 1e-5
    assert changed > 300
