import numpy as np
import pytest
from PIL import Image

from tests.sources import sequences, tool
from tf_facegan.records.reader import RecordSet
from tf_facegan.sources import landmarks
from tf_facegan.sources.expressions import EXPRESSIONS

CK = {
    "S005/001": (6, sequences.ANGER),
    "S005/002": (3, None),
    "S010/001": (2, sequences.SURPRISE),
    "S010/004": (4, sequences.CONTEMPT),
}
NEUTRAL, ANGER, SURPRISE = (EXPRESSIONS.index(e) for e in ("Neutral", "Anger", "Surprise"))
FRAME = "S005_001_00000002"


def create(tmp_path, *options):
    argv = ("create_ck", tmp_path / "set", tmp_path / "ck", "--resolution", 32)
    return tool.run(*argv, *options)


def failure(capsys, tmp_path, *options):
    argv = ("create_ck", tmp_path / "set", tmp_path / "ck", "--resolution", 32)
    message = tool.error_of(capsys, *argv, *options)
    assert not (tmp_path / "set").exists()
    return message


@pytest.mark.parametrize("flat", [False, True])
def test_sequences(tmp_path, capsys, flat):
    sequences.write_ck(tmp_path / "ck", CK, flat)
    assert create(tmp_path) == 0
    assert "1 sequences of contempt" in capsys.readouterr().out
    found = RecordSet(tmp_path / "set")
    fields, described = found.fields, found.info.fields
    assert found.info.shape == [3, 32, 32]
    assert described["subject"]["names"] == ["S005", "S010"]
    assert described["sequence"]["names"] == ["S005_001", "S005_002", "S010_001", "S010_004"]
    assert fields["subject"].tolist() == [0] * 9 + [1] * 6
    assert fields["sequence"].tolist() == [0] * 6 + [1] * 3 + [2] * 2 + [3] * 4
    assert fields["frame"].tolist() == [*range(1, 7), 1, 2, 3, 1, 2, 1, 2, 3, 4]
    peaks = [NEUTRAL, -1, -1, ANGER, ANGER, ANGER]
    assert fields["expression"].tolist() == [*peaks, *[-1] * 3, NEUTRAL, SURPRISE, *[-1] * 4]


def test_faces_landmarks_and_boundaries_belong_together(tmp_path):
    sequences.write_ck(tmp_path / "ck", CK)
    assert create(tmp_path) == 0
    found = RecordSet(tmp_path / "set")
    points = sequences.points(2)
    crop = landmarks.face_box(points, 32)
    file = tmp_path / f"ck/cohn-kanade-images/S005/001/{FRAME}.png"
    expected = crop.image(np.asarray(Image.open(file).convert("RGB"))).transpose(2, 0, 1)
    np.testing.assert_array_equal(found.read([1])[0], expected)
    stored = found.fields["landmarks"][1]
    np.testing.assert_allclose(stored, crop.points(points), atol=1e-4)
    boundary = found.read([1], companion="boundary")[0]
    np.testing.assert_array_equal(boundary, landmarks.draw_boundary(stored, 32, 32))


def test_a_sequence_of_its_peak_alone(tmp_path):
    sequences.write_ck(tmp_path / "ck", {"S005/001": (1, sequences.ANGER)})
    assert create(tmp_path) == 0
    assert RecordSet(tmp_path / "set").fields["expression"].tolist() == [ANGER]


def test_frames_are_in_the_order_of_their_numbers(tmp_path):
    for number in (9, 10, 11):
        tool.write_image(tmp_path / f"ck/S1_1_{number}.png", number, 60, 50)
        sequences.write_points(tmp_path / f"ck/S1_1_{number}_landmarks.txt", number)
    (tmp_path / "ck/S1_1_11_emotion.txt").write_text(f"{sequences.ANGER}")
    assert create(tmp_path, "--peak_frames", 1) == 0
    found = RecordSet(tmp_path / "set")
    assert found.fields["frame"].tolist() == [9, 10, 11]
    assert found.fields["expression"].tolist() == [NEUTRAL, -1, ANGER]


