import json

import cv2
import numpy as np
import pytest

from tests import torch_writer
from tests.ganimation import tiny
from tests.ganimation.tiny import SIDE
from tf_facegan.ganimation import __main__ as command
from tf_facegan.ganimation import reference
from tf_facegan.ganimation.inference import GANimationPipeline
from tf_facegan.ganimation.networks import Generator
from tf_facegan.sources.action_units import AUS
from tf_facegan.utilities.video import read_frames


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two pictures of the network's size."""
    folder = tmp_path_factory.mktemp("photos")
    for name, seed in (("anna", 1), ("bert", 2)):
        picture = np.random.RandomState(seed).randint(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
        cv2.imwrite(str(folder / f"{name}.png"), picture)
    return folder


@pytest.fixture(scope="module")
def drive(tmp_path_factory):
    """A published list of three frames, not in their order, without a header."""
    path = tmp_path_factory.mktemp("drive") / "attributes.txt"
    values = np.random.RandomState(0).uniform(0, 5, (3, 17))
    lines = [f"{n}.jpg " + " ".join(f"{v:.2f}" for v in row) for n, row in zip((10, 9, 2), values)]
    path.write_text("\n".join(lines) + "\n")
    return path


def run(results, name, *arguments):
    return command.main([name, *map(str, arguments), "--result_dir", str(results)])


def failure(capsys, results, name, *arguments):
    """The one line that a command prints before it exits with 1."""
    assert run(results, name, *arguments) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), lines
    return lines[0]


def picture(path):
    image = cv2.imread(str(path))
    assert image is not None
    return image


def test_edit(results, photos, tmp_path, capsys):
    out, parts = tmp_path / "smile.png", tmp_path / "parts.png"
    options = ["--au", "AU12=3", "--au", "AU06=2", "--out", out, "--parts", parts]
    assert run(results, "edit", photos / "anna.png", *options) == 0
    assert capsys.readouterr().out.split() == [str(out), str(parts)]
    assert picture(out).shape == (SIDE, SIDE, 3)
    assert not np.array_equal(picture(out), picture(photos / "anna.png"))
    assert picture(parts).shape == (SIDE + 4, 4 * (SIDE + 2) + 2, 3)
    options = ["--expression", "surprise", "--strength", 0.5, "--out", out]
    assert run(results, "edit", photos / "anna.png", *options) == 0
    options = ["--like", photos / "bert.png", "--out", out]
    assert run(results, "edit", photos / "anna.png", *options) == 0


def test_animate(results, photos, drive, tmp_path, capsys):
    pair = [photos / "anna.png", photos / "bert.png", "--drive", drive]
    clip = tmp_path / "clip.mp4"
    assert run(results, "animate", *pair, "--out", clip, "--smooth", 1) == 0
    assert capsys.readouterr().out.strip() == str(clip)
    assert [frame.shape for frame in read_frames(clip)] == 3 * [(SIDE, 2 * SIDE, 3)]
    gif = tmp_path / "clip.gif"
    assert run(results, "animate", *pair, "--out", gif, "--fps", 10) == 0
    assert len(list(read_frames(gif))) == 3
    folder = tmp_path / "frames"
    assert run(results, "animate", *pair, "--out", folder) == 0
    names = [f"{stem}_{number}.png" for stem in ("anna", "bert") for number in (10, 2, 9)]
    assert sorted(path.name for path in folder.iterdir()) == names
    # Driven by pictures, whose AUs the critic reads.
    assert (
        run(
            results,
            "animate",
            *pair[:2],
            "--drive",
            photos,
            "--crop",
            "none",
            "--out",
            tmp_path / "like",
        )
        == 0
    )
    assert len(list((tmp_path / "like").iterdir())) == 4


def test_random_batch(results, photos, drive, tmp_path):
    folder = tmp_path / "grids"
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    cv2.imwrite(str(pictures / "9.jpg"), np.full((20, 20, 3), 255, np.uint8))
    options = ["--drive", drive, "--drive_images", pictures, "--out", folder]
    assert run(results, "random_batch", *options) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["10.png", "2.png", "9.png"]
    grid = picture(folder / "9.png")
    step = SIDE + 2
    assert grid.shape == (2 * step + 2, 8 * step + 2, 3)
    assert not grid[:step, :step].any() and grid[step + 4 : -4, 4 : step - 4].min() > 200
    assert not picture(folder / "2.png")[:, :step].any()
    options = ["--drive", drive, "--count", 2, "--out", tmp_path / "grids.gif"]
    assert run(results, "random_batch", *options) == 0


def test_sweep(results, photos, tmp_path):
    out = tmp_path / "sheet.png"
    options = ["--au", "AU12", "--au", "AU01", "--steps", 3, "--out", out]
    assert run(results, "sweep", photos / "anna.png", *options) == 0
    height, width = picture(out).shape[:2]
    assert height >= 2 * SIDE and width >= 3 * SIDE
    assert run(results, "sweep", photos / "anna.png", "--steps", 2, "--out", out) == 0
    assert picture(out).shape[0] >= len(AUS) * SIDE


def test_export(results, tmp_path, capsys):
    out = tmp_path / "model"
    assert run(results, "export", "latest", out, "--format", "savedmodel") == 0
    said = capsys.readouterr().out
    assert "edited: differs from Keras by at most" in said and (out / "saved_model.pb").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_export_to_other_formats(results, format, tmp_path):
    if format == "onnx":
        pytest.importorskip("tf2onnx")
    out = tmp_path / f"model.{format}"
    assert run(results, "export", "latest", out, "--format", format) == 0 and out.is_file()


