import cv2
import numpy as np
import pytest

from tf_facegan.utilities.images import (
    adjust_dynamic_range,
    image_grid,
    save_image_grid,
    split_modalities,
    to_uint8,
)


def test_ranges_map_linearly():
    np.testing.assert_allclose(adjust_dynamic_range([0, 127.5, 255], (0, 255), (-1, 1)), [-1, 0, 1])
    # round half to even, clipped
    values = np.array([-2, -1, 0.5 / 127.5 - 1, 1.5 / 127.5 - 1, 1, 2])
    np.testing.assert_array_equal(to_uint8(values, (-1, 1)), [0, 0, 0, 2, 255, 255])


def test_grids_are_row_major_and_padded_with_zeros():
    images = np.arange(1, 6, dtype=np.float32).reshape(5, 1, 1, 1)
    np.testing.assert_array_equal(image_grid(images, (3, 2))[0], [[1, 2, 3], [4, 5, 0]])
    assert image_grid(np.ones((7, 1, 2, 2))).shape == (1, 6, 6)
    with pytest.raises(ValueError, match="5 images do not fit into a grid of 2 x 2"):
        image_grid(images, (2, 2))


def test_modalities_are_thirds_unless_named():
    image = np.arange(9).reshape(9, 1, 1)
    assert {k: v.ravel().tolist() for k, v in split_modalities(image).items()} == {
        "texture": [0, 1, 2],
        "shape": [3, 4, 5],
        "normals": [6, 7, 8],
    }
    assert list(split_modalities(image[:6])) == ["texture", "shape"]
    assert list(split_modalities(image[:4])) == ["image"]
    named = split_modalities(image[:4], [["depth", 1], ["texture", 3]])
    assert {k: len(v) for k, v in named.items()} == {"depth": 1, "texture": 3}


@pytest.mark.parametrize(
    "channels, endings", [(1, [""]), (3, [""]), (6, ["", "_shp"]), (9, ["", "_shp", "_nor"])]
)
def test_a_file_for_each_modality(channels, endings, tmp_path):
    images = np.random.RandomState(0).rand(4, channels, 5, 5) * 2 - 1
    written = save_image_grid(images, tmp_path / "fakes.png", size=(2, 2))
    assert [path.name for path in written] == [f"fakes{ending}.png" for ending in endings]
    for i, path in enumerate(written):
        picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        expected = to_uint8(image_grid(images, (2, 2)), (-1, 1))[3 * i : 3 * i + 3]
        got = picture[None] if channels == 1 else picture[:, :, ::-1].transpose(2, 0, 1)
        np.testing.assert_array_equal(got, expected)


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(ValueError, match="images are written as .png or .jpg"):
        save_image_grid(np.zeros((1, 3, 4, 4)), tmp_path / "fakes.txt")
    assert not list(tmp_path.iterdir())
