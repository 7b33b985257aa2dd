import numpy as np
import pytest

from tf_facegan.uv.raster import (
    Raster,
    bilinear,
    fill_holes,
    sample_texture,
    texture_shrink,
    unit,
    vertex_normals,
)

SQUARE = np.array([[0.0, 0.0], [7.0, 0.0], [0.0, 7.0], [7.0, 7.0]])
HALVES = np.array([[0, 1, 2], [2, 1, 3]])


def test_a_square_covers_its_edges_too():
    raster = Raster(SQUARE, HALVES, (8, 8))
    assert raster.mask.all()
    picture = raster.picture(raster.interpolate(SQUARE))
    rows, columns = np.mgrid[:8, :8]
    np.testing.assert_allclose(picture, np.stack([rows, columns], -1), atol=1e-5)


def test_the_nearer_triangle_is_seen():
    pixels = np.concatenate([SQUARE, SQUARE])
    depth = np.array([5.0] * 4 + [1.0] * 4)
    raster = Raster(pixels, np.concatenate([HALVES, HALVES + 4]), (8, 8), depth)
    assert raster.corners.min() == 4


def test_the_skirt_continues_the_surface_in_its_plane():
    pixels = np.array([[2.3, 2.4], [9.6, 2.2], [2.2, 9.7], [9.5, 9.4]])
    plain, skirted = (Raster(pixels, HALVES, (12, 12), skirt=width) for width in (0, 2))
    np.testing.assert_array_equal(plain.mask, skirted.mask)
    assert plain.known is plain.mask and plain.mask.sum() < skirted.known.sum()
    assert skirted.known[1:11, 1:11].all() and not skirted.known[0].any()
    found = skirted.picture(skirted.interpolate(pixels))
    expected = np.stack(np.mgrid[:12, :12], axis=-1)
    np.testing.assert_allclose(found[skirted.known], expected[skirted.known], atol=1e-4)
    np.testing.assert_allclose(bilinear(found, pixels), pixels, atol=1e-4)


def test_the_skirt_of_a_sliver_does_not_go_astray():
    pixels = np.array([[1.9, 2.0], [2.2, 9.0], [1.9, 9.2]])
    raster = Raster(pixels, [[0, 1, 2]], (12, 12), skirt=2)
    assert raster.known.sum() > raster.mask.sum() > 0
    assert np.abs(raster.weights).max() < 4.0
    np.testing.assert_allclose(raster.weights.sum(axis=1), 1.0, atol=1e-5)


def test_flat_and_outside_triangles_do_no_harm():
    pixels = np.array(
        [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [-9.0, -9.0], [-5.0, -9.0], [-9.0, -5.0]]
    )
    raster = Raster(pixels, [[0, 1, 2], [3, 4, 5]], (8, 8))
    assert not raster.mask.any() and raster.interpolate(pixels).shape == (0, 2)


def test_normals_are_unit_and_do_not_show_seams():
    # Two triangles of a plane that share no vertices, as scanners list them.
    points = np.array(
        [[0, 0, 0], [1, 0, 0], [0, 1, 0.5], [1, 0, 0], [1, 1, 0.5], [0, 1, 0.5]], float
    )
    normals = vertex_normals(points, np.array([[0, 1, 2], [3, 4, 5]]))
    np.testing.assert_allclose(normals, np.tile(unit(np.array([0, -0.5, 1.0])), (6, 1)), atol=1e-9)
    bent = points + [[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 1.0], [0, 0, 0]]
    normals = vertex_normals(bent, np.array([[0, 1, 2], [3, 4, 5]]))
    np.testing.assert_allclose(normals[1], normals[3], atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0)


def test_unit_of_nothing_points_forward():
    np.testing.assert_array_equal(unit(np.zeros([2, 3])), [[0, 0, 1], [0, 0, 1]])


def test_bilinear_between_pixels_and_beyond_the_edge():
    picture = np.arange(12, dtype=np.float32).reshape(3, 4, 1)
    places = np.array([[0.0, 0.0], [0.5, 0.0], [1.0, 1.25], [2.0, 3.0], [-5.0, 99.0]])
    np.testing.assert_allclose(bilinear(picture, places)[:, 0], [0.0, 2.0, 5.25, 11.0, 3.0])
    np.testing.assert_array_equal(bilinear(picture[:1, :1], places)[:, 0], 0.0)


def test_shrunken_textures_do_not_alias():
    checks = (np.indices([64, 64]).sum(axis=0) % 2 * 255).astype(np.uint8)
    texture = np.repeat(checks[..., None], 3, axis=2)
    steps = (np.arange(8) + 0.5) / 8
    tcoords = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    assert np.abs(sample_texture(texture, tcoords, 8.0) - 127.5).max() < 2.0
    plain = sample_texture(texture, np.array([[0.0, 1.0], [1 / 63, 1.0]]))
    np.testing.assert_allclose(plain[:, 0], [0.0, 255.0], atol=1e-3)


def test_shrinking_keeps_things_in_place():
    ramp = np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1))
    texture = np.repeat(ramp[..., None], 3, axis=2)
    tcoords = np.array([[0.25, 0.5], [0.5, 0.5], [0.7, 0.5]])
    expected = sample_texture(texture, tcoords)
    np.testing.assert_allclose(sample_texture(texture, tcoords, 8.0), expected, atol=1.0)


def test_texture_shrink_is_the_ratio_of_sides():
    tcoords = SQUARE[:, ::-1] / 7.0
    assert texture_shrink(SQUARE, tcoords, HALVES, (70, 70)) == pytest.approx(10.0)


def test_holes_are_filled_smoothly_and_the_rest_stays():
    rows, columns = np.mgrid[:64, :64] / 63.0
    truth = np.stack([rows, columns, rows * 0 + 0.3], axis=-1).astype(np.float32)
    mask = np.zeros([64, 64], bool)
    mask[8:56, 8:56] = True
    mask[24:34, 24:34] = False
    filled = fill_holes(truth, mask)
    np.testing.assert_array_equal(filled[mask], truth[mask])
    np.testing.assert_allclose(filled[24:34, 24:34], truth[24:34, 24:34], atol=0.03)
    assert filled.min() >= truth[mask].min() and filled.max() <= truth[mask].max()
    assert filled[:8, :, 1].std() > 0.1  # not one colour
    steps = np.abs(np.diff(filled, axis=0)).max(), np.abs(np.diff(filled, axis=1)).max()
    assert max(steps) < 0.12


def test_one_known_texel_fills_everything():
    mask = np.zeros([16, 16], bool)
    mask[3, 5] = True
    filled = fill_holes(np.full([16, 16, 3], 0.7, np.float32), mask)
    np.testing.assert_allclose(filled, 0.7, atol=1e-6)
