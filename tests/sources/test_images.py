import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from tf_facegan.sources import images


def picture(height=6, width=4, channels=3):
    """Random uint8 [height, width, channels]."""
    return np.random.RandomState(0).randint(0, 256, (height, width, channels)).astype(np.uint8)


def write(path, array, mode=None, **options):
    image = Image.fromarray(np.squeeze(array))
    (image if mode is None else image.convert(mode)).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp"])
def test_colour_images(tmp_path, suffix):
    array = picture()
    path = write(
        tmp_path / f"a{suffix}", array, **({"lossless": True} if suffix == ".webp" else {})
    )
    np.testing.assert_array_equal(images.read_rgb(path), array)
    np.testing.assert_array_equal(images.read_grey_or_rgb(path), array)


@pytest.mark.parametrize("subsampling", [0, 2])
def test_jpeg_is_decoded_as_pillow_does_it(tmp_path, subsampling):
    smooth = cv2.resize(picture(5, 5), (67, 53), interpolation=cv2.INTER_CUBIC)
    path = write(tmp_path / "a.jpg", smooth, quality=80, subsampling=subsampling)
    np.testing.assert_array_equal(images.read_rgb(path), np.asarray(Image.open(path)))


def test_grey_images(tmp_path):
    array = picture(channels=1)
    path = write(tmp_path / "a.png", array)
    np.testing.assert_array_equal(images.read_grey_or_rgb(path), array)
    with pytest.raises(ValueError, match=r"a\.png: grey, 3 channels \(RGB\) expected"):
        images.read_rgb(path)


def test_colour_tables_are_looked_up(tmp_path):
    path = write(tmp_path / "a.png", picture(), "P")
    expected = np.asarray(Image.open(path).convert("RGB"))
    np.testing.assert_array_equal(images.read_rgb(path), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_photos_are_turned_upright(tmp_path, suffix, orientation):
    # What a photo shows, and how a camera held otherwise stores it.
    upright = np.zeros((32, 16, 3), np.uint8)
    upright[:16, :8] = 255
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: upright.transpose(1, 0, 2)[::-1],
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: upright.transpose(1, 0, 2)[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = write(tmp_path / f"a{suffix}", np.ascontiguousarray(stored), exif=exif)
    found = images.read_rgb(path)
    assert found.shape == upright.shape
    assert np.abs(found.astype(int) - upright).max() < 64


def test_grey_photos_are_turned_too(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 3
    array = picture(channels=1)
    path = write(tmp_path / "a.png", array, exif=exif)
    np.testing.assert_array_equal(images.read_grey_or_rgb(path), array[::-1, ::-1])


@pytest.mark.parametrize("read", [images.read_rgb, images.read_grey_or_rgb])
@pytest.mark.parametrize(
    ("name", "mode", "message"),
    [
        ("a.jpg", "CMYK", "CMYK colours, RGB or grey expected"),
        ("a.tif", "CMYK", "CMYK colours, RGB or grey expected"),
        ("a.png", "RGBA", "4 channels, RGB or grey, no transparency"),
        ("a.png", "LA", "4 channels, RGB or grey, no transparency"),
        ("a.png", "I;16", "uint16 values, 8 bits expected"),
    ],
)
def test_other_pixels(tmp_path, read, name, mode, message):
    array = picture()
    if mode == "I;16":
        cv2.imwrite(str(tmp_path / name), array.astype(np.uint16))
    else:
        write(tmp_path / name, array, mode)
    with pytest.raises(ValueError, match=f"{name}: {message}"):
        read(tmp_path / name)


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1"])
def test_pillow_opens_colour_and_grey(tmp_path, mode):
    path = write(tmp_path / "a.png", picture(), mode)
    image = images.open_rgb(path)
    assert image.mode == "RGB"
    np.testing.assert_array_equal(image, Image.open(path).convert("RGB"))


def test_pillow_turns_photos_upright(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    path = write(tmp_path / "a.png", picture(), exif=exif)
    np.testing.assert_array_equal(images.open_rgb(path), np.rot90(picture(), -1))


@pytest.mark.parametrize(
    ("name", "mode", "message"),
    [
        ("a.jpg", "CMYK", "CMYK pixels"),
        ("a.png", "RGBA", "RGBA pixels"),
        ("a.png", "LA", "LA pixels"),
        ("a.png", "I;16", "I;16 pixels"),
    ],
)
def test_other_pixels_with_pillow(tmp_path, name, mode, message):
    array = picture(channels=1).astype(np.uint16) if mode == "I;16" else picture()
    path = write(tmp_path / name, array, None if mode == "I;16" else mode)
    with pytest.raises(ValueError, match=rf"{name}: {message}, 8-bit RGB or grey"):
        images.open_rgb(path)


def test_transparent_colours_of_a_table(tmp_path):
    path = write(tmp_path / "a.png", picture(), "P", transparency=0)
    with pytest.raises(ValueError, match=r"a\.png: transparency, 8-bit RGB or grey"):
        images.open_rgb(path)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_colours_of_16_bits_with_pillow(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), picture().astype(np.uint16) * 257)
    with pytest.raises(ValueError, match=rf"a\{suffix}: 16 bits a value, 8 bits expected"):
        images.open_rgb(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp"])
@pytest.mark.parametrize("kept", [0, 0.2, 0.9])
def test_damaged_images(tmp_path, suffix, kept, capfd):
    path = write(tmp_path / f"a{suffix}", picture(64, 64))
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    for read in (images.read_rgb, images.open_rgb):
        with pytest.raises(ValueError, match=rf"a\{suffix}: not a readable image"):
            read(path)
    assert "OpenCV" not in capfd.readouterr().err


def test_a_missing_image(tmp_path):
    for read in (images.read_rgb, images.open_rgb):
        with pytest.raises(FileNotFoundError, match=r"a\.png"):
            read(tmp_path / "a.png")


@pytest.mark.parametrize(("height", "width"), [(6, 4), (4, 7), (5, 5)])
def test_center_square(height, width):
    array = picture(height, width)
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    expected = array[top : top + side, left : left + side]
    np.testing.assert_array_equal(images.center_square(array), expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_resized_arrays(channels):
    array = picture(16, 16, channels)
    found = images.resized_array(array, 8, Image.Resampling.LANCZOS)
    assert (found.shape, found.dtype) == ((8, 8, channels), np.uint8)
    expected = Image.fromarray(np.squeeze(array)).resize((8, 8), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(np.squeeze(found), np.asarray(expected))
