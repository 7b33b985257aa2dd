import numpy as np

from tests.uv.meshes import bowl
from tf_facegan.uv.grid import grid_trilist, mask_grid
from tf_facegan.uv.landmarks import template_landmarks
from tf_facegan.uv.unwrap import CylinderWindow


def test_grid_triangles_face_the_front():
    vertices = np.array([[0, 1], [2, 3]])
    places = np.array([[0, 1.0], [1, 1.0], [0, 0.0], [1, 0.0]])
    for a, b, c in places[grid_trilist(vertices)]:
        assert np.cross(b - a, c - a) > 0


def test_grid_leaves_out_squares_with_a_missing_corner():
    vertices = np.array([[0, 1, 2], [3, -1, 4], [5, 6, 7], [8, 9, 10]])
    assert set(grid_trilist(vertices).ravel()) == {5, 6, 7, 8, 9, 10}
    assert len(grid_trilist(vertices)) == 4


def test_mask_grid_closes_holes_and_drops_stray_pieces():
    mask = np.zeros([16, 16], bool)
    mask[2:12, 3:13] = True
    mask[5:7, 6:8] = False
    mask[14, 14] = True
    solid, tcoords, trilist = mask_grid(mask)
    expected = np.zeros([16, 16], bool)
    expected[2:12, 3:13] = True
    np.testing.assert_array_equal(solid, expected)
    assert len(tcoords) == 100 and len(trilist) == 2 * 81
    np.testing.assert_allclose(tcoords[0], [3 / 15, 1 - 2 / 15])


def test_mask_grid_stays_moderate():
    _, tcoords, _ = mask_grid(np.ones([512, 512], bool))
    assert len(tcoords) == 128 * 128


def test_window_around_all_points_unrolls_the_cylinder():
    mesh = bowl()
    window = CylinderWindow.around(mesh.points)
    assert abs(window.radius - 50.0) < 1.0
    tcoords, distance = window.tcoords(mesh.points)
    # The bowl's own texture coordinates are (u, v) of the same cylinder, within a margin.
    np.testing.assert_allclose(tcoords, (mesh.tcoords - 0.1) / 0.8, atol=0.02)
    assert np.ptp(distance) < 1.0


def test_window_around_landmarks_holds_the_face():
    marks = template_landmarks()
    window = CylinderWindow.around(marks, marks)
    tcoords, _ = window.tcoords(marks)
    assert abs(tcoords[27:31, 0].mean() - 0.5) < 1e-6
    inner = tcoords[17:]
    assert inner.min() > 0.1 and inner.max() < 0.9
    assert window.half[0] == window.half[1]


def test_triangles_across_the_cut_are_left_out():
    angles = np.linspace(-np.pi, np.pi, 9)[:-1] + 0.1
    ring = np.stack([np.sin(angles), np.zeros(8), np.cos(angles)], axis=1)
    points = np.concatenate([ring, ring + [0, 1, 0]])
    trilist = np.array([[k, (k + 1) % 8, k + 8] for k in range(8)])
    window = CylinderWindow.around(points)
    tcoords, _ = window.tcoords(points)
    assert len(window.whole(tcoords, trilist)) == 7
