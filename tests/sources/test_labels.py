import pickle

import numpy as np
import pytest

from tf_facegan.sources.labels import label_options, read_labels

OPENFACE = "face, confidence, AU01_r, AU12_r, AU01_c, AU12_c"


def write(path, text):
    path.write_bytes(text.encode())
    return path


def test_csv_in_any_order_and_with_extensions(tmp_path):
    path = write(
        tmp_path / "labels.csv", "stem,neutral,joy\nb.png,3,4\nx,9,9\nsub/c.obj,5,6.5\na.1,1,2\n"
    )
    found = read_labels(path, ["a.1", "b", "c"])
    np.testing.assert_array_equal(found.values, np.float32([[1, 2], [3, 4], [5, 6.5]]))
    assert found.values.dtype == np.float32
    assert (found.kind, found.names, found.unused) == ("class", ["neutral", "joy"], ["x"])


def test_csv_with_a_named_column_of_files(tmp_path):
    path = write(tmp_path / "labels.csv", "joy, Filename\n1.5, 007.png\n2.5, 008.png\n")
    found = read_labels(path, ["008", "007"])
    np.testing.assert_array_equal(found.values, [[2.5], [1.5]])
    assert found.names == ["joy"]


def test_one_openface_file_for_all(tmp_path):
    text = "filename, confidence, AU01_r, AU12_r, AU01_c\r\n"
    text += "a.jpg, nan, 4.00, 4.00, 1.0\r\na.jpg, 0.9, 0.25, 5.00, 0.0\r\nb.jpg, 1, 1.5, 2, 1\r\n"
    found = read_labels(write(tmp_path / "aus.csv", text), ["a", "b"])
    np.testing.assert_array_equal(found.values, [[0.25, 5], [1.5, 2]])
    assert (found.kind, found.names) == ("intensity", ["AU01_r", "AU12_r"])


def test_a_table_of_names_alone(tmp_path):
    path = write(tmp_path / "faces.csv", "name\na\n")
    with pytest.raises(ValueError, match=r"faces\.csv: no columns of numbers beside name"):
        read_labels(path, ["a"])


def test_a_folder_of_openface_files(tmp_path):
    folder = tmp_path / "aus"
    folder.mkdir()
    write(
        folder / "a.csv", f"{OPENFACE}\r\n0, 0.6, 0.1, 0.2, 0.0, 0.0\r\n1, 0.7, 3, 4, 1.0, 0.0\r\n"
    )
    write(folder / "b.csv", f"{OPENFACE.replace(' ', '')}\n0,0.9,5,0,1,0\n")
    write(folder / "a_of_details.txt", "Input:a")
    found = read_labels(folder, ["b", "a"])
    np.testing.assert_array_equal(found.values, [[5, 0], [3, 4]])
    assert found.kind == "intensity"
    with pytest.raises(ValueError, match="aus: no labels for c, d"):
        read_labels(folder, ["a", "c", "d"])
    write(folder / "c.csv", f"{OPENFACE}\n")
    with pytest.raises(ValueError, match=r"c\.csv: no face"):
        read_labels(folder, ["a", "c"])
    write(folder / "c.csv", "face, AU01_r\n0, 1\n")
    with pytest.raises(ValueError, match=r"c\.csv: columns AUnn_r expected, the same"):
        read_labels(folder, ["a", "c"])


def test_a_pickled_dictionary(tmp_path):
    path = tmp_path / "aus.pkl"
    path.write_bytes(pickle.dumps({"b": np.array([1.0, 2.0]), "a.jpg": [3, 4]}, 2))
    np.testing.assert_array_equal(read_labels(path, ["a", "b"]).values, [[3, 4], [1, 2]])


@pytest.mark.parametrize("suffix", [".npy", ".pkl"])
def test_an_array_with_a_list_of_stems(tmp_path, suffix):
    path = tmp_path / f"faces{suffix}"
    array = np.arange(6.0).reshape(3, 2)
    if suffix == ".npy":
        np.save(path, array)
    else:
        path.write_bytes(pickle.dumps(array))
    with pytest.raises(FileNotFoundError, match=r"faces\.txt: missing"):
        read_labels(path, ["a"])
    write(tmp_path / "faces.txt", "c\nb\na\n")
    np.testing.assert_array_equal(read_labels(path, ["a", "c"]).values, [[4, 5], [0, 1]])
    write(tmp_path / "faces.txt", "c\nb\n")
    with pytest.raises(ValueError, match=r"shape \[3, 2\], \[2, L\] expected"):
        read_labels(path, ["b"])


def test_kind_and_names_can_be_given(tmp_path):
    path = write(tmp_path / "labels.csv", "stem,x,y\na,1,2\n")
    names = write(tmp_path / "names.txt", "neutral\njoy\n")
    found = read_labels(path, ["a"], kind="intensity", names_file=names)
    assert (found.kind, found.names) == ("intensity", ["neutral", "joy"])
    with pytest.raises(ValueError, match=r"names\.txt: 1 names, 2 expected"):
        read_labels(path, ["a"], names_file=write(names, "neutral\n"))
    names.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"names\.txt: not a text file"):
        read_labels(path, ["a"], names_file=names)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stem,joy\na,1\nc,1\n", r"labels\.csv: no labels for b"),
        ("stem,joy\na,1\nb,high\n", r"labels\.csv: row 3, joy: 'high' is not a number"),
        ("stem,joy,fear\na,1,2\nb,2,\n", r"labels\.csv: row 3, fear: '' is not a number"),
        ("stem,joy,fear\na,1,2\nb,2\n", "row 3, fear: '' is not a number"),
        ("stem,joy\na,1\nb,nan\n", "NaN or infinite labels for b"),
        ("stem,joy\na,1\nb,1e39\n", "NaN or infinite labels for b"),
        ("stem,joy\na,1\nb,1\nb,2\n", "more than one row for b"),
        ("stem,joy\na,1\nb,1\nb.png,2\n", "more than one entry for b"),
        ("a,1\nb,2\n", "the first line must name the columns"),
        ("stem,joy\na,1,2\nb,1,2\n", "rows hold more values"),
        ("stem,joy\na,1\nb,1,2,3\n", "not a readable CSV"),
        ("", "not a readable CSV"),
        ("face, AU01_r\na, 5.5\nb, 1\n", r"intensities are 0 to 5 .*found 1 to 5\.5, e\.g\. a"),
    ],
)
def test_bad_tables(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_labels(write(tmp_path / "labels.csv", text), ["a", "b"])


@pytest.mark.parametrize("options", [{"kind": "class"}, {"names_file": "names.txt"}])
def test_what_describes_labels_needs_labels(options):
    with pytest.raises(ValueError, match="--label_(kind|names) describes labels, but --labels is"):
        label_options(None, ["a"], **options)
    assert label_options(None, ["a"]) == {}


def test_bad_pickles(tmp_path):
    path = tmp_path / "labels.pkl"
    for content, message in (
        ({"a": [1, 2], "b": [1]}, "1 values for b, 2 for a"),
        ({"a": ["x"], "b": ["y"]}, "the label of a is no vector"),
        ([1, 2], "holds a list"),
    ):
        path.write_bytes(pickle.dumps(content))
        with pytest.raises(ValueError, match=message):
            read_labels(path, ["a", "b"])


def test_files_that_are_no_labels(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such label file"):
        read_labels(tmp_path / "none.csv", ["a"])
    with pytest.raises(ValueError, match="a .csv, .pkl or .npy file"):
        read_labels(write(tmp_path / "labels.xlsx", ""), ["a"])
