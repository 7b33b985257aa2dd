import pickle
import random

import numpy as np
import pytest
from PIL import Image

from tests.sources import tool
from tf_facegan.records.reader import RecordSet
from tf_facegan.sources.action_units import AUS

PRESENCES = [name.replace("_r", "_c") for name in (*AUS[:-1], "AU28_r", AUS[-1])]


def vector(number):
    """Intensities with two decimals that tell pictures apart."""
    return np.round(np.arange(17) * 0.2 + number * 0.01, 2)


def line(values, face=0, confidence=0.97):
    numbers = [f"{value:.2f}" for value in values] + ["0.0"] * len(PRESENCES)
    return [str(face), str(confidence), *numbers]


def write_csv(path, rows, columns=("face", "confidence", *AUS, *PRESENCES), separator=", "):
    lines = [separator.join(row) for row in [columns, *rows]]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(f"{text}\r\n" for text in lines).encode())


def write_images(folder, names, suffix=".png"):
    return {
        name: tool.write_image(folder / f"{name}{suffix}", number)
        for number, name in enumerate(names)
    }


def write_list(path, names, header=True):
    rows = [f"{name} {' '.join(f'{v:.2f}' for v in vector(i))} " for i, name in enumerate(names)]
    header = [str(len(names)), " ".join(AUS)] if header else []
    path.write_text("\n".join(header + rows) + "\n")


def create(tmp_path, annotations, *options):
    argv = (tmp_path / "set", tmp_path / "imgs", tmp_path / annotations, "--resolution", 8)
    return tool.run("create_from_openface", *argv, *options)


def failure(capsys, tmp_path, annotations, *options):
    argv = (tmp_path / "set", tmp_path / "imgs", tmp_path / annotations, "--resolution", 8)
    message = tool.error_of(capsys, "create_from_openface", *argv, *options)
    assert not (tmp_path / "set").exists()
    return message


@pytest.mark.parametrize("separator", [", ", ","])
def test_a_csv_file_for_each_picture(tmp_path, capsys, separator):
    images = write_images(tmp_path / "imgs", ["a", "b", "c.d"])
    for number, name in enumerate(images):
        write_csv(tmp_path / "aus" / f"{name}.csv", [line(vector(number))], separator=separator)
    (tmp_path / "aus" / "a_of_details.txt").write_text("Input:a.png\n")
    assert create(tmp_path, "aus") == 0
    assert "AU45_r blink: 3.20 to 3.22, mean 3.21" in capsys.readouterr().out
    found = RecordSet(tmp_path / "set")
    assert found.info.kind == "single-size" and found.info.shape == [3, 8, 8]
    assert found.info.fields["aus"] == {"shape": [17], "dtype": "float32", "names": list(AUS)}
    np.testing.assert_allclose(found.fields["aus"], [vector(i) for i in range(3)], rtol=1e-6)
    expected = np.stack(list(images.values())).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(found.read(range(3)), expected)


def test_the_most_confident_face_counts_and_failed_detections_are_left_out(tmp_path, capsys):
    write_images(tmp_path / "imgs", ["two", "weak", "none"])
    rows = [line(vector(0), 0, "nan"), line(vector(1), 0, 0.9), line(vector(2), 1, 0.95)]
    write_csv(tmp_path / "aus" / "two.csv", rows)
    write_csv(tmp_path / "aus" / "weak.csv", [line(vector(3), 0, 0.87)])
    write_csv(tmp_path / "aus" / "none.csv", [])
    assert create(tmp_path, "aus") == 0
    found = RecordSet(tmp_path / "set")
    np.testing.assert_allclose(found.fields["aus"], [vector(2)], rtol=1e-6)
    report = (tmp_path / "set" / "set-skipped.csv").read_text()
    assert "none.png" in report and "no face was found" in report
    assert "weak.png" in report and "a confidence of 0.87 only" in report
    assert create(tmp_path, "aus", "--min_confidence", "0.5", "--overwrite") == 0
    assert RecordSet(tmp_path / "set").count == 2


