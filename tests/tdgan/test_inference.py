"""The pipeline and its command line, on an untrained tiny run."""

import csv
import json

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.tdgan import tiny
from tests.tdgan.test_reference import write_checkpoint
from tf_facegan import pipelines
from tf_facegan.engine import run_folder
from tf_facegan.engine.devices import make_strategy
from tf_facegan.sources.expressions import EXPRESSIONS
from tf_facegan.sources.faces import CropOptions
from tf_facegan.sources.toy_faces import Identity, Scene, expression_aus, render
from tf_facegan.tdgan import __main__ as command
from tf_facegan.tdgan import images as published_images
from tf_facegan.tdgan.inference import TDGANPipeline
from tf_facegan.tdgan.trainer import BEST_SNAPSHOT, Trainer
from tf_facegan.utilities.video import video_writer

WHOLE = ["--crop", "none"]


@pytest.fixture(scope="module")
def results(roles, tmp_path_factory):
    """A result folder with an untrained run that has a best and a final snapshot."""
    folder = tmp_path_factory.mktemp("results")
    trainer = Trainer(tiny.config_for(roles), make_strategy(1))
    run = run_folder.create(folder, "tdgan")
    run.save_config(trainer.config)
    trainer.prepare_run(run)
    run.save_snapshot(run_folder.FINAL_SNAPSHOT, trainer.networks())
    for variable in trainer.G.named_variables.values():
        variable.assign(variable * 1.5)
    run.save_snapshot(BEST_SNAPSHOT, trainer.networks())
    return folder


