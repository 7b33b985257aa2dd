import numpy as np
import pytest

from tests.records import sets
from tests.sources import tool
from tf_facegan.records import check, schema, splits
from tf_facegan.records.writer import Companion

AUS = ["AU01_r", "AU02_r"]


def write(path, count=4, seed=0, **options):
    """Writes `count` pictures, uint8 3x8x8, different for every seed."""
    random = np.random.RandomState(seed)
    images = random.randint(0, 256, (count, 3, 8, 8)).astype(np.uint8)
    sets.write(path, options.pop("images", images), **options)
    return path


def run(capsys, path):
    """(exit code, lines of the output)"""
    capsys.readouterr()
    code = tool.run("check", path)
    return code, capsys.readouterr().out.splitlines()


def findings(lines):
    return [line for line in lines if line.startswith(("wrong: ", "warning: "))]


@pytest.mark.parametrize("kind", schema.KINDS)
def test_a_sound_set(tmp_path, capsys, kind):
    write(
        tmp_path / "faces",
        kind=kind,
        labels=np.eye(4, 2)[[0, 1, 0, 0]],
        label_names=["joy", "fear"],
        fields={
            "expression": np.array([1, 0, -1, 1]),
            "aus": np.float32([[0, 5], [1, 2], [2, 0], [1, 1]]),
            "landmarks": np.full((4, 68, 2), 3.5, np.float32),
            "frame": np.array([3, 1, 2, 9]),
            "place": np.array(["lab", "street", "lab", "lab"]),
        },
        field_names={"expression": ["Anger", "Neutral"], "aus": AUS},
    )
    code, lines = run(capsys, tmp_path / "faces")
    assert code == 0
    start = f"{tmp_path}/faces: "
    assert [line.replace(start, "") for line in lines] == [
        f"4 examples, uint8 3x8x8, {kind}",
        "labels (largest component): joy 3, fear 1",
        "expression: Anger 1, Neutral 2, 1 without",
        "aus: AU01_r 0.00 to 2.00, mean 1.00",
        "aus: AU02_r 0.00 to 5.00, mean 2.00",
        "landmarks: 68 points",
        "frame: int64 from 1 to 9",
        "place: 2 different texts",
        "1 set, 0 findings wrong",
    ]


def test_pictures_that_training_and_test_share(tmp_path, capsys):
    images = np.random.RandomState(0).randint(0, 256, (5, 3, 8, 8)).astype(np.uint8)
    write(tmp_path / "raf/train", images=images[:4])
    write(tmp_path / "raf/test", images=images[[4, 2]])
    code, lines = run(capsys, tmp_path / "raf")
    assert code == 1
    assert findings(lines) == [
        f"wrong: {tmp_path}/raf/test and {tmp_path}/raf/train: 1 pictures are in both, e.g. "
        "records 1 = 2"
    ]
    assert lines[-1] == "2 sets, 1 findings wrong"


def test_folds_share_their_pictures(tmp_path, capsys):
    for fold, seeds in enumerate(((1, 2), (2, 1))):
        for name, seed in zip(("train", "test"), seeds):
            write(tmp_path / f"folds/fold{fold}/{name}", seed=seed)
    code, lines = run(capsys, tmp_path / "folds")
    assert code == 0 and findings(lines) == []


def test_pictures_that_a_set_holds_twice(tmp_path, capsys):
    images = np.random.RandomState(0).randint(0, 256, (3, 3, 8, 8)).astype(np.uint8)
    write(tmp_path / "faces", images=images[[0, 1, 0, 2, 0]])
    code, lines = run(capsys, tmp_path / "faces")
    assert code == 0
    assert findings(lines) == [
        f"warning: {tmp_path}/faces: 2 pictures are there already, e.g. records 0, 2, 4"
    ]


@pytest.mark.parametrize("name", ["faces-r03.tfrecords", "faces-r02.tfrecords"])
def test_damaged_records(tmp_path, capsys, name):
    file = write(tmp_path / "faces") / name
    content = bytearray(file.read_bytes())
    content[-20] ^= 1
    file.write_bytes(content)
    code, lines = run(capsys, tmp_path / "faces")
    assert code == 1
    (finding,) = findings(lines)
    assert name in finding and "record 3" in finding
    file.write_bytes(content[:-30])
    code, lines = run(capsys, tmp_path / "faces")
    assert code == 1 and name in findings(lines)[0]


def load_drawing(number):
    return np.full((1, 8, 8), number, np.uint8)


def test_damaged_companions(tmp_path, capsys):
    companion = Companion(load_drawing, [["drawing", 1]], [0, 255])
    write(tmp_path / "faces", companions={"drawing": companion})
    assert run(capsys, tmp_path / "faces")[0] == 0
    file = tmp_path / "faces/faces-drawing-r03.tfrecords"
    content = bytearray(file.read_bytes())
    content[-20] ^= 1
    file.write_bytes(content)
    code, lines = run(capsys, tmp_path / "faces")
    assert code == 1 and "faces-drawing-r03.tfrecords" in findings(lines)[0]


def overwrite(name, array):
    """Puts another array beside the records of `faces`."""

    def apply(folder):
        with open(folder / name, "wb") as file:
            np.save(file, array)

    return apply


