import csv
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import tensorflow as tf

from tests.expression import tiny
from tests.expression.tiny import iterate
from tf_facegan.engine.progress import Progress
from tf_facegan.records.reader import RecordSet


def test_an_epoch_is_a_pass_and_ticks_are_at_its_end(faces, strategy):
    trainer = tiny.trainer_for("autoencoder", strategy, faces)
    assert trainer.total_images == 80
    phase = trainer.phase(Progress(images=32, tick_start=0))
    assert phase.images == 8 and phase.epoch == 0 and phase.ends_epoch
    assert phase.tick_kimg == pytest.approx(0.0395)
    phase = trainer.phase(Progress(images=40, tick_start=40))
    assert phase.epoch == 1 and not phase.ends_epoch


def test_the_autoencoder_learns_and_keeps_its_history(faces, test_faces, strategy, tmp_path):
    changes = {"data.sets.test": str(test_faces), "train.epochs": 6}
    trainer = tiny.trainer_for("autoencoder", strategy, faces, **changes)
    iterate(trainer, 30)
    means = trainer.history.means()
    assert means.shape == (6, 2) and np.isfinite(means).all()
    assert means[-1, 0] < 0.7 * means[0, 0]
    trainer.write_samples(SimpleNamespace(path=tmp_path), 3)
    sheet = cv2.imread(str(tmp_path / "fakes000003.png"))
    assert sheet.shape == (64, 5 * 32, 3)
    with open(tmp_path / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert float(rows[5]["Validation/reconstruction"]) == pytest.approx(means[5, 1], rel=1e-5)
    assert cv2.imread(str(tmp_path / "curve-reconstruction.png")) is not None


def test_validation_is_the_mean_over_the_test_set(faces, test_faces, strategy):
    changes = {"data.sets.test": str(test_faces)}
    trainer = tiny.trainer_for("autoencoder", strategy, faces, **changes)
    scalars = iterate(trainer, 5)
    images = RecordSet(test_faces).read(range(14)).transpose(0, 2, 3, 1) / np.float32(255)
    expected = np.mean((trainer.autoencoder(images - 0.5) - images) ** 2)
    assert scalars["Validation/reconstruction"] == pytest.approx(expected, rel=1e-5)


def test_published_targets_and_colours(faces, strategy):
    changes = {"network.target_range": "symmetric", "data.channel_order": "bgr"}
    trainer = tiny.trainer_for("autoencoder", strategy, faces, **changes)
    records = trainer.set.read([0, 1])
    images = records.transpose(0, 2, 3, 1)[..., ::-1] / np.float32(255) - 0.5
    expected = np.mean((trainer.autoencoder(images) - images) ** 2)
    loss = trainer._error(tf.constant(records), training=False)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