@pytest.fixture(scope="module")
def pipeline(results):
    return TDGANPipeline.from_run("latest", result_dir=results, crop=CropOptions(crop="none"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Paths of three drawn faces, one of them grey, and of one picture without a face."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(3):
        aus = expression_aus("Happiness", 1.0, np.random.default_rng(number))
        face = render(Identity.random(number), aus, Scene.random(number), 128).image
        picture = Image.fromarray(face).convert("L" if number == 2 else "RGB")
        picture.save(folder / f"face{number}.png")
    Image.new("RGB", (96, 80), (90, 120, 90)).save(folder / "nobody.png")
    return folder


def run(results, *args):
    return command.main([str(arg) for arg in args] + ["--result_dir", str(results)])


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_photos_are_prepared_as_published(pipeline, photos):
    photo = Image.open(photos / "face0.png")
    grey = photo.convert("L")
    face = np.asarray(grey.resize((16, 16), Image.Resampling.BILINEAR), np.float32) / 255
    np.testing.assert_array_equal(pipeline.prepare([photo], "face")[0, :, :, 0], face)
    # Expressions were cut out of 18 pixels in training.
    whole = np.asarray(grey.resize((18, 18), Image.Resampling.BILINEAR), np.float32) / 255
    seen = pipeline.prepare([photos / "face0.png"])[0, :, :, 0]
    np.testing.assert_array_equal(seen, whole[1:17, 1:17])
    np.testing.assert_array_equal(pipeline.prepare([np.asarray(photo)])[0, :, :, 0], seen)


def test_classes_and_probabilities(pipeline, photos):
    found = pipeline([photos / "face0.png", photos / "face1.png"])
    assert found.names == list(EXPRESSIONS) and found.probabilities.shape == (2, 7)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, rtol=1e-5)
    images = pipeline.prepare([photos / "face0.png", photos / "face1.png"])
    logits = pipeline.generator.classify(images).numpy()
    np.testing.assert_array_equal(found.labels, logits.argmax(axis=1))
    assert found.expressions == [EXPRESSIONS[label] for label in found.labels]


def test_transfer_decodes_both_codes_with_the_noise_of_a_seed(pipeline, photos):
    faces, expressions = [photos / "face0.png"], [photos / "face1.png", photos / "face2.png"]
    found = pipeline.transfer(faces, expressions, seed=3)
    assert found.shape == (2, 16, 16, 1) and 0 <= found.min() and found.max() <= 1
    G, noise = pipeline.generator, pipeline.noise(2, 3)
    face = np.repeat(pipeline.prepare(faces, "face"), 2, axis=0)
    np.testing.assert_allclose(found, G(face, pipeline.prepare(expressions), noise), atol=1e-6)
    assert not np.allclose(found, pipeline.transfer(faces, expressions, seed=4))
    np.testing.assert_array_equal(found, pipeline.transfer(faces, expressions, noise=noise))
    with pytest.raises(ValueError, match="2 and 3 photos; as many of both"):
        pipeline.transfer([photos / "face0.png"] * 3, expressions)


def test_interpolation_ends_at_both_photos(pipeline, photos):
    one, two = photos / "face0.png", photos / "face1.png"
    for faces, expressions in (([one], [one, two]), ([one, two], [one])):
        found = pipeline.interpolate(faces, expressions, steps=5, seed=1)
        assert found.shape == (5, 16, 16, 1)
        noise = pipeline.noise(1, 1)
        for place, face, expression in (
            (0, faces[0], expressions[0]),
            (4, faces[-1], expressions[-1]),
        ):
            expected = pipeline.transfer([face], [expression], noise=noise)[0]
            np.testing.assert_allclose(found[place], expected, atol=1e-6)
    middle = pipeline.interpolate([one], [one, two], steps=3)[1]
    codes = pipeline.features([one, two]).mean(axis=0, keepdims=True)
    expected = pipeline.decode(pipeline.features([one], "face"), codes)[0]
    np.testing.assert_allclose(middle, expected, atol=1e-5)
    with pytest.raises(ValueError, match="1 faces, 1 expressions, 11 steps; two photos of one"):
        pipeline.interpolate([one], [one])


def test_the_best_snapshot_is_taken_unless_another_is_named(results, photos):
    options = {"result_dir": results, "crop": CropOptions(crop="none")}
    best, final = (TDGANPipeline.from_run(0, s, **options) for s in (None, "final"))
    assert best.name.endswith("network-best") and final.name.endswith("network-final")
    assert not np.allclose(
        best.features([photos / "face0.png"]), final.features([photos / "face0.png"])
    )
    with pytest.raises(FileNotFoundError, match="no network-snapshot-000007.npz"):
        TDGANPipeline.from_run(0, 7, **options)


def test_a_published_checkpoint_is_used_in_place_and_imported(pipeline, photos, tmp_path, capsys):
    source = tmp_path / "published"
    write_checkpoint(source, {"G": pipeline.generator, "D_ER": pipeline.discriminator}, "legacy")
    out = tmp_path / "results" / "100-published"
    assert command.main(["import", str(source), str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    options = {"crop": CropOptions(crop="none")}
    expected = pipeline.generator.classify(pipeline.prepare([photos / "face0.png"], "face"))
    for load, folder in ((TDGANPipeline.from_checkpoint, source), (TDGANPipeline.from_run, out)):
        found = load(folder, **options)
        assert found.names == list(EXPRESSIONS)
        # Nothing says that the expressions were cut out of larger pictures.
        recognised = found([photos / "face0.png"]).probabilities
        np.testing.assert_allclose(recognised, np.exp(expected) / np.exp(expected).sum(), rtol=1e-4)
    assert command.main(["import", str(source), str(out)]) == 1
    assert "exists; a folder to make expected" in capsys.readouterr().err
    (source / "dec.pkl").write_bytes((source / "fc_ER_G.pkl").read_bytes())
    assert command.main(["import", str(source), str(tmp_path / "other")]) == 1
    assert "not the weights of a TDGAN network" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_a_model_folder_gives_the_same(pipeline, photos, tmp_path):
    folder = pipeline.save_pretrained(tmp_path / "model", licence="CC0")
    names = {path.name for path in folder.iterdir()}
    assert names == {"config.json", "dataset.json", "network-final.npz", "model.json", "README.md"}
    files = [photos / "face0.png", photos / "face1.png"]
    for loaded in (
        TDGANPipeline.from_pretrained(folder, crop=CropOptions(crop="none")),
        pipelines.load(folder, crop=CropOptions(crop="none")),
    ):
        np.testing.assert_array_equal(loaded(files).probabilities, pipeline(files).probabilities)
        assert loaded.discriminator is not None and loaded.names == pipeline.names


def test_classify_writes_a_row_for_each_picture(results, photos, tmp_path, capsys):
    out = tmp_path / "result.csv"
    assert run(results, "classify", "latest", photos, photos / "face0.png", "--out", out) == 0
    rows = rows_of(out)
    assert [row["file"] for row in rows] == [
        str(photos / name)
        for name in ("face0.png", "face1.png", "face2.png", "nobody.png", "face0.png")
    ]
    assert rows[3]["expression"] == "" and rows[0] == rows[4]
    for row in rows[:3]:
        probabilities = [float(row[name]) for name in EXPRESSIONS]
        assert EXPRESSIONS[int(np.argmax(probabilities))] == row["expression"]
    captured = capsys.readouterr()
    assert captured.out.strip() == str(out)
    assert f"warning: {photos / 'nobody.png'}: no face found" in captured.err


def test_classify_reads_videos(results, photos, tmp_path, capsys):
    path = tmp_path / "faces.mp4"
    frames = [cv2.imread(str(photos / f"face{n}.png"))[:, :, ::-1] for n in (0, 1, 2)]
    with video_writer(path, 5) as append:
        for frame in frames:
            append(np.ascontiguousarray(frame))
    assert run(results, "classify", "latest", path, *WHOLE) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[2].startswith(f"{path}, frame 2: ")


def test_classify_reads_a_camera(results, photos, monkeypatch, capsys):
    from tf_facegan.tdgan import commands

    frames = [cv2.imread(str(photos / "face0.png"))[:, :, ::-1], np.zeros([60, 60, 3], np.uint8)]
    monkeypatch.setattr(commands, "camera_frames", lambda number: iter(frames))
    assert run(results, "classify", "latest", "--camera", 0) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split(":")[0] == "camera 0, frame 0"
    assert lines[0].split()[-2] in EXPRESSIONS and lines[1] == "camera 0, frame 1: no face"


@pytest.mark.parametrize("ending, code", [(KeyboardInterrupt(), 0), (ValueError("unplugged"), 1)])
def test_what_a_camera_has_shown_is_kept(
    ending, code, results, photos, monkeypatch, tmp_path, capsys
):
    from tf_facegan.tdgan import commands

    def frames(number):
        yield from [cv2.imread(str(photos / "face0.png"))[:, :, ::-1]] * 2
        raise ending

    monkeypatch.setattr(commands, "camera_frames", frames)
    table = tmp_path / "seen.csv"
    assert run(results, "classify", "latest", "--camera", 0, "--out", table) == code
    assert [row["frame"] for row in rows_of(table)] == ["0", "1"]
    assert ("unplugged" in capsys.readouterr().err) == bool(code)


def test_transfer_and_interpolate_write_pictures(results, photos, tmp_path):
    one, two, three = (photos / f"face{number}.png" for number in range(3))
    out = tmp_path / "c.png"
    flags = ["--face", one, "--expression", two, "--out", out, *WHOLE]
    assert run(results, "transfer", "latest", *flags) == 0
    pipeline = TDGANPipeline.from_run("latest", result_dir=results, crop=CropOptions(crop="none"))
    expected = (pipeline.transfer([one], [two])[0, :, :, 0] * 255).astype(np.uint8)
    np.testing.assert_array_equal(cv2.imread(str(out), cv2.IMREAD_UNCHANGED), expected)
    flags = ["--face", one, two, "--expression", one, two, three, "--out", out, *WHOLE]
    assert run(results, "transfer", "latest", *flags) == 0
    table = cv2.imread(str(out), cv2.IMREAD_UNCHANGED)
    assert table.shape == (3 * 16, 4 * 16) and (table[:16, :16] == 255).all()
    face = (pipeline.prepare([two], "face")[0, :, :, 0] * 255).astype(np.uint8)
    np.testing.assert_array_equal(table[32:, :16], face)
    flags = ["--face", one, "--expression", two, three, *WHOLE]
    assert run(results, "interpolate", "latest", *flags, "--out", tmp_path / "d.png") == 0
    assert cv2.imread(str(tmp_path / "d.png")).shape == (16, 11 * 16, 3)
    assert run(results, "interpolate", "latest", *flags, "--out", tmp_path / "d.gif") == 0
    moving = Image.open(tmp_path / "d.gif")
    durations, frames = [], []
    for number in range(moving.n_frames):
        moving.seek(number)
        durations.append(moving.info["duration"])
        frames.append(np.asarray(moving.convert("L"), int))
    # 21 pictures of 50 ms, the last held for five more.
    assert sum(durations) == 26 * 50 and len(frames) in (21, 26)
    assert np.abs(frames[0] - frames[-1]).max() > 0


def test_features_are_written_with_their_names(results, photos, tmp_path):
    out = tmp_path / "codes.npy"
    files = [photos / "face0.png", photos / "face1.png"]
    assert run(results, "features", "latest", *files, "--out", out, *WHOLE) == 0
    codes = np.load(out)
    pipeline = TDGANPipeline.from_run("latest", result_dir=results, crop=CropOptions(crop="none"))
    np.testing.assert_array_equal(codes, pipeline.features(files).reshape(2, -1))
    assert out.with_suffix(".txt").read_text().splitlines() == list(map(str, files))
    table = tmp_path / "codes.csv"
    flags = ["--out", table, "--branch", "face", *WHOLE]
    assert run(results, "features", "latest", *files, *flags) == 0
    rows = rows_of(table)
    expected = pipeline.features(files, "face").reshape(2, -1)
    found = [[float(row[str(i)]) for i in range(expected.shape[1])] for row in rows]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_evaluate_reports_both_classifiers_with_the_protocol(results, roles, tmp_path, capsys):
    assert run(results, "evaluate", "latest", "--out", tmp_path) == 0
    described = json.loads((tmp_path / "test-expression_module.json").read_text())
    assert described["protocol"]["count"] == 5
    assert described["protocol"]["snapshot"] == BEST_SNAPSHOT
    assert described["protocol"]["chosen on"] == "split"
    pipeline = TDGANPipeline.from_run("latest", result_dir=results)
    from tf_facegan.records.reader import RecordSet

    records = RecordSet(roles["test"])
    seen = published_images.prepare(records.read(np.arange(5)), grayscale=True)
    labels = pipeline.generator.classify(seen).numpy().argmax(axis=1)
    assert described["accuracy"] == (labels == records.fields["expression"]).mean()
    for name in ("expression_module", "discriminator"):
        assert f"{name}: accuracy" in capsys.readouterr().out or name == "discriminator"
        for suffix in ("csv", "png"):
            assert (tmp_path / f"test-{name}.{suffix}").is_file()
    flags = ["--split", "train", "--probe", "--out", tmp_path, "--snapshot", "final"]
    assert run(results, "evaluate", "latest", *flags) == 0
    probe = json.loads((tmp_path / "train-identity_probe.json").read_text())
    assert probe["subjects"] == 6 and probe["count"] == 6  # two pictures of each
    assert all(0 <= probe[f"{code}_code"] <= 1 for code in ("expression", "face", "discriminator"))
    flags = ["--dataset", roles["expressions"], "--out", tmp_path]
    assert run(results, "evaluate", "latest", *flags) == 0
    assert (tmp_path / "all-discriminator.json").is_file()


@pytest.mark.parametrize("format, name", (("savedmodel", "saved"), ("tflite", "c.tflite")))
def test_export_gives_what_the_network_gives(format, name, results, pipeline, tmp_path, capsys):
    out = tmp_path / name
    assert run(results, "export", "latest", out, "--format", format) == 0
    assert "differs from Keras by at most" in capsys.readouterr().out
    images = np.random.RandomState(0).rand(3, 16, 16, 1).astype(np.float32)
    if format == "tflite":
        runner = tf.lite.Interpreter(str(out)).get_signature_runner()
    else:
        runner = tf.saved_model.load(str(out)).signatures["serving_default"]
    found = runner(images=tf.constant(images))
    expected = pipeline.recognise(images).probabilities
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-5)
    assert run(results, "export", "latest", out, "--format", format) == 1
    assert "exists already; remove it or give --overwrite" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, message",
    [
        (["classify", "latest"], "takes photos, folders or videos, or --camera N"),
        (["classify", "latest", "x.png", "--camera", "0"], "takes photos, folders or videos"),
        (["classify", "latest", "x.png", "--out", "x.txt"], "--out x.txt: a .csv file expected"),
        (["classify", "latest", "x.png", "--show"], "--show is for --camera"),
        (["classify", "latest", "nowhere.png"], "nowhere.png"),
        (["classify", "latest", "{nobody}"], "no face found in any picture; --crop none"),
        (["classify", "7", "{nobody}"], "run '7' not found"),
        (["classify", "latest", "{nobody}", "--snapshot", "last"], "--snapshot last: best, final"),
        (["transfer", "latest", "--face", "{nobody}", "--expression", "{face}", "--out", "c.png"],
         "nobody.png: no face found; --crop none takes the picture as it is"),
        (["transfer", "latest", "--face", "{face}", "--expression", "{face}", "--out", "c.gif"],
         "--out c.gif: a .png file expected"),
        (["interpolate", "latest", "--face", "{face}", "--expression", "{face}", "--out", "c.gif"],
         "1 faces, 1 expressions, 21 steps"),
        (["interpolate", "latest", "--face", "a", "--expression", "b", "c", "--out", "c.avi"],
         "--out c.avi: a .png, .gif or .mp4 file expected"),
        (["features", "latest", "{face}", "--out", "c.txt"], "a .npy or .csv file expected"),
        (["evaluate", "latest", "--split", "tests"], "split is 'tests' (did you mean 'test'?)"),
        (["import", "nowhere", "out"], "Enc_FR_G.pkl: no such file"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(words, message, results, photos, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    named = {"nobody": photos / "nobody.png", "face": photos / "face0.png"}
    words = [word.format(**named) for word in words]
    more = [] if words[0] == "import" else ["--result_dir", str(results)]
    assert command.main([*words, *more]) == 1
    (line,) = [t for t in capsys.readouterr().err.splitlines() if t.startswith("error: ")]
    assert message in line
    assert not list(tmp_path.iterdir())
