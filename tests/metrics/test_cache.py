"""Statistics of reals are kept as plain arrays; broken files and full disks are warnings."""

import io
import logging
import pickle
import zipfile

import numpy as np
import pytest

from tf_facegan.metrics.cache import StatisticsCache

DESCRIPTION = {"metric": "fid", "images": 12}


class Spy:
    def __reduce__(self):
        return pytest.fail, ("code of a pickle was run",)


def kept_file(folder):
    cache = StatisticsCache(folder)
    cache.save(DESCRIPTION, (np.arange(3.0), np.eye(2)))
    (path,) = folder.iterdir()
    return cache, path


def test_what_is_kept_comes_back(tmp_path):
    cache, path = kept_file(tmp_path / "deep" / "cache")
    first, second = cache.load(DESCRIPTION)
    np.testing.assert_array_equal(first, np.arange(3.0))
    np.testing.assert_array_equal(second, np.eye(2))
    assert cache.load({**DESCRIPTION, "images": 13}) is None
    np.load(path, allow_pickle=False)["array0"]


def damages(content):
    array = io.BytesIO()
    np.lib.format.write_array(array, np.array([Spy()], object), allow_pickle=True)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("array0.npy", array.getvalue())
    place = content.find(np.arange(3.0).tobytes()) + 9
    return {
        "empty": b"",
        "cut short": content[: len(content) // 2],
        "flipped": content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :],
        "objects": archive.getvalue(),
        "a pickle": pickle.dumps(Spy()),
    }


@pytest.mark.parametrize("kind", damages(b"\0" * 100))
def test_broken_files_are_made_anew_in_one_line(kind, tmp_path, caplog):
    cache, path = kept_file(tmp_path)
    path.write_bytes(damages(path.read_bytes())[kind])
    with caplog.at_level(logging.WARNING):
        assert cache.load(DESCRIPTION) is None
    (line,) = caplog.messages
    assert str(path) in line and "made anew" in line and "\n" not in line
    cache.save(DESCRIPTION, (np.ones(1),))
    np.testing.assert_array_equal(cache.load(DESCRIPTION), [np.ones(1)])


def test_a_folder_that_takes_nothing_is_a_warning(tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")
    cache = StatisticsCache(tmp_path / "file" / "cache")
    with caplog.at_level(logging.WARNING):
        cache.save(DESCRIPTION, (np.ones(1),))
        assert cache.load(DESCRIPTION) is None
    assert "not kept (Not a directory)" in caplog.messages[0]
