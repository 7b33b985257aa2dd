import numpy as np
import pytest

from tests.uv.meshes import bowl, turned, write_coloured, write_ljson, write_textured
from tf_facegan.uv.landmarks import (
    GROUPS,
    STABLE,
    find_landmarks,
    read_landmarks,
    similarity,
    template_landmarks,
    transformed,
)
from tf_facegan.uv.scan import read_scan


def test_similarity_recovers_a_movement():
    source = np.random.default_rng(0).normal(size=[12, 3])
    matrix = similarity(source, turned(source))
    np.testing.assert_allclose(transformed(matrix, source), turned(source), atol=1e-9)


def test_moving_lips_and_brows_do_not_tilt_the_face():
    source = template_landmarks()
    posed = source.copy()
    posed[48:] -= [0.0, 15.0, 4.0]
    posed[17:27] += [0.0, 6.0, 0.0]
    np.testing.assert_allclose(similarity(posed, source), np.eye(4), atol=1e-9)
    assert len(STABLE) == len(set(STABLE)) == 27


def test_missing_landmarks_are_left_out():
    source = np.random.default_rng(0).normal(size=[8, 3])
    holed = source.copy()
    holed[2] = np.nan
    matrix = similarity(holed, turned(source))
    np.testing.assert_allclose(transformed(matrix, source), turned(source), atol=1e-9)


@pytest.mark.parametrize(
    "points", [np.zeros([0, 3]), np.ones([5, 3]), np.arange(4.0)[:, None] * [[1.0, 2.0, 3.0]]]
)
def test_landmarks_on_a_line_align_nothing(points):
    with pytest.raises(ValueError, match="expected three not on a line"):
        similarity(points, points)


def test_groups_in_any_order_become_the_68_point_markup(tmp_path):
    write_textured(tmp_path, "face", bowl(side=4))
    points = np.random.default_rng(0).normal(size=[68, 3])
    starts = np.cumsum([0] + [size for _, size in GROUPS])
    parts = {names[-1]: points[a:b] for (names, _), a, b in zip(GROUPS, starts, starts[1:])}
    order = ["mouth", "chin", "leye", "reye", "nose", "leyebrow", "reyebrow"]
    shuffled, groups, start = [], {}, 0
    for name in order:
        groups[name] = range(start, start + len(parts[name]))
        start += len(parts[name])
        shuffled.append(parts[name])
    write_ljson(tmp_path / "face.ljson", np.concatenate(shuffled), groups)
    np.testing.assert_allclose(read_scan(tmp_path / "face.obj").landmarks, points)


def test_landmarks_on_the_texture_become_points_of_the_surface(tmp_path):
    mesh = bowl()
    write_textured(tmp_path, "face", mesh)
    chosen = [10, 40, 70]
    places = (np.array([[0.0, 1.0]]) + np.array([[1.0, -1.0]]) * mesh.tcoords[chosen]) * 63
    lines = [f"{x + 1:.2f} {y + 1:.2f}" for x, y in places]  # PTS counts from 1
    (tmp_path / "face.pts").write_text("\n".join(["version: 1", "n_points: 3", "{", *lines, "}"]))
    np.testing.assert_allclose(
        read_scan(tmp_path / "face.obj").landmarks, mesh.points[chosen], atol=1e-5
    )


def test_flat_landmarks_need_a_texture(tmp_path):
    write_coloured(tmp_path / "face.ply", bowl(side=4), np.zeros([16, 3], int))
    write_ljson(tmp_path / "face.ljson", np.zeros([3, 2]))
    with pytest.raises(ValueError, match="face.ljson.*two dimensions"):
        read_scan(tmp_path / "face.ply")


def test_unreadable_and_double_landmark_files_are_named(tmp_path):
    write_textured(tmp_path, "face", bowl(side=4))
    scan = read_scan(tmp_path / "face.obj")
    assert find_landmarks(tmp_path / "face.obj") is None
    (tmp_path / "face.ljson").write_text("{")
    with pytest.raises(ValueError, match="face.ljson"):
        read_landmarks(tmp_path / "face.ljson", scan)
    (tmp_path / "face.pts").write_text("{\n}")
    with pytest.raises(ValueError, match="face.ljson and face.pts"):
        find_landmarks(tmp_path / "face.obj")


def test_pickles_are_no_landmarks(tmp_path):
    write_textured(tmp_path, "face", bowl(side=4))
    (tmp_path / "face.pkl").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    assert read_scan(tmp_path / "face.obj").landmarks is None
