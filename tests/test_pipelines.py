"""Model folders and the one loader, on an untrained TBGAN."""

import json
import shutil

import numpy as np
import pytest

import tf_facegan
from tests import tiny
from tf_facegan import pipelines
from tf_facegan.engine import run_folder
from tf_facegan.engine.devices import make_strategy
from tf_facegan.tbgan.inference import TBGANPipeline
from tf_facegan.tbgan.trainer import Trainer
from tf_facegan.uv.layout import UVLayout


@pytest.fixture(scope="module")
def run(faces, tmp_path_factory):
    trainer = Trainer(tiny.config_for(faces), make_strategy(1))
    run = run_folder.create(tmp_path_factory.mktemp("results"), "pgan")
    run.save_config(trainer.config)
    trainer.prepare_run(run)
    run.save_snapshot("network-snapshot-000001.npz", trainer.networks())
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    triangles = np.array([[0, 1, 2], [1, 3, 2]])
    layout = UVLayout.from_tcoords(8, corners, triangles, np.ones((8, 8)), 1.0, np.zeros(3))
    layout.save(run.path / "uv_layout.npz")
    line = {"metric": "swd", "values": {"swd": 1.5}, "data_set": "/somewhere"}
    (run.path / "metric-swd-8k.jsonl").write_text(json.dumps(line) + "\n")
    return run


@pytest.fixture(scope="module")
def model(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "faces"
    return TBGANPipeline.from_run(run.path).save_pretrained(
        folder, licence="CC BY 4.0", description="Faces of a test."
    )


def test_the_loader_finds_the_system(run):
    for name in (run.path, 0, "latest"):
        pipeline = tf_facegan.load(name, result_dir=run.path.parent)
        assert isinstance(pipeline, TBGANPipeline)
    assert tf_facegan.load(run.path, snapshot=1).name == "000-pgan-network-snapshot-000001"


def test_a_model_folder_gives_what_the_run_gives(run, model):
    expected = TBGANPipeline.from_run(run.path)(3, seed=5).images
    for pipeline in (TBGANPipeline.from_pretrained(model), tf_facegan.load(model)):
        np.testing.assert_array_equal(pipeline(3, seed=5).images, expected)
        assert len(pipeline.load_uv_layout().trilist) == 2


def test_a_model_folder_says_what_it_is_and_nothing_of_where_it_was_made(run, model, faces):
    described = pipelines.read_model(model)
    assert described["system"] == "tbgan" and described["licence"] == "CC BY 4.0"
    assert described["labels"] == {"expressions": list("abcdefg")}
    assert described["training"]["examples"] == tiny.COUNT
    assert described["metrics"] == [{"metric": "swd", "values": {"swd": 1.5}}]
    assert sorted(described["files"]) == sorted(entry.name for entry in model.iterdir())
    with np.load(model / "network-final.npz", allow_pickle=False) as arrays:
        assert {name.split("/")[0] for name in arrays.files} == {"Gs"}
    card = (model / "README.md").read_text()
    assert "Faces of a test." in card and "CC BY 4.0" in card
    for path in model.glob("*.json"):
        assert str(faces.parent) not in path.read_text()


def test_of_two_networks_the_loaded_one_is_saved(run, tmp_path):
    TBGANPipeline.from_run(run.path, network="G").save_pretrained(tmp_path / "g")
    found = tf_facegan.load(tmp_path / "g").generator.named_variables
    expected = run.load_network(run.snapshot(), "G")
    for name, variable in found.items():
        np.testing.assert_array_equal(variable, expected[name])


def test_what_is_there_is_replaced_only_when_asked_and_only_if_it_is_a_model(run, tmp_path):
    pipeline = TBGANPipeline.from_run(run.path)
    folder = pipeline.save_pretrained(tmp_path / "model")
    with pytest.raises(ValueError, match="exists already"):
        pipeline.save_pretrained(folder)
    pipeline.save_pretrained(folder, licence="MIT", overwrite=True)
    assert pipelines.read_model(folder)["licence"] == "MIT"
    (folder / "mine.txt").write_text("not of the model")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("no model at all")
    for path in (folder, tmp_path / "other"):
        with pytest.raises(ValueError, match="mine.txt"):
            pipeline.save_pretrained(path, overwrite=True)


def test_bad_folders_are_named(run, model, tmp_path):
    with pytest.raises(FileNotFoundError, match="not a model folder"):
        TBGANPipeline.from_pretrained(run.path)
    by_hand = TBGANPipeline(TBGANPipeline.from_run(run.path).generator, 0.0, None)
    with pytest.raises(ValueError, match="loaded from a run"):
        by_hand.save_pretrained(tmp_path / "by_hand")
    for number, text in enumerate(("{", "[]", '{"format_version": 9}')):
        copy = shutil.copytree(model, tmp_path / f"copy{number}")
        (copy / "model.json").write_text(text)
        with pytest.raises(ValueError, match="model.json"):
            TBGANPipeline.from_pretrained(copy)
    cut = shutil.copytree(model, tmp_path / "cut")
    content = (cut / "network-final.npz").read_bytes()
    (cut / "network-final.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="network-final.npz"):
        TBGANPipeline.from_pretrained(cut)
