import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.records import sets
from tf_facegan.records import places, work, writer
from tf_facegan.records.reader import RecordSet

ROOT = Path(__file__).resolve().parents[2]


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def fail_at(bad, number):
    """Loads random examples; the number `bad` is not readable."""
    if number == bad:
        raise ValueError(f"face{number:02d}.png: not a readable image")
    return sets.arrays(1, 3, 8)[0]


def slow(number):
    time.sleep(0.05)
    return sets.arrays(1, 3, 8)[0]


def write_with(path, load, count, **options):
    options = {"modalities": [["image", 3]], "value_range": [-1, 1], "workers": 1, **options}
    return writer.write_set(path, range(count), load, **options)


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_files_do_not_depend_on_the_number_of_workers(tmp_path, monkeypatch, dtype):
    monkeypatch.setattr(work, "_CHUNK_EXAMPLES", 2)
    images = sets.arrays(11, 3, 16, dtype)
    labels = np.arange(22).reshape(11, 2)
    written = []
    for workers in (1, 3):
        path = tmp_path / str(workers) / "faces"
        path.parent.mkdir()
        sets.write(path, images, labels=labels, workers=workers)
        written.append(contents(path))
    assert written[0] == written[1]
    assert sorted(written[0]) == [
        "faces-r02.idx.npy",
        "faces-r02.tfrecords",
        "faces-r03.idx.npy",
        "faces-r03.tfrecords",
        "faces-r04.idx.npy",
        "faces-r04.tfrecords",
        "faces-rxx.labels",
        "faces.json",
    ]


def test_large_records_go_to_the_disk_early(tmp_path, monkeypatch):
    advised = []
    monkeypatch.setattr(places, "_BEHIND_BYTES", 1)
    monkeypatch.setattr(work, "_CHUNK_BYTES", 1)
    monkeypatch.setattr(os, "posix_fadvise", lambda *args: advised.append(args), raising=False)
    images = sets.arrays(6)
    sets.write(tmp_path / "faces", images)
    np.testing.assert_array_equal(RecordSet(tmp_path / "faces").read(range(6)), images)
    size = os.path.getsize(tmp_path / "faces" / "faces-r03.tfrecords") // 6
    largest = [offset for _, offset, length, _ in advised if length == size]
    assert [offset // size for offset in largest] == [0, 1, 2, 0, 3, 1, 4, 2, 5, 3]


def test_a_single_size_set(tmp_path):
    images = np.random.RandomState(0).randint(0, 256, (5, 3, 10, 14)).astype(np.uint8)
    info = sets.write(tmp_path / "small", images, kind="single-size", fields={"id": np.arange(5)})
    assert info.shape == [3, 10, 14]
    assert (tmp_path / "small" / "small-s10x14.tfrecords").is_file()
    found = RecordSet(tmp_path / "small")
    np.testing.assert_array_equal(found.read([4, 2]), images[[4, 2]])
    (batch, *_) = found.iterate(2, shuffle=False).__next__()["images"]
    np.testing.assert_array_equal(batch, images[0])


def test_attachments_are_copied(tmp_path):
    layout = tmp_path / "uv_layout.npz"
    np.savez(layout, tcoords=np.zeros((2, 2)))
    sets.write(tmp_path / "faces", sets.arrays(2), attachments=[layout])
    found = RecordSet(tmp_path / "faces").uv_layout
    assert found == tmp_path / "faces" / "uv_layout.npz"
    assert found.read_bytes() == layout.read_bytes()


def test_a_name_with_a_slash_at_its_end(tmp_path):
    assert sets.write(f"{tmp_path}/faces/", sets.arrays(2)).name == "faces"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bad_example_is_named_and_no_set_is_left(tmp_path, monkeypatch, workers):
    monkeypatch.setattr(work, "_CHUNK_EXAMPLES", 1)
    with pytest.raises(ValueError, match=r"face05\.png: not a readable image"):
        write_with(tmp_path / "faces", functools.partial(fail_at, 5), 8, workers=workers)
    assert [path.name for path in tmp_path.iterdir()] == [".faces.partial"]


def test_a_build_that_fails_at_once_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"face05\.png: not a readable image"):
        write_with(tmp_path / "faces", functools.partial(fail_at, 5), 8)
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_dies_is_an_error_and_no_set_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(work, "_CHUNK_EXAMPLES", 1)
    parent = os.getpid()
    load = functools.partial(_die_elsewhere, parent)
    with pytest.raises(OSError, match="a worker process died"):
        write_with(tmp_path / "faces", load, 200, workers=2)
    assert not (tmp_path / "faces").exists()


