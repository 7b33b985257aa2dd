"""Every utility run on an untrained network."""

import dataclasses

import cv2
import imageio.v3 as imageio
import numpy as np
import pytest

from tf_facegan import pickles, systems
from tf_facegan.engine import run_folder
from tf_facegan.tbgan.inference import TBGANPipeline
from tf_facegan.utilities import training_video


def use(name, subject, folder, **options):
    module = systems.utility(name)
    assert module.describe("007-pgan").endswith("-007-pgan")
    return module.run(subject, folder, module.Options(**options))


def picture(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def test_every_utility_is_registered():
    for name in systems.SYSTEMS["tbgan"].utilities:
        module = systems.utility(name)
        assert dataclasses.is_dataclass(module.Options()) and callable(module.run)


def test_fake_images(pipeline, tmp_path):
    written = use("generate_fake_images", pipeline, tmp_path, num_pngs=5, minibatch_size=2)
    assert [path.name for path in written] == [f"{pipeline.name}-{i:06d}.png" for i in range(5)]
    assert len(list(tmp_path.iterdir())) == 15
    latents = np.random.RandomState(1000).randn(5, pipeline.generator.latent_size)
    images = pipeline.generate(latents.astype(np.float32), np.zeros((5, 7), np.float32)).images
    shape = pickles.load_array(tmp_path / f"{pipeline.name}-000003_shp.pkl")
    np.testing.assert_allclose(shape, images[3, 3:6], atol=1e-6)
    assert picture(written[4]).shape == (8, 8, 3)


def test_fake_images_of_one_expression(pipeline, tmp_path):
    plain, smiling = (
        use("generate_fake_images", pipeline, tmp_path, num_pngs=1, expression=which, png_prefix=p)
        for which, p in ((None, "plain"), ("c", "c"))
    )
    assert np.any(picture(plain[0]) != picture(smiling[0]))


def test_smaller_fake_images(pipeline, tmp_path):
    whole, small = (
        use("generate_fake_images", pipeline, tmp_path, num_pngs=1, image_shrink=n, png_prefix=n)
        for n in (1, 2)
    )
    assert picture(small[0]).shape == (4, 4, 3)
    large, halved = (pickles.load_array(tmp_path / f"{n}000000_shp.pkl") for n in (1, 2))
    expected = large.reshape(3, 4, 2, 4, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(halved, expected, atol=1e-6)
    options = {"grid_size": (2, 1), "image_shrink": 4}
    (written, *_) = use("generate_fake_images_glob", pipeline, tmp_path, **options)
    assert picture(written).shape == (2, 4, 3)


def test_grids_of_fake_images(pipeline, tmp_path):
    options = {"num_pngs": 2, "grid_size": (3, 2), "png_prefix": "g"}
    written = use("generate_fake_images_glob", pipeline, tmp_path, **options)
    names = [f"g00000{i}{ending}.png" for i in (0, 1) for ending in ("", "_shp", "_nor")]
    assert [path.name for path in written] == names
    assert all(picture(path).shape == (16, 24, 3) for path in written)


def test_expressions(pipeline, tmp_path):
    written = use("generate_expressions", pipeline, tmp_path, count=2)
    assert picture(written[0]).shape == (16, 56, 3)
    assert written[-1].read_text().split() == pipeline.label_names


def test_meshes_along_a_path(pipeline, tmp_path):
    options = {"duration_sec": 0.5, "mp4_fps": 10, "minibatch_size": 2}
    written = use("generate_interpolation_images", pipeline, tmp_path, **options)
    assert [path.name for path in written] == [f"{i:06d}.obj" for i in range(5)]
    for ending in (".mtl", ".png", "_nor.png"):
        assert len(list(tmp_path.glob(f"000*{ending}"))) >= 5
    assert written[0].read_text().count("\nv ") == 4


@pytest.mark.parametrize(
    "name", ["generate_interpolation_video", "generate_interpolation_video_bydim"]
)
def test_videos(pipeline, tmp_path, name):
    (path,) = use(name, pipeline, tmp_path, duration_sec=0.5, grid_size=(2, 1), image_zoom=4)
    frames = imageio.imread(path)
    assert frames.shape == (15, 32, 2 * 3 * 32, 3)


def test_a_walk_by_dimension_changes_nothing_else(pipeline):
    module = systems.utility("generate_interpolation_video_bydim")
    latents, labels = module.walk(pipeline, module.Options(duration_sec=1, grid_size=(2, 1), dim=3))
    assert latents.shape[:2] == (30, 2) and np.ptp(labels, axis=0).max() == 0
    moving = np.ptp(latents, axis=0) > 0
    assert np.argwhere(moving).tolist() == [[0, 3]]
    np.testing.assert_allclose(latents[0, 0, 3], -latents[-1, 0, 3])


def test_a_training_video(run, tmp_path):
    (path,) = use("generate_training_video", run, tmp_path, duration_sec=1)
    frames = imageio.imread(path)
    assert path.name == f"{run.name}-train.mp4" and frames.shape == (30, 40, 64, 3)
    brightness = frames[:, :20].mean(axis=(1, 2, 3))
    assert brightness[0] < 5 and 70 < brightness[20] < 90 and np.all(np.diff(brightness) > -5)
    assert 150 < brightness[-1] < 170


def test_snapshots_of_the_log(run):
    found = training_video.snapshots(run.path)
    assert [(item.kimg, item.lod, item.seconds) for item in found] == [
        (0.5, 2, 605),
        (2.0, 1, 4205),
        (3.5, 0, 7805),
    ]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("generate_fake_images", {"num_pngs": 0}, "num_pngs=0: expected at least 1"),
        ("generate_fake_images", {"image_shrink": 3}, "image_shrink=3: expected a divisor of 8"),
        ("generate_fake_images", {"expression": "joy"}, "unknown expression 'joy'"),
        ("generate_fake_images_glob", {"num_pngs": 0}, "num_pngs=0"),
        ("generate_expressions", {"count": 0}, "count=0"),
        ("generate_interpolation_images", {"label_weights": (1, 2)}, "label_weights has 2 numbers"),
        ("generate_interpolation_images", {"duration_sec": 0}, "duration_sec=0: no frame"),
        ("generate_interpolation_video_bydim", {"dim": 99}, "dim=99: expected 0 to"),
    ],
)
def test_wrong_options(pipeline, tmp_path, name, options, message):
    with pytest.raises(ValueError, match=message):
        use(name, pipeline, tmp_path, **options)


