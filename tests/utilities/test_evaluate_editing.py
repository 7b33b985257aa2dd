import json

import cv2
import pytest

import train
from tests.ganimation import tiny
from tests.metrics.test_judges import TINY
from tf_facegan.engine import run_folder
from tf_facegan.engine.devices import make_strategy
from tf_facegan.ganimation.trainer import Trainer
from tf_facegan.metrics import judges
from tf_facegan.sources.toy_faces import layouts


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Results with an untrained run on toy faces."""
    folder = tmp_path_factory.mktemp("editing")
    toy = {"count": 36, "identities": 6, "resolution": 16, "test_share": 0.34, "workers": 1}
    layouts.create(folder / "toy", alone=0.5, **toy)
    trainer = Trainer(tiny.config_for(folder / "toy" / "train"), make_strategy(1))
    run = run_folder.create(folder / "results", "ganimation")
    run.save_config(trainer.config)
    trainer.prepare_run(run)
    run.save_snapshot(run_folder.FINAL_SNAPSHOT, trainer.networks())
    return folder


@pytest.fixture
def tiny_judge(monkeypatch, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    make = judges.load_judge
    small = {"count": 40, "identities": 10, **TINY}
    monkeypatch.setattr(judges, "load_judge", lambda task: make(task, cache, **small))


def evaluate(folder, *options):
    flags = ["--utility", "evaluate_editing", "--result_dir", str(folder / "results")]
    return train.main([*flags, *(f"--set={option}" for option in options)])


def test_report_and_picture(results, tiny_judge, capsys):
    assert evaluate(results, "count=8", "sheet=3") == 0
    printed = capsys.readouterr().out
    assert "au_error_ratio" in printed and "attention_mean" in printed
    (out,) = (results / "results").glob("001-evaluate-editing-*")
    report = json.loads((out / "editing.json").read_text())
    protocol = report["protocol"]
    assert protocol["count"] == 8 and protocol["data"].endswith("toy/test")
    assert protocol["judge"]["judge"] == "aus" and len(report["aus"]) == 17
    assert 0 < report["attention_mean"] < 1 and report["kept_change"] > 0
    assert cv2.imread(str(out / "editing.png")).shape == (5 * 16, 3 * 16, 3)


def test_networks_of_some_action_units(results, tiny_judge):
    changes = {"data.aus": ["AU12", "AU01"]}
    trainer = Trainer(tiny.config_for(results / "toy" / "train", **changes), make_strategy(1))
    run = run_folder.create(results / "few", "ganimation")
    run.save_config(trainer.config)
    trainer.prepare_run(run)
    run.save_snapshot(run_folder.FINAL_SNAPSHOT, trainer.networks())
    flags = ["--utility", "evaluate_editing", "--result_dir", str(results / "few")]
    assert train.main([*flags, "--set=count=8"]) == 0
    (out,) = (results / "few").glob("001-evaluate-editing-*")
    report = json.loads((out / "editing.json").read_text())
    assert list(report["aus"]) == ["AU12_r", "AU01_r"]
    assert report["protocol"]["action_units"] == ["AU12_r", "AU01_r"]


def test_what_can_be_wrong(results, au_faces_without_regions, capsys):
    for option, message in (
        (f"dataset={results / 'gone'}", "gone: no such folder"),
        (
            f"dataset={au_faces_without_regions}",
            "no identity, regions in it; a set of dataset_tool",
        ),
        ("count=1", "count=1: expected at least 2"),
    ):
        assert evaluate(results, option) == 1
        assert message in capsys.readouterr().err
    assert not list((results / "results").glob("*/editing.json.*"))


@pytest.fixture
def au_faces_without_regions(tmp_path):
    return tiny.write_faces(tmp_path / "faces")
