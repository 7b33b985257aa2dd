"""Pipelines of runs, and what the commands make of them."""

import csv
import json

import cv2
import numpy as np
import pytest

import tf_facegan
from tests.expression import tiny
from tf_facegan.engine import run_folder
from tf_facegan.expression import __main__ as command
from tf_facegan.expression import representation, sampling
from tf_facegan.expression.inference import (
    AutoencoderPipeline,
    ClassifierPipeline,
    ExpressionPipeline,
    GeneratorPipeline,
)
from tf_facegan.utilities import build_representations, evaluate_expressions
from tf_facegan.utilities.video import read_frames

EXPRESSIONS = tiny.EXPRESSIONS


@pytest.fixture(scope="module")
def results(faces, strategy, tmp_path_factory):
    """A result folder with an untrained run of each kind: 0 autoencoder, 1 cwgan, 2 vgg16."""
    folder = tmp_path_factory.mktemp("results")
    for kind in ("autoencoder", "cwgan", "vgg16"):
        trainer = tiny.trainer_for(kind, strategy, faces)
        run = run_folder.create(folder, kind)
        run.save_config(trainer.config)
        trainer.prepare_run(run)
        if kind == "cwgan":
            tiny.iterate(trainer, 3)
        run.save_snapshot("network-final.npz", trainer.networks())
    return folder


def load(cls, results, number, **options):
    return cls.from_run(number, result_dir=results, **options)


def run(*words):
    return command.main([str(word) for word in words])


def test_a_run_decides_its_pipeline(results):
    kinds = (AutoencoderPipeline, GeneratorPipeline, ClassifierPipeline)
    for number, cls in enumerate(kinds):
        pipeline = load(ExpressionPipeline, results, number)
        assert type(pipeline) is cls and pipeline.names == EXPRESSIONS
    message = "a run of expression-cwgan, one of expression-vgg16 expected"
    with pytest.raises(ValueError, match=message):
        load(ClassifierPipeline, results, 1)


def test_model_folders_hold_all_that_using_a_network_needs(results, tmp_path):
    for number in range(3):
        pipeline = load(ExpressionPipeline, results, number)
        folder = pipeline.save_pretrained(tmp_path / str(number))
        for path in folder.rglob("*.json"):
            assert str(results.parent) not in path.read_text(encoding="utf-8")
        again = tf_facegan.load(folder)
        assert type(again) is type(pipeline) and again.names == pipeline.names
    first = load(GeneratorPipeline, results, 1)("Fear", 2).images
    again = GeneratorPipeline.from_pretrained(tmp_path / "1")
    np.testing.assert_array_equal(again("Fear", 2).images, first)


