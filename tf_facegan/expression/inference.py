"""Using trained expression models: faces of an expression, reconstructions, classification.

A run is of one of three systems, and so is its pipeline; `ExpressionPipeline.from_run` finds which.
Pictures are uint8 [N, H, W, 3], RGB.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tf_facegan import outputs
from tf_facegan.config import check_choice
from tf_facegan.expression import epochs, representation, sampling
from tf_facegan.expression.images import unscrambled
from tf_facegan.expression.networks import STATISTICS, Generator
from tf_facegan.expression.photo_pipelines import (
    AutoencoderPipeline,
    ClassifierPipeline,
    Reconstruction,
)
from tf_facegan.expression.pipeline import AT_ONCE, ExpressionPipeline, assign

__all__ = [
    "AutoencoderPipeline",
    "ClassifierPipeline",
    "ExpressionPipeline",
    "GeneratorPipeline",
    "Output",
    "Reconstruction",
]


@dataclasses.dataclass(frozen=True)
class Output(outputs.Pictures):
    """What generating gives.

    Attributes:
      images: uint8 [N, H, W, 3], RGB.
      noise: float32 [N, noise_dim]; condition: float32 [N, condition_dim].
    """

    images: np.ndarray
    noise: np.ndarray
    condition: np.ndarray


class GeneratorPipeline(ExpressionPipeline):
    """The conditional generator: faces of an expression.

    Args:
      generator: `networks.Generator`.
      representations: `representation.Representations`, the conditions.
      layout, channel_order: what it was trained with; see `images.py`.
      name: str that names results.
      epoch: int, passes over the set that it was trained for.
    """

    system = "expression-cwgan"

    def __init__(
        self,
        generator: Generator,
        representations: representation.Representations,
        layout: str = "nhwc",
        channel_order: str = "rgb",
        name: str = "cwgan",
        epoch: int = 0,
    ):
        self.generator, self.representations = generator, representations
        self.layout, self.channel_order = layout, channel_order
        self.name, self.epoch = name, epoch
        self.names = representations.names

    @classmethod
    def _of_run(cls, run, config, path, statistics=None):
        """`statistics` instead of those of the run: "batch" is how the published code samples."""
        data, info = config.data, run.load_dataset()
        representations = _representations(run, data)
        arguments = dataclasses.asdict(config.networks)
        wanted = arguments["statistics"] = statistics or arguments["statistics"]
        check_choice("statistics", wanted, STATISTICS)
        arrays = run.load_network(path, "G")
        generator = Generator(
            **arguments,
            condition_dim=representations.rows.shape[1],
            image_size=info.shape[1],
            seed=0,
        )
        assign(generator, arrays, path, config.networks.statistics, representations)
        epoch = epochs.of_snapshot(path, info.count, config.train)
        name = f"{run.name}-{path.stem}"
        return cls(generator, representations, data.layout, data.channel_order, name, epoch)

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path,
        representations: str | Path | representation.Representations,
        statistics: str = "moving",
    ) -> GeneratorPipeline:
        """Loads a checkpoint of the published code.

        Args:
          path: `model_<epoch>_<iteration>.ckpt`; see `imports.load_checkpoint`.
          representations: `representation.Representations` or where they are; see
            `representation.load`.
          statistics: "moving" gathers the statistics that the published code never did, over
            batches of mixed expressions; "batch" samples as it does.

        Raises:
          FileNotFoundError, ValueError: naming the file.
        """
        from tf_facegan.expression import import_runs, imports

        if not isinstance(representations, representation.Representations):
            representations = representation.load(representations)
        generator = imports.load_checkpoint(path).generator(statistics)
        import_runs.check_conditions(path, generator, representations)
        if statistics == "moving":
            sampling.gather_statistics(generator, representations.rows.astype(np.float32))
        name = Path(str(path).rstrip(".")).name
        epoch = import_runs.epoch_of(path)
        return cls(generator, representations, "scrambled", "bgr", name, epoch)

    def _without_places(self, config):
        config = super()._without_places(config)
        data = dataclasses.replace(config.data, representations=None)
        return dataclasses.replace(config, data=data)

    def _save_further(self, folder):
        self.representations.save(folder / representation.FOLDER)

    def signature(self) -> tuple:
        """What `export.export` takes: (function of noise [N, noise_dim] and condition
        [N, condition_dim] that gives `images`, [N, H, W, 3] in [-1, 1], RGB; its signature)."""

        def generate(noise, condition):
            images = self.generator(noise, condition)
            images = unscrambled(images) if self.layout == "scrambled" else images
            return {"images": images[..., ::-1] if self.channel_order == "bgr" else images}

        sizes = {"noise": self.generator.noise_dim}
        sizes["condition"] = self.representations.rows.shape[1]
        return generate, {n: tf.TensorSpec([None, size], tf.float32) for n, size in sizes.items()}

    def __call__(self, expression: str, count: int = 1, seed: int = 0) -> Output:
        """Generates faces of an expression.

        Args:
          expression: str, one of `names`.
          count: int.
          seed: int; repeats a result exactly.

        Returns:
          `Output`.

        Raises:
          ValueError: an expression that is none, or a count below 1.
        """
        condition = np.repeat(self.condition(expression)[None], _positive(count), axis=0)
        return self.generate(self.noise(count, seed), condition)

    def noise(self, count: int, seed: int = 0) -> np.ndarray:
        """Returns float32 [count, noise_dim], standard normal."""
        random = np.random.RandomState(seed)
        return random.randn(count, self.generator.noise_dim).astype(np.float32)

    def condition(self, expression: str) -> np.ndarray:
        """Returns the condition of an expression, float32 [condition_dim]; ValueError if none."""
        return self.representations.of([expression])[0].astype(np.float32)

    def generate(self, noise: np.ndarray, condition: np.ndarray) -> Output:
        """Runs the generator on noise [N, noise_dim] and conditions [N, condition_dim]."""
        images = sampling.generate(
            self.generator, noise, condition, self.layout, self.channel_order, AT_ONCE
        )
        return Output(images, noise, condition)

    def generate_classes(self, count: int, seed: int = 0) -> np.ndarray:
        """Returns faces of every expression from the same noise: uint8 [K, count, H, W, 3]."""
        rows = self.representations.rows.astype(np.float32)
        noise = self.noise(_positive(count), seed)
        return sampling.generate_classes(
            self.generator, rows, noise, self.layout, self.channel_order, AT_ONCE
        )

    def interpolate(
        self, expressions: Sequence[str], steps: int = 8, count: int = 4, seed: int = 0
    ) -> np.ndarray:
        """Moves faces from expression to expression, on straight lines between their conditions.

        Args:
          expressions: list of at least two names.
          steps: int, pictures from one to the next, without the next.
          count: int, faces.
          seed: int, of the faces.

        Returns:
          uint8 [(len(expressions) - 1) * steps + 1, count, H, W, 3].

        Raises:
          ValueError: fewer than two expressions, an unknown one, or numbers below 1.
        """
        if len(expressions) < 2:
            raise ValueError(f"{len(expressions)} expression, at least 2 to move between expected")
        corners = np.stack([self.condition(name) for name in expressions])
        shares = np.arange((len(corners) - 1) * _positive(steps) + 1) / steps
        at = np.arange(len(corners))
        path = np.stack([np.interp(shares, at, column) for column in corners.T], axis=1)
        noise = self.noise(_positive(count), seed)
        condition = path.astype(np.float32).repeat(count, axis=0)
        images = self.generate(np.tile(noise, (len(path), 1)), condition).images
        return images.reshape(len(path), count, *images.shape[1:])


PIPELINES = (GeneratorPipeline, AutoencoderPipeline, ClassifierPipeline)


def _representations(run, data):
    """The conditions of a run: its own copy, else where its configuration says."""
    kept = run.path / representation.FOLDER
    if not kept.exists() and not data.representations:
        raise FileNotFoundError(f"{run.path}: no {representation.FOLDER}, the conditions, in it")
    return representation.load(kept if kept.exists() else data.representations)


def _positive(count):
    if count < 1:
        raise ValueError(f"{count}: a positive number expected")
    return count
