"""A build that stopped goes on where it stopped."""

import dataclasses
import os
import time
from pathlib import Path

import numpy as np
import pytest

from tests.records import sets
from tf_facegan import files
from tf_facegan.records import work, writer
from tf_facegan.records.reader import RecordSet

COUNT = 10


@dataclasses.dataclass(frozen=True)
class Loader:
    """Loads .npy files and notes which, in a file for all processes."""

    log: Path

    def __call__(self, path):
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(f"{path.stem} ")
        return np.load(path)

    def loaded(self):
        text = self.log.read_text() if self.log.exists() else ""
        self.log.unlink(missing_ok=True)
        return [int(stem) for stem in text.split()]


@pytest.fixture(autouse=True)
def chunks_of_one(monkeypatch):
    monkeypatch.setattr(work, "_CHUNK_EXAMPLES", 1)


@pytest.fixture
def inputs(tmp_path):
    """Ten files, made a while ago, of which number 6 is not an array."""
    folder = tmp_path / "inputs"
    folder.mkdir()
    for number, image in enumerate(sets.arrays(COUNT, 3)):
        np.save(folder / f"{number}.npy", image)
        os.utime(folder / f"{number}.npy", (1, 1))
    (folder / "6.npy").write_text("no array")
    time.sleep(0.02)  # file systems count time in steps of up to 10 ms
    return [folder / f"{number}.npy" for number in range(COUNT)]


def write(path, inputs, load, **options):
    options = {"modalities": [["image", 3]], "value_range": [-1, 1], "workers": 1, **options}
    return writer.write_set(path, inputs, load, **options)


def stopped(tmp_path, inputs):
    """Starts a build that stops at number 6; returns its Loader."""
    load = Loader(tmp_path / "log")
    with pytest.raises(ValueError):
        write(tmp_path / "faces", inputs, load)
    assert load.loaded() == [0, *range(7)]  # the first tells the shape
    return load


def mend(inputs):
    np.save(inputs[6], sets.arrays(COUNT, 3)[6])


def test_only_what_is_missing_is_made(tmp_path, inputs):
    load = stopped(tmp_path, inputs)
    mend(inputs)
    write(tmp_path / "faces", inputs, load)
    assert load.loaded() == [0, 6, 7, 8, 9]
    np.testing.assert_array_equal(
        RecordSet(tmp_path / "faces").read(range(COUNT)), sets.arrays(COUNT, 3)
    )
    assert not files.partial_folder(tmp_path / "faces").exists()


def test_files_that_have_changed_are_made_anew(tmp_path, inputs):
    load = stopped(tmp_path, inputs)
    mend(inputs)
    np.save(inputs[2], sets.arrays(COUNT, 3)[0])
    os.utime(inputs[2], (time.time() + 5, time.time() + 5))
    write(tmp_path / "faces", inputs, load)
    assert load.loaded() == [0, 2, 6, 7, 8, 9]
    found = RecordSet(tmp_path / "faces").read([2])[0]
    np.testing.assert_array_equal(found, sets.arrays(COUNT, 3)[0])


def test_records_that_were_not_finished_are_made_anew(tmp_path, inputs):
    load = stopped(tmp_path, inputs)
    mend(inputs)
    partial = files.partial_folder(tmp_path / "faces") / "faces"
    record_file = partial / "faces-r02.tfrecords"
    with open(record_file, "r+b") as file:  # a record that did not reach the disk
        file.seek(3 * (record_file.stat().st_size // COUNT) + 40)
        file.write(bytes(30))
    write(tmp_path / "faces", inputs, load)
    assert load.loaded() == [0, 3, 6, 7, 8, 9]


@pytest.mark.parametrize("change", [{"value_range": [-2, 1]}, {"max_images": 9}, {"shards": 2}])
def test_another_command_begins_anew(tmp_path, inputs, change):
    load = stopped(tmp_path, inputs)
    mend(inputs)
    write(tmp_path / "faces", inputs, load, **change)
    assert load.loaded() == [0, *range(change.get("max_images", COUNT))]


def test_the_bad_example_can_be_skipped_without_beginning_anew(tmp_path, inputs):
    load = stopped(tmp_path, inputs)
    assert write(tmp_path / "faces", inputs, load, on_error="skip").count == COUNT - 1
    assert load.loaded() == [0, 6, 7, 8, 9]


def test_an_end_cut_short_leaves_no_records_in_others_places(tmp_path, inputs, monkeypatch):
    load = Loader(tmp_path / "log")
    options = {"on_error": "skip", "fields": {"number": range(COUNT)}}
    with monkeypatch.context() as broken:
        broken.setattr(writer, "_write_beside", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path / "faces", inputs, load, **options)
    write(tmp_path / "faces", inputs, load, **options)
    found = RecordSet(tmp_path / "faces")
    assert found.fields["number"].tolist() == [0, 1, 2, 3, 4, 5, 7, 8, 9]
    np.testing.assert_array_equal(
        found.read(range(COUNT - 1)), np.delete(sets.arrays(COUNT, 3), 6, axis=0)
    )


def _interrupted(*_):
    raise KeyboardInterrupt


def test_files_that_were_replaced_by_older_ones_are_made_anew(tmp_path, inputs):
    load = stopped(tmp_path, inputs)
    mend(inputs)
    other = tmp_path / "other.npy"
    np.save(other, sets.arrays(COUNT, 3)[0])
    os.utime(other, (1, 1))
    os.replace(other, inputs[2])
    write(tmp_path / "faces", inputs, load)
    assert load.loaded() == [0, 2, 6, 7, 8, 9]


def test_values_out_of_range_are_still_known(tmp_path, inputs, caplog):
    np.save(inputs[1], sets.arrays(COUNT, 3)[1] * 2)
    os.utime(inputs[1], (1, 1))
    load = Loader(tmp_path / "log")
    with pytest.raises(ValueError):
        write(tmp_path / "faces", inputs, load)
    mend(inputs)
    caplog.clear()
    write(tmp_path / "faces", inputs, load)
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.startswith("1 of 10 examples have values outside [-1, 1]")


def test_two_builds_at_once_are_an_error(tmp_path, inputs):
    mend(inputs)
    load = Loader(tmp_path / "log")
    with files.resumable_folder(tmp_path / "faces", "mine"):
        with pytest.raises(ValueError, match="faces: another process is building it"):
            write(tmp_path / "faces", inputs, load)
