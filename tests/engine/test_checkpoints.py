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


@pytest.mark.parametrize("file", ("state.index", "state.data-00000-of-00001", "progress.json"))
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
