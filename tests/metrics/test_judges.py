import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tf_facegan.metrics import judge_data, judges
from tf_facegan.sources.action_units import AUS
from tf_facegan.sources.toy_faces import casting

ROOT = Path(__file__).resolve().parents[2]
TINY = {"resolution": 16, "width": 4, "epochs": 1, "batch_size": 10, "workers": 1}


def load(task, cache, **changes):
    options = {"count": 40, "identities": 10, **TINY, **changes}
    return judges.load_judge(task, cache, **options)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("judges")


@pytest.mark.parametrize(("task", "size"), [("aus", 17), ("expression", 7), ("identity", 10)])
def test_what_judges_say(cache, task, size):
    judge = load(task, cache)
    images = np.random.default_rng(0).integers(0, 256, (3, 24, 20, 3)).astype(np.uint8)
    judged = judge(images)
    assert judged.shape == (3, size) and judged.dtype == np.float32
    if task == "aus":
        assert judged.min() >= 0 and judged.max() <= 5
        assert judge.report["aus"].keys() == set(AUS)
    else:
        np.testing.assert_allclose(judged.sum(axis=1), 1, rtol=1e-5)
        assert 0 <= judge.report["accuracy"] <= 1
    np.testing.assert_allclose(judge(images / 127.5 - 1.0), judged, atol=1e-6)
    assert judge.report["protocol"]["judge"] == task
    assert judge.report["seconds"].keys() == {"drawing", "training"}


def test_a_judge_is_made_once(cache, monkeypatch):
    first = load("expression", cache)
    monkeypatch.setattr(judges, "_train", None)  # would fail
    again = load("expression", cache)
    images = np.random.default_rng(1).uniform(-1, 1, (2, 16, 16, 3))
    np.testing.assert_array_equal(first(images), again(images))
    assert first.report == again.report
    with pytest.raises(TypeError):
        load("expression", cache, seed=7)


def test_a_judge_is_repeated_by_its_seed(cache, tmp_path):
    images = np.random.default_rng(1).uniform(-1, 1, (4, 16, 16, 3))
    again = load("aus", tmp_path)
    np.testing.assert_allclose(load("aus", cache)(images), again(images), atol=1e-5)
    folder = next(path for path in tmp_path.iterdir() if path.is_dir())
    assert sorted(file.name for file in folder.iterdir()) == ["report.json", "weights.npz"]
    assert json.loads((folder / "report.json").read_text()) == again.report


@pytest.mark.parametrize("file", ["report.json", "weights.npz"])
def test_a_broken_judge_is_made_anew(file, cache, tmp_path, monkeypatch):
    first = load("expression", cache)
    shutil.copytree(cache, tmp_path, dirs_exist_ok=True)
    (path,) = tmp_path.glob(f"expression-*/{file}")
    path.write_bytes(path.read_bytes()[:-40])
    made = []
    monkeypatch.setattr(judges, "_train", lambda *_: made.append(1) or (first._network, {}))
    assert load("expression", tmp_path).report == {}
    assert load("expression", tmp_path).report == {} and made == [1]


def test_a_changed_renderer_makes_new_judges(cache, monkeypatch):
    config = judges.JudgeConfig("aus", resolution=16)
    before = judges._fingerprint(config)
    assert before == judges._fingerprint(config)
    monkeypatch.setattr(casting.Example, "aus", np.zeros(17, np.float32))
    casting._render.cache_clear()
    assert before != judges._fingerprint(config)
    casting._render.cache_clear()


def test_held_out_pictures():
    for task in judges.JUDGES:
        config = judges.JudgeConfig(task, count=80, identities=20, resolution=16)
        train, test = judge_data.cast(config)
        assert len(train) + len(test) == 80 and len(test) == 12
        assert not {example.number for example in train} & {example.number for example in test}
        shared = {example.identity for example in train} & {example.identity for example in test}
        assert bool(shared) == (task == "identity")
        alone = sum(example.expression == casting.ANY for example in train + test)
        assert alone == (40 if task == "aus" else 0)
    numbers = {example.number for example in casting.pictures(80, 20, seed=0, resolution=16)}
    assert not numbers & {example.number for example in train}


def test_agreement():
    true = np.tile(np.array([[0.0], [1.0], [5.0]]), 17)
    judged = true.copy()
    judged[:, 1] = [1.0, 1.0, 1.0]
    judged[:, 2] = [5.0, 4.0, 0.0]
    found = judges.au_agreement(true, judged)
    first, second, third = (found["aus"][name] for name in AUS[:3])
    assert first["mean_absolute_error"] == 0 and first["correlation"] == pytest.approx(1)
    assert first["of_the_mean"] == pytest.approx(2)
    assert second["mean_absolute_error"] == pytest.approx(5 / 3) and second["correlation"] is None
    assert third["correlation"] == pytest.approx(-1)
    assert found["mean_absolute_error"] == pytest.approx((5 / 3 + 13 / 3) / 17)


def test_errors(cache):
    with pytest.raises(
        ValueError, match="task is 'age', expected one of aus, expression, identity"
    ):
        judges.load_judge("age", cache)
    with pytest.raises(ValueError, match="resolution is 40, a multiple of 16 expected"):
        judges.load_judge("aus", cache, resolution=40)
    with pytest.raises(ValueError, match=r"images have shape \[2, 16, 16\], \[N, H, W, 3\] expec"):
        load("expression", cache)(np.zeros((2, 16, 16)))


def test_workers_need_no_tensorflow():
    code = "import sys, tf_facegan.metrics.judge_data\nassert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.slow
def test_a_judge_learns(tmp_path):
    judge = judges.load_judge(
        "identity", tmp_path, count=400, identities=5, resolution=32, epochs=8, batch_size=20
    )
    assert judge.report["accuracy"] > 0.9
    cast = casting.pictures(50, 5, seed=0, resolution=96)
    images = np.stack([example.render().image for example in cast])
    right = judge(images).argmax(axis=1) == [example.identity for example in cast]
    assert right.mean() > 0.9
