"""Metrics of a run's snapshots, in the published table and with their protocol."""

import json
import os

import numpy as np
import pytest

from tests import tiny
from tests.metrics.test_inception_network import write_graph
from tests.records import sets
from tf_facegan.engine import run_folder
from tf_facegan.engine.devices import make_strategy
from tf_facegan.tbgan.trainer import Trainer
from tf_facegan.utilities import evaluate_metrics

FACES = np.random.RandomState(0).uniform(-1, 1, (12, 9, 16, 16)).astype(np.float32)


def make_run(results, images, **changes):
    """A run of two snapshots of a network that was not trained."""
    labels = np.random.RandomState(0).rand(len(images), 7)
    sets.write(results / "set", images, labels=labels)
    trainer = Trainer(tiny.config_for(results / "set", **changes), make_strategy(1))
    trainer._lod = 0.0
    run = run_folder.create(results, "pgan")
    run.save_config(trainer.config)
    trainer.prepare_run(run)
    for kimg in (1, 20):
        run.save_snapshot(f"network-snapshot-{kimg:06d}.npz", trainer.networks())
    run.save_snapshot("network-final.npz", trainer.networks())
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("results"), FACES)


def evaluate(run, folder, snapshot=None, **options):
    options.setdefault("cache", str(folder / "cache"))
    return evaluate_metrics.run(run, folder, evaluate_metrics.Options(**options), snapshot)


def test_sliced_wasserstein_distance_of_every_modality(run, tmp_path, capsys):
    table, lines = evaluate(run, tmp_path, num_images=24, minibatch_size=5)
    assert [table.name, lines.name] == ["metric-swd-24.txt", "metric-swd-24.jsonl"]
    rows = [line.split() for line in table.read_text().splitlines()]
    names = [f"{m}_SWDx1e3_{level}" for m in ("tex", "shp", "nor") for level in ("16", "avg")]
    assert rows[0] == ["Snapshot", "Time_eval", *names]
    assert rows[1] == ["---"] * 8
    assert [row[0] for row in rows[2:]] == ["Reals", "Reals2", "000020", "000001"]
    assert rows[2][2:] == ["0.0000"] * 6
    values = np.array([[float(value) for value in row[2:]] for row in rows[3:]])
    assert (values[0] < values[1]).all()  # noise is further from faces than faces are
    found = [json.loads(line) for line in lines.read_text().splitlines()]
    assert found[2]["values"]["shp_SWDx1e3_avg"] == pytest.approx(values[1][3], abs=1e-4)
    expected = {"metric": "swd", "snapshot": "000020", "kimg": 20, "num_images": 24}
    assert {key: found[2][key] for key in expected} == expected
    assert found[2]["resolution"] == 16 and found[2]["network"] is None
    assert found[2]["data_set"].endswith("set") and found[2]["split"] == "trained on"
    assert (run.path / table.name).read_text() == table.read_text() == capsys.readouterr().out


def test_metrics_of_the_published_network(run, tmp_path):
    write_graph(tmp_path / "graph.pb")
    options = {"metrics": ("fid", "is", "kid"), "num_images": 12, "snapshots": 1}
    written = evaluate(run, tmp_path, inception=str(tmp_path / "graph.pb"), **options)
    names = [
        f"metric-{name}-12.{kind}" for name in ("fid", "is", "kid") for kind in ("txt", "jsonl")
    ]
    assert [path.name for path in written] == names
    reals, fakes = [json.loads(line) for line in written[1].read_text().splitlines()]
    assert reals["values"]["tex_FID"] == pytest.approx(0, abs=1e-2)
    assert fakes["values"]["tex_FID"] > 1
    assert fakes["snapshot"] == "000020" and fakes["network"].startswith("graph.pb sha256:")
    header = written[2].read_text().split()
    assert header[2:8:2] == ["tex_IS_mean", "shp_IS_mean", "nor_IS_mean"]


