import numpy as np
import pytest

from tf_facegan.sources import au_sequences
from tf_facegan.sources.action_units import AUS


def table(rows):
    """OpenFace's table of a video: {frame: (success, value of all AUs)}."""
    lines = ["frame, face_id, timestamp, confidence, success, " + ", ".join(AUS)]
    for frame, (success, value) in rows.items():
        values = ", ".join([f"{value:.2f}"] * len(AUS))
        lines.append(f"{frame}, 0, {frame / 25:.3f}, 0.98, {success}, {values}")
    return "\n".join(lines) + "\n"


def test_frames_of_a_video_are_in_order_and_filled_in(tmp_path):
    path = tmp_path / "video.csv"
    path.write_text(table({1: (1, 1), 2: (0, 0), 3: (1, 2), 10: (1, 2)}))
    found = au_sequences.read(path)
    assert len(found.names) == 10 and found.names[1] == "frame_000002"
    assert found.filled == 7
    np.testing.assert_allclose(found.aus[:, 4], [1, 1.5, *[2] * 8])
    assert found.aus.dtype == np.float32 and found.aus.shape == (10, 17)
    assert au_sequences.holds_aus(path)


def test_lists_are_in_the_order_of_names(tmp_path):
    path = tmp_path / "attributes.txt"
    lines = [f"{name}.jpg" + f" {value}" * 17 for name, value in ((10, 3), (9, 1), (1, 2))]
    path.write_text("\n".join(lines))
    found = au_sequences.read(path)
    assert found.names == ["1", "9", "10"] and found.filled == 0
    np.testing.assert_allclose(found.aus[:, 0], [2, 1, 3])


def test_a_folder_of_tables(tmp_path):
    header = "face, confidence, " + ", ".join(AUS)
    for number in (2, 11):
        values = ", ".join([str(number / 10)] * 17)
        (tmp_path / f"f{number}.csv").write_text(f"{header}\n0, 0.9, {values}\n")
    (tmp_path / "f3.csv").write_text(f"{header}\n")
    assert au_sequences.holds_aus(tmp_path)
    found = au_sequences.read(tmp_path)
    assert found.names == ["f2", "f11"]
    np.testing.assert_allclose(found.aus[:, 0], [0.2, 1.1], atol=1e-6)


def test_smoothing():
    aus = np.zeros((9, 2), np.float32)
    aus[4] = 5
    np.testing.assert_array_equal(au_sequences.smoothed(aus, 0), aus)
    soft = au_sequences.smoothed(aus, 1.5)
    assert soft[4, 0] < 3 and soft[3, 1] > 0.5
    np.testing.assert_allclose(soft.sum(axis=0), 5, rtol=0.05)
    np.testing.assert_allclose(au_sequences.smoothed(np.full((4, 2), 3.0), 2), 3)
    for wrong in (-1, float("nan")):
        with pytest.raises(ValueError, match="--smooth is"):
            au_sequences.smoothed(aus, wrong)


def test_what_can_be_wrong(tmp_path):
    with pytest.raises(FileNotFoundError, match="gone: no such file or folder"):
        au_sequences.holds_aus(tmp_path / "gone")
    assert not au_sequences.holds_aus(tmp_path)
    path = tmp_path / "none.csv"
    path.write_text(table({1: (0, 0), 2: (0, 0)}))
    with pytest.raises(ValueError, match="none.csv: no frame with action units"):
        au_sequences.read(path)
    path.write_text(table({1: (1, 1), 2: (1, 9)}))
    with pytest.raises(ValueError, match="intensities from 9 to 9"):
        au_sequences.read(path)
