import csv

import cv2
import numpy as np
import pytest
from PIL import Image

from tf_facegan.records import work, writer
from tf_facegan.records.reader import RecordSet
from tf_facegan.sources import faces, image_folder

CENTER = faces.CropOptions(crop="center")


def random_images(count=5, height=8, width=8, channels=3):
    shape = (count, height, width, channels)
    return np.random.RandomState(count).randint(0, 256, shape).astype(np.uint8)


def write(folder, arrays):
    """Writes arrays [H, W, C] as img0.png …; returns the folder."""
    folder.mkdir(exist_ok=True)
    for number, array in enumerate(arrays):
        Image.fromarray(np.squeeze(array)).save(folder / f"img{number}.png")
    return folder


def create(folder, **options):
    return image_folder.create_set(folder.parent / "set", folder, **{"workers": 1, **options})


def read(folder):
    found = RecordSet(folder.parent / "set")
    return found.read(range(found.count))


@pytest.mark.parametrize("channels", [1, 3])
def test_images_in_the_published_order(tmp_path, channels):
    arrays = random_images(channels=channels)
    folder = write(tmp_path / "images", arrays)
    info = create(folder)
    assert (info.dtype, info.range, info.labels) == ("uint8", [0, 255], None)
    assert info.modalities == [["image", channels]]
    expected = arrays.transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(read(folder), expected[[1, 3, 4, 0, 2]])
    create(folder, shuffle=False, overwrite=True)
    np.testing.assert_array_equal(read(folder), expected)


def test_other_files_are_left_out(tmp_path, caplog):
    folder = write(tmp_path / "images", random_images(2))
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "notes.txt").write_text("")
    (folder / "more").mkdir()
    assert create(folder).count == 2
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.endswith("images: left out, no images: more, notes.txt")


def test_suffixes_in_any_case(tmp_path):
    folder = write(tmp_path / "images", random_images(1))
    (folder / "img0.png").rename(folder / "IMG0.PNG")
    assert create(folder).count == 1


def test_a_square_is_cut_out_and_resized(tmp_path):
    (array,) = random_images(1, 20, 30)
    folder = write(tmp_path / "images", [array])
    create(folder, crop=CENTER, resolution=16)
    square = Image.fromarray(array[:, 5:25]).resize((16, 16), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(read(folder)[0], np.asarray(square).transpose(2, 0, 1))


def test_single_size_sets_take_any_size(tmp_path):
    arrays = random_images(2, 6, 10)
    folder = write(tmp_path / "images", arrays)
    info = create(folder, kind="single-size", shuffle=False)
    assert (info.kind, info.shape) == ("single-size", [3, 6, 10])
    np.testing.assert_array_equal(read(folder), arrays.transpose(0, 3, 1, 2))
    info = create(folder, kind="single-size", crop=CENTER, resolution=5, overwrite=True)
    assert info.shape == [3, 5, 5]


def test_labels_follow_their_images(tmp_path):
    folder = write(tmp_path / "images", random_images(4))
    labels = tmp_path / "labels.csv"
    labels.write_text("file,joy\nimg2.png,2\nimg0.png,0\nimg3.png,3\nimg1.png,1\n")
    create(folder, labels=labels)
    found = RecordSet(tmp_path / "set")
    assert found.info.labels == {"size": 1, "kind": "class", "names": ["joy"]}
    for image, (label,) in zip(found.read(range(4)), found.labels):
        expected = cv2.imread(str(folder / f"img{label:.0f}.png"))[:, :, ::-1]
        np.testing.assert_array_equal(image, expected.transpose(2, 0, 1))


def test_labels_that_fit_two_images(tmp_path):
    folder = write(tmp_path / "images", random_images(2))
    Image.open(folder / "img1.png").save(folder / "img1.bmp")
    (tmp_path / "labels.csv").write_text("file,joy\nimg0,2\nimg1,0\n")
    with pytest.raises(ValueError, match=r"img1\.png: a second file for img1, beside .*img1\.bmp"):
        create(folder, labels=tmp_path / "labels.csv")
    assert create(folder).count == 3


def test_an_image_without_labels_and_labels_without_an_image(tmp_path, caplog):
    folder = write(tmp_path / "images", random_images(2))
    labels = tmp_path / "labels.csv"
    labels.write_text("file,joy\nimg0,2\n")
    with pytest.raises(ValueError, match=r"labels\.csv: no labels for img1"):
        create(folder, labels=labels)
    labels.write_text("file,joy\nimg0,2\nimg1,2\nimg7,2\n")
    create(folder, labels=labels)
    assert "labels.csv: no example for img7" in caplog.text


def save_as(mode, name):
    def break_it(folder):
        (folder / "img1.png").unlink()
        Image.fromarray(random_images(1)[0]).convert(mode).save(folder / name)

    return break_it


def replace(array):
    return lambda folder: cv2.imwrite(str(folder / "img1.png"), array)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda f: (f / "img1.png").write_bytes(b"x"), r"img1\.png: not a readable image"),
        (save_as("L", "img1.png"), r"img1\.png: is grey, RGB expected as in the first image"),
        (save_as("RGBA", "img1.png"), r"img1\.png: 4 channels, RGB or grey, no transparency"),
        (save_as("CMYK", "img1.jpg"), r"img1\.jpg: CMYK colours"),
        (replace(np.zeros((8, 8, 3), np.uint16)), r"img1\.png: uint16 values, 8 bits expected"),
        (
            replace(np.zeros((4, 4, 3), np.uint8)),
            r"img\d\.png: uint8 \[3, \d, \d\], but the first example is uint8 \[3, \d, \d\]",
        ),
    ],
)
def test_bad_images_are_named(tmp_path, break_it, message, shuffle):
    folder = write(tmp_path / "images", random_images(3))
    break_it(folder)
    with pytest.raises(ValueError, match=message):
        create(folder, shuffle=shuffle)
    assert not (tmp_path / "set").exists()


