import numpy as np
import pytest
from PIL import Image

from tf_facegan.utilities import video


def frames(count=6, size=(32, 24)):
    """Frames that differ clearly, uint8 [H, W, 3]."""
    width, height = size
    return [np.full((height, width, 3), 30 * number, np.uint8) for number in range(count)]


@pytest.mark.parametrize("name", ["clip.mp4", "clip.gif"])
def test_what_is_written_is_read(tmp_path, name):
    with video.animation_writer(tmp_path / name, fps=10) as append:
        for frame in frames():
            append(frame)
    found = list(video.read_frames(tmp_path / name))
    assert [frame.shape for frame in found] == [(24, 32, 3)] * 6
    means = [frame.mean() for frame in found]
    np.testing.assert_allclose(means, [30 * number for number in range(6)], atol=6)
    assert video.frame_rate(tmp_path / name) == pytest.approx(10, rel=0.02)


def test_a_folder_is_read_in_natural_order(tmp_path):
    for number in (10, 9, 1):
        Image.fromarray(frames(11)[number]).save(tmp_path / f"frame{number}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    assert [int(frame.mean()) for frame in video.read_frames(tmp_path)] == [
        30,
        270 % 256,
        300 % 256,
    ]
    assert video.frame_rate(tmp_path) == video.DEFAULT_FPS


def test_odd_sizes_are_padded(tmp_path):
    with video.video_writer(tmp_path / "odd.mp4", fps=5) as append:
        append(frames(size=(31, 23))[3])
    (frame,) = video.read_frames(tmp_path / "odd.mp4")
    assert frame.shape == (24, 32, 3)


def test_nothing_is_left_after_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        with video.animation_writer(tmp_path / "clip.mp4", fps=5) as append:
            append(frames()[0])
            list(video.read_frames(tmp_path / "nowhere"))
    assert list(tmp_path.iterdir()) == []


def test_unreadable(tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty").mkdir()
    for name, message in [
        ("text.mp4", "text.mp4: not a readable video"),
        ("empty", "empty: no images"),
        ("missing.mp4", "missing.mp4: no such file"),
    ]:
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            list(video.read_frames(tmp_path / name))
    with pytest.raises(ValueError, match="text.mp4: not a readable video"):
        video.frame_rate(tmp_path / "text.mp4")
    with pytest.raises(ValueError, match=".mp4 or .gif"):
        with video.animation_writer(tmp_path / "clip.avi", fps=5):
            pass
    with pytest.raises(ValueError, match="--camera 77"):
        next(video.camera_frames(77))
