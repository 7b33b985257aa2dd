import numpy as np
import pytest
from PIL import Image

from tests.sources import tool
from tf_facegan.records.reader import RecordSet
from tf_facegan.sources.expressions import EXPRESSIONS


def pictures(count, seed=0, channels=3, size=10):
    faces = np.stack([tool.random_image(seed + number, size, size) for number in range(count)])
    return faces if channels == 3 else faces[..., 0]


def write_fold(path, seed=0, channels=3, **changes):
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {
        "tr_x": pictures(7, seed, channels),
        "tr_y": np.arange(7),
        "tt_x": pictures(2, seed + 50, channels),
        "tt_y": np.array([6, 0], np.uint8),
        **changes,
    }
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return arrays


def create(tmp_path, *options, source="folds"):
    return tool.run("create_from_folds", tmp_path / "set", tmp_path / source, *options)


@pytest.mark.parametrize("channels", [1, 3])
def test_folds_in_their_order(tmp_path, capsys, channels):
    folds = [write_fold(tmp_path / f"folds/fold{name}.npz", name, channels) for name in (1, 2, 10)]
    assert create(tmp_path) == 0
    assert "fold2/test: 2 pictures: Surprise 1" in capsys.readouterr().out
    for number, fold in enumerate(folds):
        for name, key in (("train", "tr"), ("test", "tt")):
            found = RecordSet(tmp_path / "set" / f"fold{number}" / name)
            assert found.fields["expression"].tolist() == fold[f"{key}_y"].tolist()
            assert found.info.fields["expression"]["names"] == list(EXPRESSIONS)
            faces = fold[f"{key}_x"].reshape(len(found.labels), 10, 10, channels)
            expected = np.broadcast_to(faces, (*faces.shape[:3], 3)).transpose(0, 3, 1, 2)
            np.testing.assert_array_equal(found.read(range(found.count)), expected)


def test_a_file_that_was_replaced_is_read_anew(tmp_path):
    for seed in (0, 1):
        fold = write_fold(tmp_path / "folds/fold.npz", seed)
        assert create(tmp_path, "--overwrite") == 0
        found = RecordSet(tmp_path / "set/fold0/train").read(range(7))
        np.testing.assert_array_equal(found, fold["tr_x"].transpose(0, 3, 1, 2))


def test_a_single_file_resized(tmp_path):
    fold = write_fold(tmp_path / "one.npz")
    assert create(tmp_path, "--resolution", 14, "--gray", source="one.npz") == 0
    image = Image.fromarray(fold["tr_x"][3]).convert("L")
    grey = np.asarray(image.resize((14, 14), Image.Resampling.BILINEAR))
    found = RecordSet(tmp_path / "set/fold0/train").read([3])[0]
    np.testing.assert_array_equal(found, np.stack([grey] * 3))


def test_names_of_the_labels(tmp_path):
    write_fold(tmp_path / "folds/a.npz", tr_y=np.arange(7) + 1, tt_y=np.array([2, 0]))
    names = "Neutral,Anger,Contempt,Disgust,Fear,Happiness,Sadness,Surprise"
    assert create(tmp_path, "--classes", names) == 0
    train, test = (RecordSet(tmp_path / "set/fold0" / name) for name in ("train", "test"))
    assert train.fields["expression"].tolist() == [5, 2, 1, 3, 4, 0]
    assert test.fields["expression"].tolist() == [6]
    report = (tmp_path / "set/fold0/train/train-skipped.csv").read_text()
    assert "tr_x 1" in report and "Contempt is none of the seven expressions" in report


def test_labels_without_a_name(tmp_path, capsys):
    write_fold(tmp_path / "folds/a.npz", tt_y=np.array([7, 1]))
    argv = ("create_from_folds", tmp_path / "set", tmp_path / "folds")
    assert "a.npz, tt_x 0: label 7, 0 to 6 expected; --on" in tool.error_of(capsys, *argv)
    assert create(tmp_path, "--on_error", "skip") == 0
    assert RecordSet(tmp_path / "set/fold0/test").fields["expression"].tolist() == [1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tr_y": None}, "a.npz: tr_y expected; no tr_y in it, found ['tr_x', 'tt_x', 'tt_y']"),
        ({"tr_x": np.zeros((7, 9, 9))}, "tr_x is float64 [7, 9, 9], uint8 [N, H, W]"),
        ({"tr_x": np.zeros((7, 3, 9, 9), np.uint8)}, "tr_x is uint8 [7, 3, 9, 9]"),
        ({"tr_y": np.eye(7)}, "tr_y is float64 [7, 7], integers [7] expected"),
        ({"tt_y": np.arange(3)}, "tt_y is int64 [3], integers [2] expected"),
    ],
)
def test_bad_arrays(tmp_path, capsys, changes, message):
    write_fold(tmp_path / "folds/a.npz", **changes)
    argv = ("create_from_folds", tmp_path / "set", tmp_path / "folds")
    assert message in tool.error_of(capsys, *argv)
    assert not (tmp_path / "set").exists()


def test_missing_files_and_names(tmp_path, capsys):
    argv = ("create_from_folds", tmp_path / "set", tmp_path / "folds")
    assert "folds: no such file or folder; .npz files" in tool.error_of(capsys, *argv)
    (tmp_path / "folds").mkdir()
    assert "folds: no *.npz files in it" in tool.error_of(capsys, *argv)
    write_fold(tmp_path / "folds/a.npz")
    message = tool.error_of(capsys, *argv, "--classes", "Anger,Fear")
    assert "--classes lacks Surprise, Disgust, Happiness, Sadness, Neutral; found Anger" in message
