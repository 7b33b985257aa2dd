import dataclasses

import numpy as np
import pytest

from tests.uv.meshes import bowl, picture
from tf_facegan.uv.layout import UVLayout
from tf_facegan.uv.mesh import (
    TexturedMesh,
    lookup,
    mesh_from_maps,
    save_obj,
    smoothed,
    texture_picture,
)


def _plane(resolution=32):
    """A layout, and maps in which x is the column, y the row, z one half."""
    tcoords = np.array([[0.1, 0.9], [0.1, 0.2], [0.83, 0.9], [0.5, 0.37]])
    mask = np.ones([resolution, resolution], bool)
    layout = UVLayout.from_tcoords(resolution, tcoords, [[0, 1, 2]], mask, 10.0, [1.0, 2.0, 3.0])
    ramp = np.linspace(-1.0, 1.0, resolution, dtype=np.float32)
    columns, rows = np.meshgrid(ramp, ramp)
    return layout, np.stack([columns, rows, np.full_like(rows, 0.5)])


def test_lookup_truncates():
    uv_map = np.arange(3 * 4 * 5).reshape(3, 4, 5)
    places = np.array([[0.0, 0.0], [1.99, 2.99], [3.0, 4.0]])
    expected = [[0, 20, 40], [7, 27, 47], [19, 39, 59]]
    np.testing.assert_array_equal(lookup(uv_map, places), expected)


def test_bilinear_mesh_is_exact_on_a_plane():
    layout, shape = _plane()
    mesh = mesh_from_maps(layout, np.zeros_like(shape), shape)
    u, v = layout.tcoords.T.astype(np.float64)
    expected = np.stack([1 + 10 * (2 * u - 1), 2 + 10 * (1 - 2 * v), np.full(4, 8.0)], axis=1)
    np.testing.assert_allclose(mesh.points, expected, atol=1e-5)
    assert mesh.texture.shape == (32, 32, 3) and mesh.texture.dtype == np.uint8


def test_truncating_mesh_is_the_published_lookup():
    layout, shape = _plane()
    mesh = mesh_from_maps(layout, np.zeros_like(shape), shape, truncate=True)
    expected = lookup(shape, layout.tcoords_pixel_scaled) * 10.0 + [1.0, 2.0, 3.0]
    np.testing.assert_allclose(mesh.points, expected, atol=1e-5)
    smooth = mesh_from_maps(layout, np.zeros_like(shape), shape)
    assert not np.allclose(mesh.points, smooth.points, atol=1e-2)


def test_maps_of_a_smaller_network_need_no_other_layout():
    layout, shape = _plane()
    small = shape.reshape(3, 8, 4, 8, 4).mean(axis=(2, 4))
    full = mesh_from_maps(layout, np.zeros_like(shape), shape)
    mesh = mesh_from_maps(layout, np.zeros_like(small), small)
    np.testing.assert_allclose(mesh.points, full.points, atol=1e-4)


def test_smoothing_does_not_let_the_background_in():
    mask = np.zeros([64, 64], bool)
    mask[:, :32] = True
    uv_map = np.where(mask, 0.25, -1.0)[None]
    np.testing.assert_allclose(smoothed(uv_map, mask, 3)[0][mask], 0.25, atol=1e-9)
    noisy = uv_map + np.random.default_rng(0).normal(scale=0.1, size=uv_map.shape)
    result = smoothed(np.repeat(noisy, 8, 1).repeat(8, 2), mask.repeat(8, 0).repeat(8, 1), 3)
    assert result[0, 100:400, 50:150].std() < noisy[0, 12:50, 6:18].std()


def test_smoothing_is_the_published_one_on_a_full_map():
    ndimage = pytest.importorskip("scipy.ndimage")
    uv_map = np.random.default_rng(0).normal(size=[1, 512, 512])
    expected = ndimage.gaussian_filter(uv_map[0], 3.0)
    np.testing.assert_allclose(
        smoothed(uv_map, np.ones([512, 512], bool), 3)[0], expected, atol=1e-12
    )


def test_texture_values_become_colours():
    texture = np.array([-2.0, -1.0, 0.0, 1.0])[None].repeat(3, 0)[:, :, None]
    np.testing.assert_array_equal(texture_picture(texture)[:, 0, 0], [0, 0, 128, 255])


