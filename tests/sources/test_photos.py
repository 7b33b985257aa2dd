import numpy as np
import pytest
from PIL import Image

from tf_facegan.sources import photos

PHOTO = np.random.RandomState(0).randint(0, 256, (5, 7, 3), np.uint8)


def test_paths_pictures_and_arrays_are_the_same(tmp_path):
    Image.fromarray(PHOTO).save(tmp_path / "photo.png")
    for given in (
        tmp_path / "photo.png",
        str(tmp_path / "photo.png"),
        Image.fromarray(PHOTO),
        PHOTO,
    ):
        np.testing.assert_array_equal(photos.read_photo(given), PHOTO)


@pytest.mark.parametrize("grey", [PHOTO[..., 0], PHOTO[..., :1], Image.fromarray(PHOTO[..., 0])])
def test_grey_is_made_rgb(grey):
    np.testing.assert_array_equal(photos.read_photo(grey), np.repeat(PHOTO[..., :1], 3, axis=2))


@pytest.mark.parametrize(
    "array", [PHOTO.astype(np.float32), PHOTO[None], PHOTO[..., :2], PHOTO[:0], np.uint8(3)]
)
def test_other_arrays_are_refused(array):
    with pytest.raises(ValueError, match="photo: an array"):
        photos.read_photo(array)


def test_files_are_named(tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(ValueError, match="text.jpg: not a readable image"):
        photos.read_photo(tmp_path / "text.jpg")
    with pytest.raises(FileNotFoundError, match="missing.jpg"):
        photos.read_photo(tmp_path / "missing.jpg")
    assert photos.describe(tmp_path / "a.png").endswith("a.png")
    assert photos.describe(PHOTO) == "photo"
