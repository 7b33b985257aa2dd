import os
import stat

import pytest

from tf_facegan.files import atomic_file, atomic_folder, read_text, write_text


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "config.json"
    write_text(path, "old")
    with pytest.raises(KeyError), atomic_file(path, "w") as file:
        file.write("half of the new")
        raise KeyError
    assert path.read_text() == "old"
    write_text(path, "new")
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["config.json"]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


def test_texts_with_and_without_a_mark_and_other_bytes(tmp_path):
    path = tmp_path / "a.txt"
    for mark in (b"", b"\xef\xbb\xbf"):
        path.write_bytes(mark + "größer\n".encode())
        assert read_text(path) == "größer\n"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"a\.txt: not a text file"):
        read_text(path)


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a" / "set"
    with pytest.raises(KeyError), atomic_folder(path) as folder:
        (folder / "half").write_text("")
        raise KeyError
    assert not path.exists() and not os.listdir(tmp_path / "a")
    with atomic_folder(path) as folder:
        assert not path.exists()
        (folder / "first").write_text("")
    assert os.listdir(path) == ["first"]


def test_a_folder_is_replaced_only_when_asked(tmp_path):
    path = tmp_path / "set"
    path.mkdir()
    (path / "old").write_text("")
    with pytest.raises(ValueError, match="exists already; .* --overwrite"), atomic_folder(path):
        pass
    with pytest.raises(KeyError), atomic_folder(path, overwrite=True):
        raise KeyError
    assert os.listdir(path) == ["old"]
    with atomic_folder(path, overwrite=True) as folder:
        (folder / "new").write_text("")
    assert os.listdir(path) == ["new"]
    assert os.listdir(tmp_path) == ["set"]
