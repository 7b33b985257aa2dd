"""The loop, driving a trainer that only counts."""

import dataclasses
import types

import numpy as np
import pytest
import tensorflow as tf

from tf_facegan.engine.checkpoints import Checkpoints
from tf_facegan.engine.loop import Loop
from tf_facegan.engine.run_folder import DONE, RunFolder, sheet_name

SETTINGS = types.SimpleNamespace(checkpoint_minutes=10.0, keep_checkpoints=2)
BATCH = 1000


@dataclasses.dataclass
class Phase:
    key: str = "only"
    images: int = BATCH
    tick_kimg: float = 3.0

    def describe(self):
        return "counting"

    def scalars(self):
        return {}


class Counter:
    """Counts iterations; its loss is not a number from one of them on."""

    total_images = 20 * BATCH

    def __init__(self, bad=None, scales_losses=False):
        self.count = tf.Variable(0)
        self.bad, self.scales_losses = bad, scales_losses

    def phase(self, progress):
        return Phase()

    def batches(self, phase, position):
        return iter(())

    def iteration(self, phase, batches, progress):
        self.count.assign_add(1)
        is_bad = self.bad is not None and self.count >= self.bad
        return {"Loss/one": 1.0, "Loss/penalty": np.nan if is_bad else 2.0}

    def checkpoint_items(self):
        return {"count": self.count}

    def write_reals(self, run):
        pass

    def write_samples(self, run, kimg):
        for ending in ("", "_shp"):
            (run.path / f"{sheet_name(kimg)}{ending}.png").write_text(str(int(self.count.numpy())))

    def networks(self):
        return {"G": {"count": self.count.numpy()}}


def train(path, trainer, settings=SETTINGS):
    path.mkdir(exist_ok=True)
    Loop(trainer, RunFolder(path), settings, 1, 1).train()


def restored(path):
    trainer = Counter()
    progress = Checkpoints(RunFolder(path).checkpoints, trainer.checkpoint_items(), 2).restore()
    return int(trainer.count), progress.images


def test_a_run_to_its_end(tmp_path):
    train(tmp_path / "run", Counter())
    assert (tmp_path / "run" / DONE).is_file()
    assert restored(tmp_path / "run") == (20, 20 * BATCH)


@pytest.mark.parametrize(("bad", "saved"), [(8, 6), (2, 0), (6, 3)])
def test_a_term_that_is_not_finite_stops_the_run(tmp_path, bad, saved):
    path = tmp_path / "run"
    with pytest.raises(ValueError, match="run: not finite at .* kimg: Loss/penalty;") as caught:
        train(path, Counter(bad))
    assert f"the last good checkpoint is at {saved * BATCH / 1000:.1f} kimg" in str(caught.value)
    assert str(caught.value) in (path / "log.txt").read_text()
    assert restored(path) == (saved, saved * BATCH)
    assert not (path / DONE).exists()
    snapshots = [file.name for file in RunFolder(path).snapshots()]
    assert len(snapshots) == saved // 3
    train(path, Counter())  # what made it fail is mended
    assert restored(path) == (20, 20 * BATCH)


class Skipping(Counter):
    """The gradients of some of its iterations are not finite, although its terms are."""

    def __init__(self, skipped, **options):
        super().__init__(**options)
        self.skipped = skipped

    def iteration(self, phase, batches, progress):
        scalars = super().iteration(phase, batches, progress)
        share = float(int(self.count.numpy()) in self.skipped)
        return {**scalars, "TrainG/overflow_frequency": 0.0, "TrainD/overflow_frequency": share}


def test_gradients_that_stay_not_finite_stop_the_run(tmp_path):
    path = tmp_path / "run"
    message = r"not finite at 12.0 kimg: gradients \(TrainD/overflow_frequency\); .* at 9.0 kimg"
    with pytest.raises(ValueError, match=message):
        train(path, Skipping(range(8, 21)))
    assert restored(path) == (9, 9 * BATCH)  # every step that was taken is in it
    train(path, Skipping(()))
    assert restored(path) == (20, 20 * BATCH)


def test_single_steps_that_are_skipped_are_a_warning(tmp_path):
    train(tmp_path / "run", Skipping({2, 3, 8, 9, 10, 11, 17}))
    lines = (tmp_path / "run" / "log.txt").read_text().splitlines()
    told = [line.partition("finite: ")[2] for line in lines if line.startswith("warning: steps")]
    shares = ["66.7%", "66.7%", "66.7%", "33.3%"]
    assert told == [f"{share} (TrainD/overflow_frequency)" for share in shares]
    train(tmp_path / "scaled", Skipping(range(2, 15), scales_losses=True))
    assert "warning" not in (tmp_path / "scaled" / "log.txt").read_text()


def test_nothing_is_saved_between_ticks_either(tmp_path):
    path = tmp_path / "run"
    always = types.SimpleNamespace(checkpoint_minutes=0.0, keep_checkpoints=2)
    with pytest.raises(ValueError, match="last good checkpoint is at 7.0 kimg"):
        train(path, Counter(bad=8), always)
    assert restored(path) == (7, 7 * BATCH)


def test_overflows_of_scaled_losses_do_not_stop_it(tmp_path):
    train(tmp_path / "run", Counter(bad=8, scales_losses=True))
    assert (tmp_path / "run" / DONE).is_file()


class Small(Counter):
    """As many images a tick as sheets of one kimg ask for."""

    total_images = 2400

    def phase(self, progress):
        return types.SimpleNamespace(
            key=0, images=400, tick_kimg=0.4, describe=lambda: "", scalars=lambda: {}
        )


def test_sheets_of_one_kimg_do_not_take_each_others_place(tmp_path):
    train(tmp_path / "run", Small())
    sheets = {p.name: p.read_text() for p in (tmp_path / "run").glob("fakes*[0-9].png")}
    expected = {"000000.000": "0", "000000.400": "1", "000000": "2", "000001.200": "3"}
    expected |= {"000001": "4", "000002.000": "5", "000002": "6"}
    assert sheets == {f"fakes{name}.png": count for name, count in expected.items()}
    assert (tmp_path / "run" / "fakes000001.200_shp.png").read_text() == "3"
