"""Tiny sets and configurations of RD-GAN that the tests train on."""

import functools
import operator

import numpy as np

from tf_facegan import config as configuration
from tf_facegan.rdgan.config import Config
from tf_facegan.records import schema, writer

SIDE, SUBJECTS, SEQUENCES, FRAMES = 16, 4, 2, 3
COUNT = SUBJECTS * SEQUENCES * FRAMES
CHANGES = {
    "networks.width": 0.0625,
    "train.batch_size": 4,
    "train.sample_images": 2,
    "train.validation_pairs": 4,
    "train.summary_iterations": 2,
    "train.times_to_save": 4,
    "face.max_iter": 4,
    "face.burst_steps": 3,
    "face.burst_every": 2,
    "face.d_steps": 1,
    "fine.max_iter": 3,
    "fine.burst_steps": 2,
    "fine.burst_every": 2,
    "fine.d_steps": 1,
    "data.validation_share": 0.25,
}


def write_sequences(path, side=SIDE, **options):
    """Writes COUNT random frames with random boundaries and returns the folder of the set."""
    random = np.random.RandomState(3)
    images = list(random.randint(0, 256, (COUNT, 3, side, side)).astype(np.uint8))
    drawings = list(random.choice([0, 255], (COUNT, 1, side, side)).astype(np.uint8).repeat(3, 1))
    subjects, sequences, frames = np.unravel_index(np.arange(COUNT), (SUBJECTS, SEQUENCES, FRAMES))
    fields = {"subject": subjects, "sequence": subjects * SEQUENCES + sequences, "frame": frames}
    companion = writer.Companion(
        functools.partial(operator.getitem, drawings), [["boundary", 3]], [0, 255]
    )
    writer.write_set(
        path,
        range(COUNT),
        functools.partial(operator.getitem, images),
        **{
            "modalities": [["image", 3]],
            "value_range": [0, 255],
            "kind": schema.SINGLE_SIZE,
            "fields": fields,
            "companions": {"boundary": companion},
            "workers": 1,
            **options,
        },
    )
    return path


def config_for(path, **changes):
    """Returns the tiny configuration for a set, with dotted fields changed."""
    chosen = {"data.sets.faces": str(path)}
    return configuration.override(Config(), {**CHANGES, **chosen, **changes})
