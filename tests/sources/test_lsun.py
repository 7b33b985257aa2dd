import io
import sys

import numpy as np
import pytest
from PIL import Image

from tf_facegan.records.reader import RecordSet
from tf_facegan.sources import lsun


@pytest.fixture
def lmdb():
    return pytest.importorskip("lmdb")


def photograph(number, height=20, width=30, channels=3):
    shape = (height, width, channels)
    return np.random.RandomState(number).randint(0, 256, shape).astype(np.uint8)


def encoded(array, kind="WEBP", **options):
    file = io.BytesIO()
    Image.fromarray(np.squeeze(array)).save(file, kind, **options)
    return file.getvalue()


def write(folder, entries):
    import lmdb

    with lmdb.open(str(folder), map_size=1 << 24) as data_base:
        with data_base.begin(write=True) as transaction:
            for key, content in entries.items():
                transaction.put(key, content)
    return folder


@pytest.fixture
def folder(tmp_path, lmdb):
    entries = {
        f"{key:040x}".encode(): encoded(photograph(key), lossless=True) for key in (7, 3, 255, 4)
    }
    return write(tmp_path / "church_train_lmdb", entries)


def test_squares_in_the_order_of_the_data_base(tmp_path, folder):
    info = lsun.create_set(tmp_path / "set", folder, resolution=16, workers=1)
    assert (info.labels, info.shape, info.dtype) == (None, [3, 16, 16], "uint8")
    found = RecordSet(tmp_path / "set").read(range(4))
    for image, key in zip(found, (3, 4, 7, 255)):
        square = Image.fromarray(photograph(key)[:, 5:25])
        expected = np.asarray(square.resize((16, 16), Image.Resampling.LANCZOS))
        np.testing.assert_array_equal(image, expected.transpose(2, 0, 1))


def test_the_first_so_many(tmp_path, folder):
    assert lsun.create_set(tmp_path / "set", folder, resolution=16, max_images=2).count == 2


def test_workers_make_the_same_set(tmp_path, lmdb):
    entries = {b"%03d" % key: encoded(photograph(key)) for key in range(150)}
    folder = write(tmp_path / "church_train_lmdb", entries)
    written = []
    for workers in (1, 3):
        path = tmp_path / str(workers) / "set"
        path.parent.mkdir()
        lsun.create_set(path, folder, resolution=16, workers=workers)
        written.append({entry.name: entry.read_bytes() for entry in path.iterdir()})
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x", "not a readable image"),
        (b"", "not a readable image"),
        (encoded(photograph(0, channels=1), "PNG"), "grey, RGB expected"),
    ],
)
def test_bad_entries_are_named(tmp_path, lmdb, content, message):
    entries = {b"good": encoded(photograph(0)), b"of \xff": content}
    folder = write(tmp_path / "church_train_lmdb", entries)
    with pytest.raises(ValueError, match=rf"church_train_lmdb/data\.mdb: of \\xff: {message}"):
        lsun.create_set(tmp_path / "set", folder, workers=1)
    assert lsun.create_set(tmp_path / "set", folder, workers=1, on_error="skip").count == 1


def test_no_data_base(tmp_path, lmdb):
    with pytest.raises(FileNotFoundError, match=r"lmdb/data\.mdb: missing; the folder of an LMDB"):
        lsun.create_set(tmp_path / "set", tmp_path / "lmdb")
    (tmp_path / "lmdb").mkdir()
    (tmp_path / "lmdb" / "data.mdb").write_bytes(b"x" * 10000)
    with pytest.raises(ValueError, match=r"lmdb/data\.mdb: not a readable LMDB data base"):
        lsun.create_set(tmp_path / "set", tmp_path / "lmdb")


def test_a_damaged_data_base(tmp_path, folder):
    file = folder / "data.mdb"
    content = bytearray(file.read_bytes())
    content[8192:] = b"\xff" * len(content[8192:])  # behind the two pages that describe it
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"data\.mdb: not a readable LMDB data base"):
        lsun.create_set(tmp_path / "set", folder)


def test_an_empty_data_base(tmp_path, lmdb):
    folder = write(tmp_path / "church_train_lmdb", {})
    with pytest.raises(ValueError, match=r"data\.mdb: holds no entries"):
        lsun.create_set(tmp_path / "set", folder)


def test_sizes(tmp_path, folder):
    with pytest.raises(ValueError, match="--resolution is 100; the size is 100x100; a multi-res"):
        lsun.create_set(tmp_path / "set", folder, resolution=100)


def test_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(
        ImportError, match=r"create_lsun needs more .*pip install 'tf_facegan\[lsun\]'"
    ):
        lsun.create_set(tmp_path / "set", tmp_path)
