"""Landmarks that drive a face: tables, folders, videos."""

import numpy as np
import pytest

from tests.sources import sequences, tool
from tf_facegan.sources import drives, landmarks
from tf_facegan.sources.landmark_tables import COLUMNS, read_table, write_table
from tf_facegan.utilities.video import video_writer


def table_of(path, numbers=(0, 1, 4)):
    write_table(path, {number: sequences.points(number) for number in numbers})
    return path


def test_a_table_is_read_as_written(tmp_path):
    found = read_table(table_of(tmp_path / "face.csv"))
    assert list(found) == [0, 1, 4]
    np.testing.assert_allclose(found[4], sequences.points(4), atol=6e-4)


def test_openface_tables(tmp_path):
    """Blanks behind commas, other columns, frames without success."""
    path = tmp_path / "openface.csv"
    names = ["frame", " timestamp", " success", *(f" {name}" for name in COLUMNS)]
    rows = [[1, 0.0, 1, *range(136)], [2, 0.04, 0, *[0] * 136], [3, 0.08, 1, *range(136)]]
    path.write_text("\n".join(",".join(map(str, row)) for row in [names, *rows]) + "\n")
    found = read_table(path)
    assert list(found) == [1, 3]
    assert found[1].shape == (68, 2) and found[1][2].tolist() == [2, 70]


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda text: text.replace("x_3,", "z_3,"), "no column x_3; x_0 … x_67 and"),
        (lambda text: text.replace("\n1,", "\n0,"), "row 3: a second row of frame 0"),
        (lambda text: text.replace("\n1,", "\none,"), "row 3: frame is 'one', a number expected"),
        (lambda text: text[:2200], "row 3: y_"),
        (lambda text: text.splitlines()[0], "no rows with landmarks"),
        (lambda text: text.replace("\n1,", "\n1,nan"), "row 3: x_0 is 'nan"),
        (lambda text: text.replace("\n1,", "\n1,1e39,"), "row 3: x_0 is '1e39', a number"),
    ],
)
def test_wrong_tables_are_named(tmp_path, change, message):
    path = table_of(tmp_path / "face.csv")
    path.write_text(change(path.read_text()))
    with pytest.raises(ValueError, match=f"face.csv.*{message}"):
        read_table(path)


def test_drives_of_all_kinds_give_the_same_points(tmp_path):
    folder, only = tmp_path / "frames", tmp_path / "marks"
    for number in range(3):
        tool.write_image(folder / f"f{9 + number}.png", number, 60, 50, "L")  # f9 before f10
        sequences.write_points(folder / f"f{9 + number}_landmarks.txt", number)
        sequences.write_points(only / f"{number}.txt", number)
    table = table_of(tmp_path / "face.csv", range(3))
    for path in (folder, only, table):
        moments = list(drives.read_drive(path))
        assert [moment.number for moment in moments] == [0, 1, 2]
        for number, moment in enumerate(moments):
            np.testing.assert_allclose(moment.points, sequences.points(number), atol=6e-4)
            assert (moment.picture is not None) == (path == folder)
    assert moments[0].name == f"{table}, frame 0"


def test_a_video_with_a_table(tmp_path):
    path = tmp_path / "clip.mp4"
    with video_writer(path, 10) as append:
        for number in range(3):
            append(np.full((48, 64, 3), 80 * number, np.uint8))
    moments = list(drives.read_drive(path, {0: sequences.points(0), 2: sequences.points(2)}))
    assert [moment.points is None for moment in moments] == [False, True, False]
    assert moments[2].picture.shape == (48, 64, 3)


def test_photos_have_landmarks_beside_them(tmp_path):
    photo = tmp_path / "me.jpg"
    assert landmarks.beside(photo) is None
    sequences.write_points(tmp_path / "me_landmarks.txt", 1)
    sequences.write_points(tmp_path / "other.txt", 2)
    picture = np.zeros((50, 60, 3), np.uint8)
    for file, seed in ((None, 1), (tmp_path / "other.txt", 2)):
        points = drives.photo_landmarks(photo, picture, file)
        np.testing.assert_allclose(points, sequences.points(seed), atol=1e-4)


def test_what_is_no_drive(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: not found; a folder of frames, a video"):
        next(drives.read_drive(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="neither pictures nor landmark files"):
        next(drives.read_drive(tmp_path))
    (tmp_path / "x.mp4").write_bytes(b"no video")
    with pytest.raises(ValueError, match="x.mp4: not a readable video"):
        next(drives.read_drive(tmp_path / "x.mp4"))
