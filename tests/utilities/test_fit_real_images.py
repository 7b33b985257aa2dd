"""Latents are found for images that a network can make."""

import csv
import math

import cv2
import numpy as np
import pytest
import tensorflow as tf

from tf_facegan.tbgan.fitting import LatentFit
from tf_facegan.tbgan.inference import TBGANPipeline
from tf_facegan.utilities import fit_real_images
from tf_facegan.utilities.fit_real_images import Options


def fit(pipeline, folder, **options):
    return fit_real_images.run(pipeline, folder, Options(**options))


@pytest.fixture(scope="module")
def targets(pipeline, tmp_path_factory):
    """Three of the network's own images, as arrays."""
    folder = tmp_path_factory.mktemp("targets")
    for i, image in enumerate(pipeline(3, seed=5).images):
        np.save(folder / f"face{i}.npy", image)
    return folder


def losses(path):
    with open(path, newline="", encoding="utf-8") as file:
        return {row["image"]: row for row in csv.DictReader(file)}


def test_own_images_are_found_again(pipeline, targets, tmp_path):
    *written, table = fit(pipeline, tmp_path, images=str(targets), rates=(0.1, 0.01), steps=150)
    assert [path.name for path in written] == [f"face{i}.png" for i in range(3)]
    rows = losses(table)
    assert list(rows["face1.png"]) == ["image", "step 0", "step 100", "step 200", "end"]
    for i in range(3):
        first, last = float(rows[f"face{i}.png"]["step 0"]), float(rows[f"face{i}.png"]["end"])
        assert last < 0.05 * first
        with np.load(tmp_path / f"face{i}.npz") as found:
            assert found["loss"] == pytest.approx(last)
            images = pipeline.generate(found["latents"][None], found["labels"][None]).images
        target = np.load(targets / f"face{i}.npy")
        assert 0.5 * np.sum(np.square(images[0] - target)) == pytest.approx(last, rel=1e-3)
    picture = cv2.imread(str(written[0]))
    assert picture.shape == (16, 3 * 8, 3)
    assert np.abs(picture[:8].astype(int) - picture[8:]).mean() < 10


def test_images_do_not_depend_on_each_other(pipeline, targets, tmp_path):
    options = {"images": str(targets), "rates": (0.1,), "steps": 20, "expression": "c"}
    for name, size in (("one", 1), ("all", 3)):
        (tmp_path / name).mkdir()
        fit(pipeline, tmp_path / name, minibatch_size=size, **options)
    (tmp_path / "kept").mkdir()
    fit(pipeline, tmp_path / "kept", keep_state=True, **options)
    one, together, kept = (
        [np.load(tmp_path / name / f"face{i}.npz") for i in range(3)]
        for name in ("one", "all", "kept")
    )
    for i in range(3):
        np.testing.assert_allclose(one[i]["labels"], pipeline.label("c"))
        assert np.isfinite(together[i]["latents"]).all()
    np.testing.assert_allclose(kept[0]["latents"], one[0]["latents"])
    np.testing.assert_allclose(one[0]["latents"], together[0]["latents"], atol=1e-3)
    assert np.abs(kept[1]["latents"] - one[1]["latents"]).max() > 0.1


def test_the_first_step_is_adams(pipeline):
    target = pipeline(1, seed=5).images.transpose(0, 2, 3, 1)
    one = LatentFit(pipeline, 1, list(range(9)), seed=3)
    before = one.latents.numpy()
    limit = math.sqrt(6 / (1 + pipeline.generator.latent_size))
    assert limit / 2 < np.abs(before).max() <= limit
    loss = one.step(tf.constant(target), tf.constant(0.1))
    images = pipeline.generate(before, np.full((1, 7), 1 / 7, np.float32)).images
    expected = 0.5 * np.sum(np.square(images.transpose(0, 2, 3, 1) - target))
    assert float(loss[0]) == pytest.approx(expected, rel=1e-5)
    # Adam's first step is the rate, whatever the gradient.
    np.testing.assert_allclose(np.abs(one.latents.numpy() - before), 0.1, rtol=1e-2)


