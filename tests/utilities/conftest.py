"""An untrained network in a run folder, for every utility run."""

import cv2
import numpy as np
import pytest

from tests import tiny
from tf_facegan.engine import run_folder
from tf_facegan.engine.devices import make_strategy
from tf_facegan.tbgan.inference import TBGANPipeline
from tf_facegan.tbgan.trainer import Trainer
from tf_facegan.uv.layout import UVLayout


@pytest.fixture(scope="session")
def run(faces, tmp_path_factory):
    """The folder of a run that has a UV layout, and sheets of samples with their log."""
    results = tmp_path_factory.mktemp("results")
    trainer = Trainer(tiny.config_for(faces), make_strategy(1))
    run = run_folder.create(results, "pgan")
    run.save_config(trainer.config)
    trainer.prepare_run(run)
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    triangles = np.array([[0, 1, 2], [1, 3, 2]])
    UVLayout.from_tcoords(8, corners, triangles, np.ones((8, 8)), 1.0, np.zeros(3)).save(
        run.path / "uv_layout.npz"
    )
    run.save_snapshot("network-snapshot-000001.npz", trainer.networks())
    log = []
    for number, kimg in enumerate((0.5, 2.0, 3.5)):
        cv2.imwrite(str(run.path / f"fakes{int(kimg):06d}.png"), np.full((40, 64, 3), 80 * number))
        log.append(
            f"tick {number}     kimg {kimg:<8.1f} lod {2 - number:<5.2f} minibatch 8    "
            f"time {number}h 10m 05s   sec/tick 9.0 sec/kimg 9.00"
        )
    (run.path / "log.txt").write_text("Resumed at 0.1 kimg\n" + "\n".join(log) + "\n")
    return run


@pytest.fixture(scope="session")
def pipeline(run):
    return TBGANPipeline.from_run(run.path)
