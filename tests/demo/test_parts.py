"""What the page takes and offers, without a browser."""

import json
import os
import sys
import time

import numpy as np
import pytest
from PIL import Image

from tf_facegan.demo import __main__ as command
from tf_facegan.demo import models, parts, uploads
from tf_facegan.utilities.video import animation_writer


def write_run(path, system, network="network-final.npz"):
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps({"system": system}))
    if network:
        (path / network).write_bytes(b"")


def test_runs_are_found_by_their_system_newest_first(tmp_path):
    for number, system in enumerate(("tdgan", "rdgan", "tdgan")):
        write_run(tmp_path / f"{number:03d}-run", system, "network-best.npz")
    write_run(tmp_path / "003-no-network-yet", "tdgan", None)
    write_run(tmp_path / "004-other", "nothing-known")
    (tmp_path / "005-damaged").mkdir()
    (tmp_path / "005-damaged" / "config.json").write_text("{")
    (tmp_path / "notes.txt").write_text("no run")
    found = models.Models(tmp_path)
    assert found.names("tdgan") == ["002-run", "000-run"] and found.system("001-run") == "rdgan"
    assert found.names("tbgan") == [] and found.describe() == f"3 networks in {tmp_path}"
    with pytest.raises(ValueError, match="choose a network first"):
        found.pipeline(None)
    assert models.Models(tmp_path / "nothing").names("tdgan") == []


def test_results_are_removed_after_an_hour():
    first, second = (parts.new_file(".mp4") for _ in range(2))
    assert first.suffix == ".mp4" and first != second and first.parent == second.parent
    first.write_bytes(b"old")
    second.write_bytes(b"new")
    hours_ago = time.time() - 2 * parts.KEPT_SECONDS
    os.utime(first, (hours_ago, hours_ago))
    parts.new_file(".glb")
    assert not first.exists() and second.exists()


def test_without_a_run_it_is_said_how_to_get_one():
    for system, commands in models.HOW_TO.items():
        assert commands in models.how_to(system)


def test_photos_are_what_they_say(tmp_path):
    limits = uploads.Limits(megabytes=0.05)
    Image.new("RGB", (40, 30)).save(tmp_path / "photo.jpg")
    limits.check_photo(tmp_path / "photo.jpg", "photo.jpg")
    (tmp_path / "text.jpg").write_text("no picture")
    noise = np.random.RandomState(0).randint(0, 256, (200, 200, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.png")
    Image.new("L", (9000, 4)).save(tmp_path / "wide.png")
    content = (tmp_path / "photo.jpg").read_bytes()
    (tmp_path / "cut.png").write_bytes(content[:20])
    for name, message in (
        ("text.jpg", "text.jpg is no picture that can be read"),
        ("cut.png", "cut.png is no picture that can be read"),
        ("large.png", "the file has 0 MB, at most 0.05 MB are taken"),
        ("wide.png", "wide.png has 9000x4 pixels, at most 8192 a side"),
    ):
        with pytest.raises(ValueError, match=message):
            limits.check_photo(tmp_path / name, name)


def test_drives_are_short_videos_or_tables(tmp_path):
    limits = uploads.Limits()
    with animation_writer(tmp_path / "drive.mp4", 10) as append:
        for _ in range(3):
            append(np.zeros((16, 16, 3), np.uint8))
    (tmp_path / "table.csv").write_text("frame\n")
    for name in ("drive.mp4", "table.csv"):
        limits.check_drive(tmp_path / name)
    (tmp_path / "text.mp4").write_text("no video" * 100)
    (tmp_path / "page.html").write_text("<p>")
    with pytest.raises(ValueError, match="text.mp4 is no video that can be read"):
        limits.check_drive(tmp_path / "text.mp4")
    with pytest.raises(ValueError, match="page.html is neither a video nor a table"):
        limits.check_drive(tmp_path / "page.html")


def test_what_is_missing_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert command.main(["--runs", str(tmp_path), "--port", "1"]) == 1
    error = capsys.readouterr().err
    assert "pip install 'tf_facegan[demo]'" in error and error.count("\n") == 1
    with pytest.raises(ImportError, match=r"the page needs more packages .*\[demo\]"):
        parts.gradio()


@pytest.mark.parametrize(
    "words, message",
    [
        (["--port", "0"], "--port 0: 1 to 65535 expected"),
        (["--runs", "nowhere"], "--runs nowhere: no such folder"),
        (["--port", "x"], "invalid int value: 'x'"),
        (["--max_upload", "0"], "--max_upload 0: above 0 expected"),
        (["--nothing"], "unrecognized arguments: --nothing"),
    ],
)
def test_mistakes_are_one_line(words, message, capsys):
    try:
        code = command.main(words)
    except SystemExit as stop:
        code = stop.code
    error = capsys.readouterr().err
    assert code == 1 and message in error and error.count("\n") == 1
