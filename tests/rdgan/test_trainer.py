"""RD-GAN's trainer: stages, draws, steps, what is shown and kept, resuming, several devices."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf

from tests.rdgan import tiny
from tf_facegan.engine.devices import make_strategy
from tf_facegan.engine.loop import Loop
from tf_facegan.engine.progress import Progress
from tf_facegan.engine.run_folder import RunFolder
from tf_facegan.rdgan import pairs, reference
from tf_facegan.rdgan.config import PUBLISHED
from tf_facegan.rdgan.images import quantised, to_8_bits
from tf_facegan.rdgan.trainer import VALIDATION, Trainer

ROOT = Path(__file__).parents[2]
TWO_WAY = {"train.stages": ["two_way"], "two_way.max_iter": 2, "two_way.burst_steps": 1}


def make(path, **changes):
    return Trainer(tiny.config_for(path, **changes), make_strategy(1))


@pytest.fixture(scope="module")
def trainer(sequences):
    return make(sequences)


def batch_of(trainer, stage="face", count=4):
    listed = trainer._lists[stage]
    return pairs.read(trainer.set, listed[:count], source_boundaries=stage == "two_way")


def step(trainer, stage, side, batch=None, draws=None, rate=1e-3):
    batch = batch or batch_of(trainer, stage)
    draws = draws or trainer.draws(stage, 0, len(batch["sources"]))
    return trainer.step(stage, side, batch, draws, tf.constant(rate))


def values(networks):
    return {
        f"{name}/{key}": value
        for name, network in networks.items()
        for key, value in reference.extract(network).items()
    }


def changed(before, after):
    return {name for name in before if not np.array_equal(before[name], after[name])}


def run_loop(trainer, path):
    run = RunFolder(path)
    path.mkdir(exist_ok=True)
    train = trainer.config.train
    runtime = trainer.config.runtime
    Loop(trainer, run, runtime, train.image_snapshot_ticks, train.network_snapshot_ticks).train()
    with np.load(path / "network-final.npz") as file:
        return {key: file[key] for key in file.files}


def test_lists_and_subjects(trainer):
    assert not set(trainer.frames.subjects) & set(trainer.held_out.subjects)
    shown = set(trainer.frames.numbers)
    face, fine = trainer._lists["face"], trainer._lists["fine"]
    assert len(face) == 3 * 15 and len(fine) == 3 * 2 * 2  # of 3 subjects with 2 sequences of 3
    assert set(face.ravel()) == shown and set(fine.ravel()) <= shown
    assert set(trainer._sheet.ravel()) <= set(trainer.held_out.numbers)


def test_draws_are_functions_of_seed_step_and_name(trainer, sequences):
    first, again, later = (trainer.draws("fine", step, 4) for step in (3, 3, 4))
    tf.nest.map_structure(np.testing.assert_array_equal, first, again)
    assert set(first) == {"G", "D/real", "D/made"}
    assert first["G"].shape == (4, 2)
    rows = [tuple(r) for drawn in (first, later) for v in drawn.values() for r in v.numpy()]
    assert len(set(rows)) == len(rows)
    other = make(sequences, random_seed=7).draws("fine", 3, 4)
    assert not np.array_equal(first["G"], other["G"])
    published = make(sequences, **PUBLISHED)
    assert set(published.draws("fine", 0, 4)) == {"G", "D/real", "D/made", "face"}


@pytest.mark.parametrize(
    "stage, side, learning",
    [("face", "D", ["face_D"]), ("face", "G", ["face_G"]), ("fine", "G", ["fine_G"])],
)
def test_a_step_changes_the_weights_of_its_networks_alone(stage, side, learning, trainer):
    networks = {n: v for s in trainer.stages.values() for n, v in s.networks.items()}
    before = values(networks)
    step(trainer, stage, side)
    after = values(networks)
    moved = changed(before, after)
    weights = {name.split("/")[0] for name in moved if "/moving_" not in name}
    assert weights == set(learning)
    statistics = {name.split("/")[0] for name in moved if "/moving_" in name}
    assert statistics == {f"{stage}_G", f"{stage}_D"}


def test_discriminators_are_clipped_batch_norms_only_as_published(sequences):
    for changes, everything in (({}, False), (PUBLISHED, True)):
        one = make(sequences, **changes)
        step(one, "face", "D")
        variables = one.stages["face"].D.named_trainable_variables
        largest = {name: np.abs(v.numpy()).max() for name, v in variables.items()}
        limit = np.float32(0.01)
        assert all(value <= limit for n, value in largest.items() if n.endswith("/W"))
        assert {n for n, value in largest.items() if n.endswith("gamma") and value > limit} == (
            set() if everything else {n for n in variables if n.endswith("gamma")}
        )


def test_dropout_seeds_reach_the_networks(trainer):
    batch = batch_of(trainer)
    draws = [trainer.draws("face", number, 4) for number in (1, 1, 2)]
    losses = [float(step(trainer, "face", "G", batch, d, rate=0.0)["loss_G"]) for d in draws]
    assert losses[0] == losses[1] != losses[2]
    for name in trainer.stages["fine"].seeds:
        drawn = trainer.draws("fine", 1, 4)
        results = []
        for seeds in (drawn, {**drawn, name: drawn[name] + 1}):
            terms = step(trainer, "fine", "G", batch_of(trainer, "fine"), seeds, rate=0.0)
            results.append([float(terms[n]) for n in ("loss_G", "loss_D")])
        assert results[0] != results[1], name


@pytest.mark.parametrize("is_published", [False, True])
def test_the_second_stage_sees_images_of_the_frozen_first(is_published, sequences):
    one = make(sequences, **(PUBLISHED if is_published else {}))
    batch = one.processed(batch_of(one, "fine"))
    draws = one.draws("fine", 0, 4)
    coarse = one.stages["fine"].prepare(batch, draws)["coarse"]
    face = one.stages["face"].G
    seed = draws["face"] if is_published else None
    made = face(batch["sources"], batch["boundaries"], training=False, seed=seed)
    expected = quantised(made) if is_published else made
    np.testing.assert_allclose(coarse, expected, atol=1e-6)
    levels = (coarse.numpy() + 1) * 127.5
    assert np.allclose(levels, np.rint(levels), atol=1e-3) == is_published


def test_quantised_images_are_those_of_8_bit_files():
    images = np.random.RandomState(0).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    files = to_8_bits(images).astype(np.float32) / 127.5 - 1
    np.testing.assert_allclose(quantised(images), files, atol=1e-6)


def test_an_iteration_runs_its_steps_on_new_batches(trainer):
    seen = []

    def batches():
        for batch in trainer.batches(phase, 0):
            seen.append(batch["targets"].numpy().tobytes())
            yield batch

    phase = trainer.phase(Progress())
    scalars = trainer.iteration(phase, batches(), Progress())
    assert len(set(seen)) == len(seen) == phase.d_steps + 1 == 4
    assert {"face/loss_G", "face/loss_D", "face/G_loss/ssim", "face/D_skipped_steps"} <= set(
        scalars
    )
    assert all(np.isfinite(float(value)) for value in scalars.values())


def test_what_is_not_finite_in_any_batch_is_named(sequences):
    one = make(sequences)  # its moving statistics are spoilt
    phase = one.phase(Progress())

    def batches():
        for number, batch in enumerate(one.batches(phase, 0)):
            bad = {"targets": tf.fill(batch["targets"].shape, np.nan)} if number == 1 else {}
            yield {**batch, **bad}

    scalars = one.iteration(phase, batches(), Progress())
    bad = {name for name, value in scalars.items() if not np.isfinite(float(value))}
    assert {"face/D_steps/D_loss/dloss_real", "face/D_steps/loss_D"} <= bad
    assert float(scalars["face/D_skipped_steps"]) == pytest.approx(1 / 3)


@pytest.mark.slow
def test_two_way_stage(sequences):
    for changes, is_trained in (({}, True), (PUBLISHED, False)):
        one = make(sequences, **{**TWO_WAY, **changes})
        before = values(one.stages["two_way"].networks)
        for side in "DG":
            step(one, "two_way", side)
        moved = changed(before, values(one.stages["two_way"].networks))
        extractor = {n for n in moved if "/G_l_extracter/" in n and "/moving_" not in n}
        assert bool(extractor) == is_trained
        for network in ("two_way_G", "two_way_left_D", "two_way_right_D"):
            assert any(n.startswith(network) and n.endswith("/W") for n in moved)
        assert one.predict(one._read(one._sheet))["two_way"].shape == (2, 16, 16, 3)


@pytest.fixture(scope="module")
def finished(sequences, tmp_path_factory):
    """(trainer, folder, final networks) of a whole run."""
    one, path = make(sequences), tmp_path_factory.mktemp("runs") / "whole"
    return one, path, run_loop(one, path)


@pytest.mark.slow
def test_all_networks_are_in_the_final_snapshot(finished):
    networks = {name.split("/")[0] for name in finished[2]}
    assert networks == {"face_G", "face_D", "fine_G", "fine_D"}


@pytest.mark.slow
@pytest.mark.parametrize("stop", [2, 5], ids=("first stage", "second stage"))
def test_a_run_that_was_interrupted_ends_with_the_same_bits(stop, finished, sequences, tmp_path):
    one, iteration, left = make(sequences), Trainer.iteration, [stop]

    def failing(*args):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return iteration(one, *args)

    one.iteration = failing
    with pytest.raises(KeyboardInterrupt):
        run_loop(one, tmp_path)
    resumed = run_loop(make(sequences), tmp_path)
    assert resumed.keys() == finished[2].keys()
    for name, value in finished[2].items():
        assert value.tobytes() == resumed[name].tobytes(), name


@pytest.mark.slow
def test_what_a_run_leaves_behind(finished):
    one, path, _ = finished
    one.prepare_run(RunFolder(path))
    assert (path / "dataset.json").is_file()
    side = tiny.SIDE
    reals = cv2.imread(str(path / "reals.png"))[:, :, ::-1]
    assert reals.shape == (2 * side, 3 * side, 3)
    first = one.set.read(one._sheet[0])[0].transpose(1, 2, 0)
    np.testing.assert_array_equal(reals[:side, :side], first)
    sheet = path / "fakes000000.png"  # the last one: all are within the first thousand images
    fakes = cv2.imread(str(sheet))[:, :, ::-1]
    assert fakes.shape == (2 * side, 5 * side, 3)  # FineGAN's are there in the second stage
    np.testing.assert_array_equal(fakes[:, : 3 * side], reals)
    lines = [json.loads(line) for line in (path / VALIDATION).read_text().splitlines()]
    assert lines[0]["pairs"] == 4 and "held-out subjects" in lines[0]["protocol"]
    kinds = {f"{n}_{m}" for n in ("source", "face", "fine") for m in ("ssim", "psnr")}
    assert kinds <= set(lines[-1]) and "fine_ssim" not in lines[0]


@pytest.mark.slow
def test_a_finished_run_keeps_all_its_networks(finished, sequences):
    _, path, networks = finished
    for name in ("_training-done.txt", "network-final.npz"):
        (path / name).unlink()  # as if it was killed after the last checkpoint
    again = run_loop(make(sequences), path)
    assert again.keys() == networks.keys()


def test_sheets_show_training_pairs_when_nothing_is_held_out(sequences):
    one = make(sequences, **{"data.validation_share": 0.0})
    assert one.validate() == {} and len(one._sheet) == 2


def test_validations_within_a_thousand_images_are_all_kept(trainer, tmp_path):
    for kimg in (0.0, 0.4, 0.8, 0.4):  # the last as after a kill
        trainer.write_samples(RunFolder(tmp_path), kimg)
    lines = [json.loads(line) for line in (tmp_path / VALIDATION).read_text().splitlines()]
    assert [line["kimg"] for line in lines] == [0.0, 0.4]


def test_validation_of_the_truth_is_perfect(trainer):
    def truth(batch, seed=None):
        return batch["targets"]

    face = trainer.stages["face"]
    original, face.predict = face.predict, truth
    try:
        scores = trainer.validate()
    finally:
        face.predict = original
    assert scores["face_ssim"] == 1.0 and scores["face_psnr"] == 100.0
    assert scores["source_ssim"] < 0.5


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"loss.adversarial": "hinge"}, "loss.adversarial is 'hinge', expected original or stand"),
        ({"data.validation_share": 0.9}, "data.validation_share=0.9 of 4 subjects leaves none"),
        ({"data.image_size": 24}, "image_size is 24, a multiple of 16"),
        ({"data.image_size": 32}, "no level of 32 pixels"),
        ({"train.stages": ["fine"]}, "train.stages is fine"),
    ],
)
def test_configurations_that_do_not_fit(changes, message, sequences):
    with pytest.raises(ValueError, match=message):
        make(sequences, **changes)


def test_sets_that_do_not_fit(tmp_path, trainer):
    config = tiny.config_for(tmp_path)
    config.data.sets.clear()
    with pytest.raises(ValueError, match="expected a folder for the role `faces`"):
        Trainer(config, trainer.strategy)
    path = tiny.write_sequences(tmp_path / "plain", companions=None, fields=None)
    with pytest.raises(ValueError, match="set plain: no subject, sequence, frame, boundary; datas"):
        make(path)
    frames = np.arange(tiny.COUNT)
    alone = {"subject": frames, "sequence": frames, "frame": frames}
    path = tiny.write_sequences(tmp_path / "alone", fields=alone)
    with pytest.raises(ValueError, match="no pairs to train face on; sequences of several frames"):
        make(path)


# A step of each stage and side on four devices; and what they should be, on one device from the
# four parts of the batch, each with batch statistics of its own.
COMPARE = """
import sys
import numpy as np
import tensorflow as tf
from tests.rdgan import tiny
from tests.rdgan.test_trainer import batch_of, values
from tf_facegan.engine import devices
from tf_facegan.engine.optimizers import clip_weights
from tf_facegan.rdgan.trainer import Trainer

