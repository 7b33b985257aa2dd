import numpy as np
import pytest
import tensorflow as tf

from tf_facegan.engine.checkpoints import Checkpoints
from tf_facegan.engine.progress import Progress, format_time


def test_the_newest_is_restored_and_old_ones_are_removed(tmp_path):
    variable = tf.Variable(0.0)
    checkpoints = Checkpoints(tmp_path, {"v": variable}, keep=2)
    assert checkpoints.restore() is None
    for images in (16, 32, 1048576):
        variable.assign(images)
        checkpoints.save(Progress(images=images, tick=3, seconds=1.5))
    assert len(list(tmp_path.iterdir())) == 2
    variable.assign(-1)
    assert checkpoints.restore() == Progress(images=1048576, tick=3, seconds=1.5)
    assert variable.numpy() == 1048576


FILES = ("state.index", "state.data-00000-of-00001", "progress.json")


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", ("cut", "gone", "flipped"))
def test_a_damaged_checkpoint_gives_way_to_the_one_before(file, damage, tmp_path, capsys):
    variable = tf.Variable([1.0] * 100)
    checkpoints = Checkpoints(tmp_path, {"v": variable}, keep=2)
    checkpoints.save(Progress(images=1))
    variable.assign([2.0] * 100)
    checkpoints.save(Progress(images=2))
    path = tmp_path / "ckpt-000000000002" / file
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :])
    assert checkpoints.restore().images == 1
    assert variable.numpy()[0] == 1.0
    assert "ckpt-000000000002: cannot be read" in capsys.readouterr().err


def saved_twice(folder):
    variable = tf.Variable([1.0] * 100)
    checkpoints = Checkpoints(folder, {"v": variable}, keep=2)
    for images in (1, 2):
        variable.assign([float(images)] * 100)
        checkpoints.save(Progress(images=images, tick=12345))
    return checkpoints, variable


@pytest.mark.parametrize("file", (*FILES, "checksums.json"))
def test_every_flipped_byte_is_noticed(file, tmp_path, capsys):
    checkpoints, variable = saved_twice(tmp_path)
    path = tmp_path / "ckpt-000000000002" / file
    content = path.read_bytes()
    for place in range(0, len(content), max(1, len(content) // 40)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        progress = checkpoints.restore()
        lines = capsys.readouterr().err.splitlines()
        # White space of the file of checksums is the only thing that may change.
        if lines or file != "checksums.json":
            assert len(lines) == 1 and "ckpt-000000000002: cannot be read" in lines[0]
            assert progress == Progress(images=1, tick=12345), place
        np.testing.assert_array_equal(variable.numpy(), float(progress.images))


def test_a_digit_of_the_progress_is_not_believed(tmp_path, capsys):
    checkpoints, _ = saved_twice(tmp_path)
    path = tmp_path / "ckpt-000000000002" / "progress.json"
    path.write_text(path.read_text().replace("12345", "12346"))
    assert checkpoints.restore().images == 1
    assert "the checksum of progress.json does not match" in capsys.readouterr().err


@pytest.mark.parametrize("keep", (1, 2))
def test_damaged_ones_do_not_take_the_places_of_good_ones(keep, tmp_path):
    variable = tf.Variable(0.0)
    checkpoints = Checkpoints(tmp_path, {"v": variable}, keep=2)
    for images in (10, 20):
        checkpoints.save(Progress(images=images))
    (tmp_path / "ckpt-000000000020" / "progress.json").write_text("{")
    checkpoints = Checkpoints(tmp_path, {"v": variable}, keep=keep)
    assert checkpoints.restore().images == 10
    checkpoints.save(Progress(images=15))
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["ckpt-000000000010", "ckpt-000000000015"][-keep:]
    assert checkpoints.restore().images == 15


def test_checkpoints_without_checksums_are_read(tmp_path):
    checkpoints, _ = saved_twice(tmp_path)
    for file in tmp_path.glob("*/checksums.json"):
        file.unlink()
    assert checkpoints.restore().images == 2


def test_nothing_readable_is_an_error(tmp_path):
    checkpoints = Checkpoints(tmp_path, {"v": tf.Variable(0.0)})
    checkpoints.save(Progress(images=1))
    (tmp_path / "ckpt-000000000001" / "state.index").unlink()
    with pytest.raises(ValueError, match="ckpt-000000000001: cannot be read"):
        checkpoints.restore()


def test_a_checkpoint_of_another_network_is_not_taken(tmp_path):
    Checkpoints(tmp_path, {"v": tf.Variable([0.0] * 3)}).save(Progress(images=1))
    with pytest.raises(ValueError, match="cannot be read"):
        Checkpoints(tmp_path, {"v": tf.Variable([0.0] * 4)}).restore()


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0.4, "0s"),
        (59.4, "59s"),
        (65, "1m 05s"),
        (3725, "1h 02m 05s"),
        (86400 * 3 + 3600 + 125, "3d 01h 02m"),
    ],
)
def test_durations(seconds, text):
    assert format_time(seconds) == text
