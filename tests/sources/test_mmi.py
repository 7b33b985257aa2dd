import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.sources import sequences, tool
from tf_facegan.records.reader import RecordSet
from tf_facegan.sources import faces, landmarks, mmi
from tf_facegan.sources.expressions import EXPRESSIONS

FRAMES = 5


def frames(seed):
    """Pictures 60x50 whose brightness tells them apart."""
    base = tool.random_image(seed, 60, 50) // 4
    return [base + 30 * number for number in range(FRAMES)]


def write_video(path, seed=0, with_landmarks=True):
    path.parent.mkdir(parents=True, exist_ok=True)
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 20, (60, 50))
    for number, picture in enumerate(frames(seed)):
        video.write(np.ascontiguousarray(picture[:, :, ::-1]))
        if with_landmarks:
            folder = path.with_name(f"{path.stem}new")
            sequences.write_points(folder / f"img{number}_landmarks.txt", number)
    video.release()


def write_frames(folder, seed=0):
    for number, picture in enumerate(frames(seed)):
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"img{number}.png"), picture[:, :, ::-1])
        sequences.write_points(folder / f"img{number}.txt", number)


def create(tmp_path, *options):
    argv = ("create_mmi", tmp_path / "set", tmp_path / "mmi", "--resolution", 32)
    return tool.run(*argv, *options)


def failure(capsys, tmp_path, *options):
    argv = ("create_mmi", tmp_path / "set", tmp_path / "mmi", "--resolution", 32)
    message = tool.error_of(capsys, *argv, *options)
    assert not (tmp_path / "set").exists()
    return message


def expected_face(picture, number):
    crop = landmarks.square_box(sequences.points(number), 32)
    return crop.image(np.ascontiguousarray(picture)).transpose(2, 0, 1)


def test_videos(tmp_path):
    write_video(tmp_path / "mmi/Sessions/1/S002-003.avi", 1)
    write_video(tmp_path / "mmi/Sessions/2/S001-007.avi", 2)
    assert create(tmp_path) == 0
    found = RecordSet(tmp_path / "set")
    assert found.info.fields["subject"]["names"] == ["S001", "S002"]
    assert found.info.fields["sequence"]["names"] == ["S001-007", "S002-003"]
    assert found.fields["frame"].tolist() == [*range(FRAMES)] * 2
    assert (found.fields["expression"] == -1).all()
    images = found.read(range(2 * FRAMES)).astype(int)
    for record in range(2 * FRAMES):
        number = record % FRAMES
        expected = expected_face(frames(2 if record < FRAMES else 1)[number], number)
        assert np.abs(images[record] - expected).mean() < 4  # of the video's compression
        points = landmarks.square_box(sequences.points(number), 32).points(sequences.points(number))
        np.testing.assert_allclose(found.fields["landmarks"][record], points, atol=1e-4)
    boundary = found.read([3], companion="boundary")[0]
    np.testing.assert_array_equal(
        boundary, landmarks.draw_boundary(found.fields["landmarks"][3], 32, 32)
    )


def test_published_frames(tmp_path):
    write_frames(tmp_path / "mmi/S001-001new", 3)
    (tmp_path / "mmi/new").mkdir()
    assert create(tmp_path, "--every", 2) == 0
    found = RecordSet(tmp_path / "set")
    assert found.fields["frame"].tolist() == [0, 2, 4]
    assert found.info.fields["sequence"]["names"] == ["S001-001"]
    for record, number in enumerate((0, 2, 4)):
        expected = expected_face(frames(3)[number], number)
        np.testing.assert_array_equal(found.read([record])[0], expected)


def test_frames_of_a_video_are_found_in_any_order(tmp_path):
    write_video(tmp_path / "a.avi")
    video = mmi._Video(tmp_path / "a.avi")
    brightness = {number: video.read(number).mean() for number in (3, 1, 2, 4, 0)}
    assert sorted(brightness, key=brightness.get) == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="a.avi: frame 5 cannot be decoded"):
        video.read(5)


def test_turned_pictures(tmp_path):
    write_frames(tmp_path / "mmi/S001-001new", 3)
    assert create(tmp_path, "--rotate", 270) == 0
    turned = np.rot90(frames(3)[0], 3)
    np.testing.assert_array_equal(turned[0, -1], frames(3)[0][0, 0])  # clockwise
    found = RecordSet(tmp_path / "set").read([0])[0]
    np.testing.assert_array_equal(found, expected_face(turned, 0))


