"""Tiny sets and configurations that the tests train on."""

import numpy as np

from tf_facegan import config as configuration
from tf_facegan.records.writer import write_set
from tf_facegan.tbgan.config import Config

COUNT = 24
MODALITIES = [["texture", 3], ["shape", 3], ["normals", 3]]
# 4 -> 8 pixels: 64 images of 4, 64 of fading, then 8 pixels.
CHANGES = {
    "G.fmap_base": 32,
    "G.fmap_max": 4,
    "G.lod_sep": 3,
    "D.fmap_base": 32,
    "D.fmap_max": 4,
    "D.lod_sep": 3,
    "schedule.lod_training_kimg": 0.064,
    "schedule.lod_transition_kimg": 0.064,
    "schedule.minibatch_base": 8,
    "schedule.minibatch_dict": {},
    "schedule.tick_kimg_base": 0.032,
    "schedule.tick_kimg_dict": {},
    "train.minibatch_repeats": 2,
    "train.total_kimg": 0.208,
    "train.G_smoothing": 0.9,
    "grid.size": "2x2",
}


def face(number):
    """float32 [9, 8, 8] in [-1, 1), a function of its number."""
    return np.random.RandomState(number).rand(9, 8, 8).astype(np.float32) * 2 - 1


def write_faces(path, label_kind="class", load=face, modalities=MODALITIES):
    """Writes a set of COUNT faces (`load` of a number) with seven labels and returns its path."""
    labels = np.random.RandomState(0).rand(COUNT, 7).astype(np.float32) * 5
    write_set(
        path,
        list(range(COUNT)),
        load,
        modalities=modalities,
        value_range=[-1, 1],
        labels=labels,
        label_kind=label_kind,
        label_names=list("abcdefg"),
        workers=1,
    )
    return path


def config_for(faces, **changes):
    """Returns the tiny configuration for a set, with dotted fields changed."""
    sets = {"data.sets.faces": str(faces)}
    return configuration.override(Config(), {**CHANGES, **sets, **changes})


def set_flags(changes):
    """Returns CHANGES and `changes` as the words of train.py's --set."""
    return [w for k, v in {**CHANGES, **changes}.items() for w in ("--set", f"{k}={v}")]
