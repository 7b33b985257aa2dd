"""Independent judges of faces: networks that measure action units, expression and identity.

They learn from toy faces once, and are kept in a cache. What a GAN has learned from toy faces is
measured with them: `judge = load_judge("aus")`, `judge(images)`. No GAN ever trains against them.
"""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tensorflow as tf
from absl import logging

from tf_facegan import files
from tf_facegan.array_files import read_npz, write_npz
from tf_facegan.config import check_choice
from tf_facegan.metrics import classification, judge_data
from tf_facegan.sources.action_units import AUS, INTENSITY_RANGE
from tf_facegan.sources.expressions import EXPRESSIONS

CACHE = Path("~/.cache/tf_facegan/judges")
_FORMAT = 1  # to be raised when networks or training change
_PROBES = 4
_AU_SCALE = INTENSITY_RANGE[1]


@dataclasses.dataclass(frozen=True)
class JudgeConfig:
    """What a judge is and how it is made.

    Attributes:
      task: "aus", "expression" or "identity".
      count: int, pictures, those it is tested on among them.
      identities: int, faces; for the judge of identities the classes.
      seed: int, of the faces; for the judge of identities the `--seed` of the set to be judged.
      resolution: int, side of the pictures it sees, a multiple of 16.
      width: int, channels of the first layer.
      epochs: int.
      batch_size: int.
      learning_rate: float, at the beginning; it falls to 0 as a cosine.
      noise: float, standard deviation of the noise on the pictures while it learns, of [0, 1].
    """

    task: str
    count: int = 9000
    identities: int = 900
    seed: int = 9000
    resolution: int = 64
    width: int = 16
    epochs: int = 12
    batch_size: int = 50
    learning_rate: float = 0.002
    noise: float = 0.015


JUDGES = {
    "aus": JudgeConfig("aus"),
    "expression": JudgeConfig("expression", count=7000, identities=700, epochs=8),
    "identity": JudgeConfig("identity", count=4800, identities=40, seed=0, epochs=6),
}
"""The judges by task."""


