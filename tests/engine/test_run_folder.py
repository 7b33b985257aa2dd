import json

import numpy as np
import pytest

from tests import tiny
from tf_facegan import systems
from tf_facegan.engine import run_folder
from tf_facegan.engine.run_folder import RunFolder, create, load_network, locate, utility_folder
from tf_facegan.files import atomic_file


def test_folders_are_numbered_from_the_largest(tmp_path):
    assert create(tmp_path / "results", "pgan").name == "000-pgan"
    (tmp_path / "results" / "041-other").mkdir()
    (tmp_path / "results" / "123").write_text("no run: a name without a dash")
    assert create(tmp_path / "results", "pgan").name == "042-pgan"


def training_run(root, desc):
    run = create(root, desc)
    run.save_config(tiny.config_for("somewhere"))
    return run


def test_what_a_killed_process_leaves_is_removed(tmp_path):
    run = training_run(tmp_path, "a")
    written = ["network-final.npz", "fakes000012.png", "curve-accuracy.png", "history.csv"]
    written += ["metric-swd.jsonl", run_folder.CONFIG, run_folder.DONE]
    unfinished = [atomic_file(run.path / name) for name in written]
    for file in unfinished:
        file.__enter__()
    others = {".lock", ".mine.png", ".notes.txt.abcdefgh"}
    for name in others:
        (run.path / name).touch()
    assert len(list(run.path.glob(".*"))) == len(written) + len(others)
    run.remove_leftovers()
    assert {path.name for path in run.path.glob(".*")} == others
    run.load_config()


def test_runs_are_found_by_number_name_path_and_latest(tmp_path):
    first, second = training_run(tmp_path, "a"), training_run(tmp_path, "b")
    create(tmp_path, "interpolation-video-001-b")
    assert locate(0, tmp_path).path == first.path
    assert locate("001", tmp_path).path == second.path
    assert locate("001-b", tmp_path).path == second.path
    assert locate("000", tmp_path).path == first.path
    assert locate(second.path, "elsewhere").path == second.path
    # A utility's folder is newer, but no training run.
    assert locate("latest", tmp_path).path == second.path
    with pytest.raises(FileNotFoundError, match="run '7' not found .*000-a, 001-b"):
        locate(7, tmp_path)
    twins = tmp_path / "twins"
    for name in ("000-a", "000-b"):
        (twins / name).mkdir(parents=True)
    with pytest.raises(ValueError, match="ambiguous.*000-a, 000-b"):
        locate("0", twins)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        locate(0, tmp_path / "nothing")


def test_a_system_is_its_newest_run(tmp_path):
    training_run(tmp_path, "a")
    newest = training_run(tmp_path, "b")
    other = create(tmp_path, "other")
    other.save_config(systems.get("tdgan").part("config")())
    damaged = create(tmp_path, "damaged")
    (damaged.path / "config.json").write_text("{")
    assert locate("tbgan", tmp_path).path == newest.path
    assert locate("tdgan", tmp_path).path == other.path
    (tmp_path / "tdgan-imported").mkdir()
    assert locate("tdgan", tmp_path).name == "tdgan-imported"  # the beginning of a name
    with pytest.raises(FileNotFoundError, match="run 'rdgan' not found"):
        locate("rdgan", tmp_path)


def test_configuration_round_trip_and_its_errors(tmp_path):
    run = training_run(tmp_path, "a")
    assert run.load_config() == tiny.config_for("somewhere")
    (run.path / "config.json").write_text("{")
    with pytest.raises(ValueError, match="config.json: not a configuration"):
        run.load_config()
    (run.path / "config.json").write_text(json.dumps({"system": "tbgan", "sed": 1}))
    with pytest.raises(ValueError, match="unknown field 'sed'"):
        run.load_config()
    with pytest.raises(FileNotFoundError, match="not the folder of a training run"):
        RunFolder(tmp_path).load_config()


def test_snapshots(tmp_path):
    run = create(tmp_path, "a")
    with pytest.raises(FileNotFoundError, match="no network snapshot yet"):
        run.snapshot()
    weight = np.arange(6, dtype=np.float32).reshape(2, 3)
    networks = {"G": {"8x8/Conv1/weight": weight}, "Gs": {"8x8/Conv1/weight": weight + 1}}
    run.save_snapshot("network-snapshot-000010.npz", networks)
    run.save_snapshot("network-snapshot-000002.npz", networks)
    assert run.snapshot().name == "network-snapshot-000010.npz"
    assert run.snapshot(2).name == "network-snapshot-000002.npz"
    run.save_snapshot("network-final.npz", networks)
    assert run.snapshot().name == "network-final.npz"
    loaded = load_network(run.snapshot(), "Gs")
    assert list(loaded) == ["8x8/Conv1/weight"]
    np.testing.assert_array_equal(loaded["8x8/Conv1/weight"], weight + 1)
    with pytest.raises(FileNotFoundError, match="no network-snapshot-000003.npz; there is"):
        run.snapshot(3)
    with pytest.raises(ValueError, match="holds no network 'D'"):
        load_network(run.snapshot(), "D")


def test_a_snapshot_cut_short_is_named(tmp_path):
    run = create(tmp_path, "a")
    run.save_snapshot("network-final.npz", {"G": {"w": np.zeros(1000)}})
    content = run.snapshot().read_bytes()
    for keep in (0, 10, len(content) // 2, len(content) - 30):
        run.snapshot().write_bytes(content[:keep])
        with pytest.raises(ValueError, match="network-final.npz: .*; a network snapshot expected"):
            load_network(run.snapshot(), "G")


def test_a_utility_folder_is_marked_done_or_removed(tmp_path):
    with utility_folder(tmp_path, "video-1") as folder:
        assert not (folder.path / run_folder.UTILITY_DONE).exists()
    assert (folder.path / run_folder.UTILITY_DONE).is_file()
    with pytest.raises(KeyError), utility_folder(tmp_path, "video-2") as folder:
        raise KeyError
    assert not folder.path.exists()