def test_openfaces_folders_of_aligned_faces(tmp_path, capsys):
    rows = [line(vector(1), 0, 0.9), line(vector(2), 1, 0.95)]
    write_csv(tmp_path / "imgs" / "N_01_2.csv", rows)
    faces = [
        tool.write_image(tmp_path / f"imgs/N_01_2_aligned/face_det_{face:06d}.bmp", face)
        for face in range(2)
    ]
    assert create(tmp_path, "imgs") == 0
    found = RecordSet(tmp_path / "set")
    np.testing.assert_array_equal(found.read([0])[0], faces[1].transpose(2, 0, 1))
    np.testing.assert_allclose(found.fields["aus"], [vector(2)], rtol=1e-6)
    (tmp_path / "imgs/N_01_2_aligned/face_det_000001.bmp").unlink()
    assert create(tmp_path, "imgs", "--overwrite") == 1
    assert "N_01_2_aligned/face_det_000001.jpg" in capsys.readouterr().err


def test_one_csv_file_for_all_frames(tmp_path):
    write_images(tmp_path / "imgs", [f"frame_det_00_{n:06d}" for n in (1, 2, 10)], ".bmp")
    columns = ("frame", "face_id", "timestamp", "confidence", "success", *AUS, *PRESENCES)
    rows = [
        [str(number), "0", "0.0", "0.98", success, *line(vector(number))[2:]]
        for number, success in ((10, "1"), (1, "1"), (2, "0"))
    ]
    write_csv(tmp_path / "video.csv", rows, columns)
    assert create(tmp_path, "video.csv") == 0
    found = RecordSet(tmp_path / "set")
    np.testing.assert_allclose(found.fields["aus"], [vector(1), vector(10)], rtol=1e-6)


def test_one_csv_file_with_names(tmp_path):
    write_images(tmp_path / "imgs", ["a", "b"])
    rows = [[name, *line(vector(i))] for i, name in enumerate(("x/b.png", "x/a.png"))]
    write_csv(tmp_path / "all.csv", rows, ("filename", "face", "confidence", *AUS, *PRESENCES))
    assert create(tmp_path, "all.csv") == 0
    found = RecordSet(tmp_path / "set")
    np.testing.assert_allclose(found.fields["aus"], [vector(1), vector(0)], rtol=1e-6)


@pytest.mark.parametrize("header", [True, False])
def test_the_text_list(tmp_path, capsys, header):
    write_images(tmp_path / "imgs", ["1", "2", "10"], ".jpg")
    write_list(tmp_path / "list.txt", ["10.jpg", "1.jpg", "2.jpg"], header)
    assert create(tmp_path, "list.txt") == 0
    assert "too few for the published test set of 100" in capsys.readouterr().out
    found = RecordSet(tmp_path / "set")
    # Frames in order of time, not of their names as text.
    np.testing.assert_allclose(found.fields["aus"], [vector(i) for i in (1, 2, 0)], rtol=1e-6)


def test_the_published_test_set(tmp_path):
    names = [f"{number:03d}.png" for number in range(103)]
    write_images(tmp_path / "imgs", [name[:3] for name in names])
    write_list(tmp_path / "list.txt", names)
    assert create(tmp_path, "list.txt") == 0
    order = list(range(103))
    random.seed(1234)
    random.shuffle(order)
    for name, numbers in (("test", order[:100]), ("train", order[100:])):
        found = RecordSet(tmp_path / "set" / name)
        expected = [vector(number) for number in numbers]
        np.testing.assert_allclose(found.fields["aus"], expected, rtol=1e-6)


def test_the_shuffle_is_the_documented_one():
    numbers = list(range(10))
    random.Random(1234).shuffle(numbers)
    assert numbers == [2, 8, 3, 5, 6, 4, 9, 0, 1, 7]


def test_count_of_test_pictures(tmp_path, capsys):
    write_images(tmp_path / "imgs", ["a", "b", "c"])
    write_list(tmp_path / "list.txt", ["a.png", "b.png", "c.png"])
    assert "--test_count is 3, a number below" in failure(
        capsys, tmp_path, "list.txt", "--test_count", 3
    )
    assert create(tmp_path, "list.txt", "--test_count", 1) == 0
    assert RecordSet(tmp_path / "set" / "test").count == 1
    assert RecordSet(tmp_path / "set" / "train").count == 2


def write_pickle(tmp_path, names, train=("a.jpg", "b.jpg"), test=("c.jpg",)):
    content = {name: vector(number) for number, name in enumerate(names)}
    (tmp_path / "aus_openface.pkl").write_bytes(pickle.dumps(content, 2))
    (tmp_path / "train_ids.csv").write_text("\n".join(train) + "\n")
    (tmp_path / "test_ids.csv").write_text("\n".join(test) + "\n")


