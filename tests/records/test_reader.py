import itertools
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from tests.records import sets
from tf_facegan.records.reader import RecordSet


@pytest.fixture(scope="module")
def images():
    return sets.arrays(10)


@pytest.fixture(scope="module")
def written(tmp_path_factory, images):
    path = tmp_path_factory.mktemp("records") / "faces"
    sets.write(
        path,
        images,
        labels=np.arange(30).reshape(10, 3),
        label_names=["a", "b", "c"],
        fields={"frame": np.arange(10) * 2, "subject": np.array([f"s{i}" for i in range(10)])},
    )
    return path


@pytest.fixture
def copied(tmp_path, written):
    return shutil.copytree(written, tmp_path / "faces")


def flip_a_byte(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 4
    path.write_bytes(content)


def test_attributes(written):
    found = RecordSet(written)
    assert (found.name, found.count, found.channels, found.resolution) == ("faces", 10, 9, 8)
    assert found.range == [-1, 1]
    assert found.labels.dtype == np.float32
    np.testing.assert_array_equal(found.labels[4], [12, 13, 14])
    np.testing.assert_array_equal(found.fields["frame"], np.arange(10) * 2)
    assert found.uv_layout is None


def test_reading_by_number(written, images):
    found = RecordSet(written)
    np.testing.assert_array_equal(found.read([7, 0, 7]), images[[7, 0, 7]])
    assert found.read([], 4).shape == (0, 9, 4, 4)
    with pytest.raises(ValueError, match="no level of 16 pixels; there are 4, 8"):
        found.read([0], 16)
    with pytest.raises(IndexError, match="10 records"):
        found.read([10])


def test_batches_hold_everything_of_an_example(written, images):
    found = RecordSet(written)
    dataset = found.batches(4)
    assert dataset.element_spec["images"] == tf.TensorSpec((4, 9, 8, 8), tf.float32)
    for batch in itertools.islice(found.iterate(4), 5):
        numbers = batch["index"].numpy()
        np.testing.assert_array_equal(batch["images"], images[numbers])
        np.testing.assert_array_equal(batch["labels"], found.labels[numbers])
        np.testing.assert_array_equal(batch["frame"], 2 * numbers)
        assert batch["subject"].numpy().tolist() == [f"s{i}".encode() for i in numbers]


def numbers_of(found, count, **options):
    batches = itertools.islice(found.iterate(3, resolution=4, **options), count)
    return np.concatenate([batch["index"].numpy() for batch in batches])


def test_reading_resumes_exactly_across_epochs(written):
    found = RecordSet(written)
    whole = numbers_of(found, 12, seed=4)
    for position in (3, 9, 12, 21):
        resumed = numbers_of(found, (36 - position) // 3, seed=4, position=position)
        np.testing.assert_array_equal(resumed, whole[position:])
    for epoch in whole[:30].reshape(3, 10):
        np.testing.assert_array_equal(np.sort(epoch), np.arange(10))
    assert not np.array_equal(whole, numbers_of(found, 12, seed=5))


def test_a_change_of_batch_size_continues_the_same_order(written):
    found = RecordSet(written)
    whole = numbers_of(found, 6, seed=1)
    (batch,) = itertools.islice(found.iterate(7, position=5, seed=1), 1)
    np.testing.assert_array_equal(batch["index"], whole[5:12])


def test_only_the_rows_asked_for_are_read(written, images, monkeypatch):
    found, read = RecordSet(written), []
    whole = numbers_of(found, 4, seed=1)
    reader = found.read

    def noting(indices, *args):
        read.append(list(indices))
        return reader(indices, *args)

    monkeypatch.setattr(found, "read", noting)
    part = numbers_of(found, 4, seed=1, rows=[1, 2], prefetch=0)
    np.testing.assert_array_equal(part, whole.reshape(4, 3)[:, 1:].ravel())
    assert all(pair in read for pair in part.reshape(4, 2).tolist())
    assert {len(numbers) for numbers in read} == {2}
    (batch,) = itertools.islice(found.iterate(3, rows=[2]), 1)
    np.testing.assert_array_equal(batch["images"], images[batch["index"].numpy()])
    assert batch["images"].shape == (1, 9, 8, 8) and batch["labels"].shape == (1, 3)


def test_unshuffled_batches_come_in_the_order_of_the_file(written):
    np.testing.assert_array_equal(
        numbers_of(RecordSet(written), 4, shuffle=False), np.arange(12) % 10
    )


def test_label_size(written):
    assert RecordSet(written, max_label_size=0).labels.shape == (10, 0)
    assert RecordSet(written, max_label_size=0).info.labels is None
    trimmed = RecordSet(written, max_label_size=2)
    np.testing.assert_array_equal(trimmed.labels[1], [3, 4])
    assert trimmed.info.labels == {"size": 2, "kind": "class", "names": ["a", "b"]}
    with pytest.raises(ValueError, match="max_label_size is 4"):
        RecordSet(written, max_label_size=4)


def test_options_are_checked(written):
    assert RecordSet(written, dtype="float32", dynamic_range=(0, 2)).range == [0, 2]
    with pytest.raises(ValueError, match="holds float32, not dtype uint8"):
        RecordSet(written, dtype="uint8")


@pytest.mark.parametrize(
    ("dtype", "channels", "modalities"),
    [
        ("float32", 9, ["texture", "shape", "normals"]),
        ("float32", 6, ["texture", "shape"]),
        ("uint8", 3, ["image"]),
        ("uint8", 1, ["image"]),
    ],
)
def test_a_foreign_set_opens(tmp_path, dtype, channels, modalities):
    images = sets.arrays(4, channels, 16, dtype)
    labels = np.random.RandomState(0).normal(size=(4, 7))
    sets.write_foreign(tmp_path / "foreign", images, labels)
    found = RecordSet(tmp_path / "foreign")
    np.testing.assert_array_equal(found.read(range(4)), images)
    assert found.read([0], 4).shape == (1, channels, 4, 4)
    assert found.read([0], 4).dtype == dtype
    assert found.info.shape == [channels, 16, 16]
    assert [name for name, _ in found.info.modalities] == modalities
    assert found.range == ([0, 255] if dtype == "uint8" else [-1, 1])
    assert found.info.labels == {"size": 7, "kind": "class", "names": None}
    np.testing.assert_array_equal(found.labels, labels.astype(np.float32))


def test_a_foreign_set_with_a_label_file_of_no_columns(tmp_path):
    sets.write_foreign(tmp_path / "foreign", sets.arrays(2), np.zeros((2, 0), np.float32))
    found = RecordSet(tmp_path / "foreign")
    assert found.labels.shape == (2, 0)
    assert found.info.labels is None


def test_a_moved_set_opens(copied, tmp_path, images):
    copied.rename(tmp_path / "elsewhere")
    np.testing.assert_array_equal(RecordSet(tmp_path / "elsewhere").read([3]), images[[3]])


def test_a_missing_level_is_named(copied):
    (copied / "faces-r02.tfrecords").unlink()
    with pytest.raises(ValueError, match=r"faces-r02\.tfrecords: missing"):
        RecordSet(copied)
    (copied / "faces.json").unlink()
    with pytest.raises(ValueError, match=r"faces-r02\.tfrecords: missing"):
        RecordSet(copied)


@pytest.mark.parametrize("name", ["faces-rxx.labels", "faces-frame.npy"])
def test_missing_companions_are_named(copied, name):
    (copied / name).unlink()
    with pytest.raises(ValueError, match=f"{name}: missing"):
        RecordSet(copied)


def test_folders_without_a_set(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        RecordSet(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"no \*\.tfrecords files"):
        RecordSet(tmp_path)


def test_the_folder_of_several_sets_says_so(tmp_path, copied):
    shutil.copytree(copied, tmp_path / "raf" / "train")
    (tmp_path / "raf" / ".test.partial").mkdir()
    with pytest.raises(FileNotFoundError, match=r"raf: no .*\(there are sets in it: train\)$"):
        RecordSet(tmp_path / "raf")


def test_levels_of_different_length_are_refused(copied):
    path = copied / "faces-r02.tfrecords"
    os.truncate(path, path.stat().st_size * 9 // 10)
    with pytest.raises(ValueError, match=r"r02\.tfrecords: holds 9 records.*10 records.*expected"):
        RecordSet(copied)


def test_a_truncated_record_is_named(copied):
    path = copied / "faces-r03.tfrecords"
    os.truncate(path, path.stat().st_size - 100)
    with pytest.raises(ValueError, match=r"faces-r03\.tfrecords: record 9 is truncated"):
        RecordSet(copied)


def test_a_file_truncated_while_it_is_read(copied):
    found = RecordSet(copied)
    path = copied / "faces-r03.tfrecords"
    os.truncate(path, path.stat().st_size - 100)
    with pytest.raises(ValueError, match=r"faces-r03\.tfrecords: record 9 is truncated"):
        found.read([9])


@pytest.mark.parametrize("position", [2, 9, 30, 1000, -10, -2])
def test_a_flipped_byte_is_reported_wherever_it_is(copied, position):
    found = RecordSet(copied)
    path = copied / "faces-r03.tfrecords"
    size = path.stat().st_size // 10
    flip_a_byte(path, 6 * size + (position if position >= 0 else size + position))
    np.testing.assert_array_equal(found.read([5]).shape, [1, 9, 8, 8])
    with pytest.raises(ValueError, match=r"faces-r03\.tfrecords: record 6 is corrupt"):
        found.read([5, 6])


def test_a_corrupt_record_is_named_by_the_pipeline(copied):
    found = RecordSet(copied)
    path = copied / "faces-r03.tfrecords"
    flip_a_byte(path, 6 * (path.stat().st_size // 10) + 1000)
    read = []
    with pytest.raises(ValueError, match=r"faces-r03\.tfrecords: record 6 is corrupt"):
        for batch in found.iterate(2, shuffle=False):
            read += batch["index"].numpy().tolist()
    assert read == [0, 1, 2, 3, 4, 5]


def test_errors_of_others_pass_through(written):
    found = RecordSet(written)
    with pytest.raises(tf.errors.ResourceExhaustedError), found.reading_errors():
        raise tf.errors.ResourceExhaustedError(None, None, "out of memory")
