"""Tiny runs of every system, as the command line starts them."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

from tests import tiny as tbgan
from tests.expression import tiny as expression
from tests.ganimation import tiny as ganimation
from tests.rdgan import tiny as rdgan
from tests.tdgan import tiny as tdgan

ROOT = Path(__file__).parents[2]


_EVERY_TICK = {"train.image_snapshot_ticks": 1, "train.network_snapshot_ticks": 1}


@dataclasses.dataclass(frozen=True)
class Tiny:
    """A tiny run.

    Attributes:
      preset: str.
      write: function of a folder that writes the sets and returns {role: path}.
      changes: {dotted field: value}, which make the run tiny.
      length: function of a number of iterations that returns the changes by which the run is about
        that long.
      often: changes by which every line of the log comes with a sheet and a snapshot.
    """

    preset: str
    write: object
    changes: dict
    length: object
    often: dict = dataclasses.field(default_factory=lambda: dict(_EVERY_TICK))

    def flags(self, sets, results, iterations, **changes):
        """Returns the words with which train.py starts the run."""
        words = ["--preset", self.preset, "--result_dir", results]
        for role, path in sets.items():
            words += ["--dataset", f"{role}={path}"]
        for name, value in {**self.changes, **self.length(iterations), **changes}.items():
            words += ["--set", f"{name}={value}"]
        return [str(word) for word in words]


def _faces(write):
    return lambda folder: {"faces": write(folder / "faces")}


def _half_trained(iterations):
    return {"face.max_iter": iterations // 2, "fine.max_iter": iterations // 2}


_EXPRESSION = {"train.batch_size": 8}

SYSTEMS = {
    "tbgan": Tiny(
        "demo",
        _faces(tbgan.write_faces),
        tbgan.CHANGES,
        lambda n: {"train.total_kimg": n * 16 / 1000},
    ),
    "ganimation": Tiny(
        "ganimation-celeba",
        _faces(ganimation.write_faces),
        ganimation.CHANGES,
        lambda n: {"train.num_epochs": -(-n // 6)},
        {"train.sample_step": 2, "train.model_save_step": 2},
    ),
    "rdgan": Tiny(
        "rdgan-ck",
        _faces(rdgan.write_sequences),
        rdgan.CHANGES,
        _half_trained,
        {"train.summary_iterations": 2, "train.times_to_save": 2},
    ),
    "tdgan": Tiny(
        "tdgan-raf",
        tdgan.write_sets,
        # An epoch has three kinds of steps: without the update of D_FR, and of fewer pairs, too.
        {**tdgan.CHANGES, "train.D_gap_FR": 2, "train.D_gap_ER": 1, "train.batch_size": 5},
        lambda n: {"train.epochs": -(-n // 3)},
    ),
    "expression-autoencoder": Tiny(
        "expression-autoencoder-raf",
        _faces(expression.write_faces),
        {**_EXPRESSION, **expression.CHANGES["autoencoder"]},
        lambda n: {"train.epochs": -(-n // 5)},
    ),
    "expression-cwgan": Tiny(
        "expression-cwgan-raf",
        _faces(expression.write_faces),
        {**_EXPRESSION, **expression.CHANGES["cwgan"]},
        lambda n: {"train.epochs": -(-n * 3 // 5), "train.iterations": n},
    ),
    "expression-vgg16": Tiny(
        "expression-vgg16-raf",
        _faces(expression.write_faces),
        {**_EXPRESSION, **expression.CHANGES["vgg16"]},
        lambda n: {
            "train.steps_per_epoch": 2,
            "train.epochs": -(-n // 4),
            "train.fine_tune_epochs": -(-n // 4),
        },
    ),
}


def environment():
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}


def start(script, words, output, cwd=ROOT):
    """Starts a script of the command line; both its outputs go to a file."""
    line = [sys.executable, str(ROOT / script), *map(str, words)]
    with open(output, "wb") as file:
        return subprocess.Popen(line, cwd=cwd, env=environment(), stdout=file, stderr=file)
