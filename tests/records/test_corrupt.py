"""Records with flipped, missing or extra bytes: an error that names them, or left out."""

import numpy as np
import pytest

from tests import tiny
from tests.records import sets
from tf_facegan import systems
from tf_facegan.engine import devices
from tf_facegan.engine.progress import Progress
from tf_facegan.records import index, levels, salvage, schema
from tf_facegan.records.level import LevelReader
from tf_facegan.records.reader import RecordSet

COUNT, SIDE = 12, 8
DAMAGES = {
    "flipped byte of the content": lambda record: flipped(record, len(record) // 2),
    "flipped byte of the length": lambda record: flipped(record, 1),
    "flipped byte of the length's checksum": lambda record: flipped(record, 9),
    "flipped byte of the checksum": lambda record: flipped(record, len(record) - 1),
    "flipped byte of the shape": lambda record: flipped(record, len(record) - 6),
    "missing bytes of the content": lambda record: record[:40] + record[57:],
    "missing bytes of the length": lambda record: record[3:],
    "extra bytes in the content": lambda record: record[:50] + b"more" + record[50:],
    "extra zeros in the content": lambda record: record[:50] + bytes(100) + record[50:],
    "extra bytes before it": lambda record: b"x" + record,
    "overwritten by zeros": lambda record: bytes(len(record)),
}
# Extra bytes between two records are noticed, but none is lost with them.
HARMLESS = ("extra bytes before it",)


def flipped(content, place):
    return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]


def labelled_set(folder, **options):
    """Writes 12 records that carry their number in a field and in a label."""
    numbers = np.arange(COUNT)
    labels = numbers[:, np.newaxis].astype(np.float32)
    images = sets.arrays(COUNT, 3, SIDE, "uint8")
    fields = {"number": numbers}
    info = sets.write(folder, images, fields=fields, labels=labels, **options)
    return images, info


def damage(file, numbers, change, keeps_index=True):
    """Changes records of a file; `change` takes and gives the bytes of one."""
    offsets = index.load(file)
    content = file.read_bytes()
    records = [content[begin:end] for begin, end in zip(offsets, offsets[1:])]
    for number in np.ravel(numbers):
        records[number] = change(records[number])
    file.write_bytes(b"".join(records))
    if not keeps_index:
        index.index_file(file).unlink()


@pytest.mark.parametrize("keeps_index", (True, False))
@pytest.mark.parametrize("number", (0, 5, COUNT - 1))
@pytest.mark.parametrize("what", DAMAGES)
def test_a_damaged_record_is_named_or_left_out(what, number, keeps_index, tmp_path, caplog):
    images, info = labelled_set(tmp_path / "set")
    file = schema.level_file(tmp_path / "set", info.name, 3)
    damage(file, number, DAMAGES[what], keeps_index)
    with pytest.raises(ValueError, match=f"{file.name}: record {number}.*(corrupt|truncated)"):
        RecordSet(tmp_path / "set").read(range(COUNT))
    caplog.clear()
    records = RecordSet(tmp_path / "set", on_corrupt="skip")
    lost = [] if what in HARMLESS else [number]
    assert sorted(records.corrupt) == lost
    shown = np.arange(COUNT)
    shown[lost] = (number + 1) % COUNT
    np.testing.assert_array_equal(records.fields["number"], shown)
    np.testing.assert_array_equal(records.labels[:, 0], shown)
    np.testing.assert_array_equal(records.read(range(COUNT)), images[shown])
    # The level that is whole shows the same examples.
    smaller = np.stack([list(levels.build(image, 2))[1] for image in images])
    np.testing.assert_array_equal(records.read(range(COUNT), 4), smaller[shown])
    messages = [record.getMessage() for record in caplog.records]
    if lost:
        assert f"{file}: record {number} " in messages[0]
        assert f"record {shown[number]} is shown instead" in messages[0]
        assert messages[-1].endswith("1 of 12 records are corrupt and left out")
    else:
        assert not messages


def test_several_records_are_numbered_right(tmp_path):
    images, info = labelled_set(tmp_path / "set")
    file = schema.level_file(tmp_path / "set", info.name, 3)
    damage(file, [3, 9], DAMAGES["missing bytes of the length"], keeps_index=False)
    damage(schema.level_file(tmp_path / "set", info.name, 2), 6, DAMAGES["overwritten by zeros"])
    records = RecordSet(tmp_path / "set", on_corrupt="skip")
    assert sorted(records.corrupt) == [3, 6, 9]
    shown = [0, 1, 2, 4, 4, 5, 7, 7, 8, 10, 10, 11]
    assert records.fields["number"].tolist() == shown
    np.testing.assert_array_equal(records.read(range(COUNT)), images[shown])