def test_faces_of_an_expression_are_functions_of_the_seed(results):
    pipeline = load(GeneratorPipeline, results, 1)
    first, again, other = (pipeline("Fear", 3, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.images, again.images)
    assert not np.array_equal(first.images, other.images)
    assert first.images.shape == (3, 32, 32, 3) and first.images.dtype == np.uint8
    assert not np.array_equal(first.images, pipeline("Anger", 3, 1).images)
    assert pipeline.epoch == 3
    with pytest.raises(ValueError, match="no representation of 'Joy'; there are those of Surprise"):
        pipeline("Joy")


def test_published_statistics_lose_the_condition(results):
    pipeline = load(GeneratorPipeline, results, 1, statistics="batch")
    fear, anger = (pipeline(name, 4, 1).images.astype(int) for name in ("Fear", "Anger"))
    assert np.abs(fear - anger).max() <= 1
    alone = [pipeline("Fear", 1, seed).images for seed in (1, 2)]
    assert np.abs(alone[0].astype(int) - alone[1]).max() <= 1


def test_statistics_are_gathered_for_a_generator_trained_without(faces, strategy, tmp_path):
    trainer = tiny.trainer_for("cwgan", strategy, faces, **{"networks.statistics": "batch"})
    folder = run_folder.create(tmp_path, "cwgan")
    folder.save_config(trainer.config)
    trainer.prepare_run(folder)
    folder.save_snapshot("network-final.npz", trainer.networks())
    published = load(GeneratorPipeline, tmp_path, 0)
    mended = load(GeneratorPipeline, tmp_path, 0, statistics="moving")
    for pipeline, differs in ((published, False), (mended, True)):
        fear, anger = (pipeline(name, 4, 1).images.astype(int) for name in ("Fear", "Anger"))
        assert (np.abs(fear - anger).max() > 1) == differs


def test_interpolation_begins_and_ends_with_its_expressions(results):
    pipeline = load(GeneratorPipeline, results, 1)
    images = pipeline.interpolate(["Fear", "Anger", "Fear"], steps=3, count=2, seed=4)
    assert images.shape == (7, 2, 32, 32, 3)
    np.testing.assert_allclose(images[0], images[6], atol=1)
    for place, name in ((0, "Fear"), (3, "Anger")):
        expected = pipeline(name, 2, 4).images.astype(int)
        assert np.abs(images[place] - expected).max() <= 1
    with pytest.raises(ValueError, match="1 expression, at least 2"):
        pipeline.interpolate(["Fear"])


@pytest.mark.parametrize("published", [False, True])
def test_reconstructions_are_what_the_network_gives(published, results):
    pipeline = load(AutoencoderPipeline, results, 0)
    if published:
        pipeline = AutoencoderPipeline(pipeline.autoencoder, "symmetric", "bgr")
    images = np.random.RandomState(0).randint(0, 256, (70, 32, 32, 3)).astype(np.uint8)
    made = pipeline.reconstruct(images)
    seen = images[..., ::-1] if published else images
    expected = pipeline.autoencoder(seen / np.float32(255) - 0.5).numpy()
    expected = (expected + 0.5)[..., ::-1] if published else expected
    np.testing.assert_allclose(made, np.clip(expected, 0, 1) * 255, atol=0.51)
    assert pipeline.encode(images).shape == (70, 64)
    with pytest.raises(ValueError, match=r"uint8 \[2, 16, 16, 3\]: pictures of uint8 \[N, 32, 32"):
        pipeline.reconstruct(np.zeros((2, 16, 16, 3), np.uint8))


def test_classifying_takes_both_kinds_of_pictures(results):
    pipeline = load(ClassifierPipeline, results, 2)
    images = np.random.RandomState(0).randint(0, 256, (5, 40, 40, 3)).astype(np.uint8)
    probabilities = pipeline.classify(images)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    signed = images / np.float32(127.5) - 1
    np.testing.assert_allclose(pipeline.classify(signed), probabilities, atol=1e-5)
    features = pipeline.features(images)
    last = pipeline.classifier.named_variables
    logits = features @ last["dense/kernel"].numpy() + last["dense/bias"].numpy()
    np.testing.assert_allclose(logits.argmax(axis=1), probabilities.argmax(axis=1))


def test_generate_writes_pictures_a_sheet_and_the_published_array(results, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("generate", 1, "Happiness", 12, out, "--seed", 3, "--result_dir", results) == 0
    names = [f"Happiness_3_{number:04d}.png" for number in range(12)]
    names += ["Happiness_3_12.npy", "Happiness_3_12_sheet.png"]
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    assert len(capsys.readouterr().out.split()) == 14
    array = np.load(out / "Happiness_3_12.npy")
    assert array.dtype == np.int32 and array.shape == (12, 32, 32, 3)
    expected = load(GeneratorPipeline, results, 1)("Happiness", 12, 3).images
    np.testing.assert_array_equal(array[..., ::-1], expected)
    np.testing.assert_array_equal(cv2.imread(str(out / names[7])), array[7])
    assert cv2.imread(str(out / names[-1])).shape == (64, 320, 3)
    sheet = tmp_path / "sheet.png"
    assert run("show", out / "Happiness_3_12.npy", sheet) == 0
    np.testing.assert_array_equal(cv2.imread(str(sheet)), cv2.imread(str(out / names[-1])))
    assert run("generate", 1, "all", 2, tmp_path / "all", "--result_dir", results) == 0
    assert len(list((tmp_path / "all").glob("*_3_2.npy"))) == 7


def test_interpolate_writes_a_row_for_each_face(results, tmp_path):
    flags = ["--expressions", "Fear", "Anger", "--steps", 3, "--count", 2, "--result_dir", results]
    assert run("interpolate", 1, tmp_path, *flags, "--video", "gif") == 0
    assert len(list(read_frames(tmp_path / "interpolation.gif"))) == 4
    assert cv2.imread(str(tmp_path / "interpolation.png")).shape == (64, 4 * 32, 3)


def test_reconstruct_takes_pictures_and_sets(faces, results, tmp_path):
    for number in range(3):
        picture = np.random.RandomState(number).randint(0, 256, (50, 50, 3)).astype(np.uint8)
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
    out = tmp_path / "out"
    assert run("reconstruct", 0, out, tmp_path, "--result_dir", results) == 0
    assert cv2.imread(str(out / "sheet.png")).shape == (64, 96, 3)
    assert cv2.imread(str(out / "2_reconstructed.png")).shape == (32, 32, 3)
    assert run("reconstruct", 0, out, faces, "--limit", 12, "--result_dir", results) == 0
    assert cv2.imread(str(out / "sheet.png")).shape == (4 * 32, 320, 3)


def test_pictures_must_be_square_or_cut(results, tmp_path, capsys):
    wide = tmp_path / "wide.png"
    cv2.imwrite(str(wide), np.zeros((40, 60), np.uint8))
    flags = ["--result_dir", results]
    assert run("classify", 2, tmp_path / "out", wide, *flags) == 1
    assert "wide.png: 60x40 pixels, a square expected; --crop center" in capsys.readouterr().err
    assert run("classify", 2, tmp_path / "out", wide, *flags, "--crop", "center") == 0


def test_classify_reports_on_a_set(faces, results, tmp_path, capsys):
    assert run("classify", 2, tmp_path, faces, "--result_dir", results) == 0
    assert "of 40" in capsys.readouterr().out
    report = json.loads((tmp_path / "classification.json").read_text())
    assert report["protocol"]["count"] == 40
    with open(tmp_path / "predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 40
    right = sum(row["predicted"] == EXPRESSIONS[i % 7] for i, row in enumerate(rows))
    assert report["accuracy"] == pytest.approx(right / 40)


def test_representations_are_built_and_shown(faces, results, tmp_path, capsys):
    pipeline = load(AutoencoderPipeline, results, 0)
    options = build_representations.Options(components=4)
    written = build_representations.run(pipeline, tmp_path, options)
    made = representation.load(written[0])
    assert made.rows.shape == (7, 11) and made.names == EXPRESSIONS
    assert made.made["components"] == 4 and made.made["autoencoder"] == pipeline.name
    np.testing.assert_array_equal(made.rows[:, 4:], np.eye(7))
    np.testing.assert_array_equal(np.load(written[0] / "Fear.npy"), made.rows[1])
    assert cv2.imread(str(written[1])) is not None
    picture = tmp_path / "again.png"
    assert run("distances", written[0], picture) == 0
    assert f"{made.distances()[0, 1]:.4f}" in capsys.readouterr().out and picture.is_file()
    assert run("distances", written[0], picture, "--codes") == 0
    expected = np.linalg.norm(made.rows[0, :4] - made.rows[1, :4])
    assert f"{expected:.4f}" in capsys.readouterr().out
    published = build_representations.Options(published=True)
    path = tmp_path / "published"
    path.mkdir()
    rows = representation.load(build_representations.run(pipeline, path, published)[0])
    assert rows.rows.shape == (7, 20)
    assert rows.made["projection"] == "rows" and rows.made["integer_mean"]


def test_evaluation_judges_what_was_asked_for(faces, results, tmp_path, capsys):
    pipeline = load(GeneratorPipeline, results, 1)
    options = evaluate_expressions.Options(count=4, classifier="2")
    written = evaluate_expressions.run(pipeline, tmp_path, options)
    assert all(path.is_file() for path in written)
    report = json.loads((tmp_path / "classification.json").read_text())
    judge = load(ClassifierPipeline, results, 2)
    faces_made = pipeline.generate_classes(4, 1000)
    right = [judge.classify(own).argmax(axis=1) == k for k, own in enumerate(faces_made)]
    assert report["accuracy"] == pytest.approx(np.mean(right))
    assert report["protocol"]["count"] == 28 and report["protocol"]["statistics"] == "moving"
    distances = json.loads((tmp_path / "distances.json").read_text())
    assert set(distances["classes"]) == set(EXPRESSIONS)
    assert distances["classes"]["Fear"]["FID-classifier"] > 0
    assert cv2.imread(str(tmp_path / "samples.png")).shape == (7 * 32, 4 * 32, 3)
    assert "FID-classifier" in capsys.readouterr().out
    line = pipeline.origin.run.path / "metric-expressions.jsonl"
    assert json.loads(line.read_text())["values"]["accuracy"] == report["accuracy"]
    for changes, message in (
        ({"count": 1}, "count=1: at least 2"),
        ({"features": "vgg"}, "features is 'vgg', expected one of classifier"),
        ({"features": "inception", "classifier": "2"}, "give --set inception=FILE"),
        ({"classifier": "0"}, "one of expression-vgg16 expected"),
    ):
        with pytest.raises(ValueError, match=message):
            evaluate_expressions.run(pipeline, tmp_path, evaluate_expressions.Options(**changes))


def test_published_samples_are_read(tmp_path):
    images = np.random.RandomState(0).randint(0, 256, (2, 8, 8, 3)).astype(np.uint8)
    path = sampling.save_published(tmp_path, "Anger", 300, images)
    np.testing.assert_array_equal(sampling.load_published(path), images)


@pytest.mark.parametrize(
    "words, message",
    [
        (("generate", "1", "Joy", "2", "out"), "no representation of 'Joy'"),
        (("generate", "1", "Fear", "0", "out"), "AMOUNT is 0, at least 1 expected"),
        (("generate", "1", "Fear", "some", "out"), "invalid int value: 'some'"),
        (("generate", "0", "Fear", "2", "out"), "a run of expression-autoencoder, one of"),
        (("generate", "9", "Fear", "2", "out"), "run '9' not found"),
        (("generate", "1", "Fear", "2", "out", "--representations", "x"), "is for a published"),
        (("interpolate", "1", "out", "--expressions", "Fear"), "1 expression, at least 2"),
        (("interpolate", "1", "out", "--steps", "0"), "--steps is 0, at least 1 expected"),
        (("reconstruct", "0", "out", "nothing.png"), "nothing.png"),
        (("reconstruct", "ae.json", "out", "x.png"), "give its .h5 file with --weights"),
        (("reconstruct", "0", "out", "x.png", "--weights", "x.h5"), "--weights is for a published"),
        (("classify", "2", "out", "x.png", "--limit", "0"), "--limit is 0, at least 1 expected"),
        (("distances", "nothing", "x.png"), "nothing: no such file or folder"),
        (("distances", "nothing", "x.gif"), "OUT x.gif: a .png file expected"),
        (("show", "nothing.npy", "x.png"), "nothing.npy"),
    ],
)
def test_mistakes_are_one_line(words, message, results, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if words[0] in ("generate", "interpolate", "reconstruct", "classify"):
        words = (*words, "--result_dir", str(results))
    try:
        code = command.main(list(words))
    except SystemExit as stop:
        code = stop.code
    error = capsys.readouterr().err
    assert code == 1 and message in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())
