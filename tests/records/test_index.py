import os

import numpy as np
import pytest

from tests.records import sets
from tf_facegan import files
from tf_facegan.records import index


@pytest.fixture
def record_file(tmp_path):
    sets.write(tmp_path / "set", sets.arrays(4))
    return tmp_path / "set" / "set-r03.tfrecords"


def test_the_written_index_is_what_a_scan_finds(record_file):
    assert index.index_file(record_file).is_file()
    np.testing.assert_array_equal(index.load(record_file), index.scan(record_file))


def test_a_scan_is_kept(record_file):
    index.index_file(record_file).unlink()
    offsets = index.load(record_file)
    np.testing.assert_array_equal(np.load(index.index_file(record_file)), offsets)


def test_a_stale_or_broken_index_is_replaced(record_file):
    expected = index.load(record_file)
    for stale in (expected[:-1], expected.astype(np.float64), np.zeros(0, np.int64)):
        np.save(index.index_file(record_file), stale)
        np.testing.assert_array_equal(index.load(record_file), expected)
    index.index_file(record_file).write_bytes(b"no array")
    np.testing.assert_array_equal(index.load(record_file), expected)


def test_a_read_only_folder_is_scanned_every_time(record_file, monkeypatch):
    def refuse(path):
        raise PermissionError(path)

    index.index_file(record_file).unlink()
    monkeypatch.setattr(files, "atomic_file", refuse)
    assert len(index.load(record_file)) == 5
    assert not index.index_file(record_file).exists()


@pytest.mark.parametrize("cut", [1, 20, 2330])
def test_a_truncated_file_names_the_record(record_file, cut):
    os.truncate(record_file, record_file.stat().st_size - cut)
    with pytest.raises(ValueError, match=r"set-r03\.tfrecords: record 3 is truncated"):
        index.load(record_file)


def test_a_corrupt_length_names_the_record(record_file):
    offsets = index.load(record_file)
    index.index_file(record_file).unlink()
    content = bytearray(record_file.read_bytes())
    content[offsets[2] + 1] ^= 1
    record_file.write_bytes(content)
    with pytest.raises(ValueError, match=r"set-r03\.tfrecords: record 2 is corrupt"):
        index.load(record_file)