def test_emotions(tmp_path):
    for name in ("S001-001", "S001-002", "S001-003"):
        write_frames(tmp_path / f"mmi/{name}new")
    emotions = tmp_path / "emotions.csv"
    emotions.write_text("video,expression,peak\nS001-001,Anger,3\nS001-003,Fear,\n")
    assert create(tmp_path, "--emotions", emotions) == 0
    neutral, anger, fear = (EXPRESSIONS.index(e) for e in ("Neutral", "Anger", "Fear"))
    found = RecordSet(tmp_path / "set").fields["expression"].reshape(3, FRAMES)
    expected = [[neutral, -1, -1, anger, -1], [-1] * 5, [neutral, -1, fear, -1, -1]]
    assert found.tolist() == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("video,emotion\nS001-001,Anger\n", "columns video and expression expected"),
        ("video,expression\n", "columns video and expression expected, with rows"),
        ("video,expression\nS009-001,Anger\n", "emotions.csv, row 2: no video S009-001"),
        (
            "video,expression\nS001-001,Joy\n",
            "row 2: expression is 'Joy', expected one of Surprise",
        ),
        ("video,expression,peak\nS001-001,Fear,x\n", "row 2: peak x, the number of a frame"),
        ("video,expression\nS001-001,Fear\nS001-001,Anger\n", "row 3: a second row for S001-001"),
        ("video,expression,peak\nS001-001,Fear,9\n", "peak 9 of S001-001 is none of its frames"),
    ],
)
def test_bad_emotions(tmp_path, capsys, text, message):
    write_frames(tmp_path / "mmi/S001-001new")
    (tmp_path / "emotions.csv").write_text(text)
    assert message in failure(capsys, tmp_path, "--emotions", tmp_path / "emotions.csv")


def test_landmarks_are_looked_for_where_there_is_no_file(tmp_path, monkeypatch, capsys):
    write_video(tmp_path / "mmi/S001-001.avi", with_landmarks=False)
    asked = []

    def find_landmarks(image, source):
        asked.append(image.shape)
        if len(asked) == 2:
            raise ValueError(f"{source}: no face found, a picture of one expected")
        return sequences.points(0)

    monkeypatch.setattr(faces, "find_landmarks", find_landmarks)
    assert "S001-001.avi, frame 1: no face found" in failure(capsys, tmp_path, "--rotate", 90)
    assert asked == [(60, 50, 3)] * FRAMES
    asked.clear()
    assert create(tmp_path, "--on_error", "skip") == 0
    assert RecordSet(tmp_path / "set").fields["frame"].tolist() == [0, 2, 3, 4]
    assert "S001-001.avi, frame 1" in (tmp_path / "set/set-skipped.csv").read_text()


def test_a_frame_without_landmarks_is_named_where_nothing_can_find_them(
    tmp_path, monkeypatch, capsys
):
    write_video(tmp_path / "mmi/S001-001.avi", with_landmarks=False)

    def find_landmarks(image, source):
        raise ImportError("this needs more")

    monkeypatch.setattr(faces, "find_landmarks", find_landmarks)
    message = failure(capsys, tmp_path)
    assert "S001-001.avi, frame 0: no landmarks (img0.txt); to find them this needs m" in message


def test_ffmpeg_adds_no_lines_of_its_own(tmp_path):
    (tmp_path / "b.mp4").write_bytes(b"\0\0\0\x20ftypisom" + b"x" * 99)
    code = (
        "from tf_facegan.sources import mmi\n"
        "try:\n"
        "    mmi.count_frames('b.mp4')\n"
        "except ValueError as error:\n"
        "    print(error)\n"
    )
    environment = dict(os.environ, PYTHONPATH=str(Path(__file__).parents[2]))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("not a readable video\n", "")


@pytest.mark.parametrize(
    ("break_it", "options", "message"),
    [
        (lambda f: f.rename(f.with_name("x")), (), "mmi: no such folder; a folder of videos"),
        (lambda f: [p.unlink() for p in f.rglob("*.*")], (), "mmi: no videos (.avi, .mp4,"),
        (lambda f: (f / "b.avi").write_bytes(b"x"), (), "b.avi: not a readable video"),
        (lambda f: write_video(f / "S001-001.avi"), (), "a second sequence S001-001"),
        (lambda f: (f / "S001-001new/img2.txt").write_text("1 2"), (), "img2.txt: [1, 2] numbers"),
        (lambda f: (f / "S001-001new/img2.png").write_bytes(b""), (), "img2.png: not a readable"),
        (lambda f: cv2.imwrite(f"{f}/S001-001new/img02.png", frames(0)[0]), (), "a second frame 2"),
        (lambda f: None, ("--every", 0), "--every is 0, a positive number expected"),
    ],
)
def test_bad_input_is_one_line(tmp_path, capsys, break_it, options, message):
    write_frames(tmp_path / "mmi/S001-001new")
    break_it(tmp_path / "mmi")
    argv = ("create_mmi", tmp_path / "set", tmp_path / "mmi", "--resolution", 32)
    assert message in tool.error_of(capsys, *argv, *options)
    assert not (tmp_path / "set").exists()
