"""Tiny sets and configurations of GANimation that the tests train on."""

import numpy as np

from tests.records import sets
from tf_facegan import config as configuration
from tf_facegan.ganimation import reference
from tf_facegan.ganimation.config import Config
from tf_facegan.sources.action_units import AUS

COUNT, SIDE, BATCH = 26, 16, 4  # 6 steps an epoch, two images left out
G = {"image_size": SIDE, "conv_dim": 4, "repeat_num": 1}
D = {"image_size": SIDE, "conv_dim": 4, "repeat_num": 2}
CHANGES = {
    "networks.g_conv_dim": 4,
    "networks.d_conv_dim": 4,
    "networks.g_repeat_num": 1,
    "networks.d_repeat_num": 2,
    "train.batch_size": BATCH,
    "train.num_epochs": 3,
    "train.num_epochs_decay": 1,
    "train.n_critic": 2,
    "train.sample_step": 4,
    "train.model_save_step": 8,
    "train.sample_images": 3,
}


def write_faces(path, **options):
    """Writes COUNT random faces with AUs in 0-5 and returns the folder of the set."""
    aus = np.random.RandomState(1).uniform(0, 5, (COUNT, 17)).astype(np.float32)
    options.setdefault("fields", {"aus": aus})
    options.setdefault("field_names", {"aus": list(AUS)} if "aus" in options["fields"] else None)
    sets.write(path, sets.arrays(COUNT, channels=3, size=SIDE, dtype="uint8"), **options)
    return path


def config_for(faces, **changes):
    """Returns the tiny configuration for a set, with dotted fields changed."""
    chosen = {"data.sets.faces": str(faces)}
    return configuration.override(Config(), {**CHANGES, **chosen, **changes})


def optimizer_content(model, step=7):
    """A published optimizer file: moments by memory address, in the order of `params`."""
    random = np.random.RandomState(0)
    published = reference.extract(model)
    names = list(model.named_trainable_variables)
    keys = [140_000_000 - 97 * i for i in range(len(names))]
    state = {
        key: {
            "step": step,
            "exp_avg": random.randn(*published[name].shape).astype(np.float32),
            "exp_avg_sq": random.rand(*published[name].shape).astype(np.float32),
        }
        for key, name in zip(keys, names)
    }
    group = {"lr": 1e-4, "betas": (0.5, 0.999), "eps": 1e-8, "weight_decay": 0, "params": keys}
    return {"state": dict(sorted(state.items())), "param_groups": [group]}
