import dataclasses

import cv2
import numpy as np
import pytest

from tf_facegan.sources.action_units import AUS
from tf_facegan.sources.toy_faces import Identity, Scene, drawing, geometry, landmarks, render

STILL = np.zeros(17)
LEVELS = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)


def showing(name, intensity):
    aus = np.zeros(17)
    aus[AUS.index(f"{name}_r")] = intensity
    return aus


def marks_of(identity, name, intensity=5.0):
    return landmarks(identity, showing(name, intensity), Scene(), 128)


def test_pictures_repeat():
    first, again = (
        render(Identity.random(3), showing("AU12", 4), Scene.random(5), 48) for _ in range(2)
    )
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.landmarks, again.landmarks)
    np.testing.assert_array_equal(first.regions, again.regions)
    assert Identity.random(3) != Identity.random(4)
    assert Scene.random((3, 1)) != Scene.random((3, 2))


def test_what_a_face_consists_of():
    face = render(Identity.random(1), STILL, Scene.random(1), 40)
    assert face.image.shape == (40, 40, 3) and face.image.dtype == np.uint8
    assert face.landmarks.shape == (68, 2) and face.landmarks.dtype == np.float32
    assert face.regions.shape == (40, 40) and face.regions.dtype == np.uint8
    assert set(np.unique(face.regions)) <= {0, 1, 2, 3}
    np.testing.assert_array_equal(
        landmarks(Identity.random(1), STILL, Scene.random(1), 40), face.landmarks
    )


@pytest.mark.parametrize("name", [name[:4] for name in AUS])
@pytest.mark.parametrize("seed", [0, 5])
def test_every_action_unit_shows_and_grows(name, seed):
    identity = Identity.random(seed)
    pictures = [
        render(identity, showing(name, level), Scene(), 96).image.astype(float) for level in LEVELS
    ]
    changes = [np.sqrt(((picture - pictures[0]) ** 2).mean()) for picture in pictures]
    assert changes[1] > 0.2
    # A lid that closes has covered nearly all of the eye at 4.
    least = 0.98 if name == "AU45" else 1.01
    assert all(later > least * earlier for earlier, later in zip(changes[1:], changes[2:]))
    assert changes[-1] > 1.8 * changes[1]
    marks = [marks_of(identity, name, level) for level in LEVELS]
    steps = [np.abs(mark - marks[0]).max() for mark in marks]
    assert (np.diff(steps) > 0.15).all()
    # It is seen: some places of the face change by far more than noise does.
    assert np.abs(pictures[-1] - pictures[0]).max() > 40


def test_landmarks_move_as_the_muscles_do():
    for seed in range(4):
        identity = Identity.random(seed)
        rest = landmarks(identity, STILL, Scene(), 128)

        def moved(name, mark, axis, rest=rest, identity=identity):
            return float(marks_of(identity, name)[mark, axis] - rest[mark, axis])

        x, y = 0, 1
        assert moved("AU01", 21, y) < -3  # the inner ends of the brows rise
        assert abs(moved("AU01", 17, y)) < 1
        assert moved("AU02", 18, y) < -3  # the outer parts rise
        assert abs(moved("AU02", 21, y)) < 1
        assert moved("AU04", 21, y) > 3 and moved("AU04", 21, x) > 1 > -1 > moved("AU04", 22, x)
        assert moved("AU12", 48, y) < -3 and moved("AU12", 54, y) < -3  # corners up and out
        assert moved("AU12", 48, x) < -3 < 3 < moved("AU12", 54, x)
        assert moved("AU15", 48, y) > 3
        assert moved("AU20", 48, x) < -3 < 3 < moved("AU20", 54, x)
        assert moved("AU14", 48, x) > 1 and moved("AU23", 48, x) > 1
        assert moved("AU26", 8, y) > 5 and moved("AU26", 66, y) > 4
        assert abs(moved("AU25", 8, y)) < 0.1 and moved("AU25", 66, y) > 2
        assert moved("AU17", 57, y) < -2
        assert moved("AU10", 51, y) < -2
        assert moved("AU09", 31, y) < -1


def test_eyelids():
    identity = Identity.random(2)
    opening = {
        name: np.ptp(marks_of(identity, name)[[37, 41], 1]) for name in ("AU05", "AU07", "AU45")
    }
    rest = np.ptp(landmarks(identity, STILL, Scene(), 128)[[37, 41], 1])
    assert opening["AU45"] < 0.02 < opening["AU07"] < 0.8 * rest < 1.3 * rest < opening["AU05"]


def test_a_smile_and_a_mirror():
    points = geometry.landmarks(Identity.random(7), showing("AU12", 5) + showing("AU01", 3))
    np.testing.assert_allclose(points[geometry.MIRROR] * (-1, 1, 1), points, atol=1e-12)
    assert sorted(geometry.MIRROR) == list(range(68))


@pytest.mark.parametrize("aus", [np.full(17, 5.0), showing("AU23", 5) + showing("AU26", 5)])
def test_any_action_units_go_together(aus):
    points = geometry.landmarks(Identity.random(0), aus)
    assert (points[[37, 38, 43, 44], 1] <= points[[41, 40, 47, 46], 1] + 1e-9).all()
    assert (points[[61, 62, 63], 1] <= points[[67, 66, 65], 1] + 1e-9).all()
    render(Identity.random(0), aus, Scene(), 32)


