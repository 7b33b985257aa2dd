"""Tiny sets and configurations of TDGAN that the tests train on."""

import numpy as np

from tests.records import sets
from tf_facegan import config as configuration
from tf_facegan.sources.expressions import EXPRESSIONS
from tf_facegan.tdgan.config import Config

FACES, EXPRESSION_PICTURES, SUBJECTS = 10, 14, 7
SIZE, CROPPED_FROM = 16, 18
CHANGES = {
    "networks.image_size": SIZE,
    "networks.width": 0.125,
    "networks.noise_dim": 4,
    "networks.num_blocks": 1,
    "data.num_identities": 4,
    "train.batch_size": 4,
    "train.epochs": 3,
    "train.D_gap_FR": 2,
    "train.D_gap_ER": 3,
    "train.tick_kimg": 0.016,
    "validation.groups": 7,
    "validation.batch_size": 3,
    "optimizer.lr_D_ER": 1e-3,
}


def pictures(count, channels, size, seed=0):
    """uint8 [count, channels, size, size]."""
    random = np.random.RandomState([seed, count])
    return random.randint(0, 256, (count, channels, size, size), dtype=np.uint8)


def write(path, field, count, channels=1, size=SIZE, names=None, values=None, **fields):
    """Writes a single-size set with an integer field; returns its path."""
    values = np.arange(count) % 5 if values is None else values
    sets.write(
        path,
        pictures(count, channels, size),
        kind="single-size",
        fields={field: np.asarray(values, np.int64), **fields},
        field_names={field: list(names)} if names else None,
    )
    return path


def write_sets(folder, channels=1, **kwargs):
    """Writes faces, expressions and a test set below a folder; returns {role: path}."""
    subjects = np.arange(EXPRESSION_PICTURES) % SUBJECTS
    common = {"channels": channels, "names": EXPRESSIONS, **kwargs}
    return {
        "faces": write(folder / "faces", "identity", FACES, channels),
        "expressions": write(
            folder / "expressions",
            "expression",
            EXPRESSION_PICTURES,
            size=CROPPED_FROM,
            values=np.arange(EXPRESSION_PICTURES) % 6,
            subject=subjects,
            **common,
        ),
        "test": write(folder / "test", "expression", 5, **common),
    }


def config_for(paths, **changes):
    """Returns the tiny configuration for {role: path}, with dotted fields changed."""
    roles = {f"data.sets.{role}": str(path) for role, path in paths.items()}
    return configuration.override(Config(), {**CHANGES, **roles, **changes})
