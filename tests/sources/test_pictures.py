import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.sources import tool
from tf_facegan.sources import matching, pictures

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("casia", "cohn_kanade", "folds", "mmi", "openface", "raf_db")


def test_what_workers_import_is_light():
    imports = "; ".join(f"import tf_facegan.sources.{name}" for name in SOURCES)
    heavy = "{'tensorflow', 'pandas', 'menpo', 'scipy', 'mediapipe'}"
    code = f"import sys; {imports}; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_numbers_of_names():
    numbers, names = pictures.numbered(["b", "a", "b"])
    assert numbers.tolist() == [1, 0, 1] and numbers.dtype == np.int64
    assert names == ["a", "b"] and type(names[0]) is str


def test_counts(capsys):
    pictures.print_counts("train", np.array([1, -1, 1]), ["x", "y"])
    assert capsys.readouterr().out == "train: 3 pictures: x 0, y 2\n"


def test_natural_order():
    names = ["f10", "f9", "a", "f9b", "10"]
    assert sorted(names, key=matching.natural) == ["10", "a", "f9", "f9b", "f10"]


def test_files_that_are_no_npz(tmp_path):
    path = tmp_path / "a.npz"
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ValueError, match=r"a\.npz: not an archive of arrays"):
        pictures.load_npz(path, ["x"])
    path.write_text("no file of arrays")
    with pytest.raises(ValueError, match=r"a\.npz: not an archive"):
        pictures.load_npz(path, ["x"])


@pytest.mark.parametrize(
    ("command", "flag"),
    [
        ("create_raf_db", "--resolution"),
        ("create_casia", "--resolution"),
        ("create_from_folds", "--resolution"),
        ("create_mmi", "--resolution"),
        ("create_ck", "--resolution"),
        ("create_ck", "--peak_frames"),
    ],
)
def test_numbers_that_cannot_be(tmp_path, capsys, command, flag):
    message = tool.error_of(capsys, command, tmp_path / "set", tmp_path, flag, 0)
    assert f"{flag} is 0, a positive number expected" in message
