import numpy as np
import pytest
from PIL import Image

from tests.sources import tool
from tf_facegan.records.reader import RecordSet
from tf_facegan.sources import raf_db
from tf_facegan.sources.expressions import EXPRESSIONS

LABELS = {"train_00001": 5, "train_00002": 7, "test_0001": 1, "train_00003": 4}


def write_basic(folder, labels=None):
    """RAF-DB in its own layout; returns {name: picture}."""
    labels = labels or LABELS
    images = {
        name: tool.write_image(folder / f"Image/aligned/{name}_aligned.jpg", number, 10, 10)
        for number, name in enumerate(labels)
    }
    (folder / "EmoLabel").mkdir()
    lines = [f"{name}.jpg {label}\n" for name, label in labels.items()]
    (folder / "EmoLabel/list_patition_label.txt").write_text("".join(lines))
    return images


def one_hot(labels):
    return np.eye(7)[:, labels]


def write_tdgan(folder, train=(4, 4, 0), test=(6,), suffix="npy"):
    for number in range(len(train)):
        tool.write_image(folder / f"img/train_{number + 1:05d}_aligned.jpg", number, 10, 10)
    for number in range(len(test)):
        tool.write_image(folder / f"img/test_{number + 1:04d}_aligned.jpg", 50 + number, 10, 10)
    arrays = {"train_y": one_hot(list(train)), "test_y": one_hot(list(test))}
    if suffix == "npy":
        np.save(folder / "RAF_example_label.npy", arrays)
    else:
        np.savez(folder / "RAF_example_label.npz", **arrays)


def create(tmp_path, *options):
    return tool.run("create_raf_db", tmp_path / "raf", tmp_path / "data", *options)


def failure(capsys, tmp_path, *options):
    message = tool.error_of(capsys, "create_raf_db", tmp_path / "raf", tmp_path / "data", *options)
    assert not (tmp_path / "raf").exists()
    return message


@pytest.mark.parametrize("base", ["data", "data/basic"])
def test_the_own_layout(tmp_path, capsys, base):
    write_basic(tmp_path / base)
    assert create(tmp_path) == 0
    assert "train: 3 pictures: Surprise 0, Fear 0, Disgust 0, Happiness 1, Sadness 1," in (
        capsys.readouterr().out
    )
    train, test = (RecordSet(tmp_path / "raf" / name) for name in ("train", "test"))
    assert train.info.shape == [3, 10, 10] and train.info.kind == "single-size"
    assert train.info.fields["expression"]["names"] == list(EXPRESSIONS)
    assert train.fields["expression"].tolist() == [4, 6, 3]
    assert test.fields["expression"].tolist() == [0]
    file = tmp_path / base / "Image/aligned/train_00002_aligned.jpg"
    np.testing.assert_array_equal(
        train.read([1])[0], np.asarray(Image.open(file)).transpose(2, 0, 1)
    )


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_tdgans_layout(tmp_path, suffix):
    write_tdgan(tmp_path / "data", suffix=suffix)
    assert create(tmp_path) == 0
    assert RecordSet(tmp_path / "raf/train").fields["expression"].tolist() == [4, 4, 0]
    assert RecordSet(tmp_path / "raf/test").fields["expression"].tolist() == [6]