@pytest.mark.parametrize("kept", (0.05, 0.3, 0.5, 0.99))
def test_what_is_cut_off_is_left_out(kept, tmp_path):
    images, info = labelled_set(tmp_path / "set")
    file = schema.level_file(tmp_path / "set", info.name, 3)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * kept)])
    whole = int(COUNT * kept)
    if not whole:
        with pytest.raises(ValueError, match="no intact record is left"):
            RecordSet(tmp_path / "set", on_corrupt="skip")
        return
    records = RecordSet(tmp_path / "set", on_corrupt="skip")
    assert sorted(records.corrupt) == list(range(whole, COUNT))
    np.testing.assert_array_equal(records.read(range(whole)), images[:whole])
    np.testing.assert_array_equal(records.read([COUNT - 1]), images[:1])


def test_shards_and_their_parts(tmp_path):
    images, info = labelled_set(tmp_path / "set", shards=3)
    files = [level[1] for level in schema.level_files(tmp_path / "set", info)]
    files[0].write_bytes(files[0].read_bytes()[:-1])  # record 7
    records = RecordSet(tmp_path / "set", on_corrupt="skip")
    assert list(records.corrupt) == [7]
    part = RecordSet(tmp_path / "set", on_corrupt="skip", part=(1, 3))
    assert list(part.corrupt) == [3] and part.fields["number"].tolist() == [4, 5, 6, 4]


def test_it_cannot_always_be_told_which_are_lost(tmp_path):
    _, info = labelled_set(tmp_path / "set")
    file = schema.level_file(tmp_path / "set", info.name, 3)
    size = len(file.read_bytes()) // COUNT
    damage(file, [2, 8], lambda record: record[: size // 3], keeps_index=False)
    with pytest.raises(ValueError, match="10 intact records found, 12 expected.*cannot be told"):
        RecordSet(tmp_path / "set", on_corrupt="skip")
    assert len(salvage.salvage(file)) == 10  # of a foreign set nobody knows better


def test_all_lost_and_wrong_words(tmp_path):
    _, info = labelled_set(tmp_path / "set")
    file = schema.level_file(tmp_path / "set", info.name, 3)
    damage(file, range(COUNT), DAMAGES["flipped byte of the checksum"])
    with pytest.raises(ValueError, match="r03.tfrecords: record 0 is corrupt"):
        RecordSet(tmp_path / "set", on_corrupt="skip")
    with pytest.raises(ValueError, match="--on_corrupt is 'no', stop or skip expected"):
        RecordSet(tmp_path / "set", on_corrupt="no")


def test_an_index_that_does_not_fit_is_made_anew(tmp_path):
    images, info = labelled_set(tmp_path / "set")
    file = schema.level_file(tmp_path / "set", info.name, 3)
    good = np.load(index.index_file(file))
    for bad in (good[::-1], good * 0, np.append(good[:-2], good[-1:] * [1, 1]), good[:1]):
        np.save(index.index_file(file), bad)
        np.testing.assert_array_equal(RecordSet(tmp_path / "set").read(range(COUNT)), images)
    assert LevelReader(file).count == COUNT


def test_the_order_of_a_run_does_not_change(tmp_path):
    images, info = labelled_set(tmp_path / "set")
    file = schema.level_file(tmp_path / "set", info.name, 3)

    def order(position=0, **options):
        records = RecordSet(tmp_path / "set", **options)
        batches = records.iterate(4, position=position, seed=7)
        return np.concatenate([next(batches)["number"] for _ in range(6 - position // 4)])

    whole = order()
    damage(file, 5, DAMAGES["missing bytes of the content"])
    damaged = order(on_corrupt="skip")
    np.testing.assert_array_equal(damaged, np.where(whole == 5, 6, whole))
    np.testing.assert_array_equal(order(position=8, on_corrupt="skip"), damaged[8:])


def test_a_trainer_leaves_them_out(tmp_path):
    faces = tiny.write_faces(tmp_path / "faces")
    damage(faces / "faces-r03.tfrecords", 4, DAMAGES["flipped byte of the content"])
    config = tiny.config_for(faces, **{"runtime.on_corrupt": "skip"})
    strategy = devices.make_strategy(1, 0)
    trainer = systems.get("tbgan").part("trainer")(config, strategy)
    assert list(trainer.set.corrupt) == [4]
    phase = trainer.phase(Progress())
    batches = trainer.batches(phase, 0)
    seen = np.concatenate([next(batches)["index"] for _ in range(3)])
    assert sorted(seen.tolist()) == list(range(24))