@pytest.mark.parametrize("annotations", [".", "aus_openface.pkl"])
def test_the_pickle_with_lists_of_names(tmp_path, annotations):
    write_images(tmp_path / "imgs", ["a", "b", "c"], ".jpg")
    write_pickle(tmp_path, ["c", "b", "a"])
    assert create(tmp_path, annotations) == 0
    train, test = (RecordSet(tmp_path / "set" / name) for name in ("train", "test"))
    np.testing.assert_allclose(train.fields["aus"], [vector(2), vector(1)], rtol=1e-6)
    np.testing.assert_allclose(test.fields["aus"], [vector(0)], rtol=1e-6)
    assert train.name == "train"


def test_a_pickle_without_lists_is_one_set(tmp_path):
    write_images(tmp_path / "imgs", ["a", "b"], ".jpg")
    write_pickle(tmp_path, ["a", "b"])
    (tmp_path / "train_ids.csv").unlink()
    (tmp_path / "test_ids.csv").unlink()
    assert create(tmp_path, "aus_openface.pkl") == 0
    assert RecordSet(tmp_path / "set").count == 2


def test_larger_pictures_are_averaged(tmp_path):
    image = tool.write_image(tmp_path / "imgs" / "a.png", 0, 16, 16)
    grey = tool.write_image(tmp_path / "imgs" / "b.png", 1, 8, 8, "L")
    write_list(tmp_path / "list.txt", ["a.png", "b.png"])
    assert create(tmp_path, "list.txt") == 0
    found = RecordSet(tmp_path / "set").read(range(2)).astype(np.float64)
    expected = image.reshape(8, 2, 8, 2, 3).mean((1, 3)).transpose(2, 0, 1)
    assert np.abs(found[0] - expected).max() <= 1  # Pillow rounds after each direction
    np.testing.assert_array_equal(found[1], np.stack([grey] * 3))


def set_value(text):
    """Changes the first value of the second row of list.txt."""

    def change(folder):
        lines = (folder / "list.txt").read_text().splitlines()
        name, _, *rest = lines[3].split()
        lines[3] = " ".join([name, text, *rest])
        (folder / "list.txt").write_text("\n".join(lines))

    return change


def write_text(text):
    return lambda folder: (folder / "list.txt").write_text(text)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda f: (f / "imgs/b.png").unlink(), "list.txt, b: no picture of this name; --on_error"),
        (lambda f: write_list(f / "list.txt", ["a.png"]), "b.png: no action units in"),
        (lambda f: write_list(f / "list.txt", ["a.png", "a.png", "b.png"]), "a second row for a"),
        (set_value("nan"), "list.txt, line 4: holds NaN or infinite intensities"),
        (set_value("7"), "list.txt, line 4: intensities from 0.21 to 7, 0 to 5 expected"),
        (set_value("x"), "list.txt, line 4: a value is not a number"),
        (set_value(""), "list.txt, line 4: 16 intensities, 17 expected"),
    ],
)
def test_what_does_not_match(tmp_path, capsys, break_it, message):
    write_images(tmp_path / "imgs", ["a", "b"])
    write_list(tmp_path / "list.txt", ["a.png", "b.png"])
    break_it(tmp_path)
    assert message in failure(capsys, tmp_path, "list.txt")
    assert create(tmp_path, "list.txt", "--on_error", "skip") == 0
    found = RecordSet(tmp_path / "set")
    assert found.count == (2 if "second row" in message else 1)
    report = (tmp_path / "set" / "set-skipped.csv").read_text()
    assert message.partition(": ")[0].partition(".")[0] in report


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda f: (f / "list.txt").unlink(), "list.txt: no such file or folder of action units"),
        (write_text(""), "list.txt: is empty"),
        (write_text("hello\n"), "list.txt: begins with 'hello', a count or a file name"),
        (write_text("1\nAU02_r AU01_r\n"), "list.txt: columns AU02_r, AU01_r; AU01_r, AU02_r"),
        (lambda f: (f / "list.txt").write_bytes(b"\xff\xfe\x00"), "list.txt: not a text file"),
        (lambda f: write_list(f / "list.txt", ["q.png"]), "a.png: no action units in"),
        (lambda f: [p.unlink() for p in (f / "imgs").iterdir()], "imgs: no *.png or"),
        (lambda f: (f / "imgs").rename(f / "other"), "imgs: no such folder"),
        (lambda f: (f / "imgs/b.png").write_bytes(b"x"), "b.png: not a readable image"),
        (
            lambda f: tool.write_image(f / "imgs/b.png", 0, 8, 9),
            "b.png: 8x9 pixels, a square crop of a face expected",
        ),
        (
            lambda f: Image.new("CMYK", (8, 8)).save(f / "imgs/b.png", "TIFF"),
            "b.png: CMYK pixels, 8-bit RGB or grey",
        ),
        (
            lambda f: Image.new("RGBA", (8, 8)).save(f / "imgs/b.png"),
            "b.png: RGBA pixels, 8-bit RGB or grey without transparency expected",
        ),
    ],
)
def test_bad_input_is_one_line(tmp_path, capsys, break_it, message):
    write_images(tmp_path / "imgs", ["a", "b"])
    write_list(tmp_path / "list.txt", ["a.png", "b.png"])
    break_it(tmp_path)
    assert message in failure(capsys, tmp_path, "list.txt")