def test_landmarks_lie_on_what_is_drawn():
    # Eyes wide open in a plain scene: around the iris there is white up to the lids' landmarks.
    identity = dataclasses.replace(Identity.random(11), hair_style="bald", stubble=0.0)
    for scene in (Scene(), Scene(yaw=15, pitch=-6, roll=8, zoom=0.9, shift=(0.1, -0.05))):
        face = render(identity, showing("AU05", 4), scene, 512)
        for corners in ((36, 39), (42, 45)):
            middle = face.landmarks[list(corners)].mean(axis=0)
            inside = (face.landmarks[corners[0]] * 0.75 + middle * 0.25).round().astype(int)
            outside = (face.landmarks[corners[0]] * 1.35 - middle * 0.35).round().astype(int)
            white, skin = (face.image[y, x].astype(int) for x, y in (inside, outside))
            assert np.ptp(white) < 0.6 * np.ptp(skin)
        # The jaw line is where skin ends.
        centre = face.landmarks[30]
        for mark in (4, 12):
            outward = face.landmarks[mark] - centre
            outward = outward / np.linalg.norm(outward)
            (x, y), (other_x, other_y) = (
                (face.landmarks[mark] + step * outward).round().astype(int) for step in (-4, 4)
            )
            before, behind = face.image[y, x].astype(int), face.image[other_y, other_x].astype(int)
            assert np.abs(before - behind).max() > 20


def test_turning_the_image_turns_the_landmarks():
    identity, marks = Identity.random(4), {}
    for roll in (0, 10):
        marks[roll] = landmarks(identity, STILL, Scene(roll=roll), 128)
    centre = np.array((63.5, 63.5))
    cos, sin = np.cos(np.radians(10)), np.sin(np.radians(10))
    turned = (marks[0] - centre) @ np.array([[cos, sin], [-sin, cos]]) + centre
    np.testing.assert_allclose(marks[10], turned, atol=1e-3)
    nose = landmarks(identity, STILL, Scene(yaw=15), 128)[30]
    assert nose[0] > marks[0][30, 0] + 5


@pytest.mark.parametrize("seed", range(3))
def test_any_size_shows_the_same(seed):
    identity, scene = Identity.random(seed), Scene.random(seed)
    aus = showing("AU12", 3) + showing("AU25", 3)
    large, small = (render(identity, aus, scene, size) for size in (256, 128))
    shrunk = cv2.resize(large.image, (128, 128), interpolation=cv2.INTER_AREA).astype(float)
    difference = np.abs(shrunk - small.image)
    assert difference.mean() < 1.0
    assert np.percentile(difference, 99) < 14
    # Pixel centres are at integers: (u + 0.5) / size is the same place at every size.
    np.testing.assert_allclose((large.landmarks + 0.5) / 2, small.landmarks + 0.5, atol=1e-3)
    shrunk = cv2.resize(large.regions, (128, 128), interpolation=cv2.INTER_NEAREST)
    assert (shrunk == small.regions).mean() > 0.98
    assert render(identity, aus, scene, 33).image.shape == (33, 33, 3)


def test_edges_are_smooth():
    image = np.zeros((32, 32, 3), np.float32)
    box, mask = drawing.Painter(image).fill(
        [np.array([(4.25, 4.25), (20.25, 4.25), (20.25, 9.75), (4.25, 9.75)])], (1.0, 1.0, 1.0)
    )
    # Pixel (4, y) covers 3.5 to 4.5 and the polygon begins at 4.25 (OpenCV paints its edge too).
    assert image[7, 3, 0] == 0 and 0.2 < image[7, 4, 0] < 0.6 and image[7, 5, 0] == 1
    assert 0 < mask.min() + 1e-9 and mask.max() == 1 and box[0] <= 4


def test_regions_are_where_they_belong():
    identity = dataclasses.replace(Identity.random(9), hair_style="short")
    face = render(identity, STILL, Scene(), 128)
    x, y = face.landmarks[30].round().astype(int)
    assert face.regions[y, x] == 1
    assert face.regions[64, 0] == 0
    assert face.regions[6:14, 60:68].max() == 2
    assert face.regions[127, 3] == 3
    bald = render(dataclasses.replace(identity, hair_style="bald"), STILL, Scene(), 128)
    assert not (bald.regions == 2).any()


@pytest.mark.parametrize(
    ("aus", "size", "message"),
    [
        (np.zeros(16), 64, r"action units have shape \[16\], \[17\] expected"),
        (np.full(17, 5.5), 64, "action units are .*, 0 to 5 expected"),
        (np.full(17, np.nan), 64, "0 to 5 expected"),
        (np.zeros(17), 4, "resolution is 4, at least 8 expected"),
    ],
)
def test_wrong_arguments(aus, size, message):
    with pytest.raises(ValueError, match=message):
        render(Identity(), aus, Scene(), size)