path, stage, side = sys.argv[1:]
changes = {"train.stages": ["two_way"]} if stage == "two_way" else {}
config = tiny.config_for(path, **{**changes, "train.batch_size": 8})
strategy = devices.make_strategy(1, 4)
four = Trainer(config, strategy)
one = Trainer(config, tf.distribute.OneDeviceStrategy("/cpu:0"))
rate = tf.constant(0.05)
batch = batch_of(one, stage, 8)
batch["targets"] = batch["targets"] // 8 + 12 * np.arange(8, dtype=np.uint8)[:, None, None, None]
draws = one.draws(stage, 0, 8)
inputs = devices.split_batch(strategy, (tf.nest.map_structure(tf.constant, batch), draws))
scalars = four.step(stage, side, *inputs, rate)

single = one.stages[stage]
start = values(single.networks)
named = single._G_named if side == "G" else single._D_named
variables = list(named.values())
parts = [tf.nest.map_structure(lambda x: x[r::4], (batch, draws)) for r in range(4)]
statistics = []
with tf.GradientTape() as tape:
    made, scores, prepared = [], [], []
    for part, drawn in parts:
        for name, network in single.networks.items():  # each part starts from the same statistics
            for key, variable in network.named_variables.items():
                if not variable.trainable:
                    variable.assign(start[f"{name}/{key}"])
        prepared.append(single.prepare(one.processed(part), drawn))
        made.append(single.generate(prepared[-1], drawn))
        scores.append(single.judge(prepared[-1], made[-1], drawn))
        statistics.append({k: v for k, v in values(single.networks).items() if "/moving_" in k})
    joined = [tf.nest.map_structure(lambda *x: tf.concat(x, 0), *all)
              for all in (prepared, made, scores)]
    if side == "G":
        loss, terms = single.generator_loss(*joined)
    else:
        loss, terms = single.discriminator_loss(joined[2])