@pytest.mark.parametrize(
    "texture, shape", [((3, 8, 8), (3, 16, 16)), ((1, 8, 8), (3, 8, 8)), ((3, 8, 8), (8, 8))]
)
def test_maps_of_the_wrong_shape_are_refused(texture, shape):
    layout, _ = _plane()
    with pytest.raises(ValueError, match="expected \\[3, S, S\\]"):
        mesh_from_maps(layout, np.zeros(texture), np.zeros(shape))


def test_obj_comes_back_through_menpo3d(tmp_path):
    io = pytest.importorskip("menpo3d.io")
    mesh = bowl()
    save_obj(tmp_path / "face.obj", mesh)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["face.mtl", "face.obj", "face.png"]
    again = io.import_mesh(tmp_path / "face.obj")
    np.testing.assert_allclose(again.points, mesh.points, atol=1e-5)
    np.testing.assert_allclose(again.tcoords.points, mesh.tcoords, atol=1e-5)
    np.testing.assert_array_equal(again.trilist, mesh.trilist)
    # Right way up: at the top of the texture (v = 1) green is strongest.
    np.testing.assert_allclose(again.texture.pixels.transpose(1, 2, 0) * 255, picture(), atol=0.6)
    assert picture()[0, 0, 1] > picture()[-1, 0, 1]


def test_obj_uses_its_material_before_the_faces(tmp_path):
    save_obj(tmp_path / "face.obj", bowl(side=3))
    lines = (tmp_path / "face.obj").read_text().splitlines()
    kinds = [line.split()[0] for line in lines]
    assert lines[0] == "mtllib face.mtl"
    assert lines[kinds.index("usemtl")] == "usemtl merged_material"
    assert kinds.index("usemtl") < kinds.index("f")
    assert (kinds.count("v"), kinds.count("vt"), kinds.count("f")) == (9, 9, 8)
    material = (tmp_path / "face.mtl").read_text()
    assert "newmtl merged_material" in material and "map_Kd face.png" in material


def test_normals_are_those_of_the_map(tmp_path):
    layout, shape = _plane()
    towards = np.zeros_like(shape)
    towards[2], towards[0, :, 17:] = 0.5, 0.5
    mesh = mesh_from_maps(layout, np.zeros_like(shape), shape, normals=towards)
    right = layout.tcoords[:, 0] > 0.55
    np.testing.assert_allclose(mesh.normals[~right], [[0, 0, 1]] * 3, atol=1e-6)
    np.testing.assert_allclose(mesh.normals[right], [[np.sqrt(0.5), 0, np.sqrt(0.5)]], atol=1e-6)
    save_obj(tmp_path / "face.obj", mesh)
    lines = (tmp_path / "face.obj").read_text().splitlines()
    assert [line for line in lines if line.startswith("vn")][0] == "vn 0.000000 0.000000 1.000000"
    assert "f 1/1/1 2/2/2 3/3/3" in lines
    with pytest.raises(ValueError, match=r"normals map is \[3, 8, 8\]"):
        mesh_from_maps(layout, shape, shape, normals=np.zeros((3, 8, 8)))


def test_a_seam_does_not_gape():
    """Two vertices at one place that the map puts apart meet in the middle."""
    layout, shape = _plane()
    layout = dataclasses.replace(layout, welded=np.array([0, 1, 0, 3], np.int32))
    apart = mesh_from_maps(dataclasses.replace(layout, welded=None), shape, shape)
    mesh = mesh_from_maps(layout, shape, shape, normals=shape)
    np.testing.assert_array_equal(mesh.points[0], mesh.points[2])
    np.testing.assert_allclose(mesh.points[0], (apart.points[0] + apart.points[2]) / 2)
    np.testing.assert_array_equal(mesh.points[[1, 3]], apart.points[[1, 3]])
    np.testing.assert_array_equal(mesh.normals[0], mesh.normals[2])


def test_only_obj_is_written(tmp_path):
    with pytest.raises(ValueError, match="face.ply"):
        save_obj(tmp_path / "face.ply", TexturedMesh(*bowl(side=3)))