@pytest.mark.parametrize(
    ("break_it", "finding"),
    [
        (
            overwrite("faces-aus.npy", np.float32([[0, 0], [np.nan, 0], [0, 0], [0, np.nan]])),
            "wrong: {}: aus: NaN or infinite in 2 records, e.g. 1",
        ),
        (
            overwrite("faces-aus.npy", np.float32([[0, 0], [0, 0], [0, 5.1], [0, 0]])),
            "wrong: {}: aus: intensities outside 0 to 5 in 1 records, e.g. 2",
        ),
        (
            overwrite("faces-expression.npy", np.array([0, 1, 2, 1])),
            "wrong: {}: expression: numbers from 0 to 2, but 2 names",
        ),
        (
            overwrite("faces-expression.npy", np.array([1, 1, -1, 1])),
            "warning: {}: expression: no example of Anger",
        ),
        (
            overwrite("faces-landmarks.npy", np.full((4, 68, 2), 8.3, np.float32)),
            "warning: {}: landmarks: points outside the picture in 4 records, e.g. 0",
        ),
        (
            overwrite("faces-rxx.labels", np.float32([[0, 1], [np.inf, 0], [1, 0], [0, 1]])),
            "wrong: {}: labels: NaN or infinite in 1 records, e.g. 1",
        ),
        (
            overwrite("faces-rxx.labels", np.float32([[1, 0]] * 4)),
            "warning: {}: labels (largest component): no example of 1",
        ),
        (
            lambda folder: (folder / "faces-aus.npy").unlink(),
            "wrong: {}/faces-aus.npy: missing; the set is incomplete",
        ),
        (
            lambda folder: (folder / "faces.json").write_text("{"),
            "wrong: {}/faces.json: not a json file",
        ),
    ],
)
def test_wrong_values(tmp_path, capsys, break_it, finding):
    folder = write(
        tmp_path / "faces",
        labels=np.eye(2)[[0, 1, 0, 1]],
        fields={
            "expression": np.array([1, 0, -1, 1]),
            "aus": np.zeros((4, 2), np.float32),
            "landmarks": np.zeros((4, 68, 2), np.float32),
        },
        field_names={"expression": ["Anger", "Neutral"], "aus": AUS},
    )
    break_it(folder)
    code, lines = run(capsys, folder)
    assert findings(lines)[0].startswith(finding.format(folder))
    assert code == (1 if finding.startswith("wrong") else 0)


def test_labels_that_are_intensities(tmp_path, capsys):
    labels = np.float32([[0, 1], [2, 6], [0, 0], [1, 1]])
    write(tmp_path / "faces", labels=labels, label_kind="intensity", label_names=AUS)
    code, lines = run(capsys, tmp_path / "faces")
    assert code == 1
    assert f"{tmp_path}/faces: labels: AU02_r 0.00 to 6.00, mean 2.00" in lines
    assert "labels: intensities outside 0 to 5 in 1 records, e.g. 1" in findings(lines)[0]


def test_image_values_outside_the_range(tmp_path, capsys):
    images = sets.arrays(2, 3, 8)
    images[1, 0, 0, 0] = 1.5
    sets.write(tmp_path / "faces", images)
    code, lines = run(capsys, tmp_path / "faces")
    assert code == 0
    assert "images: values from" in findings(lines)[0] and "to 1.5, the" in findings(lines)[0]


def test_nan_in_images(tmp_path, capsys):
    images = sets.arrays(2, 3, 8)
    images[1, 0, 0, 0] = np.nan
    sets.write_foreign(tmp_path / "faces", images)
    code, lines = run(capsys, tmp_path / "faces")
    assert code == 1 and "images: NaN or infinite values" in findings(lines)[0]


def test_many_classes_are_summed_up(tmp_path, capsys):
    identity = np.array([0, 0, 1, 24])
    names = [str(number) for number in range(25)]
    write(tmp_path / "f", fields={"identity": identity}, field_names={"identity": names})
    code, lines = run(capsys, tmp_path / "f")
    assert code == 0
    assert f"{tmp_path}/f: identity: 25 classes, 0 to 2 examples of each" in lines
    assert findings(lines)[0].endswith("19, 20, 21, …")


def test_unfinished_splits(tmp_path, capsys):
    write(tmp_path / "raf/train")
    (tmp_path / "raf" / splits.UNFINISHED).write_text("")
    code, lines = run(capsys, tmp_path / "raf")
    assert code == 1 and findings(lines) == [
        f"wrong: {tmp_path}/raf: not finished, sets are missing"
    ]


def test_no_set(tmp_path, capsys):
    assert "x: no such folder; a set or a folder of sets" in tool.error_of(
        capsys, "check", tmp_path / "x"
    )
    (tmp_path / ".hidden").mkdir()
    write(tmp_path / ".hidden/faces")
    assert "no *.tfrecords files in it or below it" in tool.error_of(capsys, "check", tmp_path)


def test_it_is_a_library_call_too(tmp_path, capsys):
    write(tmp_path / "faces")
    assert check.check(tmp_path / "faces") is True