def _die_elsewhere(parent, number):
    if os.getpid() != parent:
        os._exit(1)
    time.sleep(0.02)
    return sets.arrays(1, 3, 8)[0]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([np.zeros((3, 8, 8), np.float64)], "0: an array float64"),
        ([np.zeros((8, 8), np.float32)], "0: an array float32"),
        ([np.zeros((3, 12, 12), np.float32)], "12x12; a multi-resolution set needs"),
        ([np.zeros((3, 8, 4), np.float32)], "4x8; a multi-resolution set needs"),
        (
            [np.zeros((3, 8, 8), np.float32), np.zeros((3, 4, 4), np.float32)],
            r"1: float32 \[3, 4, 4\], but the first example is float32 \[3, 8, 8\]",
        ),
        (
            [np.zeros((3, 8, 8), np.float32), np.full((3, 8, 8), np.nan, np.float32)],
            "1: holds NaN or infinite values",
        ),
    ],
)
def test_bad_arrays(tmp_path, images, message):
    with pytest.raises(ValueError, match=message):
        sets.write(tmp_path / "faces", images, value_range=[-1, 1])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": np.zeros((3, 2))}, r"labels have shape \[3, 2\], \[4, L\]"),
        ({"fields": {"frame": np.zeros(3)}}, "field frame is"),
        ({"fields": {"labels": np.zeros(4)}}, "labels is a name that batches use"),
        ({"workers": 0}, "--workers is 0"),
        ({"labels": np.zeros((4, 2)), "label_names": ["a"]}, "1 names for 2"),
    ],
)
def test_bad_options(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        sets.write(tmp_path / "faces", sets.arrays(4), **options)
    assert list(tmp_path.iterdir()) == []


def test_no_examples(tmp_path):
    with pytest.raises(ValueError, match="no examples"):
        write_with(tmp_path / "faces", slow, 0)


def test_values_out_of_range_are_counted(tmp_path, caplog):
    images = sets.arrays(6, 3)
    images[2, 1] += 0.5
    images[4, 0, 0, 0] = -3
    sets.write(tmp_path / "faces", images)
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.startswith("2 of 6 examples have values outside [-1, 1]; the worst is 4 with -3")


def test_an_existing_set_is_kept_or_replaced(tmp_path):
    path = tmp_path / "faces"
    sets.write(path, sets.arrays(3))
    before = contents(path)
    with pytest.raises(ValueError, match="faces: exists; give --overwrite"):
        sets.write(path, sets.arrays(4))
    assert contents(path) == before
    sets.write(path, sets.arrays(4), overwrite=True)
    assert RecordSet(path).count == 4
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_replacement_keeps_what_was_there(tmp_path):
    path = tmp_path / "faces"
    sets.write(path, sets.arrays(3))
    before = contents(path)
    with pytest.raises(ValueError, match="face02"):
        write_with(path, functools.partial(fail_at, 2), 4, overwrite=True)
    assert contents(path) == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "faces").mkdir()
    sets.write(tmp_path / "faces", sets.arrays(3))
    assert RecordSet(tmp_path / "faces").count == 3


def test_other_files_are_never_deleted(tmp_path):
    path = tmp_path / "faces"
    sets.write(path, sets.arrays(3))
    (path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"not replaced.*notes\.txt"):
        sets.write(path, sets.arrays(4), overwrite=True)
    assert (path / "notes.txt").read_text() == "mine"
    assert RecordSet(path).count == 3


def test_a_full_disk_is_noticed_before_writing(tmp_path, monkeypatch):
    usage = writer.shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(writer.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match="are free"):
        sets.write(tmp_path / "faces", sets.arrays(3))
    assert list(tmp_path.iterdir()) == []


def interrupt(tmp_path, number, until, whole_group=False):
    """Starts a build of two workers and sends a signal to the parent, or to all as Ctrl-C does."""
    code = (
        "import signal, sys\n"
        "from tests.records import test_writer\n"
        "for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell ignores the first\n"
        "    signal.signal(number, signal.default_int_handler)\n"
        "if __name__ == '__main__':\n"
        "    test_writer.write_with(sys.argv[1], test_writer.slow, 2000, workers=2)\n"
    )
    script = tmp_path / "build.py"
    script.write_text(code)
    sets_folder = tmp_path / "sets"
    sets_folder.mkdir()
    command = [sys.executable, str(script), str(sets_folder / "faces")]
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    with open(tmp_path / "errors.txt", "w") as errors:
        build = subprocess.Popen(command, env=environment, stderr=errors, start_new_session=True)
    try:
        deadline = time.time() + 60
        while not until(build, sets_folder):
            assert build.poll() is None and time.time() < deadline
            time.sleep(0.05)
        (os.killpg if whole_group else os.kill)(build.pid, number)
        build.wait(60)
    finally:
        build.kill()
    return sets_folder, build


def is_writing(build, folder):
    return any(folder.glob(".*/*/*.tfrecords")) and children(build.pid)


def children(pid):
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_no_set(tmp_path, number):
    folder, build = interrupt(tmp_path, number, is_writing)
    assert build.returncode != 0
    assert {path.name for path in folder.iterdir()} <= {".faces.partial"}


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_workers_do_not_answer_ctrl_c_while_they_start(tmp_path):
    def is_starting(build, folder):
        return len(children(build.pid)) > 1  # the other one keeps track of shared memory

    _, build = interrupt(tmp_path, signal.SIGINT, is_starting, whole_group=True)
    assert build.returncode != 0
    assert (tmp_path / "errors.txt").read_text().count("Traceback") == 1  # the parent's


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_a_killed_build_leaves_no_set_and_no_process(tmp_path):
    processes = []

    def is_ready(build, folder):
        processes[:] = children(build.pid)
        return is_writing(build, folder) and processes

    folder, _ = interrupt(tmp_path, signal.SIGKILL, is_ready)
    assert not (folder / "faces").exists()
    for hidden in folder.iterdir():
        with pytest.raises((ValueError, FileNotFoundError)):
            RecordSet(hidden)
    deadline = time.time() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in processes):
        assert time.time() < deadline, "worker processes outlive the build"
        time.sleep(0.1)
    sets.write(folder / "faces", sets.arrays(2))
    assert RecordSet(folder / "faces").count == 2