def test_a_run_without_samples(tmp_path):
    with pytest.raises(ValueError, match="log.txt: names no sheet of samples"):
        use("generate_training_video", run_folder.RunFolder(tmp_path), tmp_path)


def test_sheets_of_one_kimg_are_told_apart(tmp_path):
    lines = [f"tick 1 kimg {k:<8.1f} lod 2.00  minibatch 8 time 5s sec/tick 9" for k in (0.4, 0.8)]
    (tmp_path / "log.txt").write_text("\n".join(lines))
    for name in ("fakes000000", "fakes000000.000", "fakes000000.416"):
        (tmp_path / f"{name}.png").touch()
    found = [item.path.name for item in training_video.snapshots(tmp_path)]
    assert found == ["fakes000000.416.png", "fakes000000.png"]


def test_a_training_video_ends_at_a_snapshot(run, tmp_path):
    assert [item.kimg for item in training_video.snapshots(run.path, 2)] == [0.5, 2.0]
    module = systems.utility("generate_training_video")
    (path,) = module.run(run, tmp_path, module.Options(duration_sec=0.5), snapshot=2)
    assert imageio.imread(path)[-1, :20].mean() == pytest.approx(80, abs=8)


def test_meshes_need_a_layout(pipeline, tmp_path):
    bare = TBGANPipeline(pipeline.generator, 0.0, pipeline.info, name="bare")
    with pytest.raises(ValueError, match="bare: meshes need texture, shape and uv_layout.npz"):
        use("generate_interpolation_images", bare, tmp_path)
