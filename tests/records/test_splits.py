import functools
import shutil

import pytest

from tests.records import sets
from tf_facegan.records import splits
from tf_facegan.records.reader import RecordSet

PARTS = {"train": (4, 1), "test": (2, 7)}


def write(path, part, overwrite, workers, size=8, fail=(), log=None, on_error=None):
    """Writes a set of part[0] images; `fail` names those that cannot be written."""
    if log is not None:
        log.append(path.name)
    if path.name in fail:
        raise ValueError(f"{path.name}: bad file")
    images = sets.arrays(part[0], 3, size)
    return sets.write(path, images, overwrite=overwrite, workers=workers)


def write_splits(path, parts=None, overwrite=False, fail=(), log=None, **options):
    function = functools.partial(write, fail=fail, log=log)
    return splits.write_splits(path, parts or PARTS, function, overwrite, 1, **options)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_set_for_each_split(tmp_path):
    written = write_splits(tmp_path / "faces")
    assert names(tmp_path / "faces") == ["test", "train"]
    assert {name: info.count for name, info in written.items()} == {"train": 4, "test": 2}
    assert RecordSet(tmp_path / "faces/test").count == 2


def test_names_of_several_parts(tmp_path):
    write_splits(tmp_path / "faces", {"fold0/train": (3, 0), "fold1/train": (2, 0)})
    assert RecordSet(tmp_path / "faces/fold1/train").count == 2


def test_a_build_goes_on_where_it_stopped(tmp_path):
    with pytest.raises(ValueError, match="test: bad file"):
        write_splits(tmp_path / "faces", fail=["test"])
    assert names(tmp_path / "faces") == [splits.UNFINISHED, "train"]
    log = []
    written = write_splits(tmp_path / "faces", log=log)
    assert log == ["test"] and list(written) == ["test"]
    assert names(tmp_path / "faces") == ["test", "train"]


def test_a_set_that_is_gone_is_made_again(tmp_path):
    with pytest.raises(ValueError, match="test: bad file"):
        write_splits(tmp_path / "faces", fail=["test"])
    shutil.rmtree(tmp_path / "faces/train")
    write_splits(tmp_path / "faces")
    assert names(tmp_path / "faces") == ["test", "train"]


@pytest.mark.parametrize(
    ("parts", "options"), [({"train": (4, 1), "test": (3, 7)}, {}), (None, {"size": 16})]
)
def test_a_build_of_something_else_begins_anew(tmp_path, parts, options):
    with pytest.raises(ValueError):
        write_splits(tmp_path / "faces", fail=["test"])
    log = []
    write_splits(tmp_path / "faces", parts, log=log, **options)
    assert log == ["train", "test"]


def test_sets_of_an_earlier_build_do_not_count_as_done(tmp_path):
    write_splits(tmp_path / "faces", size=16)
    with pytest.raises(ValueError):
        write_splits(tmp_path / "faces", overwrite=True, fail=["test"])
    log = []
    write_splits(tmp_path / "faces", log=log)
    assert log == ["test"]
    assert RecordSet(tmp_path / "faces/test").resolution == 8


def test_going_on_with_errors_skipped(tmp_path):
    with pytest.raises(ValueError):
        write_splits(tmp_path / "faces", fail=["test"], on_error="stop")
    assert list(write_splits(tmp_path / "faces", on_error="skip")) == ["test"]


def test_nothing_is_left_of_a_build_that_did_not_begin(tmp_path):
    with pytest.raises(ValueError):
        write_splits(tmp_path / "faces", fail=["train"])
    with pytest.raises(ValueError):
        write_splits(tmp_path / "folds", {"fold0/train": (1, 1)}, fail=["train"])
    assert names(tmp_path) == []


def test_what_is_there_is_not_replaced_unasked(tmp_path):
    write_splits(tmp_path / "faces")
    with pytest.raises(ValueError, match="faces: exists; give --overwrite"):
        write_splits(tmp_path / "faces")
    write_splits(tmp_path / "faces", {"train": (1, 1), "test": (1, 1)}, overwrite=True)
    assert RecordSet(tmp_path / "faces/train").count == 1
    (tmp_path / "faces/notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="it holds more than test, train: notes.txt"):
        write_splits(tmp_path / "faces", overwrite=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="file: is a file or a link; a folder to make expected"):
        write_splits(tmp_path / "file", overwrite=True)
