import cv2
import numpy as np
import pytest

from tf_facegan.records.reader import RecordSet
from tf_facegan.sources import celeba

ORDER = [1, 3, 4, 0, 2]  # the published order of five


@pytest.fixture
def images():
    shape = (5, 218, 178, 3)
    return np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)


@pytest.fixture
def folder(tmp_path, images):
    (tmp_path / "celeba").mkdir()
    for number, image in enumerate(images):
        write(tmp_path / "celeba", number, image)
    return tmp_path / "celeba"


def write(folder, number, image):
    cv2.imwrite(str(folder / f"{number + 1:06d}.png"), image[:, :, ::-1])


@pytest.mark.parametrize(
    ("options", "rows", "columns"),
    [
        ({}, slice(57, 185), slice(25, 153)),
        ({"cx": 64, "cy": 154}, slice(90, 218), slice(0, 128)),
    ],
)
def test_crops_in_the_published_order(tmp_path, folder, images, caplog, options, rows, columns):
    info = celeba.create_set(tmp_path / "set", folder, workers=1, **options)
    assert (info.labels, info.modalities) == (None, [["image", 3]])
    expected = images[ORDER, rows, columns].transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(RecordSet(tmp_path / "set").read(range(5)), expected)
    assert "celeba: 5 images, the published set has 202599" in caplog.text


def test_images_of_another_size_are_named(tmp_path, folder, images):
    write(folder, 2, images[0][:, :170])
    with pytest.raises(ValueError, match=r"000003\.png: 170x218 pixels, 178x218 \(aligned and"):
        celeba.create_set(tmp_path / "set", folder, workers=1)
    info = celeba.create_set(tmp_path / "set", folder, workers=1, on_error="skip")
    assert info.count == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cx": 63}, "--cx is 63, 64 to 114 expected"),
        ({"cx": 115}, "--cx is 115"),
        ({"cy": 63}, "--cy is 63, 64 to 154 expected"),
        ({"cy": 155}, "--cy is 155"),
    ],
)
def test_crops_that_leave_the_image(tmp_path, folder, options, message):
    with pytest.raises(ValueError, match=message):
        celeba.create_set(tmp_path / "set", folder, **options)


def test_no_images(tmp_path):
    with pytest.raises(FileNotFoundError, match="celeba: no such folder"):
        celeba.create_set(tmp_path / "set", tmp_path / "celeba")
    (tmp_path / "celeba").mkdir()
    with pytest.raises(FileNotFoundError, match=r"celeba: no \*\.png files in it"):
        celeba.create_set(tmp_path / "set", tmp_path / "celeba")
