"""Steps leave nothing behind: not of their tensors, not of the numbers they are given."""

import ctypes
import dataclasses
import gc
import itertools
import tracemalloc

import pytest
import tensorflow as tf

from tests.expression import tiny
from tf_facegan.engine import devices
from tf_facegan.engine.checkpoints import Checkpoints
from tf_facegan.engine.eager import release, releasing, scalar
from tf_facegan.engine.loop import Loop
from tf_facegan.engine.progress import Progress
from tf_facegan.engine.run_folder import RunFolder


class _Allocated(ctypes.Structure):
    _fields_ = [(f"field{number}", ctypes.c_size_t) for number in range(10)]  # of `mallinfo2`


def _allocated():
    """Bytes that the program holds of the C library's allocator."""
    function = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if function is None:
        pytest.skip("the C library does not say what it has allocated")
    function.restype = _Allocated
    return function().field7  # `uordblks`


def _blocks_left(function, count):
    """How many blocks of Python's memory a call leaves behind, when caches are full."""
    for _ in range(count):
        function()
    tracemalloc.start()
    before = _snapshot()
    for _ in range(count):
        function()
    difference = _snapshot().compare_to(before, "filename")
    tracemalloc.stop()
    return sum(line.count_diff for line in difference) / count


def _snapshot():
    gc.collect()
    return tracemalloc.take_snapshot()


def test_released_tensors_leave_nothing():
    source = tf.constant([1.0, 2.0])
    double = tf.function(lambda x: {"double": x * 2, "same": x + 0})
    assert _blocks_left(lambda: release(double(source)), 300) < 0.2
    nested = [source, source, {"number": 3, "none": None}]
    assert release(nested) is nested
    assert (source + 1).numpy().tolist() == [2.0, 3.0]
    source.mark = "kept"  # attributes can be set as before
    assert source.mark == "kept"


def test_operations_of_other_code_leave_nothing():
    variable = tf.Variable([1.0, 2.0])

    def use():
        return tf.square(variable.read_value()) + variable.value()

    def use_released():
        with releasing(), releasing():
            return use()

    assert use_released().numpy().tolist() == [2.0, 6.0]
    # What other threads allocate meanwhile is counted as well, so the least of several counts.
    least, most = (min(_blocks_left(f, 300) for _ in range(3)) for f in (use_released, use))
    assert most > 3 and least < most / 2, (least, most)
    with pytest.raises(ValueError, match="inside"), releasing():
        raise ValueError("inside")
    assert _blocks_left(use, 300) > 3  # as ever, outside


def test_checkpoints_leave_next_to_nothing(tmp_path):
    arrays = {f"v{number}": tf.Variable(tf.zeros([2])) for number in range(100)}
    checkpoints = Checkpoints(tmp_path, arrays)
    assert _blocks_left(lambda: checkpoints.save(Progress()), 20) < 100


def test_numbers_that_change_are_not_kept():
    numbers = itertools.count(10**6)
    for _ in range(100):
        scalar(next(numbers), tf.int64)
    before = _allocated()
    for _ in range(2000):
        scalar(next(numbers), tf.int64)
    assert _allocated() - before < 100 * 2000
    assert scalar(0.1, tf.float32).dtype == tf.float32 and int(scalar(7, tf.int64)) == 7


class _Counted:
    """A trainer that counts the blocks of Python's memory that its later iterations leave."""

    def __init__(self, trainer, first, last):
        self._trainer, self._first, self._last = trainer, first, last

    def __getattr__(self, name):
        return getattr(self._trainer, name)

    def phase(self, progress):
        return dataclasses.replace(self._trainer.phase(progress), tick_kimg=1e6)

    def iteration(self, phase, batches, progress):
        if progress.iteration == self._first:
            tracemalloc.start()
            self._before = _snapshot()
        if progress.iteration == self._last:
            difference = _snapshot().compare_to(self._before, "filename")
            tracemalloc.stop()
            self.left = sum(line.count_diff for line in difference) / (self._last - self._first)
        return self._trainer.iteration(phase, batches, progress)


def test_iterations_leave_next_to_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tf_facegan.engine.summaries._PENDING_LIMIT", 5)  # nothing waits for long
    faces = tiny.write_faces(tmp_path / "faces")
    changes = {"train.iterations": 110, "train.epochs": 100}
    trainer = tiny.trainer_for("cwgan", devices.make_strategy(1, 0), faces, **changes)
    counted, run = _Counted(trainer, 30, 109), RunFolder(tmp_path / "run")
    run.path.mkdir()
    Loop(counted, run, trainer.config.runtime, 1, 1).train()
    assert counted.left < 12