@pytest.mark.parametrize("format", ["tflite", pytest.param("onnx", marks=pytest.mark.slow)])
def test_networks_of_the_toy_preset_are_exported(format, tmp_path):
    if format == "onnx":
        pytest.importorskip("tf2onnx")
    mended = ("condition_after_norm", "condition_blocks", "skips", "residual_color")
    options = {"norm": "affine", "init_stddev": None, **dict.fromkeys(mended, True)}
    pipeline = GANimationPipeline(Generator(**tiny.G, **options, seed=1), None, AUS)
    out = tmp_path / f"model.{format}"
    assert max(pipeline.export(out, format).values()) <= 1e-5 and out.is_file()


def test_import(tmp_path, photos, capsys):
    checkpoint = tmp_path / "1-0-G.ckpt"
    torch_writer.save(checkpoint, reference.extract(Generator(**tiny.G, seed=1), duplicates=True))
    made = tmp_path / "run"
    assert command.main(["import", str(checkpoint), str(made)]) == 0
    assert capsys.readouterr().out.strip() == str(made)
    config = json.loads((made / "config.json").read_text())
    assert config["system"] == "ganimation" and config["networks"]["g_conv_dim"] == 4
    # The published size is taken without a critic that says otherwise.
    assert (
        command.main(
            [
                "edit",
                str(photos / "anna.png"),
                "--au",
                "AU12=3",
                "--crop",
                "none",
                "--run_id",
                str(made),
                "--out",
                str(tmp_path / "a.png"),
            ]
        )
        == 0
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--au", "AU12"], "--au AU12: NAME=INTENSITY expected"),
        (["--au", "AU12=much"], "--au AU12=much: NAME=INTENSITY expected"),
        (["--au", "AU12=7"], "AU12 is 7, 0 to 5 expected"),
        (["--au", "AU03=1"], "'AU03' is not known to the network (did you mean 'AU23'?)"),
        ([], "nothing to do"),
        (["--expression", "bored"], "one of surprise"),
        (["--au", "AU12=1", "--strength", "-1"], "strength is -1"),
        (["--au", "AU12=1", "--crop", "face"], "anna.png: no face found"),
        (["--au", "AU12=1", "--margin", "9"], "--margin is 9"),
        (["--au", "AU12=1", "--like", "gone.png"], "gone.png"),
        (["--au", "AU12=1", "--run_id", "7"], "run '7' not found"),
        (["--au", "AU12=1", "--snapshot", "5"], "no network-snapshot-000005"),
        (["--au", "AU12=1", "--parts", "sheet.bmp"], "--parts sheet.bmp: a .png or .jpg file"),
    ],
)
def test_one_line_for_what_is_wrong(results, photos, arguments, message, tmp_path, capsys):
    out = ["--out", tmp_path / "out.png"]
    assert message in failure(capsys, results, "edit", photos / "anna.png", *out, *arguments)
    assert not list(tmp_path.iterdir())


def test_wrong_files(results, photos, drive, tmp_path, capsys):
    anna = photos / "anna.png"
    no_photo = tmp_path / "no.png"
    no_photo.write_bytes(anna.read_bytes()[:100])
    wrong = ["--au", "AU12=1", "--out", tmp_path / "a.png"]
    assert "no.png: not a readable image" in failure(capsys, results, "edit", no_photo, *wrong)
    assert "gone.png" in failure(capsys, results, "edit", tmp_path / "gone.png", *wrong)
    assert "no folder" in failure(
        capsys, results, "edit", anna, "--au", "AU12=1", "--out", tmp_path / "no" / "a.png"
    )
    out = ["--out", tmp_path / "clip.gif"]
    for name, text, message in (
        ("few.txt", "1.jpg 0 0 0\n", "few.txt, line 1: 3 intensities, 17 expected"),
        ("empty.txt", "", "empty.txt: is empty"),
        ("high.txt", "1.jpg" + 17 * " 9" + "\n", "intensities from 9 to 9, 0 to 5 expected"),
        ("other.csv", "a,b\n1,2\n", "other.csv: no columns AU01_r"),
    ):
        (tmp_path / name).write_text(text)
        said = failure(capsys, results, "animate", anna, "--drive", tmp_path / name, *out)
        assert message in said
    said = failure(capsys, results, "animate", anna, "--drive", tmp_path / "gone.mp4", *out)
    assert "gone.mp4: no such file or folder" in said
    said = failure(capsys, results, "animate", anna, "--drive", no_photo, *out)
    assert "no.png" in said
    said = failure(capsys, results, "animate", anna, "--drive", drive, "--out", "clip.avi")
    assert "--out clip.avi: a clip (.mp4 or .gif) or a new folder expected" in said
    said = failure(capsys, results, "animate", anna, anna, "--drive", drive, *out)
    assert "different names expected" in said
    said = failure(capsys, results, "animate", anna, "--drive", drive, "--smooth", -1, *out)
    assert "--smooth is -1" in said
    said = failure(capsys, results, "random_batch", "--drive", drive, "--count", 99, *out)
    assert "26 faces, 99 expected" in said
    assert not (tmp_path / "clip.gif").exists()
    (tmp_path / "model").mkdir()
    said = failure(capsys, results, "export", 0, tmp_path / "model", "--format", "savedmodel")
    assert "exists already" in said
