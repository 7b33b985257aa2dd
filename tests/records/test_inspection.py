import cv2
import numpy as np

from tests.records import sets
from tests.sources import tool
from tf_facegan.records import inspection
from tf_facegan.records.reader import RecordSet
from tf_facegan.records.writer import Companion


def load_drawing(number):
    return np.full((1, 8, 8), 50 * number, np.uint8)


def write(path):
    sets.write(
        path,
        sets.arrays(3, 3, 8, "uint8"),
        fields={
            "expression": np.array([1, -1, 0]),
            "aus": np.float32([[0, 1.234], [2, 3], [4, 5]]),
            "frame": np.array([7, 8, 9]),
            "place": np.array(["lab", "street", "lab"]),
            "landmarks": np.zeros((3, 68, 2), np.float32),
        },
        field_names={"expression": ["Anger", "Neutral"], "aus": ["AU01_r", "AU02_r"]},
        companions={"drawing": Companion(load_drawing, [["drawing", 1]], [0, 255])},
    )
    return path


def test_fields_are_shown_by_name(tmp_path, capsys):
    write(tmp_path / "faces")
    assert tool.run("display", tmp_path / "faces", "--out", tmp_path / "sheet.png") == 0
    assert capsys.readouterr().out.splitlines()[:3] == [
        "0: expression Neutral, aus 0 1.234, frame 7, place lab",
        "1: expression none, aus 2 3, frame 8, place street",
        "2: expression Anger, aus 4 5, frame 9, place lab",
    ]


def test_companions_are_shown_beside_their_pictures(tmp_path):
    found = RecordSet(write(tmp_path / "faces"))
    sheet = inspection.contact_sheet(found, [2])
    assert sheet.shape == (8, 16, 3)
    np.testing.assert_array_equal(sheet[:, :8], found.read([2])[0].transpose(1, 2, 0))
    assert (sheet[:, 8:] == 100).all()
    assert inspection.contact_sheet(found, [2], 4).shape == (4, 8, 3)
    tool.run("display", tmp_path / "faces", "--out", tmp_path / "sheet.png")
    assert cv2.imread(str(tmp_path / "sheet.png")).any()


def test_sheets_that_cannot_be_written(tmp_path, capsys):
    argv = ("display", write(tmp_path / "faces"), "--out")
    assert "x.jpg: a .png file expected" in tool.error_of(capsys, *argv, tmp_path / "x.jpg")
    assert "no folder" in tool.error_of(capsys, *argv, tmp_path / "none" / "x.png")
