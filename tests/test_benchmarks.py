"""What the benchmarks count and make."""

import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def benchmarks(monkeypatch):
    """Lets tests import from the folder of the scripts."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    names = {path.stem for path in BENCHMARKS.glob("*.py")}
    yield
    for name in names & set(sys.modules):
        del sys.modules[name]


def test_operations_of_a_step_are_counted(benchmarks):
    import operations

    images, kernel = tf.Variable(tf.ones([2, 8, 6, 3])), tf.Variable(tf.ones([3, 3, 3, 5]))
    matrix = tf.Variable(tf.ones([4 * 3 * 5, 7]))

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            features = tf.nn.conv2d(images, kernel, 2, "SAME")
            loss = tf.reduce_sum(tf.matmul(tf.reshape(features, [2, -1]), matrix) ** 2)
        return tape.gradient(loss, [images, kernel, matrix])

    with operations.counted() as count:
        step()
        step()  # traced once
    forward = 2 * (2 * 4 * 3 * 5) * (3 * 3 * 3) + 2 * (2 * 7) * 60
    assert count.operations == 3 * forward
    with operations.counted() as count:
        step()
    assert count.operations == 0


def test_made_sets_fit_the_cases(benchmarks, tmp_path):
    import made_sets
    import prepared

    import train
    from tf_facegan.records.reader import RecordSet

    faces = RecordSet(made_sets.write_faces(tmp_path / "faces", 16, 12))
    assert faces.read([0, 1]).shape == (2, 3, 16, 16) and faces.info.companions
    maps = RecordSet(made_sets.write_uv_maps(tmp_path / "maps", 16, 12))
    values = maps.read([3], 8)
    assert values.shape == (1, 9, 8, 8) and np.abs(values).max() <= 1 and values.std() > 0
    for case in prepared.CASES:
        (tmp_path / case).mkdir()
        (tmp_path / case / "set").mkdir()  # made already
        config = train.new_config(train.parse(prepared.flags_of(case, tmp_path / case)))
        assert config.data.sets["faces"] == str(tmp_path / case / "set")
