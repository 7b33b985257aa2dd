"""The steps that training takes, in published mode, against results of the published code."""

import numpy as np
import pytest
import tensorflow as tf

from tests.rdgan import golden
from tests.rdgan.golden import vectors
from tf_facegan import config as configuration
from tf_facegan.rdgan import stages
from tf_facegan.rdgan.config import PUBLISHED, Config

D_RATE, G_RATE = 0.05, 5.0  # those fed to the published steps
SEEDS = {name: tf.zeros([2, 2], tf.int64) for name in ("G", "D/real", "D/made", "face")}
CASES = {
    "face": ("facegan", {"sources": "leftI", "targets": "rightI", "boundaries": "rightB"}),
    "fine": ("finegan", {"sources": "1", "coarse": "2", "targets": "_real"}),
    "two_way": (
        "twoway",
        {
            "sources": "leftI",
            "targets": "rightI",
            "source_boundaries": "leftB",
            "boundaries": "rightB",
        },
    ),
}


def make(name):
    """The stage with the recipe's weights."""
    changes = {"networks.dropout_keep": 1.0}
    if name == "two_way":
        changes.update({"train.stages": ["two_way"], "G_opt.decay": 0.8, "D_opt.decay": 0.8})
    stage = stages.make(configuration.override(Config(), {**PUBLISHED, **changes}), 128)[name]
    for network in stage.networks.values():
        golden.filled(network)
    return stage


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_steps_as_published(name, monkeypatch):
    stage, (file, inputs) = make(name), CASES[name]
    recorded = vectors(file)
    batch = {
        key: golden.image(f"imgs{own}" if name == "fine" else f"imgs_{own}")
        for key, own in inputs.items()
    }
    # FineGAN's vectors begin with FaceGAN's image.
    monkeypatch.setattr(stages.FineStage, "prepare", lambda self, batch, draws: batch)
    assert stage.discriminator_step(batch, SEEDS, D_RATE)["D_skipped_steps"] == 0
    golden.assert_rows(stage._D_named, recorded.rows("d_step/clipped"))
    before = {n: v.numpy() for n, v in stage._G_named.items()}
    terms = stage.generator_step(batch, SEEDS, G_RATE)
    np.testing.assert_allclose(terms["loss_G"], recorded.arrays["after_d/loss_G"], rtol=1e-4)
    names = {k[len("train/loss/") :] for k in recorded.arrays if k.startswith("train/loss/")}
    assert set(terms) == names | {"G_skipped_steps"}
    changes = {n: v.numpy() - before[n] for n, v in stage._G_named.items()}
    golden.assert_rows(changes, recorded.rows("g_step/delta"))
