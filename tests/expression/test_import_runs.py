"""Published files through the commands."""

import cv2
import numpy as np
import pytest

from tests.expression import tiny
from tests.expression.test_imports import SIZES, keras_autoencoder, write_checkpoint
from tf_facegan.expression import __main__ as command
from tf_facegan.expression import images as doors
from tf_facegan.expression import representation, sampling
from tf_facegan.expression.inference import AutoencoderPipeline, GeneratorPipeline
from tf_facegan.expression.networks import Critic, Generator

ROWS = np.random.RandomState(0).randn(7, 5)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """(generator, checkpoint, folder of published representations)."""
    folder = tmp_path_factory.mktemp("published")
    G = Generator(noise_dim=8, **SIZES, seed=1)
    path = write_checkpoint(folder, G, Critic(**SIZES, seed=2))
    made = folder / "Expression_Representation"
    made.mkdir()
    for name, row in zip(tiny.EXPRESSIONS, ROWS):
        np.save(made / f"{name}.npy", row)
    return G, path, made


def run(*words):
    return command.main([str(word) for word in words])


def test_a_checkpoint_generates_as_published(published, tmp_path):
    G, path, rows = published
    flags = ["--representations", rows, "--statistics", "batch", "--seed", 2]
    assert run("generate", path + "..", "Fear", 6, tmp_path, *flags) == 0
    noise = np.random.RandomState(2).randn(6, 8).astype(np.float32)
    images = G(noise, np.repeat(ROWS[1:2], 6, axis=0).astype(np.float32)).numpy()
    flat = ((images.transpose(0, 3, 1, 2).reshape(6, -1) + 1) * np.float32(127.5)).astype(np.int32)
    saved = np.load(tmp_path / "Fear_3_6.npy")
    assert np.abs(saved.reshape(6, -1) - flat).max() <= 1
    np.testing.assert_allclose(
        doors.unscrambled(images), images.transpose(0, 3, 1, 2).reshape(6, 16, 16, 3)
    )


def test_a_checkpoint_becomes_a_run_that_keeps_the_expression(published, tmp_path):
    _, path, rows = published
    out = tmp_path / "010-published"
    assert run("import_checkpoint", path, out, "--representations", rows) == 0
    pipeline = GeneratorPipeline.from_run(out)
    direct = GeneratorPipeline.from_checkpoint(path, rows)
    assert pipeline.epoch == direct.epoch == 3 and pipeline.layout == "scrambled"
    fear, anger = (pipeline(name, 4).images.astype(int) for name in ("Fear", "Anger"))
    assert np.abs(fear - anger).max() > 1
    assert np.abs(fear - direct("Fear", 4).images).max() <= 1
    assert run("import_checkpoint", path, out, "--representations", rows) == 1
    kept = representation.load(out / "representations")
    np.testing.assert_array_equal(kept.rows, ROWS)


def test_representations_that_do_not_fit(published, tmp_path, capsys):
    _, path, _ = published
    representation.one_hot(tiny.EXPRESSIONS).save(tmp_path / "rows")
    for words in (
        ("generate", path, "Fear", 2, tmp_path / "out", "--representations", tmp_path / "rows"),
        ("import_checkpoint", path, tmp_path / "run", "--representations", tmp_path / "rows"),
    ):
        assert run(*words) == 1
        message = "conditions of 5 numbers expected, the representations have 7"
        assert message in capsys.readouterr().err
    assert run("generate", path, "Fear", 2, tmp_path / "out") == 1
    assert "give its conditions with --representations" in capsys.readouterr().err
    assert not (tmp_path / "out").exists() and not (tmp_path / "run").exists()


def test_an_autoencoder_becomes_a_run(tmp_path):
    model = keras_autoencoder()
    (tmp_path / "ae.json").write_text(model.to_json(), encoding="utf-8")
    model.save_weights(str(tmp_path / "ae.h5"))
    out = tmp_path / "011-published"
    assert run("import_autoencoder", tmp_path / "ae.json", tmp_path / "ae.h5", out) == 0
    images = np.random.RandomState(0).randint(0, 256, (2, 24, 24, 3)).astype(np.uint8)
    expected = model(images[..., ::-1] / np.float32(255) - 0.5).numpy()[..., ::-1] + 0.5
    made = AutoencoderPipeline.from_run(out).reconstruct(images)
    np.testing.assert_allclose(made, np.clip(expected, 0, 1) * 255, atol=0.51)
    direct = AutoencoderPipeline.from_files(tmp_path / "ae.json", tmp_path / "ae.h5")
    np.testing.assert_array_equal(direct.reconstruct(images), made)


def test_published_samples_are_shown_as_rgb(tmp_path):
    images = np.zeros((2, 8, 8, 3), np.uint8)
    images[..., 0] = 200
    path = sampling.save_published(tmp_path, "Anger", 300, images)
    assert run("show", path, tmp_path / "sheet.png") == 0

    assert cv2.imread(str(tmp_path / "sheet.png"))[0, 0].tolist() == [0, 0, 200]
