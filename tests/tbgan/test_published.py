"""Published network pickles are imported, read in place, and never run."""

import os
import pickle
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from tests.golden.recipe import tensor
from tf_facegan.engine import run_folder
from tf_facegan.tbgan import published, reference
from tf_facegan.tbgan.inference import TBGANPipeline
from tf_facegan.uv.layout import UVLayout

PICKLE = Path(__file__).parents[1] / "golden" / "tbgan" / "network-snapshot-000042.pkl"
SEED = 3005


class Network:
    """Pickles as the published class does."""

    __module__ = "tfutil"

    def __init__(self, **state):
        self.state = state

    def __getstate__(self):
        return self.state


class Evil:
    def __reduce__(self):
        return os.mkdir, ("ran",)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes networks as `network-final.pkl` of a module `tfutil`, as the published code does."""
    module = types.ModuleType("tfutil")
    module.Network = Network
    monkeypatch.setitem(sys.modules, "tfutil", module)

    def write(content):
        path = tmp_path / "network-final.pkl"
        path.write_bytes(pickle.dumps(content, protocol=4))
        return path

    return write


def changed(network, **changes):
    """The state of a network of the example, with changes."""
    found = published.read_networks(PICKLE)[network]
    state = {
        "version": 2,
        "name": network,
        "static_kwargs": found.arguments,
        "build_module_src": "raise SystemExit('ran')",
        "build_func_name": "D_paper" if network == "D" else "G_paper",
        "variables": list(found.arrays.items()),
    }
    state.update(changes)
    return Network(**{key: value for key, value in state.items() if value is not None})


def test_arrays_of_the_example():
    networks = published.read_networks(PICKLE)
    assert list(networks) == ["G", "D", "Gs"]
    assert [float(net.arrays.pop("lod")) for net in networks.values()] == [0.25, 0.25, 0.5]
    assert networks["Gs"].arguments["lod_sep"] == 3
    for name, network in networks.items():
        assert len(network.arrays) > 10
        for key, array in network.arrays.items():
            scale = 0.2 if key.endswith("bias") else 1.0
            expected = tensor(f"w/{name}/{key}", array.shape, SEED, scale)
            np.testing.assert_array_equal(array, expected, err_msg=key)


def test_an_imported_run_is_used_like_any_other(tmp_path):
    assert reference.main(["import", str(PICKLE), str(tmp_path / "032-published")]) == 0
    pipeline = TBGANPipeline.from_run(32, result_dir=tmp_path)
    assert pipeline.lod == 0.5 and pipeline.label_size == 7
    assert list(pipeline.info.modalities) == [["texture", 3], ["shape", 3], ["normals", 3]]
    expected = published.read_networks(PICKLE)["Gs"].arrays
    for name, array in reference.extract(pipeline.generator).items():
        np.testing.assert_array_equal(array, expected[name])
    assert pipeline(count=2).images.shape == (2, 9, 16, 16)


def test_a_folder_of_pickles_is_read_in_place(tmp_path):
    folder = tmp_path / "032-pgan"
    folder.mkdir()
    (folder / PICKLE.name).write_bytes(PICKLE.read_bytes())
    published.import_networks(PICKLE, tmp_path / "033-imported")
    before = sorted(folder.iterdir())
    in_place, imported = (
        TBGANPipeline.from_run(number, snapshot=42, result_dir=tmp_path)(count=2, seed=3).images
        for number in (32, 33)
    )
    np.testing.assert_array_equal(in_place, imported)
    assert sorted(folder.iterdir()) == before
    with pytest.raises(FileNotFoundError, match="no network-snapshot-000041.pkl; there is"):
        TBGANPipeline.from_run(32, snapshot=41, result_dir=tmp_path)


def test_other_folders_are_no_published_runs(tmp_path):
    (tmp_path / "network.pkl").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match="no config.json"):
        run_folder.locate(tmp_path, tmp_path).load_config()


def test_a_published_network_at_its_full_arguments(write, tmp_path):
    arguments = {**published.read_networks(PICKLE)["G"].arguments, "structure": "recursive"}
    networks = [changed(name, static_kwargs=arguments) for name in ("G", "D", "Gs")]
    run = published.import_networks(write(tuple(networks)), tmp_path / "run")
    assert [path.name for path in run.snapshots()] == ["network-final.npz"]
    assert run.load_config().G.fmap_base == 12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 1}, "format version 1, 2 expected"),
        ({"variables": None}, "network D lacks variables"),
        ({"build_func_name": "D_old"}, "network D is a D_old, D_paper expected"),
        ({"variables": [("lod", np.float32(0))]}, "network D: .*FromRGB_lod0/tex/weight"),
    ],
)
def test_networks_that_cannot_be_used(write, tmp_path, changes, message):
    path = write((changed("G"), changed("D", **changes), changed("Gs")))
    with pytest.raises(ValueError, match=f"network-final.pkl: .*{message}"):
        published.import_networks(path, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("content", [[1, 2, 3], (1, 2), {"G": 1}])
def test_pickles_of_something_else(write, content):
    with pytest.raises(ValueError, match=r"network-final\.pkl: (a tuple of|network G lacks)"):
        published.read_networks(write(content))


def test_a_pickle_that_would_run_code_is_refused(write, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = write((changed("G"), changed("D"), Evil()))
    assert reference.main(["import", str(path), "run"]) == 1
    message = capsys.readouterr().err
    assert "refused" in message and message.count("\n") == 1
    assert not (tmp_path / "ran").exists() and not (tmp_path / "run").exists()


def test_an_existing_run_is_kept(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(ValueError, match="run: exists; a folder to make expected"):
        published.import_networks(PICKLE, tmp_path / "run")


def test_the_uv_dictionary_goes_with_the_run(tmp_path):
    menpo = pytest.importorskip("menpo.shape")
    image = pytest.importorskip("menpo.image")
    tcoords = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    pixels = np.array([[511.0, 0.0], [511.0, 511.0], [0.0, 0.0]])
    dictionary = {
        "tcoords": menpo.PointCloud(tcoords),
        "tcoords_pixel_scaled": menpo.PointCloud(pixels),
        "trilist": np.array([[0, 1, 2]]),
        "tmask": image.BooleanImage(np.tri(512, dtype=bool)),
    }
    path = tmp_path / "512_UV_dict.pkl"
    path.write_bytes(pickle.dumps(dictionary))
    run = published.import_networks(PICKLE, tmp_path / "run", path)
    layout = UVLayout.load(run.uv_layout)
    np.testing.assert_array_equal(layout.tcoords_pixel_scaled, pixels)
    np.testing.assert_array_equal(layout.tmask, np.tri(512, dtype=bool))
    del dictionary["tmask"]
    path.write_bytes(pickle.dumps(dictionary))
    assert np.mean(UVLayout.load(path).tmask != np.tri(512, dtype=bool)) < 0.01
    folder = tmp_path / "032-published"
    folder.mkdir()
    (folder / path.name).write_bytes(path.read_bytes())
    (folder / PICKLE.name).write_bytes(PICKLE.read_bytes())
    assert TBGANPipeline.from_run(folder).uv_layout == folder / path.name
    del dictionary["trilist"]
    path.write_bytes(pickle.dumps(dictionary))
    with pytest.raises(ValueError, match="512_UV_dict.pkl: .*lacks trilist"):
        UVLayout.load(path)
