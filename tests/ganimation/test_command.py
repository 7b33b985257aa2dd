"""`train.py` with GANimation's presets."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import configs
import train
from tests.ganimation import tiny
from tf_facegan.engine import run_folder

ROOT = Path(__file__).parents[2]
PRESETS = [name for name, (system, _) in configs.PRESETS.items() if system == "ganimation"]


def command(*flags):
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    line = [sys.executable, str(ROOT / "train.py"), *map(str, flags)]
    return subprocess.run(line, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("mod", [[], ["--mod", "virtual"]])
def test_presets_and_switches_are_configurations(preset, mod, capsys):
    assert train.main(["--preset", preset, *mod, "--dry_run"]) == 0
    assert f"use_virtual = {bool(mod)}" in capsys.readouterr().out


def test_a_run(au_faces, tmp_path):
    sets = [f"--set={name}={value!r}" for name, value in tiny.CHANGES.items()]
    flags = ["--preset", "ganimation-celeba", "--dataset", au_faces, "--result_dir", tmp_path]
    done = command(*flags, *sets, "--set=train.num_epochs=1")
    assert done.returncode == 0, done.stderr
    (run,) = tmp_path.iterdir()
    assert run.name.startswith("000-ganimation-") and run.name.endswith("preset-ganimation-celeba")
    assert (run / "network-final.npz").is_file() and (run / "reals.png").is_file()
    assert run_folder.RunFolder(run).load_config().train.num_epochs == 1
    done = command("--utility", "generate_fake_images", "--result_dir", tmp_path)
    assert done.returncode == 1
    assert "generate_fake_images is not for ganimation; it has: evaluate_editing" in done.stderr
