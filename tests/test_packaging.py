"""`pip install .` into an empty environment, and what answers there at once."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SECONDS = 1.0  # of a processor, so that busy machines count alike


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A checkout without what git does not know."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "configs.py"):
        shutil.copy(ROOT / name, folder)
    for name in ("train.py", "dataset_tool.py"):
        shutil.copy(ROOT / name, folder)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tf_facegan", folder / "tf_facegan", ignore=ignored)
    return folder


@pytest.fixture(scope="module")
def python(source, tmp_path_factory):
    """The interpreter of an environment that holds the package and what it requires."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    known = subprocess.run(
        [*pip, "download", "--no-deps", "--dest", folder / "wheels", "six"], capture_output=True
    )
    if known.returncode:
        pytest.skip("no package index can be reached")
    without_a_compiler = {**os.environ, "CC": "/bin/false", "CXX": "/bin/false"}
    done = subprocess.run(
        [*pip, "install", source], env=without_a_compiler, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return python


def least_cpu_seconds(words, folder):
    """The least processor time of three calls, and what the last one printed."""
    taken = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == 0, done.stderr
        taken.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return min(taken), done.stdout


@pytest.mark.slow
def test_what_answers_at_once(python, source, tmp_path):
    code = "import sys, tf_facegan; print('tensorflow' in sys.modules, tf_facegan.__file__)"
    seconds, said = least_cpu_seconds([python, "-c", code], tmp_path)
    assert seconds < SECONDS
    assert said.startswith("False ") and str(python.parents[1]) in said
    for tool in ("train.py", "dataset_tool.py"):
        seconds, said = least_cpu_seconds([python, tool, "-h"], source)
        assert seconds < SECONDS, tool
        assert said.startswith("usage:")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (["dataset_tool.py", "create_sample_scans", "scans"], "[mesh]"),
        (["dataset_tool.py", "create_lsun", "set", "."], "[lsun]"),
        (["-m", "tf_facegan.demo", "--runs", "."], "[demo]"),
    ],
)
def test_a_missing_extra_is_one_line_that_names_it(python, source, words, extra):
    done = subprocess.run([python, *words], cwd=source, capture_output=True, text=True)
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert extra in line and "pip install" in line and "Traceback" not in done.stderr


@pytest.mark.slow
def test_faces_are_made_without_any_extra(python, source, tmp_path):
    words = ["create_toy_faces", tmp_path / "faces", "--count", "8", "--identities", "2"]
    words += ["--resolution", "32", "--test_share", "0"]
    subprocess.run([python, "dataset_tool.py", *words], cwd=source, check=True)
    subprocess.run([python, "dataset_tool.py", "check", tmp_path / "faces"], cwd=source, check=True)
