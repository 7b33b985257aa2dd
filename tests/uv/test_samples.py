import csv

import cv2
import numpy as np
import pytest

from tf_facegan.uv.deformations import ACTIONS, EXPRESSIONS, RECIPES, Mouth
from tf_facegan.uv.samples import Face, base_face, create_sample_scans
from tf_facegan.uv.scan import mesh_paths, read_scan


@pytest.fixture(scope="module")
def base():
    return base_face()


def _rows(folder):
    with open(folder / "labels.csv", newline="") as file:
        return list(csv.reader(file))


def _files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "labels.csv"}


def test_labels_name_the_expression_most_of_all(sample_scans):
    header, *rows = _rows(sample_scans)
    assert header == ["name", *EXPRESSIONS]
    assert [row[0] for row in rows] == ["scan00000", "scan00001", "scan00002"]
    scores = np.array([row[1:] for row in rows], float)
    np.testing.assert_array_equal(scores.argmax(axis=1), [0, 1, 2])
    probability = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert 0.5 < probability.max(axis=1).min() < 1.0


def test_repeatable_whatever_count_and_workers(sample_scans, tmp_path):
    create_sample_scans(tmp_path / "again", count=6, seed=5, workers=2)
    first, again = _files(sample_scans), _files(tmp_path / "again")
    assert set(first) < set(again)
    assert all(again[name] == content for name, content in first.items())
    assert _rows(sample_scans) == _rows(tmp_path / "again")[:4]
    create_sample_scans(tmp_path / "other", count=1, seed=6, workers=1)
    assert _files(tmp_path / "other")["scan00000.obj"] != first["scan00000.obj"]


def test_scans_share_topology_and_texture_coordinates(sample_scans):
    scans = [read_scan(path) for path in mesh_paths(sample_scans)]
    assert len({(scan.topology(), scan.parametrisation()) for scan in scans}) == 1
    assert len(scans[0].points) <= 15000 and scans[0].pieces() == (1, 1)
    for scan in scans:
        assert scan.landmarks.shape == (68, 3)
        nearest = np.linalg.norm(scan.points[:, None] - scan.landmarks[None], axis=2).min(axis=0)
        assert nearest.max() < 4.0  # millimetres: the landmarks lie on the surface
        assert scan.texture().std(axis=(0, 1)).min() > 20.0


def test_faces_differ_and_stay_smooth(base):
    faces = [Face(base, 0, number) for number in range(14)]
    shapes = [face.points().reshape(97, 97, 3) for face in faces]
    neutral = base.points.reshape(97, 97, 3)
    for shape in shapes:
        change = shape - neutral
        assert 1.0 < np.linalg.norm(change, axis=-1).mean() < 20.0
        outside = np.r_[0:55, 80:97]  # rows without the mouth, where nothing may tear
        steps = np.linalg.norm(np.diff(change[outside], axis=1), axis=-1)
        assert steps.max() < 2.5
    same_expression = shapes[0], shapes[7]
    assert np.linalg.norm(same_expression[0] - same_expression[1], axis=-1).mean() > 1.0
    colours = np.array(
        [face.texture(shape.reshape(-1, 3))[256, 256] for face, shape in zip(faces, shapes)]
    )
    assert np.ptp(colours, axis=0).min() > 40


def _landmarks(base, expression, seed=3):
    face = Face(base, seed, EXPRESSIONS.index(expression))
    return face, face.landmarks(face.points())


def test_expressions_move_what_they_should(base):
    def gap(marks):
        return marks[62, 1] - marks[66, 1]

    def corners(marks):
        return marks[[48, 54], 1].mean() - marks[33, 1]

    def brows(marks):
        return marks[[20, 21, 22, 23], 1].mean() - marks[[39, 42], 1].mean()

    def average(measure, expression):
        return np.mean([measure(_landmarks(base, expression, seed)[1]) for seed in range(8)])

    neutral = {measure: average(measure, "neutral") for measure in (gap, corners, brows)}
    assert average(gap, "surprise") > neutral[gap] + 9.0
    assert average(gap, "happiness") > neutral[gap] + 2.0
    assert average(corners, "happiness") > neutral[corners] + 3.0
    assert average(corners, "sadness") < neutral[corners] - 3.0
    assert average(brows, "surprise") > neutral[brows] + 3.0
    assert average(brows, "anger") < neutral[brows] - 3.0


def test_recipes_use_known_actions():
    assert set(RECIPES) == set(EXPRESSIONS)
    assert {name for recipe in RECIPES.values() for name in recipe} <= {
        *ACTIONS,
        "opening",
        "teeth",
    }


def test_an_open_mouth_shows_its_inside(base):
    surprised = next(Face(base, 0, number) for number in range(7) if number % 7 == 6)
    texture = surprised.texture(surprised.points())
    lips = base.pixels(base.landmarks[[62, 66]].mean(axis=0, keepdims=True), 512)[0].astype(int)
    closed = base.texture[lips[0] - 1 : lips[0] + 2, lips[1]].mean(axis=0)
    opened = texture[lips[0] - 1 : lips[0] + 2, lips[1]].mean(axis=0)
    assert opened.sum() < 0.7 * closed.sum()


def test_a_closed_mouth_changes_nothing(base):
    mouth = Mouth(base.landmarks)
    assert not mouth.displacement(base.unrolled, 0.0).any()
    np.testing.assert_allclose(mouth.source(base.unrolled, 0.0), base.unrolled, atol=1e-9)


def test_what_is_written_opens_with_its_texture(sample_scans):
    lines = (sample_scans / "scan00000.obj").read_text().splitlines()
    assert lines[0] == "mtllib scan00000.mtl" and "usemtl merged_material" in lines
    assert "map_Kd scan00000.jpg" in (sample_scans / "scan00000.mtl").read_text()
    assert cv2.imread(str(sample_scans / "scan00000.jpg")).shape == (512, 512, 3)


@pytest.mark.parametrize(
    "arguments, match", [({"count": 0}, "count is 0"), ({"seed": -1}, "seed is -1")]
)
def test_bad_arguments(tmp_path, arguments, match):
    with pytest.raises(ValueError, match=match):
        create_sample_scans(tmp_path / "scans", **arguments)
    assert not list(tmp_path.iterdir())


def test_existing_folder_is_kept(tmp_path):
    (tmp_path / "scans").mkdir()
    with pytest.raises(ValueError, match="scans"):
        create_sample_scans(tmp_path / "scans", count=1)
    assert [path.name for path in tmp_path.iterdir()] == ["scans"]
