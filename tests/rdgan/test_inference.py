"""The pipeline and its command line, on networks that have hardly been trained."""

import csv
import json

import cv2
import numpy as np
import pytest

from tests.rdgan import tiny
from tests.sources import sequences as drawn
from tests.sources import tool
from tf_facegan.engine import run_folder
from tf_facegan.rdgan import evaluation, inference, pairs, prediction, reference
from tf_facegan.rdgan.__main__ import main
from tf_facegan.rdgan.images import from_8_bits, to_8_bits
from tf_facegan.records.reader import RecordSet
from tf_facegan.sources.landmark_tables import write_table
from tf_facegan.utilities.video import read_frames

STAGES = {"plain": ("face", "fine"), "two_way": ("two_way",)}


def save_run(path, dataset, stages=("face", "fine"), **changes):
    """A run folder whose networks are the first ones; returns its path."""
    changes = {"train.stages": list(stages), "data.image_size": tiny.SIDE, **changes}
    config = tiny.config_for(dataset, **changes)
    path.mkdir(parents=True)
    run = run_folder.RunFolder(path)
    run.save_config(config)
    generators = {f"{stage}_G": inference.make_generator(config, stage) for stage in stages}
    for number, generator in enumerate(generators.values()):
        for name, variable in generator.named_variables.items():
            if name.endswith("/W"):  # so that the images are not all grey
                variable.assign(variable * (20 + number))
    arrays = {name: reference.extract(network) for name, network in generators.items()}
    run.save_snapshot("network-final.npz", arrays)
    return path