def test_statistics_of_reals_are_kept(run, tmp_path):
    write_graph(tmp_path / "graph.pb")
    options = {"metrics": ("fid", "is", "kid", "msssim"), "num_images": 12, "snapshots": 1}
    options |= {"inception": str(tmp_path / "graph.pb"), "cache": str(tmp_path / "kept")}

    def reals(number):
        (tmp_path / str(number)).mkdir()
        written = evaluate(run, tmp_path / str(number), **options)
        rows = [json.loads(path.read_text().splitlines()[0]) for path in written[1::2]]
        return [row["cached"] for row in rows], [row["values"] for row in rows]

    first, second = reals(1), reals(2)
    assert (first[0], second[0]) == ([False] * 4, [True] * 4)
    assert first[1] == second[1]
    options["num_images"] = 10  # another protocol
    assert reals(3)[0] == [False] * 4
    for path in (tmp_path / "kept").iterdir():
        path.write_bytes(b"spoilt")
    assert reals(4)[0] == [False] * 4
    (level,) = run.path.parent.glob("set/set-r04.tfrecords")
    os.utime(level)  # another set
    assert reals(5)[0] == [False] * 4


def test_other_faces(run, tmp_path):
    sets.write(tmp_path / "held_out", FACES[:6] / 2, labels=np.zeros((6, 7)))
    options = {"dataset": str(tmp_path / "held_out"), "num_images": 3}
    table, lines = evaluate(run, tmp_path, snapshot=1, **options)
    rows = [line.split() for line in table.read_text().splitlines()]
    assert [row[0] for row in rows[2:]] == ["Reals", "Reals2", "000001"]
    line = json.loads(lines.read_text().splitlines()[0])
    assert line["data_set"].endswith("held_out") and line["split"] == "not trained on"
    sets.write(tmp_path / "small", FACES[:, :, :8, :8])
    with pytest.raises(ValueError, match=r"small: images are \[9, 8, 8\], \[9, 16, 16\] as those"):
        evaluate(run, tmp_path, dataset=str(tmp_path / "small"))


def test_published_metrics_give_labels_as_they_are_stored(run, tmp_path):
    values = []
    for raw in (False, True):
        (tmp_path / str(raw)).mkdir()
        options = {"num_images": 12, "snapshots": 1, "raw_labels": raw}
        _, lines = evaluate(run, tmp_path / str(raw), **options)
        values.append(json.loads(lines.read_text().splitlines()[-1])["values"])
    assert values[0] != values[1]


def test_variation_of_grey_images(tmp_path):
    images = np.random.RandomState(1).randint(0, 256, (8, 1, 32, 32)).astype(np.uint8)
    branches = {f"{n}.branches": (("image", 1),) for n in "GD"}
    run = make_run(tmp_path, images, **branches)
    (tmp_path / "out").mkdir()
    table, _ = evaluate(run, tmp_path / "out", metrics=("msssim",), num_images=8, snapshots=1)
    rows = [line.split() for line in table.read_text().splitlines()]
    assert rows[0] == ["Snapshot", "Time_eval", "MS-SSIM"]
    assert [row[0] for row in rows[2:]] == ["Reals", "000020"]
    last = table.read_text().split()[-1]
    # The last of nine images has no partner.
    options = {"metrics": ("msssim",), "snapshots": 1, "minibatch_size": 8}
    odd, _ = evaluate(run, tmp_path / "out", num_images=9, **options)
    assert odd.read_text().split()[-1] == last
    with pytest.raises(ValueError, match="MS-SSIM compares pairs: at least 2 images"):
        evaluate(run, tmp_path / "out", num_images=1, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metrics": ("lpips",)}, r"metrics is 'lpips', expected one of swd, fid"),
        ({"metrics": ("fid",)}, r"inception is not set: .* \(--set inception=FILE\)"),
    ],
)
def test_wrong_options(run, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        evaluate(run, tmp_path, **options)


def test_a_network_file_that_is_not_there(run, tmp_path):
    with pytest.raises(FileNotFoundError, match="graph.pb: no such file"):
        evaluate(run, tmp_path, metrics=("is",), inception=str(tmp_path / "graph.pb"))