gradients = tape.gradient(loss, variables)
optimizer = single._G_opt if side == "G" else single._D_opt
optimizer.apply(gradients, variables, rate)
if side == "D":
    clip_weights(single._clipped, config.train.clip)
expected = {k: v for k, v in values(single.networks).items() if "/moving_" not in k}
expected.update({k: np.mean([s[k] for s in statistics], axis=0) for k in statistics[0]})
found = values(four.stages[stage].networks)
assert found.keys() == expected.keys()
largest = 0
for key, value in expected.items():
    change = np.abs(value - start[key]).max()
    error = np.abs(found[key] - value).max()
    assert error <= 1e-3 * change + 2e-6, (key, error, change)
    largest = max(largest, change)
assert largest > 1e-3
for network in four.stages[stage].networks.values():
    for variable in network.variables:
        copies = strategy.experimental_local_results(variable)
        assert len(copies) == 4
        assert all(np.array_equal(copies[0], copy) for copy in copies), variable.name
if side == "G":
    for name, value in terms.items():
        np.testing.assert_allclose(scalars[name], value, rtol=1e-4, atol=1e-6, err_msg=name)
print("equal")
"""


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["face", "fine", "two_way"])
@pytest.mark.parametrize("side", "DG")
def test_four_devices_step_like_one_with_the_statistics_of_each(stage, side, sequences):
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", COMPARE, str(sequences), stage, side]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "equal", done.stderr[-2000:]


def test_a_batch_that_the_devices_cannot_share(sequences):
    class Three:
        num_replicas_in_sync = 3

    with pytest.raises(ValueError, match="train.batch_size is 4, expected a multiple of the 3 dev"):
        Trainer(tiny.config_for(sequences), Three())