def test_pictures_are_textures(pipeline, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.jpg"), np.full((8, 8, 3), 200, np.uint8))
    options = {"images": str(folder), "rates": (0.1,), "steps": 3}
    path, _ = fit(pipeline, tmp_path, **options)
    assert path.name == "a.jpg" and cv2.imread(str(path)).shape == (16, 8, 3)
    chosen, (target,) = fit_real_images.read_targets(
        Options(modality="normals", **options), pipeline.info
    )
    assert chosen == [("normals", 6, 3)]
    np.testing.assert_allclose(target.values, 200 / 127.5 - 1, atol=0.02)


def test_folders_of_uv_maps(pipeline, tmp_path):
    for name in ("texture", "shape"):
        (tmp_path / "maps" / name).mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "maps/texture/anna.png"), np.full((8, 8, 3), 51, np.uint8))
    np.save(tmp_path / "maps/shape/anna.npy", np.full((3, 8, 8), 0.25))
    chosen, (target,) = fit_real_images.read_targets(
        Options(images=str(tmp_path / "maps")), pipeline.info
    )
    assert chosen == [("texture", 0, 3), ("shape", 3, 3)] and target.name == "anna.png"
    np.testing.assert_allclose(target.values[:, 0, 0], [-0.6, -0.6, -0.6, 0.25, 0.25, 0.25])
    path, _ = fit(pipeline, tmp_path, images=str(tmp_path / "maps"), rates=(0.1,), steps=2)
    assert cv2.imread(str(path)).shape == (16, 16, 3)


def test_published_textures_are_cropped(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((377, 595, 3), 255, np.uint8))
    target = fit_real_images._read(tmp_path / "a.png", crop=True)
    assert target.values.shape == (3, 512, 512)
    assert target.values[0, 66, 0] == -1 and target.values[0, 67, 0] == 1
    picture = fit_real_images._picture(target.values, target.values, [("texture", 0, 3)], True)
    assert picture.shape == (754, 512, 3) and picture.min() == 255


def test_a_level_below_the_full_resolution(pipeline, targets, tmp_path):
    small = TBGANPipeline(pipeline.generator, 1.0, pipeline.info)
    *_, table = fit(small, tmp_path, images=str(targets), rates=(0.1,), steps=101)
    row = losses(table)["face0.png"]
    assert float(row["end"]) < float(row["step 0"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "images is not set"),
        ({"images": "nowhere"}, "nowhere: no such folder"),
        ({"images": "targets", "modality": "depth"}, "modality=depth: the network has texture"),
        ({"images": "targets", "steps": 0}, "steps=0"),
        ({"images": "targets", "expression": "joy"}, "unknown expression 'joy'"),
        ({"images": "wrong"}, r"wrong: b is \[3, 16, 16\], \[3, 8, 8\] expected"),
        ({"images": "wrong", "crop": True}, r"b.png: picture is \[16, 16, 3\], expected \[377"),
        ({"images": "targets", "rates": (0.1, 0.0)}, r"rates=\[0.1, 0.0\]"),
        ({"images": "spoilt"}, "spoilt: c holds NaN or infinite values"),
    ],
)
def test_wrong_options(pipeline, targets, tmp_path, options, message):
    (tmp_path / "wrong").mkdir()
    cv2.imwrite(str(tmp_path / "wrong/b.png"), np.zeros((16, 16, 3), np.uint8))
    (tmp_path / "spoilt").mkdir()
    np.save(tmp_path / "spoilt/c.npy", np.full((3, 8, 8), np.nan))
    places = {
        "spoilt": str(tmp_path / "spoilt"),
        "targets": str(targets),
        "wrong": str(tmp_path / "wrong"),
    }
    options = {k: places.get(v, v) if k == "images" else v for k, v in options.items()}
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        fit(pipeline, tmp_path, **options)
