"""`ganimation-toy` learns to edit: an independent judge reads the asked action units (slow)."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tf_facegan.ganimation.inference import GANimationPipeline
from tf_facegan.utilities import evaluate_editing

ROOT = Path(__file__).parents[2]
SEEDS = (1, 2)


def command(script, *flags):
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    line = [sys.executable, str(ROOT / script), *map(str, flags)]
    subprocess.run(line, cwd=ROOT, env=env, check=True)


@pytest.fixture(scope="module")
def toy_faces(tmp_path_factory):
    """The set that `docs/ganimation.md` trains on; its test part has other faces."""
    folder = tmp_path_factory.mktemp("data") / "toy"
    size = ("--count", 10000, "--identities", 500, "--resolution", 64)
    parts = ("--test_share", 0.1, "--variation", 0)
    command("dataset_tool.py", "create_toy_faces", folder, *size, *parts)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_asked_action_units_appear_and_the_rest_stays(seed, toy_faces, tmp_path):
    began = time.monotonic()
    run = ("--preset", "ganimation-toy", "--dataset", toy_faces / "train")
    command("train.py", *run, "--result_dir", tmp_path, f"--set=random_seed={seed}")
    minutes = (time.monotonic() - began) / 60
    pipeline = GANimationPipeline.from_run("latest", result_dir=tmp_path)
    report, _ = evaluate_editing.evaluate(pipeline, evaluate_editing.Options())
    print(f"\nseed {seed}, {minutes:.1f} minutes of training")
    print("\n".join(evaluate_editing.summary(report)))
    assert report["au_error_ratio"] <= 0.5
    assert report["kept_change"] <= 0.02
    assert 0.1 <= report["attention_mean"] <= 0.9
    assert minutes <= 30