@pytest.mark.parametrize(
    ("columns", "rows", "message"),
    [
        (("face", "confidence", *AUS[1:]), [], "aus.csv: no columns AU01_r; the intensities"),
        (("face", "confidence"), [], "no columns AU01_r, AU02_r, AU04_r, AU05_r, AU06_r, …"),
        (("face", *AUS), [], "aus.csv: no rows"),
        (("face", *AUS), [["0", "1"]], "aus.csv: row 2 has 2 values for 18 names"),
        (("x", *AUS), [["0"] * 18], "columns x, AU01_r, AU02_r"),
        (("frame", *AUS), [["one", *["0"] * 17]], "aus.csv: frame 'one', a number expected"),
        (
            ("file", "confidence", *AUS),
            [["a", "high", *["0"] * 17]],
            "confidence or face is not a number",
        ),
    ],
)
def test_bad_tables(tmp_path, capsys, columns, rows, message):
    write_images(tmp_path / "imgs", ["a0", "b1"])
    write_csv(tmp_path / "aus.csv", rows, columns)
    assert message in failure(capsys, tmp_path, "aus.csv")


def test_frames_that_are_not_numbered_apart(tmp_path, capsys):
    write_images(tmp_path / "imgs", ["a1", "b1"])
    write_csv(tmp_path / "aus.csv", [["1", *["0"] * 17]], ("frame", *AUS))
    assert "aus.csv: b1 and a1 both end in 1" in failure(capsys, tmp_path, "aus.csv")


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda f: (f / "test_ids.csv").unlink(), "test_ids.csv: no such file, beside the other"),
        (lambda f: write_pickle(f, "abc", test=("a.jpg",)), "test_ids.csv: a also in train_ids"),
        (lambda f: write_pickle(f, "abc", test=("z.jpg",)), "test_ids.csv, z: no picture with"),
        (lambda f: write_pickle(f, "abc", train=("a.jpg",)), "b.jpg: in neither of train_ids.csv"),
        (
            lambda f: (f / "aus_openface.pkl").write_bytes(pickle.dumps([1])),
            "aus_openface.pkl: holds a list, a dictionary of names",
        ),
        (
            lambda f: (f / "aus_openface.pkl").write_bytes(b"cos\nsystem\n(Vfalse\ntR."),
            "aus_openface.pkl: refused, it asks for os.system",
        ),
    ],
)
def test_bad_pickles_and_lists(tmp_path, capsys, break_it, message):
    write_images(tmp_path / "imgs", ["a", "b", "c"], ".jpg")
    write_pickle(tmp_path, ["a", "b", "c"])
    break_it(tmp_path)
    assert message in failure(capsys, tmp_path, "aus_openface.pkl")


def test_lists_of_names_exclude_a_test_count(tmp_path, capsys):
    write_images(tmp_path / "imgs", ["a", "b", "c"], ".jpg")
    write_pickle(tmp_path, ["a", "b", "c"])
    message = failure(capsys, tmp_path, "aus_openface.pkl", "--test_count", 1)
    assert "--test_count is 1, but lists of names divide the set" in message


@pytest.mark.parametrize("value", [-0.1, 88, "nan"])
def test_confidences_that_cannot_be(tmp_path, capsys, value):
    write_images(tmp_path / "imgs", ["a"])
    write_list(tmp_path / "list.txt", ["a.png"])
    line = failure(capsys, tmp_path, "list.txt", "--min_confidence", value)
    assert "--min_confidence is" in line and "0 to 1 expected" in line


def test_a_folder_without_tables(tmp_path, capsys):
    write_images(tmp_path / "imgs", ["a"])
    (tmp_path / "aus").mkdir()
    assert "aus: no *.csv files and no aus_openface.pkl" in failure(capsys, tmp_path, "aus")
