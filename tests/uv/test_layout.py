import numpy as np
import pytest

from tf_facegan.uv.layout import UVLayout, check_resolution, pixel_coordinates


@pytest.fixture
def layout():
    tcoords = np.array([[0.0, 0.0], [1.0, 0.0], [0.25, 1.0], [0.5, 0.5]])
    mask = np.zeros([16, 16], bool)
    mask[:, 4:] = True
    return UVLayout.from_tcoords(16, tcoords, [[0, 1, 2], [1, 3, 2]], mask, 2.5, [1.0, 2.0, 3.0])


def _rewritten(path, **changes):
    with np.load(path) as archive:
        fields = dict(archive)
    fields.update(changes)
    np.savez(path, **{name: value for name, value in fields.items() if value is not None})


def test_saved_and_loaded_it_is_the_same(layout, tmp_path):
    layout.save(tmp_path / "uv_layout.npz")
    loaded = UVLayout.load(tmp_path / "uv_layout.npz")
    for name in ("tcoords", "tcoords_pixel_scaled", "trilist", "tmask", "offset", "alignment"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(layout, name), err_msg=name)
        assert getattr(loaded, name).dtype == getattr(layout, name).dtype
    assert (loaded.resolution, loaded.scale) == (16, 2.5)
    assert [path.name for path in tmp_path.iterdir()] == ["uv_layout.npz"]


def test_pixels_follow_menpo():
    menpo = pytest.importorskip("menpo.transform")
    tcoords = np.random.default_rng(0).uniform(size=[20, 2])
    expected = menpo.tcoords_to_image_coords((12, 30)).apply(tcoords)
    np.testing.assert_allclose(pixel_coordinates(tcoords, (12, 30)), expected)


def test_points_and_map_values_are_inverse(layout):
    points = np.random.default_rng(1).normal(size=[7, 3])
    values = layout.to_shape_map(points)
    np.testing.assert_allclose(layout.to_points(values), points, atol=1e-12)
    np.testing.assert_allclose(layout.to_shape_map(np.array([3.5, 2.0, 0.5])), [1.0, 0.0, -1.0])


def test_smaller_maps_are_box_averages(layout):
    small = layout.at_resolution(4)
    assert small.resolution == 4 and small.tmask.shape == (4, 4)
    np.testing.assert_array_equal(small.tmask, np.array([[False, True, True, True]] * 4))
    # A map that holds its own coordinates, box-averaged, holds them at the moved places.
    columns = np.tile(np.arange(16.0), (16, 1)).reshape(4, 4, 4, 4).mean(axis=(1, 3))
    inner = small.tcoords_pixel_scaled[3]
    at_vertex = np.interp(inner[1], np.arange(4), columns[0])
    assert at_vertex == pytest.approx(layout.tcoords_pixel_scaled[3, 1])


def test_to_a_larger_side_and_back(layout):
    again = layout.at_resolution(64).at_resolution(16)
    np.testing.assert_array_equal(again.tmask, layout.tmask)
    np.testing.assert_allclose(
        again.tcoords_pixel_scaled, layout.tcoords_pixel_scaled, atol=0.51 * 16 / 64
    )
    assert layout.at_resolution(16) is layout


@pytest.mark.parametrize("resolution", [0, 2, 3, 12, -8, 8.0])
def test_only_powers_of_two(resolution):
    with pytest.raises(ValueError, match="power of two"):
        check_resolution(resolution)


@pytest.mark.parametrize(
    "field, value",
    [
        ("tcoords", None),
        ("resolution", np.array(12)),
        ("resolution", np.array([16, 16])),
        ("tcoords", np.zeros([4, 3], np.float32)),
        ("tcoords", np.full([4, 2], np.nan, np.float32)),
        ("tcoords_pixel_scaled", np.zeros([5, 2], np.float32)),
        ("tcoords_pixel_scaled", np.full([4, 2], 16, np.float32)),
        ("trilist", np.zeros([2, 3], np.float32)),
        ("trilist", np.full([2, 3], 4)),
        ("tmask", np.zeros([16, 8], bool)),
        ("tmask", np.zeros([16, 16], np.uint8)),
        ("scale", np.array(0.0)),
        ("scale", np.array(np.inf)),
        ("offset", np.zeros(2)),
        ("alignment", np.eye(3)),
    ],
)
def test_a_bad_field_is_named(layout, tmp_path, field, value):
    path = tmp_path / "uv_layout.npz"
    layout.save(path)
    _rewritten(path, **{field: value})
    with pytest.raises(ValueError, match=rf"uv_layout\.npz.*{field}|power of two"):
        UVLayout.load(path)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.npz"):
        UVLayout.load(tmp_path / "nothing.npz")
    text, pickled = tmp_path / "text.npz", tmp_path / "pickled.npz"
    text.write_text("no archive")
    np.savez(pickled, resolution=np.array([object()], dtype=object))
    single = tmp_path / "single.npz"
    with open(single, "wb") as file:
        np.save(file, np.zeros(3))
    for path in (text, pickled, single):
        with pytest.raises(ValueError, match=path.name):
            UVLayout.load(path)