def test_resizing_is_pillows_and_grey_comes_first(tmp_path):
    tool.write_image(tmp_path / "a.png", 3, 10, 10)
    image = Image.open(tmp_path / "a.png")
    expected = np.asarray(image.resize((14, 14), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(
        raf_db.load_picture(tmp_path / "a.png", 14), expected.transpose(2, 0, 1)
    )
    grey = np.asarray(image.convert("L").resize((14, 14), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(
        raf_db.load_picture(tmp_path / "a.png", 14, gray=True), np.stack([grey] * 3)
    )
    tool.write_image(tmp_path / "wide.png", 3, 21, 10)
    assert raf_db.load_picture(tmp_path / "wide.png", 14).shape == (3, 14, 29)


def test_options(tmp_path):
    write_basic(tmp_path / "data")
    assert create(tmp_path, "--resolution", 16, "--kind", "multi-resolution", "--gray") == 0
    train = RecordSet(tmp_path / "raf/train")
    assert train.info.levels == [4, 3, 2]
    images = train.read(range(3))
    assert (images == images[:, :1]).all()


def change(name, text):
    def apply(folder):
        file = folder / name
        file.write_text(text)

    return apply


LIST = "EmoLabel/list_patition_label.txt"


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda f: f.rename(f.with_name("x")), "data: no such folder; the folder of RAF-DB"),
        (lambda f: (f / LIST).unlink(), "data: no basic/EmoLabel/list_patition_label.txt and no"),
        (
            lambda f: [p.unlink() for p in (f / "Image/aligned").iterdir()],
            "Image/aligned: no pictures train_00001_aligned.jpg in it",
        ),
        (
            change(LIST, "train_00001.jpg 8\n"),
            "list_patition_label.txt, line 1: 'train_00001.jpg 8",
        ),
        (
            lambda f: (f / LIST).write_bytes(b"\xff\xfe\x00"),
            "list_patition_label.txt: not a text file",
        ),
        (change(LIST, "train_00001.jpg\n"), "a line like `train_00001.jpg 5` with a label from 1"),
        (change(LIST, "valid_00001.jpg 3\n"), "line 1: 'valid_00001.jpg 3'"),
        (
            change(LIST, "test_0001.jpg 3\ntest_0001.jpg 3\n"),
            "line 2: a second label for test_0001",
        ),
        (
            lambda f: (f / "Image/aligned/train_00001_aligned.jpg").write_bytes(b"x"),
            "train_00001_aligned.jpg: not a readable image",
        ),
    ],
)
def test_bad_input_is_one_line(tmp_path, capsys, break_it, message):
    write_basic(tmp_path / "data")
    break_it(tmp_path / "data")
    assert message in failure(capsys, tmp_path)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (
            lambda f: (f / "Image/aligned/train_00002_aligned.jpg").unlink(),
            "train_00002_aligned.jpg: listed, but missing",
        ),
        (
            lambda f: tool.write_image(f / "Image/aligned/train_00009_aligned.jpg", 0, 10, 10),
            "train_00009_aligned.jpg: has no label; --on_error skip leaves it out",
        ),
    ],
)
def test_what_does_not_match_can_be_skipped(tmp_path, capsys, break_it, message):
    write_basic(tmp_path / "data")
    break_it(tmp_path / "data")
    assert message in failure(capsys, tmp_path)
    assert create(tmp_path, "--on_error", "skip") == 0
    report = (tmp_path / "raf/train/train-skipped.csv").read_text()
    assert message.partition(":")[0] in report
    assert not (tmp_path / "raf/test/test-skipped.csv").exists()


def test_mixed_sizes(tmp_path, capsys):
    write_basic(tmp_path / "data")
    tool.write_image(tmp_path / "data/Image/aligned/train_00002_aligned.jpg", 0, 12, 10)
    assert tool.run("create_raf_db", tmp_path / "raf", tmp_path / "data") == 1
    message = capsys.readouterr().err
    assert "train_00002_aligned.jpg: uint8 [3, 10, 12], but the first example is" in message


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"train_y": np.eye(7)}, "a dictionary with train_y and test_y expected"),
        ({"train_y": np.eye(6), "test_y": np.eye(7)}, "train_y has shape [6, 6], [7, N] expected"),
        ({"train_y": np.ones((7, 2)), "test_y": np.eye(7)}, "columns without one largest value"),
        ({"train_y": np.eye(7) * np.nan, "test_y": np.eye(7)}, "columns without one largest"),
        ([1], "a dictionary with train_y and test_y expected"),
    ],
)
def test_bad_label_files(tmp_path, capsys, arrays, message):
    write_tdgan(tmp_path / "data")
    np.save(tmp_path / "data/RAF_example_label.npy", np.array(arrays, dtype=object))
    assert message in failure(capsys, tmp_path)


def test_existing_output(tmp_path, capsys):
    write_basic(tmp_path / "data")
    assert create(tmp_path) == 0
    message = tool.error_of(capsys, "create_raf_db", tmp_path / "raf", tmp_path / "data")
    assert "raf: exists; give --overwrite" in message
    assert create(tmp_path, "--overwrite", "--resolution", 12) == 0
    assert RecordSet(tmp_path / "raf/test").info.shape == [3, 12, 12]


def test_a_build_that_failed_goes_on_without_the_bad_picture(tmp_path, capsys):
    write_basic(tmp_path / "data")
    (tmp_path / "data/Image/aligned/test_0001_aligned.jpg").write_bytes(b"x")
    write = {"test_0002": 3, **LABELS}
    lines = "".join(f"{name}.jpg {label}\n" for name, label in write.items())
    (tmp_path / "data" / LIST).write_text(lines)
    tool.write_image(tmp_path / "data/Image/aligned/test_0002_aligned.jpg", 7, 10, 10)
    argv = ("create_raf_db", tmp_path / "raf", tmp_path / "data")
    assert "test_0001_aligned.jpg: not a readable image" in tool.error_of(capsys, *argv)
    assert RecordSet(tmp_path / "raf/train").count == 3
    assert create(tmp_path, "--on_error", "skip") == 0
    assert sorted(path.name for path in (tmp_path / "raf").iterdir()) == ["test", "train"]
    assert RecordSet(tmp_path / "raf/test").fields["expression"].tolist() == [2]
    assert "test_0001" in (tmp_path / "raf/test/test-skipped.csv").read_text()
