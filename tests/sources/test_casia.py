import numpy as np
import pytest
from PIL import Image

from tests.sources import tool
from tf_facegan.records.reader import RecordSet
from tf_facegan.sources import casia

FACES = ("0000045/001.jpg", "0000045/002.jpg", "0000099/001.jpg", "0000100/003.jpg")


def write_folder(folder, faces=FACES):
    for number, name in enumerate(faces):
        tool.write_image(folder / name, number, 12, 14)
    (folder / ".thumbnails").mkdir()


def write_index(folder, faces=FACES, labels=(0, 0, 1, 2)):
    write_folder(folder / "img", faces)
    np.savez(
        folder / "casia_data_example.npz",
        img_dir_list=np.array(faces),
        img_lab_list=np.array(labels, np.int32),
    )


def create(tmp_path, *options):
    argv = ("create_casia", tmp_path / "set", tmp_path / "data", "--resolution", 16)
    return tool.run(*argv, *options)


def failure(capsys, tmp_path, *options):
    argv = ("create_casia", tmp_path / "set", tmp_path / "data", "--resolution", 16)
    message = tool.error_of(capsys, *argv, *options)
    assert not (tmp_path / "set").exists()
    return message


def test_a_folder_for_each_identity(tmp_path, capsys):
    write_folder(tmp_path / "data")
    assert create(tmp_path) == 0
    assert "3 identities, 4 pictures, 1 to 2 of each" in capsys.readouterr().out
    found = RecordSet(tmp_path / "set")
    assert found.info.fields["identity"]["names"] == ["0000045", "0000099", "0000100"]
    assert found.fields["identity"].tolist() == [0, 0, 1, 2]
    image = Image.open(tmp_path / "data" / FACES[2])
    expected = np.asarray(image.resize((16, 16), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    np.testing.assert_array_equal(found.read([2])[0], expected)


def test_tdgans_layout_takes_what_the_index_lists(tmp_path):
    write_index(tmp_path / "data")
    tool.write_image(tmp_path / "data/img/0000045/009.jpg", 9, 12, 14)
    assert create(tmp_path) == 0
    assert RecordSet(tmp_path / "set").fields["identity"].tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize("write", [write_folder, write_index])
def test_the_first_identities(tmp_path, write):
    write(tmp_path / "data")
    assert create(tmp_path, "--max_identities", 2) == 0
    found = RecordSet(tmp_path / "set")
    assert found.info.fields["identity"]["names"] == ["0000045", "0000099"]
    assert found.fields["identity"].tolist() == [0, 0, 1]


def test_grey_comes_before_resizing(tmp_path):
    tool.write_image(tmp_path / "a.png", 1, 12, 14)
    grey = Image.open(tmp_path / "a.png").convert("L").resize((16, 16), Image.Resampling.BILINEAR)
    found = casia.load_stretched(tmp_path / "a.png", 16, gray=True)
    np.testing.assert_array_equal(found, np.stack([np.asarray(grey)] * 3))


def test_a_missing_picture(tmp_path, capsys):
    write_index(tmp_path / "data")
    (tmp_path / "data/img/0000099/001.jpg").unlink()
    message = failure(capsys, tmp_path)
    assert "0000099/001.jpg: listed, but missing; --on_error skip leaves it out" in message
    assert create(tmp_path, "--on_error", "skip") == 0
    found = RecordSet(tmp_path / "set")
    assert found.info.fields["identity"]["names"] == ["0000045", "0000100"]
    assert "0000099/001.jpg" in (tmp_path / "set/set-skipped.csv").read_text()
    # Of no concern where it is not asked for.
    assert create(tmp_path, "--max_identities", 1, "--overwrite") == 0


@pytest.mark.parametrize(
    ("break_it", "options", "message"),
    [
        (lambda f: f.rename(f.with_name("x")), (), "data: no such folder; a folder for each"),
        (
            lambda f: [p.unlink() for p in f.glob("*/*.jpg")],
            (),
            "data: no pictures like 0000045/001.jpg in it",
        ),
        (lambda f: (f / FACES[1]).write_bytes(b""), (), "0000045/002.jpg: not a readable image"),
        (lambda f: None, ("--max_identities", 0), "--max_identities is 0, a positive number"),
    ],
)
def test_bad_input_is_one_line(tmp_path, capsys, break_it, options, message):
    write_folder(tmp_path / "data")
    break_it(tmp_path / "data")
    assert message in failure(capsys, tmp_path, *options)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"img_dir_list": np.array(FACES)}, "img_dir_list, img_lab_list expected; no img_lab_list"),
        (
            {"img_dir_list": np.array(FACES), "img_lab_list": np.zeros(2)},
            "and img_lab_list float64 [2]; names and as many labels expected",
        ),
        (
            {"img_dir_list": np.array(FACES), "img_lab_list": np.zeros(4, np.int32)},
            "label 0 stands for 0000045 and for 0000099",
        ),
        (
            {"img_dir_list": np.array(["../a/b"]), "img_lab_list": np.zeros(1, np.int32)},
            "lists ../a/b, <identity>/<picture> expected",
        ),
        (
            {"img_dir_list": np.array(FACES, object), "img_lab_list": np.zeros(4, np.int32)},
            "casia_data_example.npz: not an archive of arrays (it holds Python objects); img_dir",
        ),
    ],
)
def test_bad_indexes(tmp_path, capsys, arrays, message):
    write_index(tmp_path / "data")
    np.savez(tmp_path / "data/casia_data_example.npz", **arrays)
    assert message in failure(capsys, tmp_path)


def test_an_index_that_is_none(tmp_path, capsys):
    write_index(tmp_path / "data")
    for content in (b"no archive", b""):
        (tmp_path / "data/casia_data_example.npz").write_bytes(content)
        assert "casia_data_example.npz: not an archive of arrays" in failure(capsys, tmp_path)
