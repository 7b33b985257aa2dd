"""The quick start of the README, typed as it stands there into a folder that holds nothing else."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_SECTION = re.compile(r"^## Quick start.*?^## ", re.MULTILINE | re.DOTALL)
_SYSTEM = re.compile(r"^\*\*([\w-]+)\*\*", re.MULTILINE)
_BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# What `make demo` does before, shortened.
DEMO = """\
python dataset_tool.py create_sample_scans demo_data/scans --count 8
python dataset_tool.py create_uv_maps demo_data/uv_maps demo_data/scans --resolution 64
python dataset_tool.py create_from_pkl_img_norm demo_data/faces demo_data/uv_maps/texture \\
  demo_data/uv_maps/shape demo_data/uv_maps/normals --labels demo_data/uv_maps/labels.csv
python train.py --preset demo --mod quick --dataset demo_data/faces
"""
MADE = {
    "TBGAN": {"pictures", "face_0003.png"},
    "GANimation": {"happy.png"},
    "TDGAN": {"transferred.png"},
    "RD-GAN": {"moved.mp4"},
    "Expressions": {"samples", "happy_0009.png"},
}
pytestmark = pytest.mark.slow


def parts_of_the_quick_start():
    """{"": what comes first, system: its part of the section}, each as (language, lines)s."""
    text = _SECTION.search((ROOT / "README.md").read_text(encoding="utf-8")).group()
    first, *others = _SYSTEM.split(text.partition("**In the browser**")[0])
    parts = {"": first, **dict(zip(others[::2], others[1::2]))}
    return {name: _BLOCK.findall(part) for name, part in parts.items()}


PARTS = parts_of_the_quick_start()


def run(block, folder, language="sh"):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    command = ["bash", "-euxc", block] if language == "sh" else ["python", "-c", block]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where it is typed, with the photos and faces that come first."""
    folder = tmp_path_factory.mktemp("quick_start")
    for name in ("train.py", "dataset_tool.py", "configs.py"):
        (folder / name).symlink_to(ROOT / name)
    ((_, faces),) = PARTS[""]
    run(faces, folder)
    return folder


@pytest.mark.parametrize("system", MADE)
def test_every_command_of_the_quick_start_runs_as_written(system, folder):
    assert set(PARTS) == {"", *MADE}
    assert [language for language, _ in PARTS[system]] == ["sh", "python"]
    if system == "TBGAN":
        pytest.importorskip("menpo3d", reason="the extra [mesh] makes the set of TBGAN")
        run(DEMO, folder)
    for language, block in PARTS[system]:
        run(block, folder, language)
    assert {path.name for path in folder.iterdir()} >= MADE[system]
    if system == "TBGAN":
        assert list((folder / "results").glob("*-interpolation-video-*/*.mp4"))