def test_labelled_frames_only(tmp_path):
    sequences.write_ck(tmp_path / "ck", CK)
    assert create(tmp_path, "--frames", "labelled", "--peak_frames", 1) == 0
    found = RecordSet(tmp_path / "set")
    assert found.fields["expression"].tolist() == [NEUTRAL, ANGER, NEUTRAL, SURPRISE]
    assert found.fields["frame"].tolist() == [1, 6, 1, 2]


def test_no_labels_to_choose_by(tmp_path, capsys):
    sequences.write_ck(tmp_path / "ck", {"S005/002": (3, None)})
    assert "ck: no frame with an expression; *_emotion" in failure(
        capsys, tmp_path, "--frames", "labelled"
    )


LANDMARKS = f"Landmarks/S005/001/{FRAME}_landmarks.txt"
IMAGE = f"cohn-kanade-images/S005/001/{FRAME}.png"
EMOTION = "Emotion/S005/001/S005_001_00000006_emotion.txt"


@pytest.mark.parametrize(
    ("break_it", "message", "left"),
    [
        (lambda f: (f / LANDMARKS).unlink(), f"{FRAME}.png: no landmarks ({FRAME}_land", 14),
        (lambda f: (f / IMAGE).unlink(), f"{FRAME}_landmarks.txt: belongs to no picture", 14),
        (lambda f: (f / LANDMARKS).write_text("1 2\n"), "[1, 2] numbers, 68 points", 14),
        (lambda f: (f / LANDMARKS).write_text("1 1\n" * 68), "_landmarks.txt: landmarks that", 14),
        (
            lambda f: sequences.write_points(f / LANDMARKS, 1, shift=500),
            f"{FRAME}.png: the face is to be at (508, 506), but the picture is only 60x50",
            14,
        ),
        (lambda f: (f / EMOTION).write_text("9"), "emotion.txt: holds '9', the number of an", 15),
        (lambda f: (f / EMOTION).write_text("joy"), "emotion.txt: holds 'joy', the number of", 15),
        (
            lambda f: (f / "Emotion/S099_001_00000001_emotion.txt").write_text("1"),
            "S099_001_00000001_emotion.txt: belongs to no picture",
            15,
        ),
    ],
)
def test_what_does_not_match_can_be_skipped(tmp_path, capsys, break_it, message, left):
    sequences.write_ck(tmp_path / "ck", CK)
    break_it(tmp_path / "ck")
    assert message in failure(capsys, tmp_path)
    assert create(tmp_path, "--on_error", "skip") == 0
    assert RecordSet(tmp_path / "set").count == left
    assert (tmp_path / "set/set-skipped.csv").read_text().count("\n") == 2


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda f: f.rename(f.with_name("x")), "ck: no such folder; the folder of CK+ expected"),
        (
            lambda f: [p.unlink() for p in f.rglob("*.png")],
            "ck: no pictures in it or below it that are named like S005_001_00000011.png",
        ),
        (
            lambda f: [p.unlink() for p in f.rglob("*_landmarks.txt")],
            "ck: no picture has landmarks;",
        ),
        (
            lambda f: tool.write_image(f / f"{FRAME}.png"),
            f"{FRAME}.png: a second file for {FRAME}, beside",
        ),
        (lambda f: (f / IMAGE).write_bytes(b"x"), f"{FRAME}.png: not a readable image"),
    ],
)
def test_bad_input_is_one_line(tmp_path, capsys, break_it, message):
    sequences.write_ck(tmp_path / "ck", CK)
    break_it(tmp_path / "ck")
    message_found = tool.error_of(
        capsys, "create_ck", tmp_path / "set", tmp_path / "ck", "--resolution", 32
    )
    assert message in message_found
    assert not (tmp_path / "set").exists()
