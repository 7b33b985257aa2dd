from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import tensorflow as tf

from tests.expression import tiny
from tests.expression.tiny import iterate, snapshot
from tf_facegan.engine import training
from tf_facegan.engine.progress import Progress
from tf_facegan.expression import representation


def test_the_first_iteration_has_no_generator_step(faces, strategy):
    trainer = tiny.trainer_for("cwgan", strategy, faces)
    before = snapshot(trainer)
    progress = Progress()
    scalars = iterate(trainer, 1, progress)
    assert progress.images == 16 and "Loss/generator" not in scalars
    after = snapshot(trainer)
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    assert "D/Discriminator.1.Filters" in moved and "D/Discriminator.fully/weights" in moved
    assert not any(name.startswith("G/") and "moving" not in name for name in moved)
    assert "G/Generator.BN1.moving_mean" in moved
    scalars = iterate(trainer, 1, progress)
    assert progress.images == 40 and np.isfinite(float(scalars["Loss/generator"]))
    later = snapshot(trainer)
    assert not np.array_equal(later["G/Generator.5.Filters"], after["G/Generator.5.Filters"])
    assert float(trainer.D_opt.beta2_power) == pytest.approx(0.9**5)
    assert float(trainer.G_opt.beta2_power) == pytest.approx(0.9**2)


def test_training_ends_as_published(faces, strategy):
    # RAF-DB: 12271 images in 191 whole batches, 300 passes, 5 + 6 i batches after iteration i.
    trainer = tiny.trainer_for("cwgan", strategy, faces)
    assert trainer.total_images == 3 * 40
    trainer = tiny.trainer_for("cwgan", strategy, faces, **{"train.iterations": 4})
    assert trainer.total_images == (2 + 3 * 3) * 8
    trainer = tiny.trainer_for("cwgan", strategy, faces, **{"train.batch_size": 16})
    assert trainer.epoch_images == 32


def test_rates_fall_in_the_last_passes(faces, strategy):
    trainer = tiny.trainer_for("cwgan", strategy, faces, **{"train.decay_epochs": 2})
    assert trainer.total_images == 120
    shares = [trainer.rate_share(Progress(images=images)) for images in (0, 40, 80, 120)]
    assert shares == [1.0, 1.0, 0.5, 0.0]
    before = snapshot(trainer)
    iterate(trainer, 1, Progress(images=120, iteration=1))
    after = snapshot(trainer)
    learned = [name for name in before if "moving" not in name]
    assert all(np.array_equal(before[name], after[name]) for name in learned)
    published = tiny.trainer_for("cwgan", strategy, faces)
    assert {published.rate_share(Progress(images=images)) for images in (0, 119)} == {1.0}


def test_draws_are_functions_of_seed_and_step(faces, strategy):
    trainer = tiny.trainer_for("cwgan", strategy, faces)
    first, again, later = trainer.draws(3), trainer.draws(3), trainer.draws(4)
    tf.nest.map_structure(np.testing.assert_array_equal, first, again)
    noises = [first["G"]["noise"], later["G"]["noise"], *(d["noise"] for d in first["D"])]
    assert all(noise.shape == (8, 8) for noise in noises)
    assert len({noise.numpy().tobytes() for noise in noises}) == 4
    assert first["D"][0]["mixing"].shape == (8, 1, 1, 1)
    others = np.stack([trainer.draws(step)["D"][0]["other"] for step in range(8)])
    assert not others[:, ::2].any() and set(np.unique(others[:, 1::2])) == set(range(1, 7))


def test_critics_see_faces_with_another_expression(faces, strategy):
    learned = [
        tiny.trainer_for("cwgan", strategy, faces, **{"loss.mismatch_weight": weight})
        for weight in (0.0, 0.5)
    ]
    for trainer in learned:
        assert np.isfinite(float(iterate(trainer, 1)["Loss/critic"]))
    one, other = (snapshot(trainer)["D/Discriminator.fully/weights"] for trainer in learned)
    assert np.abs(one - other).max() > 1e-5


def test_a_frozen_hidden_layer_stays(faces, strategy):
    trainer = tiny.trainer_for("cwgan", strategy, faces, **{"train.freeze_hidden": True})
    before = snapshot(trainer)
    iterate(trainer, 2)
    after = snapshot(trainer)
    same = {n for n in before if n.startswith("D/") and np.array_equal(before[n], after[n])}
    # The last bias adds the same to all scores: its gradient is zero, or rounding noise.
    same -= {"D/Discriminator.output.b"}
    assert same == {"D/Discriminator.fully/weights", "D/Discriminator.fully/biases"}


def test_the_scrambled_layout_is_what_the_published_gan_sees(faces, strategy):
    changes = {"data.layout": "scrambled", "data.channel_order": "bgr"}
    trainer = tiny.trainer_for("cwgan", strategy, faces, **changes)
    records = trainer.set.read([0, 1])
    flat = records.transpose(0, 2, 3, 1)[..., ::-1].reshape(2, -1)
    seen = trainer.reals_of(tf.constant(records)).numpy().transpose(0, 3, 1, 2).reshape(2, -1)
    np.testing.assert_allclose(seen, 2 * (flat / np.float32(255) - 0.5), atol=1e-6)


@pytest.mark.parametrize("statistics", ["moving", "batch"])
def test_sheets_have_a_row_for_each_expression(statistics, faces, strategy, tmp_path):
    changes = {"networks.statistics": statistics}
    trainer = tiny.trainer_for("cwgan", strategy, faces, **changes)
    run = SimpleNamespace(path=tmp_path)
    trainer.write_reals(run)
    trainer.write_samples(run, 0)
    for name in ("reals", "fakes000000"):
        assert cv2.imread(str(tmp_path / f"{name}.png")).shape == (7 * 32, 2 * 32, 3)
    columns = cv2.imread(str(tmp_path / "reals.png")).mean(axis=2)[:, :32]
    bright = [row.mean(axis=0).argmax() // 4 for row in np.split(columns, 7)]
    assert bright == list(range(7))


def test_conditions_come_from_representations(faces, strategy, tmp_path):
    rows = np.random.RandomState(0).randn(7, 5)
    names = tiny.EXPRESSIONS[::-1]
    representation.Representations(names, rows).save(tmp_path / "made")
    changes = {"data.representations": str(tmp_path / "made")}
    trainer = tiny.trainer_for("cwgan", strategy, faces, **changes)
    np.testing.assert_allclose(trainer._rows, rows[::-1], rtol=1e-6)
    assert trainer.G.condition_dim == trainer.D.condition_dim == 5


def test_a_resumed_run_takes_the_representations_from_its_folder(faces, tmp_path, monkeypatch):
    rows = np.random.RandomState(0).randn(7, 5)
    representation.Representations(tiny.EXPRESSIONS, rows).save(tmp_path / "made")
    monkeypatch.chdir(tmp_path)
    config = tiny.config_for("cwgan", faces, **{"data.representations": "made"})
    monkeypatch.setattr(training.Loop, "train", lambda _: None)
    run = training.train(config, tmp_path / "results")
    kept = run.load_config()
    assert kept.data.representations == str(run.path / "representations")
    np.testing.assert_array_equal(representation.load(run.path / "representations").rows, rows)
    assert kept.data.sets == {"faces": str(faces)} and kept.networks == config.networks