class Judge:
    """A trained judge.

    Attributes:
      config: JudgeConfig.
      report: dict, what it achieves on held-out toy faces, with the protocol.
    """

    def __init__(self, config: JudgeConfig, network: tf.keras.Model, report: dict | None):
        self.config = config
        self.report = report
        self._network = network
        self._features = None  # made when it is needed

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Judges pictures of any size.

        Args:
          images: [N, H, W, 3], RGB: uint8, or float with values in [-1, 1].

        Returns:
          float32 [N, 17], intensities from 0 to 5 in the order of `action_units.AUS`; or [N, 7] or
          [N, identities], probabilities.

        Raises:
          ValueError: not pictures of three channels.
        """
        images = _sized(np.asarray(images), self.config.resolution)
        outputs = self._network.predict(images, batch_size=100, verbose=0)
        if self.config.task == "aus":
            return np.clip(outputs * _AU_SCALE, *INTENSITY_RANGE).astype(np.float32)
        return tf.nn.softmax(outputs).numpy()

    def features(self, images: np.ndarray) -> np.ndarray:
        """Returns what the last layer sees of pictures, float32 [N, 128], for distances of sets;
        arguments as of the call."""
        if self._features is None:
            layers = self._network.layers
            self._features = tf.keras.Model(self._network.input, layers[-2].output)
        return self._features.predict(
            _sized(np.asarray(images), self.config.resolution), 100, verbose=0
        )


def load_judge(
    task: str, cache_dir: str | Path | None = None, workers: int | None = None, **changes: Any
) -> Judge:
    """Loads a judge from the cache, after making it if it is not there or broken.

    Args:
      task: "aus", "expression" or "identity".
      cache_dir: folder of the cache; None is `~/.cache/tf_facegan/judges`.
      workers: int, processes that draw faces; None is one for every core.
      **changes: fields of JudgeConfig that differ from `JUDGES[task]`, e.g. `seed` and
        `identities` of the set whose identities are to be judged.

    Returns:
      Judge.

    Raises:
      ValueError: an unknown task, a configuration that cannot be.
    """
    check_choice("task", task, JUDGES)
    config = dataclasses.replace(JUDGES[task], **changes)
    if config.resolution % 16 or config.resolution < 16:
        raise ValueError(f"resolution is {config.resolution}, a multiple of 16 expected")
    cache_dir = Path(CACHE if cache_dir is None else cache_dir).expanduser()
    cache_dir.mkdir(parents=True, exist_ok=True)
    folder = cache_dir / f"{task}-{_fingerprint(config)}"
    # Two processes that need the same judge: one makes it, the other waits.
    with open(cache_dir / f".{folder.name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            try:
                return _load(config, folder)
            except (OSError, ValueError) as error:
                logging.warning("judge of %s: %s: cannot be read (%s)", task, folder, error)
        logging.info("judge of %s: not in %s yet, training it", task, cache_dir)
        network, report = _train(config, workers)
        _save(folder, network, report)
        return _load(config, folder)


def _fingerprint(config):
    """Changes with the configuration and with what faces look like."""
    probes = judge_data.cast(dataclasses.replace(config, count=4 * _PROBES, identities=_PROBES))[0]
    digest = hashlib.sha256(json.dumps([_FORMAT, dataclasses.asdict(config)]).encode())
    for example in probes[:_PROBES]:
        digest.update(example.render().image.tobytes() + example.aus.tobytes())
    return digest.hexdigest()[:16]


def build_network(config: JudgeConfig) -> tf.keras.Model:
    """A small convolutional network from uint8 [N, S, S, 3] to scores (AUs: intensities / 5)."""
    layers = tf.keras.layers
    size = {"aus": len(AUS), "expression": len(EXPRESSIONS), "identity": config.identities}
    seeds = iter(range(100))

    def initial():
        return tf.keras.initializers.HeNormal(seed=next(seeds))

    inputs = tf.keras.Input((config.resolution, config.resolution, 3), dtype=tf.uint8)
    x = layers.Rescaling(1 / 127.5, -1.0)(inputs)
    x = layers.GaussianNoise(2 * config.noise, seed=1)(x)
    for factor, stride in ((1, 1), (2, 2), (4, 2), (4, 1), (6, 2), (6, 1), (8, 2)):
        x = layers.Conv2D(
            config.width * factor, 3, stride, "same", use_bias=False, kernel_initializer=initial()
        )(x)
        x = layers.BatchNormalization(momentum=0.95)(x)
        x = layers.ReLU()(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.2, seed=2)(x)
    x = layers.Dense(128, use_bias=False, kernel_initializer=initial())(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.95)(x))
    outputs = layers.Dense(size[config.task], kernel_initializer="zeros")(x)
    return tf.keras.Model(inputs, outputs)


def _train(config, workers):
    """Returns the trained network and the report on it."""
    started = time.perf_counter()
    train, test = (judge_data.draw(examples, workers) for examples in judge_data.cast(config))
    drawn = time.perf_counter()
    network = build_network(config)
    steps = len(train.images) // config.batch_size * config.epochs
    schedule = tf.keras.optimizers.schedules.CosineDecay(config.learning_rate, steps)
    loss = (
        tf.keras.losses.MeanSquaredError()
        if config.task == "aus"
        else tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    network.compile(tf.keras.optimizers.legacy.Adam(schedule), loss)
    targets = _targets(config, train)
    random = np.random.default_rng(config.seed)
    for epoch in range(config.epochs):
        order = random.permutation(len(targets))
        order = order[: len(order) // config.batch_size * config.batch_size]
        images = train.images[order]
        if config.task != "identity" and epoch % 2:
            images = images[:, :, ::-1]  # what faces show is symmetric
        history = network.fit(
            images, targets[order], config.batch_size, shuffle=False, verbose=0
        ).history
        logging.info("epoch %d of %d: loss %.4f", epoch + 1, config.epochs, history["loss"][0])
    trained = time.perf_counter()
    report = _report(config, test, Judge(config, network, None)(test.images))
    report["seconds"] = {"drawing": drawn - started, "training": trained - drawn}
    return network, report


def _targets(config, pictures):
    return pictures.aus / _AU_SCALE if config.task == "aus" else getattr(pictures, config.task)


def _report(config, test, judged):
    """What a judge achieves on held-out pictures: plain values."""
    split = "other pictures of the same" if config.task == "identity" else "other"
    protocol = {
        "judge": config.task,
        "data": f"toy faces, {split} identities",
        "resolution": config.resolution,
        "train": config.count - len(test.images),
        "count": len(test.images),
    }
    if config.task == "aus":
        return {"protocol": protocol, **au_agreement(test.aus, judged)}
    names = EXPRESSIONS if config.task == "expression" else range(config.identities)
    names = [str(name) for name in names]
    return classification.report(_targets(config, test), judged, names, protocol).described()


def au_agreement(true: np.ndarray, judged: np.ndarray) -> dict:
    """How well intensities agree.

    Args:
      true, judged: float [N, 17], 0 to 5.

    Returns:
      dict: "mean_absolute_error", "correlation" (means over the action units) and "aus": {name:
      {"mean_absolute_error", "of_the_mean" (the error of always saying the mean), "correlation"
      (Pearson's; None where one of them is constant)}}.
    """
    true, judged = np.asarray(true, np.float64), np.asarray(judged, np.float64)
    errors = np.abs(true - judged).mean(axis=0)
    baseline = np.abs(true - true.mean(axis=0)).mean(axis=0)
    centred = true - true.mean(axis=0), judged - judged.mean(axis=0)
    scale = np.sqrt((centred[0] ** 2).sum(axis=0) * (centred[1] ** 2).sum(axis=0))
    products = (centred[0] * centred[1]).sum(axis=0)
    correlation = [float(p / s) if s > 0 else None for p, s in zip(products, scale)]
    known = [value for value in correlation if value is not None]
    return {
        "mean_absolute_error": float(errors.mean()),
        "correlation": float(np.mean(known)) if known else None,
        "aus": {
            name: {
                "mean_absolute_error": float(error),
                "of_the_mean": float(base),
                "correlation": value,
            }
            for name, error, base, value in zip(AUS, errors, baseline, correlation)
        },
    }


def _save(folder, network, report):
    with files.atomic_folder(folder, overwrite=True) as temporary:
        weights = {f"{number:03d}": array for number, array in enumerate(network.get_weights())}
        write_npz(temporary / "weights.npz", weights)
        text = json.dumps(report, indent=2)
        (temporary / "report.json").write_text(text + "\n", encoding="utf-8")


def _load(config, folder):
    network = build_network(config)
    weights = read_npz(folder / "weights.npz")
    network.set_weights([weights[name] for name in sorted(weights)])
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return Judge(config, network, report)


def _sized(images, side):
    """uint8 [N, side, side, 3]."""
    if images.ndim != 4 or images.shape[3] != 3:
        raise ValueError(f"images have shape {list(images.shape)}, [N, H, W, 3] expected")
    if images.dtype != np.uint8:
        images = np.rint(np.clip(images * 127.5 + 127.5, 0, 255)).astype(np.uint8)
    if images.shape[1:3] == (side, side):
        return images
    shrinks = min(images.shape[1:3]) > side
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = [cv2.resize(image, (side, side), interpolation=interpolation) for image in images]
    return np.stack(resized)