@pytest.fixture(scope="module")
def runs(sequences, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    made = {
        "dropout": save_run(folder / "dropout", sequences, **{"inference.dropout": True}),
        **{name: save_run(folder / name, sequences, stages) for name, stages in STAGES.items()},
    }
    return made


@pytest.fixture(scope="module")
def pipeline(runs):
    return inference.RDGANPipeline.from_run(runs["plain"])


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """Path of a photo with landmarks beside it."""
    path = tmp_path_factory.mktemp("photo") / "me.png"
    tool.write_image(path, 0, 60, 50)
    drawn.write_points(path.with_name("me_landmarks.txt"), 0)
    return path


def subject():
    return tool.random_image(0, 60, 50), drawn.points(0)


def faces(count):
    random = np.random.RandomState(1)
    shape = 2, count, tiny.SIDE, tiny.SIDE, 3
    return random.uniform(-1, 1, shape).astype(np.float32)


def error_of(capsys, *argv):
    capsys.readouterr()
    assert main([str(word) for word in argv]) == 1
    output = capsys.readouterr().err
    assert output.startswith("error: ") and output.count("\n") == 1
    return output


def test_a_call_runs_the_networks_one_after_the_other(pipeline):
    sources, boundaries = faces(3)
    made = pipeline.generate(sources, boundaries)
    coarse = pipeline.generators["face"](sources, boundaries).numpy()
    np.testing.assert_allclose(made.stages["face"], coarse, atol=1e-5)
    fine = pipeline.generators["fine"](sources, coarse).numpy()
    np.testing.assert_allclose(made.images, fine, atol=1e-5)
    assert list(pipeline.generate(sources, boundaries, refine=False).stages) == ["face"]


@pytest.mark.parametrize("refine", [True, False])
def test_frames_are_those_of_a_call(pipeline, refine):
    """What depends on the source only is computed once; the result is the same."""
    photo, points = subject()
    drive = [drawn.points(0), drawn.points(0) + 3, None, drawn.points(1)]
    frames = list(pipeline.synthesise(photo, points, drive, refine=refine))
    assert len(frames) == 4
    source = pipeline.face(photo, points)
    for frame in frames:
        made = pipeline.generate(source[None], from_8_bits(frame.boundary)[None], refine)
        difference = frame.image.astype(int) - to_8_bits(made.images[0])
        assert np.abs(difference).max() <= 1 and frame.image.std() > 1
    np.testing.assert_array_equal(frames[1].image, frames[2].image)  # no face: the last again
    np.testing.assert_array_equal(frames[0].boundary, frames[1].boundary)  # only shifted
    assert (frames[3].boundary != frames[0].boundary).any()


def test_a_recursive_frame_comes_from_the_one_before(pipeline):
    photo, points = subject()
    drive = [drawn.points(0), drawn.points(1)]
    frames = list(pipeline.synthesise(photo, points, drive, recursive=True))
    source = pipeline.face(photo, points)[None]
    for frame in frames:
        source = pipeline.generate(source, from_8_bits(frame.boundary)[None]).images
        assert np.abs(frame.image.astype(int) - to_8_bits(source[0])).max() <= 1
    plain = list(pipeline.synthesise(photo, points, drive))[1]
    assert (plain.image != frames[1].image).any()


def test_a_frame_is_pasted_at_its_place(pipeline):
    photo, points = subject()
    (frame,) = pipeline.synthesise(photo, points, [drawn.points(0)])
    pasted = frame.pasted(photo)
    crop = frame.crop
    outside = np.ones(photo.shape[:2], bool)
    outside[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width] = False
    np.testing.assert_array_equal(pasted[outside], photo[outside])
    assert (pasted != photo).any()


def test_dropout_at_prediction_repeats_with_its_seed(runs):
    one = inference.RDGANPipeline.from_run(runs["dropout"])
    sources, boundaries = faces(2)
    first, again, other = (
        one.generate(sources, boundaries, seed=seed).images for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    photo, points = subject()
    frames = list(one.synthesise(photo, points, [points, points], seed=1))
    assert (frames[0].image != frames[1].image).any()


def test_the_two_way_model_has_one_network(runs):
    one = inference.RDGANPipeline.from_run(runs["two_way"])
    photo, points = subject()
    (frame,) = one.synthesise(photo, points, [points])
    assert list(frame.stages) == ["two_way"] and frame.image.shape == (tiny.SIDE, tiny.SIDE, 3)


def test_frames_of_held_out_subjects(pipeline, sequences):
    records = RecordSet(sequences)
    held_out = prediction.frames_of(records, pipeline.config, "held_out")
    assert len(np.unique(held_out.subjects)) == 1
    everyone = prediction.frames_of(records, pipeline.config)
    assert len(everyone.numbers) == tiny.COUNT


def test_scores_of_a_perfect_prediction(pipeline, sequences, monkeypatch):
    """With the truth in place of a prediction all scores are the best, and the source's are not."""
    records = RecordSet(sequences)

    def truth(pipeline, records, chosen, refine):
        for part, images in prediction.predicted(pipeline, records, chosen, refine):
            yield part, {**images, "face": images["target"], "fine": images["source"]}

    monkeypatch.setattr(evaluation, "predicted", truth)
    rows = evaluation.evaluate(pipeline, records, pairs.Frames.of(records.fields))
    assert len(rows) == tiny.COUNT - tiny.SUBJECTS * tiny.SEQUENCES
    assert [row["time"] for row in rows[:3]] == [0.5, 1.0, 0.5]
    means = evaluation.means(rows)
    assert means["face_ssim"] == pytest.approx(1) and means["face_psnr"] == 100
    assert means["fine_ssim"] == means["source_ssim"] < 0.9
    times, curves = evaluation.curves(rows)
    np.testing.assert_allclose(curves["face_ssim"], 1, atol=1e-6)
    first = np.mean([row["source_psnr"] for row in rows[::2]])
    assert curves["source_psnr"][0] == pytest.approx(first) and times[-1] == 1


def test_evaluate_and_rank(runs, tmp_path, capsys):
    out = tmp_path / "scores"
    assert main(["evaluate", str(runs["plain"]), "--out", str(out)]) == 0
    assert "4 pairs of held_out subjects" in capsys.readouterr().out
    rows = list(csv.DictReader((out / "frames.csv").open()))
    summary = json.loads((out / "evaluation.json").read_text())
    mean = np.mean([float(row["fine_ssim"]) for row in rows])
    assert len(rows) == summary["pairs"] == 4 and "SSIM" in summary["protocol"]
    assert summary["fine_ssim"] == pytest.approx(mean, abs=1e-5)
    assert cv2.imread(str(out / "curve-ssim.png")) is not None
    assert len((out / "curve.csv").read_text().splitlines()) == 1 + evaluation.POINTS
    assert evaluation.read_rows(out / "frames.csv")[0]["source"] == rows[0]["source"]
    assert "exists already" in error_of(capsys, "evaluate", runs["plain"], "--out", out)
    pytest.importorskip("trueskill")
    better = tmp_path / "better"
    better.mkdir()
    for row in rows:
        row["fine_ssim"] = "0.99"
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    (better / "frames.csv").write_text("\n".join(lines) + "\n")
    table = tmp_path / "ranking.csv"
    assert main(["rank", f"a={out}", f"b={better}", "--out", str(table)]) == 0
    ranking = list(csv.DictReader(table.open()))
    assert [(row["name"], row["wins"]) for row in ranking] == [("b", "4"), ("a", "0")]
    assert "NAME=DIR expected" in error_of(capsys, "rank", out, better)
    assert "at least 2" in error_of(capsys, "rank", f"a={out}")
    said = error_of(capsys, "rank", f"a={out}", f"b={tmp_path}")
    assert f"b={tmp_path}: no frames.csv in it, a folder that `evaluate` made expected" in said
    (tmp_path / "frames.csv").write_text("source,target,time,fine_ssim\n0,1,1,0.5\n")
    said = error_of(capsys, "rank", f"a={out}", f"b={tmp_path}", "--metric", "psnr")
    assert f"{tmp_path}/frames.csv: no column of psnr" in said


def test_predict_writes_the_published_names(runs, sequences, tmp_path, capsys):
    out = tmp_path / "pictures"
    words = ["predict", str(runs["plain"]), "--out", str(out), "--subjects", "all", "--video"]
    assert main(words) == 0
    for folder in ("FaceGAN", "FineGAN"):
        names = sorted(path.name for path in (out / folder).iterdir())
        assert len(names) == 16
        assert names[0] == "000_00000000_nface__000_00000001_eface.png"
    assert len(list(read_frames(out / "000_00000000.mp4"))) == 2
    words = ["predict", str(runs["plain"]), "--mode", "reenact", "--source", "3"]
    words += ["--dataset", str(sequences), "--subjects", "all", "--coarse"]
    assert main([*words, "--out", str(tmp_path / "one")]) == 0
    names = [path.name for path in (tmp_path / "one" / "FaceGAN").iterdir()]
    assert len(names) == tiny.COUNT and not (tmp_path / "one" / "FineGAN").exists()
    assert {name.partition("__")[0] for name in names} == {"001_00000000_nface"}
    message = error_of(capsys, *words[:5], "24", *words[6:], "--out", tmp_path / "two")
    assert "source frame 24 asked for, there are 24 frames" in message
    assert not (tmp_path / "two").exists()


def test_synthesise_writes_a_clip(runs, photo, tmp_path, capsys):
    drive = tmp_path / "drive.csv"
    write_table(drive, {number: drawn.points(number) for number in range(3)})
    words = ["synthesise", str(photo), "--run_id", str(runs["plain"]), "--drive", str(drive)]
    for show, size in (("face", (16, 16)), ("photo", (50, 60)), ("all", (16, 64))):
        clip = tmp_path / f"{show}.gif"
        assert main([*words, "--out", str(clip), "--show", show, "--retarget", "shape"]) == 0
        frames = list(read_frames(clip))
        assert len(frames) == 3 and frames[0].shape[:2] == size
    assert "a .mp4 or .gif file expected" in error_of(
        capsys, *words, "--out", tmp_path / "clip.avi"
    )
    for fps in ("0", "nan"):
        message = error_of(capsys, *words, "--out", tmp_path / "clip.mp4", "--fps", fps)
        assert f"--fps {fps}: more than 0" in message
    words[-1] = tmp_path / "nothing.csv"
    assert "nothing.csv: not found" in error_of(capsys, *words, "--out", tmp_path / "clip.mp4")
    assert not (tmp_path / "clip.mp4").exists()


def test_real_time_prediction_of_a_video(runs, photo, tmp_path, capsys):
    video, table, out = tmp_path / "frames", tmp_path / "drive.csv", tmp_path / "out.mp4"
    for number in range(4):
        tool.write_image(video / f"{number}.png", number, 40, 30)
    write_table(table, {number: drawn.points(number) for number in (0, 1, 3)})
    words = ["real_time_predict", str(photo), "--run_id", str(runs["plain"]), "--video", str(video)]
    assert main([*words, "--landmarks", str(table), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "4 frames" in printed and "1 frames without a face" in printed
    for stage in ("landmarks", "boundary", "FaceGAN", "FineGAN", "in all"):
        assert f"\n{stage} " in printed
    assert len(list(read_frames(out))) == 4
    words += ["--landmarks", str(table), "--out", str(out), "--frames", "2", "--coarse"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "2 frames" in printed and "FineGAN" not in printed
    assert "--frames 0: at least 1" in error_of(capsys, *words, "--frames", "0")
    assert "nothing to show it on" in error_of(capsys, *words[:6])
    message = error_of(capsys, *words[:4], "--landmarks", table, "--out", out)
    assert "--landmarks are those of a --video" in message


def test_published_checkpoints_become_a_run(tmp_path, capsys, photo):
    from tests.rdgan.test_reference import write_checkpoint
    from tf_facegan.rdgan.networks import FaceGenerator

    arrays = reference.extract(FaceGenerator(seed=1))
    path = write_checkpoint(tmp_path / "model_000500.ckpt", [arrays])
    out = tmp_path / "imported"
    words = ["import_checkpoints", "--face", str(path), "--out", str(out)]
    assert main(words) == 0
    one = inference.RDGANPipeline.from_run(out)
    assert one.stages == ["face"] and one.image_size == 128
    for name, value in reference.extract(one.generators["face"]).items():
        np.testing.assert_array_equal(value, arrays[name])
    assert "not trained here: give --dataset" in error_of(capsys, "evaluate", out, "--out", "x")
    assert "exists already" in error_of(capsys, *words)
    words = ["import_checkpoints", "--out", tmp_path / "other"]
    assert "give --face, --face and --fine" in error_of(capsys, *words, "--fine", path)
    message = error_of(capsys, *words, "--two_way", path)
    assert "model_000500.ckpt" in message and "missing: " in message
    assert "no checkpoint" in error_of(capsys, *words, "--face", tmp_path / "none")
    assert not (tmp_path / "other").exists()


def test_wrong_runs_are_named(runs, sequences, tmp_path, capsys):
    wrong = save_run(tmp_path / "wrong", sequences, **{"inference.crop": "round"})
    with pytest.raises(ValueError, match="inference.crop is 'round', expected one of box, square"):
        inference.RDGANPipeline.from_run(wrong)
    (wrong / "network-final.npz").write_bytes(b"cut short")
    with pytest.raises(ValueError, match="network-final.npz: .*a network snapshot expected"):
        inference.RDGANPipeline.from_run(wrong)
    words = ["evaluate", runs["plain"], "--out", tmp_path / "x", "--dataset", tmp_path]
    assert "no *.tfrecords files" in error_of(capsys, *words)
    words[-1] = sequences
    again = save_run(tmp_path / "all", sequences, **{"data.validation_share": 0.0})
    words[1] = again
    assert "no subjects were held out" in error_of(capsys, *words, "--subjects", "held_out")
