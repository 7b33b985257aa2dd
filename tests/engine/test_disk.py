"""Disks that are full or read-only, folders that are in use: one line, and nothing is lost."""

import errno
import time
import types

import numpy as np
import pytest
import tensorflow as tf

from tests import disks
from tests.engine.test_loop import BATCH, SETTINGS, Counter
from tf_facegan.engine import run_folder, training
from tf_facegan.engine.checkpoints import Checkpoints
from tf_facegan.engine.loop import Loop
from tf_facegan.engine.run_folder import DONE, RunFolder, sheet_name
from tf_facegan.utilities.images import save_image_grid

SIZE = 100_000


class Filling(Counter):
    """A trainer whose disk is full from an iteration on."""

    def __init__(self, disk, at=None, free=0, what="checkpoint"):
        super().__init__()
        self.weights = tf.Variable(np.zeros(SIZE, np.float32))
        self._disk, self._at, self._free, self._what = disk, at, free, what

    def iteration(self, phase, batches, progress):
        if self._at == progress.iteration:
            disks.fill(self._disk, self._free)
        self.weights.assign(np.full(SIZE, self.count.numpy() + 1.0))
        return super().iteration(phase, batches, progress)

    def checkpoint_items(self):
        return {"count": self.count, "weights": self.weights}

    def write_samples(self, run, kimg):
        if self._what == "sheet":
            images = np.random.RandomState(int(kimg)).uniform(-1, 1, (4, 3, 64, 64))
            save_image_grid(images, run.path / f"{sheet_name(kimg)}.png")

    def networks(self):
        return {"G": {"w": self.weights.numpy()}} if self._what == "snapshot" else {}


def loop(run, trainer, settings=SETTINGS):
    return Loop(trainer, run, settings, 1, 1)


@pytest.mark.parametrize("free", (0, 5000, 100_000, SIZE * 4 + 8192))
@pytest.mark.parametrize("what", ("checkpoint", "snapshot", "sheet"))
def test_a_full_disk_stops_the_run_and_leaves_what_it_had(what, free, tmp_path):
    with disks.mounted(tmp_path / "disk", "size=4m") as disk:
        run = RunFolder(disk / "run")
        run.path.mkdir()
        trainer = Filling(disk, at=10, free=free, what=what)
        with pytest.raises(OSError) as caught:
            loop(run, trainer).train()
        assert caught.value.errno == errno.ENOSPC
        # Ticks, and with them checkpoints, are every three iterations.
        kept = 12 if "fakes" in str(caught.value) and free > SIZE * 4 else 9
        message = str(caught.value)
        assert f"No space left on device (the checkpoint at {kept}.0 kimg is intact; " in message
        assert str(run.path) in message and "\n" not in message
        assert not [path for path in run.path.rglob(".*") if path.name != run_folder.LOCK]
        # It goes on when there is space, to the end.
        (disk / "filling").unlink()
        again = Filling(disk, what=what)
        progress = Checkpoints(run.checkpoints, again.checkpoint_items()).restore()
        assert progress.images == kept * BATCH
        np.testing.assert_array_equal(again.weights.numpy(), float(kept))
        loop(run, again).train()
        assert (run.path / DONE).is_file() and int(again.count) == 20


def test_a_full_disk_does_not_hide_a_term_that_is_not_finite(tmp_path):
    class Bad(Filling):
        def iteration(self, phase, batches, progress):
            values = super().iteration(phase, batches, progress)
            return {**values, "Loss/bad": np.nan} if progress.iteration == 10 else values

    with disks.mounted(tmp_path / "disk", "size=4m") as disk:
        (disk / "run").mkdir()
        with pytest.raises(ValueError, match="not finite at 12.0 kimg: Loss/bad"):
            loop(RunFolder(disk / "run"), Bad(disk, at=10)).train()


def test_a_folder_is_trained_in_by_one_process_at_a_time(tmp_path):
    run = run_folder.create(tmp_path, "a")
    with run.locked():
        with pytest.raises(ValueError, match="000-a: another process is training there"):
            with RunFolder(run.path).locked():
                pass
    with run.locked():
        pass


def test_a_read_only_result_folder_is_noticed_before_anything_is_built(tmp_path):
    with disks.mounted(tmp_path / "disk", "ro") as disk:
        for folder in (disk, disk / "a" / "b"):
            with pytest.raises(OSError, match=f"--result_dir {folder}: no run folder can be made"):
                run_folder.check_writable(folder)
        with pytest.raises(OSError, match="Read-only file system.*lock"):
            with RunFolder(disk).locked():
                pass
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="no run folder can be made in .*file"):
        run_folder.check_writable(tmp_path / "file")
    run_folder.check_writable(tmp_path / "new" / "folder")
    assert not (tmp_path / "new").exists()


def test_a_set_that_is_gone_when_a_run_is_resumed(tmp_path):
    data = types.SimpleNamespace(sets={"faces": str(tmp_path / "gone")})
    config = types.SimpleNamespace(data=data, runtime=None)
    with pytest.raises(FileNotFoundError, match="gone: no such folder; .* data.sets.faces=DIR"):
        training.train(config, run=RunFolder(tmp_path))


def test_a_clock_that_goes_backwards_changes_nothing(tmp_path, monkeypatch):
    times = iter(range(10**9, 0, -1000))
    monkeypatch.setattr(time, "time", lambda: next(times))
    trainer = Counter()
    loop(run_folder.create(tmp_path, "a"), trainer).train()
    assert int(trainer.count) == 20
    path = run_folder.locate(0, tmp_path).path
    progress = Checkpoints(path / "checkpoints", trainer.checkpoint_items()).restore()
    assert 0 <= progress.seconds < 600
