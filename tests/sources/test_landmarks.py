import json
from pathlib import Path

import numpy as np
import pytest

from tests.golden import recipe
from tf_facegan.sources import landmarks

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "rdgan" / "extras.npz"
SEED = 1107


@pytest.fixture
def golden():
    return np.load(GOLDEN)


@pytest.fixture
def photo():
    blocks = recipe.tensor("in/photo", (20, 15, 3), SEED, scale=256, kind="uniform")
    return np.floor(blocks).astype(np.uint8).repeat(10, axis=0).repeat(10, axis=1)


@pytest.fixture
def points():
    places = recipe.tensor("in/landmarks", (68, 2), SEED, kind="uniform")
    return np.floor(places * [110, 140] + [20, 30])


def test_the_published_crop(golden, photo, points):
    crop = landmarks.face_box(points, 128)
    assert [crop.height, crop.width, 3] == golden["ck/crop_shape"].tolist()
    assert crop.ratio == golden["ck/ratio"]
    assert crop.margin[::-1] == tuple(golden["ck/top_left"])
    np.testing.assert_array_equal(points - [crop.left, crop.top], golden["ck/pts"])
    difference = crop.image(photo).astype(int) - golden["ck/nface"]
    assert np.abs(difference).max() <= 1  # equal with OpenCV 4.11


def test_the_published_boundary(golden, points):
    drawn = landmarks.draw_boundary(landmarks.face_box(points, 128).points(points), 128, 128)
    np.testing.assert_array_equal(drawn.transpose(1, 2, 0), golden["ck/eface"])


def test_a_boundary_follows_its_points():
    points = np.full((68, 2), 5.9, np.float32)
    points[42:48] = [[40, 20], [45, 15], [50, 15], [55, 20], [50, 25], [45, 25]]
    drawn = landmarks.draw_boundary(points, 32, 64)
    assert drawn.shape == (3, 32, 64) and set(np.unique(drawn)) == {0, 255}
    assert drawn[0, 5, 5] == 255  # truncated, as published
    assert drawn[0, 15, 47] == drawn[0, 25, 47] == drawn[0, 20, 40] == 255
    assert drawn[0, 20, 47] == 0


def test_the_jaw_is_not_drawn():
    points = np.full((68, 2), -50.0)
    points[:17] = np.stack([np.linspace(2, 60, 17), np.full(17, 30)], axis=1)
    assert not landmarks.draw_boundary(points, 64, 64).any()


@pytest.mark.parametrize("make", [landmarks.face_box, landmarks.square_box])
def test_places_of_the_photo_are_found_in_the_crop(make):
    points = np.random.RandomState(0).uniform(30, 90, (68, 2))
    photo = np.zeros((200, 150, 3), np.uint8)
    x, y = points[landmarks.NOSE_TIP] = [60, 70]
    photo[y - 1 : y + 2, x - 1 : x + 2] = 255
    crop = make(points, 96)
    bright = np.argwhere(crop.image(photo)[:, :, 0] > 200)
    found = crop.points([[x, y]])[0]
    assert np.abs(bright.mean(axis=0)[::-1] - found).max() < 1.5
    assert found.dtype == np.float32


def test_what_lies_outside_of_the_photo_is_black():
    photo = np.full((40, 40, 3), 255, np.uint8)
    crop = landmarks.Letterbox(-20, 10, 80, 40, 80, 1)
    picture = crop.image(photo)[:, :, 0]
    expected = np.zeros((80, 80), np.uint8)
    expected[20:50, 20:60] = 255
    np.testing.assert_array_equal(picture, expected)
    for left in (100, -80):
        with pytest.raises(ValueError, match=r"to be at \(.*\), but the picture is only 40x40"):
            landmarks.Letterbox(left, 10, 80, 40, 80, 1).image(photo)


def test_landmarks_of_no_face():
    with pytest.raises(ValueError, match="landmarks that span 0x0 pixels, a face expected"):
        landmarks.face_box(np.full((68, 2), 7.0), 128)
    with pytest.raises(ValueError, match="landmarks that span 0x0 pixels, a face expected"):
        landmarks.square_box(np.full((68, 2), 7.0), 128)
    points = np.zeros((68, 2))
    points[0] = 1e9
    with pytest.raises(ValueError, match=r"landmarks that span 1e\+09x1e\+09 pixels"):
        landmarks.face_box(points, 128)


def write(folder, points):
    """The same points in every form that is read."""
    text = folder / "a_landmarks.txt"
    text.write_text("".join(f"   {x:.7e}   {y:.7e}\n" for x, y in points))
    pts = folder / "a.pts"  # counts from 1
    lines = "".join(f"{x + 1} {y + 1}\n" for x, y in points)
    pts.write_text(f"version: 1\nn_points: {len(points)}\n{{\n{lines}}}\n")
    ljson = folder / "a.ljson"
    content = {"points": points[:, ::-1].tolist(), "connectivity": []}
    labels = [{"label": "all", "mask": list(range(len(points)))}]
    ljson.write_text(json.dumps({"version": 2, "labels": labels, "landmarks": content}))
    return text, pts, ljson


def test_every_form_of_file_gives_the_same_points(tmp_path):
    points = np.random.RandomState(1).uniform(0, 100, (68, 2)).astype(np.float32)
    for file in write(tmp_path, points):
        found = landmarks.read_points(file)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, points, atol=1e-4, err_msg=file.name)


def test_bad_files_are_named(tmp_path):
    for file in write(tmp_path, np.zeros((67, 2))):
        with pytest.raises(ValueError, match=rf"{file.name}: \[67, 2\] numbers, 68 points"):
            landmarks.read_points(file)
    for file in write(tmp_path, np.zeros((68, 2))):
        file.write_text("no points")
        with pytest.raises(ValueError, match=f"{file.name}: not a readable landmark file"):
            landmarks.read_points(file)
    _, _, ljson = write(tmp_path, np.zeros((68, 2)))
    deep = "[" * 100_000
    for content in ("3", "[1]", '{"version": 2, "landmarks": [], "labels": []}', "null", deep):
        ljson.write_text(content)
        with pytest.raises(ValueError, match="a.ljson: not a readable landmark file"):
            landmarks.read_points(ljson)
    text, _, _ = write(tmp_path, np.full((68, 2), np.nan))
    with pytest.raises(ValueError, match="a_landmarks.txt: holds NaN"):
        landmarks.read_points(text)
    text.write_text("1e39 1\n" * 68)  # infinite in float32
    with pytest.raises(ValueError, match="a_landmarks.txt: holds NaN or infinite"):
        landmarks.read_points(text)
