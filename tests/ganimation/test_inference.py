import cv2
import numpy as np
import pytest

from tests.ganimation.tiny import SIDE
from tf_facegan.engine import run_folder
from tf_facegan.ganimation import losses
from tf_facegan.ganimation.inference import GANimationPipeline
from tf_facegan.sources import faces
from tf_facegan.sources.action_units import AUS
from tf_facegan.sources.expressions import typical_aus
from tf_facegan.sources.toy_faces import Identity, Scene, render


@pytest.fixture(scope="module")
def pipeline(results):
    return GANimationPipeline.from_run("latest", result_dir=results)


@pytest.fixture(scope="module")
def face():
    """A picture of the network's size."""
    return render(Identity.random(3), np.zeros(17), Scene.random(4), SIDE).image


@pytest.fixture(scope="module")
def photo():
    """A large picture with a face in it, some way from its border."""
    face = render(Identity.random(3), np.zeros(17), Scene.random(4), 160).image
    return np.pad(face, ((60, 30), (50, 110), (0, 0)), mode="edge")


def aus(count, seed=0):
    return np.random.RandomState(seed).uniform(0, 5, (count, 17)).astype(np.float32)


def test_a_run_is_loaded(results, pipeline):
    assert pipeline.au_names == list(AUS) and pipeline.image_size == SIDE
    assert pipeline.name == "000-ganimation-network-snapshot-000001"
    run = run_folder.locate(0, results)
    arrays = run.load_network(run.snapshot(1), "G")
    kernel = pipeline.G.named_variables["main.0.weight"].numpy()
    np.testing.assert_array_equal(kernel.transpose(3, 2, 0, 1), arrays["main.0.weight"])


def test_faces(pipeline, face):
    images = np.stack([face, face[:, ::-1]] * 5)
    wanted = aus(10)
    made = pipeline.generate(images, wanted)
    assert made.images.shape == made.color.shape == (10, SIDE, SIDE, 3)
    assert made.attention.shape == (10, SIDE, SIDE, 1) and made.attention.std() > 0.01
    np.testing.assert_array_equal(made.aus, wanted)
    signed = images / np.float32(127.5) - 1
    fused = losses.fuse(made.attention, made.color, signed)
    np.testing.assert_allclose(made.images, fused, atol=1e-5)
    attention, _ = pipeline.G(signed[8:9], wanted[8:9] / 5)
    np.testing.assert_allclose(made.attention[8:9], attention, atol=1e-5)
    again = pipeline.generate(signed, wanted[0])
    np.testing.assert_allclose(again.images[0], made.images[0], atol=1e-5)
    read = pipeline.read_aus(images)
    assert read.shape == (10, 17) and read.min() >= 0 and read.max() <= 5 and read.std() > 0
    expected = np.clip(pipeline.D(signed)[1] * 5, 0, 5)
    np.testing.assert_allclose(read, expected, atol=1e-5)


def test_wrong_shapes(pipeline, face):
    with pytest.raises(ValueError, match=r"images of shape \[1, 8, 16, 3\], \[N, 16, 16, 3\] exp"):
        pipeline.generate(face[None, :8], aus(1))
    with pytest.raises(ValueError, match=r"AUs of shape \[1, 5\], \[1, 17\] expected"):
        pipeline.generate(face[None], aus(1)[:, :5])


