"""What the benchmarks count and make."""

import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests import tiny

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


@pytest.fixture
def overview(benchmarks, monkeypatch):
    """`overview` with tiny cases: "tbgan, tiny" and "cwgan, tiny"."""
    import overview
    import prepared

    networks = {"networks.dim": 4, "networks.noise_dim": 8, "train.batch_size": 4}
    tbgan = {**tiny.CHANGES, "train.minibatch_repeats": 1}
    monkeypatch.setitem(prepared.CASES, "tbgan, tiny", ("demo", 8, tbgan))
    changes = {**networks, "train.critic_iterations": 1}
    monkeypatch.setitem(prepared.CASES, "cwgan, tiny", ("expression-cwgan-toy", 32, changes))
    return overview


def _rows(measured):
    rows = list(measured)
    assert all(len(row) == 5 and all(isinstance(cell, str) for cell in row) for row in rows)
    return rows


def test_a_step_its_input_and_its_network_are_measured(overview, tmp_path):
    step, fed = _rows(overview.measure_step("cwgan, tiny", tmp_path, 1))
    assert step[0] == "step" and "expression-cwgan-toy, 32 px, batch 4" in step[1]
    assert "GFLOP" in step[2] and step[4].endswith("% of the peak")
    assert fed[0] == "input" and fed[2].endswith("pictures/s") and float(fed[4]) > 0
    one, eight = _rows(overview.measure_inference("cwgan, tiny", tmp_path, 1))
    assert one[1].endswith("1 at a time") and eight[1].endswith("8 at a time")
    assert float(one[2].split()[0]) > 0


def test_levels_and_batches_are_measured(overview, tmp_path, monkeypatch):
    monkeypatch.setattr(overview, "LEVELS", {"sides": (4, 8), "batches": (2, 4)})
    rows = _rows(overview.measure_input("tbgan, tiny", tmp_path, 1))
    cases = [f"tbgan, tiny: level of {side} px, batch {n}" for n in (2, 4) for side in (4, 8)]
    assert [row[1] for row in rows if row[0] == "input"] == cases
    costs = [row for row in rows if row[0] == "images"]
    assert [row[1] for row in costs] == [
        "tbgan, tiny: 4 px, batch 4",
        "tbgan, tiny: 8 px, batch 4",
        "tbgan, tiny: 8 px against 4 px, batch 4",
    ]
    assert all(row[3].startswith("batch 2: ") for row in costs[:2])


def test_records_and_files_are_measured(overview, tmp_path, monkeypatch):
    monkeypatch.setattr(overview, "FILES", {"sides": (16,), "batch": 4, "count": 12})
    rows = _rows(overview.measure_files("", tmp_path, 1))
    assert [row[1].split(",")[0] for row in rows] == [
        f"records against {kind} files" for kind in ("png", "jpg")
    ]
    assert all(float(row[4]) > 0 for row in rows)


@pytest.mark.slow
def test_the_table_of_a_machine(overview, capsys, monkeypatch):
    monkeypatch.setattr(overview, "STARTS", 1)
    case = "cwgan, small"
    monkeypatch.setattr(overview, "ON_DEVICES", (case,))
    measures = overview.table(["step", "inference", "devices", "start"], [case], 1)
    rows = [row for measure in measures for row in measure()]
    questions = ["step", "input", "inference", "inference", "devices", "start"]
    assert [row[0] for row in rows] == questions
    assert "two logical devices" in rows[4][1] and float(rows[5][4]) > 1
    assert overview.machine().split()[0].isdigit()


def test_what_cannot_be_measured_does_not_stop_the_table(overview, capsys, monkeypatch):
    def apart(questions, case, repeats):
        if case == "cwgan, small":
            raise RuntimeError(f"{case}: no memory")
        return [["start", case, "1.0 s", "import 0.5 s", "2.0"]]

    monkeypatch.setattr(overview, "apart", apart)
    words = ["overview.py", "--only", "start", "--cases", "cwgan, small", "vgg16, small"]
    monkeypatch.setattr(sys, "argv", words)
    assert overview.main() == 1
    out, err = capsys.readouterr()
    assert "| start | vgg16, small | 1.0 s | import 0.5 s | 2.0 |" in out
    assert err == "cwgan, small: no memory\n"


def test_times_of_operations_are_read(benchmarks, tmp_path):
    import profile_step

    images, kernel = tf.ones([4, 32, 32, 8]), tf.ones([3, 3, 8, 8])
    convolve = tf.function(lambda: tf.nn.conv2d(images, kernel, 1, "SAME"))
    convolve()
    with tf.profiler.experimental.Profile(str(tmp_path)):
        convolve().numpy()
    seconds = profile_step.operation_seconds(tmp_path)
    assert {kind for _, kind in seconds} >= {"Conv2D"} and min(seconds.values()) >= 0
    operations = {("a/Conv2D", "Conv2D"): 0.03, ("b", "Mul"): 0.01, ("c/Conv2D", "Conv2D"): 0.06}
    lines = profile_step.lines_of("x", 0.2, operations, top=1)
    assert lines[0] == "x: 0.2000 s an iteration, 0.1000 s of them in operations"
    assert lines[1:] == ["  90.0%  Conv2D", "    60.0%  c/Conv2D (Conv2D)"]
