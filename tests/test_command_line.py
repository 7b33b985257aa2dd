import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from tf_facegan.command_line import run


def raising(error):
    def command(_):
        raise error

    return command


@pytest.mark.parametrize("error", (ValueError, FileNotFoundError, PermissionError, ImportError))
def test_what_a_user_can_mend_is_one_line(error, capsys):
    args = argparse.Namespace(debug=False)
    assert run(raising(error("bad.png:\n  not an image")), args) == 1
    assert capsys.readouterr().err == "error: bad.png: not an image\n"


def test_debug_shows_the_traceback(capsys):
    assert run(raising(ValueError("bad")), argparse.Namespace(debug=True)) == 1
    assert "Traceback" in capsys.readouterr().err


def test_exit_codes():
    args = argparse.Namespace()
    assert run(lambda _: None, args) == 0
    assert run(lambda _: 143, args) == 143
    assert run(raising(KeyboardInterrupt()), args) == 130


def test_a_defect_of_ours_is_not_hidden():
    with pytest.raises(KeyError):
        run(raising(KeyError("x")), argparse.Namespace())


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (FileNotFoundError(2, "No such file or directory", "a.png"), "a.png: no such file or "),
        (PermissionError(13, "Permission denied", b"a"), "a: permission denied\n"),
        (OSError(18, "Invalid cross-device link", "a", None, "b"), "a to b: invalid cross-device"),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device\n"),
    ],
)
def test_errors_of_the_disk_name_the_file_first(error, line, capsys):
    assert run(raising(error), argparse.Namespace(debug=False)) == 1
    assert capsys.readouterr().err.startswith(f"error: {line}")


def test_output_that_nobody_reads_is_no_error():
    words = [sys.executable, "train.py", "--list_presets"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(words, cwd=Path(__file__).parents[1], **pipes) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_a_broken_pipe_of_another_program_is_an_error(capsys):
    error = BrokenPipeError(32, "Broken pipe")
    assert run(raising(error), argparse.Namespace(debug=False)) == 1
    assert "Broken pipe" in capsys.readouterr().err
