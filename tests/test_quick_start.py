"""The quick start of the README, typed as it stands there into a folder that holds nothing else."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_SECTION = re.compile(r"^## Quick start.*?^## ", re.MULTILINE | re.DOTALL)
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
    "face_0003.png",
    "happy_0009.png",
    "happy.png",
    "moved.mp4",
    "pictures",
    "samples",
    "transferred.png",
}


@pytest.mark.slow
def test_every_command_of_the_quick_start_runs_as_written(tmp_path):
    pytest.importorskip("menpo3d", reason="the extra [mesh] makes the set of TBGAN")
    text = _SECTION.search((ROOT / "README.md").read_text(encoding="utf-8")).group()
    blocks = [block for block in _BLOCK.findall(text) if "pip install" not in block[1]]
    assert len(blocks) == 11  # faces, and two for each system
    for name in ("train.py", "dataset_tool.py", "configs.py"):
        (tmp_path / name).symlink_to(ROOT / name)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    for language, block in [("sh", DEMO), *blocks]:
        command = ["bash", "-euxc", block] if language == "sh" else ["python", "-c", block]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    assert {path.name for path in tmp_path.iterdir()} >= MADE
    assert list((tmp_path / "results").glob("*-interpolation-video-*/*.mp4"))