def test_edit_keeps_what_is_not_asked_for(pipeline, face):
    own = pipeline.read_aus(face[None])[0]
    made = pipeline.edit(face, {"AU12": 3, "au6": 2})
    asked = own.copy()
    asked[[AUS.index("AU12_r"), AUS.index("AU06_r")]] = 3, 2
    np.testing.assert_allclose(made.faces.aus[0], asked, atol=1e-6)
    half = pipeline.edit(face, {"AU12": 3, "au6": 2}, strength=0.5)
    np.testing.assert_allclose(half.faces.aus[0], (own + asked) / 2, atol=1e-6)
    smile = pipeline.edit(face, expression="happiness")
    np.testing.assert_allclose(smile.faces.aus[0], typical_aus("Happiness"), atol=1e-6)
    smile = pipeline.edit(face, {"AU12": 1}, expression="happiness")
    assert smile.faces.aus[0, AUS.index("AU12_r")] == 1
    other = face[:, ::-1]
    like = pipeline.edit(face, like=other)
    np.testing.assert_allclose(like.faces.aus[0], pipeline.read_aus(other[None])[0], atol=1e-6)
    assert smile.image.shape == face.shape and smile.image.dtype == np.uint8
    middle = slice(SIDE // 4, -SIDE // 4)
    expected = 127.5 * (smile.faces.images[0, middle, middle] + 1)
    np.testing.assert_allclose(smile.image[middle, middle], expected, atol=1)


def test_photos_keep_all_but_the_face(pipeline, photo, tmp_path):
    made = pipeline.edit(photo, {"AU12": 5})
    (crop,) = made.crops
    assert crop.size == (SIDE, SIDE) and made.image.shape == photo.shape
    np.testing.assert_array_equal(made.photos[0], faces.cut(photo, crop))
    changed = np.flatnonzero(np.abs(made.image.astype(int) - photo).sum(axis=(0, 2)))
    left, right = crop.corners()[:, 0].min(), crop.corners()[:, 0].max()
    assert changed.size and changed.min() >= left - 2 and changed.max() <= right + 2
    cv2.imwrite(str(tmp_path / "photo.png"), photo[:, :, ::-1])
    again = pipeline.edit(tmp_path / "photo.png", {"AU12": 5})
    np.testing.assert_array_equal(made.image, again.image)
    whole = pipeline.edit(photo, {"AU12": 5}, crop=faces.WHOLE)
    assert not np.array_equal(whole.image, made.image)


def test_every_face(pipeline, photo):
    both = np.concatenate([photo, photo[:, ::-1]], axis=1)
    assert len(pipeline.edit(both, {"AU12": 5}).crops) == 1
    made = pipeline.edit(both, {"AU12": 5}, every=True)
    assert len(made.crops) == 2 and made.faces.images.shape == (2, SIDE, SIDE, 3)
    half = photo.shape[1]
    for part in (slice(None, half), slice(half, None)):
        assert not np.array_equal(made.image[:, part], both[:, part])


def test_animation(pipeline, face, photo):
    wanted = aus(10)
    frames = list(pipeline.animate([face, photo], wanted))
    assert len(frames) == 10
    assert all([p.shape for p in pictures] == [face.shape, photo.shape] for pictures in frames)
    for number in (0, 9):
        alone = pipeline.edit(face, wanted[number]).image
        np.testing.assert_allclose(frames[number][0].astype(int), alone.astype(int), atol=1)


def test_sweep(pipeline, face):
    images = pipeline.sweep(face, ["AU12", "AU01"], [0, 2.5, 5])
    assert images.shape == (2, 3, SIDE, SIDE, 3) and images.dtype == np.uint8
    own = pipeline.read_aus(face[None])[0]
    own[AUS.index("AU01_r")] = 2.5
    expected = 127.5 * (pipeline.generate(face[None], own).images[0] + 1)
    np.testing.assert_allclose(images[1, 1], expected, atol=1)


def test_without_a_critic(pipeline, face):
    alone = GANimationPipeline(pipeline.G, None, AUS)
    made = alone.edit(face, {"AU12": 3})
    assert made.faces.aus[0].sum() == 3
    with pytest.raises(ValueError, match="has no critic"):
        alone.read_aus(face[None])


def test_what_can_be_wrong(pipeline, face, tmp_path):
    for options, message in (
        ({}, "nothing to do"),
        (
            {"aus": {"AU03": 1}},
            "action unit 'AU03' is not known to the network.*; it knows AU01, AU",
        ),
        ({"aus": {"smile": 1}}, "action unit 'smile' is not known"),
        ({"aus": {"AU12": 6}}, "action unit AU12 is 6, 0 to 5 expected"),
        ({"aus": {"AU12": float("nan")}}, "action unit AU12 is nan, 0 to 5 expected"),
        ({"expression": "bored"}, "expression is 'bored', one of surprise, fear,"),
        ({"expression": "fear", "like": face}, "both given"),
        ({"aus": {"AU12": 1}, "strength": 2}, "strength is 2, 0 to 1 expected"),
    ):
        with pytest.raises(ValueError, match=message):
            pipeline.edit(face, **options)
    with pytest.raises(ValueError, match="no face found"):
        pipeline.edit(np.zeros((50, 60, 3), np.uint8), {"AU12": 1})
    with pytest.raises(FileNotFoundError, match="missing.png"):
        pipeline.edit(tmp_path / "missing.png", {"AU12": 1})


def test_a_run_of_another_system(faces, tmp_path):
    from tests.tiny import config_for

    run = run_folder.create(tmp_path, "pgan")
    run.save_config(config_for(faces))
    with pytest.raises((ValueError, FileNotFoundError), match="000-pgan"):
        GANimationPipeline.from_run(0, result_dir=tmp_path)
