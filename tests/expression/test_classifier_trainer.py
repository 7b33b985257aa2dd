from types import SimpleNamespace

import numpy as np
import pytest

from tests.expression import tiny
from tests.expression.tiny import iterate, snapshot
from tf_facegan.engine.progress import Progress
from tf_facegan.records.reader import RecordSet


def test_fine_tuning_moves_the_top_block_only_in_its_stage(faces, test_faces, strategy, tmp_path):
    changes = {"data.sets.test": str(test_faces)}
    trainer = tiny.trainer_for("vgg16", strategy, faces, **changes)
    states, progress = [snapshot(trainer)], Progress()
    for _ in range(2):
        iterate(trainer, 2, progress)
        states.append(snapshot(trainer))
        assert float(trainer.opt.beta2_power) == pytest.approx(0.999**3)  # reset in between
    assert progress.images == trainer.total_images == 32
    for before, after, prefixes in zip(states, states[1:], (("dense",), ("dense", "block5"))):
        moved = {n.split("/")[1] for n in before if not np.array_equal(before[n], after[n])}
        assert all(any(name.startswith(p) for p in prefixes) for name in moved)
        assert {name.split("_")[0] for name in moved} == set(prefixes)
    trainer.write_samples(SimpleNamespace(path=tmp_path), 0)
    assert trainer.history.means().shape == (2, 4)
    assert (tmp_path / "curve-accuracy.png").is_file()
    assert (tmp_path / "curve-classifier.png").is_file()


def test_the_classifier_learns_bars(faces, strategy):
    changes = {"opt.learning_rate": 0.01, "train.steps_per_epoch": 40, "train.batch_size": 20}
    trainer = tiny.trainer_for("vgg16", strategy, faces, **changes)
    first = iterate(trainer, 1)
    last = iterate(trainer, 39)
    assert float(last["Loss/classifier"]) < float(first["Loss/classifier"])
    assert float(last["Loss/accuracy"]) > 0.5


def test_a_random_split_pools_both_sets(faces, test_faces, strategy):
    changes = {"data.sets.test": str(test_faces), "train.split": "random"}
    trainer = tiny.trainer_for("vgg16", strategy, faces, **changes)
    assert (trainer.learned.count, trainer.judged.count) == (44, 10)
    both = np.concatenate([RecordSet(p).read(range(n)) for p, n in ((faces, 40), (test_faces, 14))])
    pooled = np.concatenate([p.read(range(p.count)) for p in (trainer.learned, trainer.judged)])
    assert {image.tobytes() for image in both} == {image.tobytes() for image in pooled}
    batch = next(trainer.batches(trainer.phase(Progress()), 0))
    for image, label in zip(batch["images"].numpy(), batch["expression"].numpy()):
        assert image.mean(axis=(0, 1)).argmax() // 4 == label
    assert "Validation/accuracy" in iterate(trainer, 2)
