"""A tiny set of faces with expressions and configurations that the tests train on."""

import importlib

import numpy as np

from tf_facegan import config as configuration
from tf_facegan.engine.progress import Progress
from tf_facegan.expression import config as configs
from tf_facegan.records.writer import write_set
from tf_facegan.sources.expressions import EXPRESSIONS

SIDE, COUNT = 32, 40
CHANGES = {
    "autoencoder": {"network.dim": 8, "train.sample_images": 5, "train.epochs": 2},
    "cwgan": {
        "networks.dim": 4,
        "networks.noise_dim": 8,
        "train.critic_iterations": 2,
        "train.epochs": 3,
        "train.sample_images": 2,
    },
    "vgg16": {
        "network.weights": None,
        "network.image_size": 32,
        "train.epochs": 1,
        "train.steps_per_epoch": 2,
        "train.fine_tune_epochs": 1,
    },
}
CLASSES = {
    "autoencoder": (configs.AutoencoderConfig, "autoencoder_trainer", "AutoencoderTrainer"),
    "cwgan": (configs.CWGANConfig, "cwgan_trainer", "CWGANTrainer"),
    "vgg16": (configs.ClassifierConfig, "classifier_trainer", "ClassifierTrainer"),
}


def face(number):
    """uint8 [3, SIDE, SIDE], a function of its number; expression number % 7 is a bright bar."""
    image = np.random.RandomState(number).randint(0, 120, (3, SIDE, SIDE)).astype(np.uint8)
    column = number % 7 * 4
    image[:, :, column : column + 4] += 130
    return image


def write_faces(path, numbers=range(COUNT), load=face, fields=None):
    """Writes a set and returns its path."""
    numbers = list(numbers)
    expressions = np.array([number % 7 for number in numbers], np.int64)
    write_set(
        path,
        numbers,
        load,
        modalities=[["image", 3]],
        value_range=[0, 255],
        kind="single-size",
        fields={"expression": expressions} if fields is None else fields,
        field_names={"expression": EXPRESSIONS} if fields is None else None,
        workers=1,
    )
    return path


def config_for(kind, faces, **changes):
    """Returns the tiny configuration of "autoencoder", "cwgan" or "vgg16"."""
    base = {"data.sets.faces": str(faces), "train.batch_size": 8}
    return configuration.override(CLASSES[kind][0](), {**base, **CHANGES[kind], **changes})


def trainer_for(kind, strategy, faces, **changes):
    """Returns a trainer with the tiny configuration."""
    _, module, name = CLASSES[kind]
    cls = getattr(importlib.import_module(f"tf_facegan.expression.{module}"), name)
    return cls(config_for(kind, faces, **changes), strategy)


def iterate(trainer, count=1, progress=None):
    """Runs iterations from a progress on; returns the last scalars."""
    progress = progress or Progress()
    batches = trainer.batches(trainer.phase(progress), progress.images)
    for _ in range(count):
        phase = trainer.phase(progress)
        scalars = trainer.iteration(phase, batches, progress)
        progress.images += phase.images
        progress.iteration += 1
    return scalars


def snapshot(trainer):
    """Returns {network/published name: array} of a trainer."""
    return {f"{n}/{k}": v for n, arrays in trainer.networks().items() for k, v in arrays.items()}
