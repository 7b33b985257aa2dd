import cv2
import numpy as np
import pytest

from tests.uv.meshes import bowl
from tf_facegan.uv.raster import vertex_normals
from tf_facegan.uv.render import BACKGROUND, render_mesh, render_views


def _foreground(view):
    return np.abs(view.astype(int) - int(BACKGROUND)).max(axis=-1) > 3


def test_a_view_is_the_right_way_up_and_round():
    view = render_mesh(*bowl(), size=64, shading=False)
    assert view.shape == (64, 64, 3) and view.dtype == np.uint8
    seen = _foreground(view)
    assert 0.3 < seen.mean() < 0.9
    assert (view[[0, -1], 32] == int(BACKGROUND)).all()
    assert view[32, 44, 0] > view[32, 20, 0] + 30  # red grows to the right
    assert view[16, 32, 1] > view[48, 32, 1] + 30  # green grows upwards


def test_yaw_turns_without_changing_the_height():
    front, side = (_foreground(render_mesh(*bowl(), size=64, yaw=yaw)) for yaw in (0, 60))
    heights = [np.ptp(np.nonzero(seen)[0]) for seen in (front, side)]
    widths = [np.ptp(np.nonzero(seen)[1]) for seen in (front, side)]
    assert abs(heights[0] - heights[1]) <= 1
    assert widths[1] < widths[0]


def test_positive_yaw_turns_to_the_right():
    # The ridge of the bowl, in the middle of the texture, goes to the right of the picture.
    mesh = bowl(side=17)
    texture = np.zeros_like(mesh.texture)
    texture[:, 30:34] = 255
    view = render_mesh(
        mesh.points, mesh.trilist, mesh.tcoords, texture, size=64, yaw=30.0, shading=False
    )
    white = (view[32] > 240).all(axis=-1)
    assert np.nonzero(white)[0].mean() > 33.5


def test_shading_darkens_what_is_turned_away():
    mesh = bowl()
    even = np.full_like(mesh.texture, 200)
    plain = render_mesh(mesh.points, mesh.trilist, mesh.tcoords, even, size=64, shading=False)
    shaded = render_mesh(mesh.points, mesh.trilist, mesh.tcoords, even, size=64)
    assert (plain[32, 20:44] == 200).all()
    assert shaded[32, 10, 0] < shaded[32, 34, 0] <= 200


def test_nearer_parts_hide_farther_ones():
    mesh = bowl()
    count = len(mesh.points)
    points = np.concatenate([mesh.points, mesh.points * 0.5 - [0, 0, 30.0]])
    tcoords = np.concatenate([mesh.tcoords, np.zeros_like(mesh.tcoords)])
    trilist = np.concatenate([mesh.trilist + 0, mesh.trilist + count])
    view = render_mesh(points, trilist, tcoords, mesh.texture, size=64, shading=False)
    assert np.abs(view[32, 32].astype(int) - [127, 127, 90]).max() < 25


def test_views_lie_side_by_side():
    views = render_views(*bowl(side=5), size=32, yaws=(-30, 0, 30, 60))
    assert views.shape == (32, 128, 3)
    np.testing.assert_array_equal(views[:, 32:64], render_mesh(*bowl(side=5), size=32))


def test_a_mesh_without_triangles_is_background():
    mesh = bowl(side=3)
    view = render_mesh(mesh.points, np.zeros([0, 3], int), mesh.tcoords, mesh.texture, size=16)
    assert (view == int(BACKGROUND)).all()


@pytest.mark.parametrize("size", [16, 33])
def test_any_size(size):
    assert render_mesh(*bowl(side=5), size=size).shape == (size, size, 3)


def test_given_normals_shade_in_place_of_the_surface():
    mesh = bowl(side=5)
    grey = mesh._replace(texture=np.full((8, 8, 3), 128, np.uint8))
    towards = np.tile([0.0, 0.0, 1.0], (len(mesh.points), 1))
    even = _foreground(render_mesh(*grey._replace(normals=towards), size=64))
    own = render_mesh(*grey, size=64)
    again = grey._replace(normals=vertex_normals(mesh.points, mesh.trilist))
    np.testing.assert_allclose(render_mesh(*again, size=64).astype(int), own, atol=1)
    turned = render_mesh(*again, size=64, yaw=40.0).astype(int)
    np.testing.assert_allclose(turned, render_mesh(*grey, size=64, yaw=40.0), atol=1)
    inside = cv2.erode(even.astype(np.uint8), np.ones((5, 5))) > 0
    flat = render_mesh(*grey._replace(normals=towards), size=64)[inside]
    assert np.ptp(flat) == 0 and np.ptp(own[inside]) > 20