def test_a_colour_image_among_grey_ones(tmp_path):
    folder = write(tmp_path / "images", random_images(3, channels=1))
    save_as("RGB", "img1.png")(folder)
    with pytest.raises(ValueError, match=r"img1\.png: is RGB, grey expected"):
        create(folder)


@pytest.mark.parametrize(
    ("size", "options", "message"),
    [
        (
            (6, 6),
            {},
            r"img0\.png: the size is 6x6; .* power of two .*--crop center.face --resolution",
        ),
        ((8, 4), {}, r"img0\.png: the size is 4x8; .* --kind single-size keeps"),
        ((8, 4), {"resolution": 8}, r"img0\.png: 4x8 pixels; --resolution needs square images"),
        ((8, 8), {"resolution": 6}, "--resolution is 6; the size is 6x6; a multi-resolution"),
        ((8, 8), {"resolution": 0, "kind": "single-size"}, "--resolution is 0, a positive"),
        ((8, 8), {"crop": faces.CropOptions()}, "--crop face needs --resolution"),
    ],
)
def test_sizes(tmp_path, size, options, message):
    folder = write(tmp_path / "images", random_images(2, *size))
    with pytest.raises(ValueError, match=message):
        create(folder, **options)


@pytest.mark.parametrize("number", [0, 1])
def test_bad_images_can_be_skipped(tmp_path, number):
    folder = write(tmp_path / "images", random_images(3))
    (folder / f"img{number}.png").write_bytes(b"x")
    assert create(folder, on_error="skip", shuffle=False).count == 2
    with open(tmp_path / "set" / "set-skipped.csv", encoding="utf-8") as file:
        (_, (name, reason)) = csv.reader(file)
    assert name.endswith(f"img{number}.png")
    assert reason.endswith("not a readable image")


def test_no_image(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"images: no such folder; a folder of \*\.png or"):
        create(tmp_path / "images")
    (tmp_path / "images" / "sub").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"images: no \*\.png or .* files in it"):
        create(tmp_path / "images")
    (tmp_path / "images" / "a.png").write_bytes(b"x")
    with pytest.raises(ValueError, match="none of the 1 images can be loaded; .*not a readable"):
        create(tmp_path / "images", on_error="skip")


def test_records_do_not_depend_on_the_number_of_workers(tmp_path, monkeypatch):
    monkeypatch.setattr(work, "_CHUNK_EXAMPLES", 2)
    folder = write(tmp_path / "images", random_images(9, 20, 24))
    written = []
    for workers in (1, 3):
        path = tmp_path / str(workers) / "set"
        path.parent.mkdir()
        image_folder.create_set(path, folder, crop=CENTER, resolution=16, workers=workers)
        written.append({file.name: file.read_bytes() for file in path.iterdir()})
    assert written[0] == written[1]
    assert len(written[0]) == 7


def test_the_first_so_many(tmp_path):
    folder = write(tmp_path / "images", random_images(5))
    create(folder, max_images=2)
    expected = [f"img{number}.png" for number in writer.shuffled(5)[:2]]
    for image, name in zip(read(folder), expected):
        stored = cv2.imread(str(folder / name))[:, :, ::-1]
        np.testing.assert_array_equal(image, stored.transpose(2, 0, 1))
