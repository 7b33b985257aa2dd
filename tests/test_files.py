import errno
import json
import os
import resource
import shutil
import signal
import stat
import time

import cv2
import numpy as np
import pytest

from tf_facegan import files
from tf_facegan.files import (
    atomic_file,
    atomic_folder,
    check_new_file,
    read_text,
    resumable_folder,
    write_image,
    write_text,
)


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


def test_the_folder_is_never_gone_while_it_is_replaced(tmp_path, monkeypatch):
    """What a process that is killed at any of its system calls would leave."""
    path, seen = tmp_path / "set", []
    path.mkdir()
    (path / "old").write_text("")
    remove, replace = shutil.rmtree, os.replace

    def watched(function):
        def call(*args, **kwargs):
            seen.append(os.listdir(path) if path.is_dir() else None)
            result = function(*args, **kwargs)
            seen.append(os.listdir(path) if path.is_dir() else None)
            return result

        return call

    monkeypatch.setattr(shutil, "rmtree", watched(remove))
    monkeypatch.setattr(os, "replace", watched(replace))
    with atomic_folder(path, overwrite=True) as folder:
        (folder / "new").write_text("")
    assert seen and all(content in (["old"], ["new"]) for content in seen), seen
    assert os.listdir(tmp_path) == ["set"]


def test_folders_are_replaced_where_they_cannot_change_places(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_exchange", lambda *_: False)
    for content in ("old", "new"):
        with atomic_folder(tmp_path / "set", overwrite=True) as folder:
            (folder / content).write_text("")
    assert os.listdir(tmp_path) == ["set"] and os.listdir(tmp_path / "set") == ["new"]


def interrupted(path, content):
    """Begins to fill a folder and is interrupted."""
    with pytest.raises(KeyboardInterrupt):
        with resumable_folder(path, "fingerprint", overwrite=True) as (folder, _):
            (folder / content).write_text("")
            raise KeyboardInterrupt


def test_what_was_replaced_is_never_gone_on_with(tmp_path, monkeypatch):
    path = tmp_path / "set"
    path.mkdir()
    (path / "old").write_text("")

    def killed(folder, ignore_errors=False):
        if not ignore_errors:
            raise KeyboardInterrupt  # the folders have changed places, nothing is removed yet

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, "rmtree", killed)
        with resumable_folder(path, "fingerprint", overwrite=True) as (folder, _):
            (folder / "new").write_text("")
    assert os.listdir(path) == ["new"]
    with resumable_folder(path, "fingerprint", overwrite=True) as (folder, begun):
        assert begun is None and not os.listdir(folder)


def test_a_clock_that_was_set_back_means_to_begin_anew(tmp_path, monkeypatch):
    path = tmp_path / "set"
    interrupted(path, "half")
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: 1e9)
        with pytest.raises(KeyError), resumable_folder(path, "fingerprint") as (folder, begun):
            assert begun is None and not os.listdir(folder)
            raise KeyError
    interrupted(path, "half")
    with resumable_folder(path, "fingerprint") as (folder, begun):
        assert begun is not None and os.listdir(folder) == ["half"]


def test_lines_that_are_written_again_take_the_place_of_the_first_ones(tmp_path):
    path = tmp_path / "metric.jsonl"
    for kimg in (1, 2, 5, 2, 7):
        files.put_json_line(path, {"kimg": kimg, "value": kimg / 2}, "kimg")
    assert [json.loads(line)["kimg"] for line in path.read_text().splitlines()] == [1, 2, 7]
    with open(path, "a", encoding="utf-8") as file:
        file.write('{"kimg": 8, "val')
    files.put_json_line(path, {"kimg": 9}, "kimg")
    assert [json.loads(line)["kimg"] for line in path.read_text().splitlines()] == [1, 2, 7, 9]


def test_only_what_was_made_there_is_replaced(tmp_path):
    path = tmp_path / "maps"
    path.mkdir()
    (path / "shape0.pkl").write_text("old")
    (path / "mine.txt").write_text("")
    replaced = atomic_folder(path, overwrite=True, owned=("shape*.pkl", "x"))
    with pytest.raises(ValueError, match=r"maps: not replaced, .*: mine\.txt$"), replaced:
        pass
    assert sorted(os.listdir(path)) == ["mine.txt", "shape0.pkl"]
    with pytest.raises(ValueError, match=r"mine\.txt: is a file; a folder to make expected"):
        atomic_folder(path / "mine.txt", overwrite=True).__enter__()
    (path / "mine.txt").unlink()
    with atomic_folder(path, overwrite=True, owned=("shape*.pkl", "x")):
        pass
    assert not os.listdir(path)


def test_a_full_disk_is_an_error_that_names_the_output(tmp_path):
    for make, path in ((atomic_file, tmp_path / "a.png"), (atomic_folder, tmp_path / "set")):
        with pytest.raises(OSError, match=f"No space left.*{path.name}"), make(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert not os.listdir(tmp_path)


def test_new_files(tmp_path):
    check_new_file("--out", tmp_path / "a.PNG", ".png")
    for path in (tmp_path / "a.jpg", tmp_path):
        with pytest.raises(ValueError, match=f"--out {path}: a .png file expected"):
            check_new_file("--out", path, ".png")
    with pytest.raises(FileNotFoundError, match="--out .*none/a.png: no folder .*none"):
        check_new_file("--out", tmp_path / "none/a.png", ".png")


def test_a_picture_that_does_not_fit_says_so(tmp_path):
    picture = np.random.RandomState(0).randint(0, 256, (64, 64, 3)).astype(np.uint8)
    write_image(tmp_path / "a.png", picture)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "a.png")), picture)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            write_image(tmp_path / "b.jpg", picture)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
