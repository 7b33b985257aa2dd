"""RD-GAN's schedule: stages of iterations, bursts of discriminator steps, falling rates.

Pure Python; all of it is a function of the iteration.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tf_facegan.engine.progress import Progress
    from tf_facegan.rdgan.config import Config, LearningRate


STAGES = (("face",), ("face", "fine"), ("two_way",))


@dataclasses.dataclass(frozen=True)
class Phase:
    """What one iteration runs, as the loop takes it.

    Attributes:
      stage: str, "face", "fine" or "two_way".
      iteration: int from 0, within the stage of `iterations`.
      first_image: int, images shown before the stage.
      d_steps: int, discriminator steps before the generator step.
      G_lr, D_lr: float, learning rates.
      images: int, of an iteration; tick_kimg: float, thousand images from log line to log line.
    """

    stage: str
    iteration: int
    iterations: int
    first_image: int
    d_steps: int
    G_lr: float
    D_lr: float
    images: int
    tick_kimg: float

    @property
    def key(self) -> str:
        """Data are opened anew when this changes: every stage has a list of its own."""
        return self.stage

    def describe(self) -> str:
        return f"{self.stage} iteration {self.iteration + 1}/{self.iterations}"

    def scalars(self) -> dict[str, float]:
        return {"iteration": self.iteration, "G_lr": self.G_lr, "D_lr": self.D_lr}


def check(config: Config) -> None:
    """Raises ValueError for a schedule that cannot be run."""
    stages = tuple(config.train.stages)
    if stages not in STAGES:
        known = " or ".join(", ".join(names) for names in STAGES)
        raise ValueError(f"train.stages is {', '.join(stages) or 'empty'}: expected {known}")
    for name in stages:
        for field in ("max_iter", "burst_every"):
            value = getattr(getattr(config, name), field)
            if value < 1:
                raise ValueError(f"{name}.{field} is {value}, at least 1 expected")
    if config.train.summary_iterations < 1:
        raise ValueError(
            f"train.summary_iterations is {config.train.summary_iterations}, at least 1 expected"
        )


def total_images(config: Config) -> int:
    """Returns how many images the whole training shows."""
    return sum(
        images_until(config, name, _options(config, name).max_iter) for name in _names(config)
    )


def images_until(config: Config, stage: str, iteration: int) -> int:
    """Returns how many images the first iterations of a stage show."""
    options = _options(config, stage)
    bursts = -(-iteration // options.burst_every)
    extra = (options.burst_steps - options.d_steps) * bursts
    return ((options.d_steps + 1) * iteration + extra) * config.train.batch_size


def phase_at(progress: Progress, config: Config) -> Phase:
    """Evaluates the schedule.

    Args:
      progress: `Progress`, before the last iteration.
      config: `config.Config`.

    Returns:
      `Phase`.
    """
    iteration, first = progress.iteration, 0
    for name in _names(config):
        options = _options(config, name)
        if iteration < options.max_iter:
            break
        iteration -= options.max_iter
        first += images_until(config, name, options.max_iter)
    d_steps = options.d_steps if iteration % options.burst_every else options.burst_steps
    every = config.train.summary_iterations
    tick_end = min((iteration // every + 1) * every, options.max_iter)
    tick_images = first + images_until(config, name, tick_end) - progress.tick_start
    return Phase(
        stage=name,
        iteration=iteration,
        iterations=options.max_iter,
        first_image=first,
        d_steps=d_steps,
        G_lr=learning_rate(iteration, config.G_lr),
        D_lr=learning_rate(iteration, config.D_lr),
        images=(d_steps + 1) * config.train.batch_size,
        # Half an image less, so that rounding does not put the line off by an iteration.
        tick_kimg=(tick_images - 0.5) / 1000,
    )


def learning_rate(iteration: int, options: LearningRate) -> float:
    """Returns the rate of an iteration, `init` * `rate` ** (iteration / `step`)."""
    return options.init * options.rate ** (iteration / options.step)


def _names(config):
    return config.train.stages


def _options(config, stage):
    return getattr(config, stage)
