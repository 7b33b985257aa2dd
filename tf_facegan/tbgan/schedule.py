"""The training schedule of PGGAN/TBGAN: what to run after how many images. Pure Python."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tf_facegan.tbgan.config import Config, Schedule


@dataclasses.dataclass(frozen=True)
class Phase:
    """What one iteration runs.

    Attributes:
      lod: float, level of detail; 0 is the full resolution, each unit halves it.
      resolution: int, pixels; during a fade already the higher one.
      minibatch: int, images of a step over all devices.
      G_lrate, D_lrate: float, learning rates.
      tick_kimg: float, thousand images between log lines.
      parts: int, into which a device splits its share of the minibatch.
    """

    lod: float
    resolution: int
    minibatch: int
    G_lrate: float
    D_lrate: float
    tick_kimg: float
    parts: int = 1

    @property
    def level(self) -> int:
        """int, floor of the level of detail."""
        return math.floor(self.lod)

    @property
    def fade(self) -> float:
        """float in [0, 1), how much of the lower level is blended in."""
        return self.lod - self.level


def phase_at(images: float, schedule: Schedule, resolution: int, num_devices: int) -> Phase:
    """Evaluates the schedule (PGGAN's TrainingSchedule).

    Args:
      images: int, images shown so far.
      schedule: `config.Schedule`.
      resolution: int, full resolution of the set, a power of two.
      num_devices: int; the minibatch is rounded down to a multiple of it.

    Returns:
      `Phase`.
    """
    lod = _level_of_detail(images / 1000.0, schedule, resolution.bit_length() - 1)
    current = 2 ** (resolution.bit_length() - 1 - math.floor(lod))
    return Phase(
        lod=lod,
        resolution=current,
        minibatch=minibatch_at(current, schedule, num_devices),
        G_lrate=schedule.G_lrate_dict.get(current, schedule.G_lrate_base),
        D_lrate=schedule.D_lrate_dict.get(current, schedule.D_lrate_base),
        tick_kimg=schedule.tick_kimg_dict.get(current, schedule.tick_kimg_base),
        parts=parts_at(current, schedule, num_devices),
    )


def minibatch_at(resolution: int, schedule: Schedule, num_devices: int) -> int:
    """Returns the images of a step at a resolution, over all devices."""
    minibatch = schedule.minibatch_dict.get(resolution, schedule.minibatch_base)
    minibatch -= minibatch % num_devices
    if resolution in schedule.max_minibatch_per_gpu and not schedule.accumulate:
        minibatch = min(minibatch, schedule.max_minibatch_per_gpu[resolution] * num_devices)
    return minibatch


def parts_at(resolution: int, schedule: Schedule, num_devices: int) -> int:
    """Returns the fewest equal parts of a device's share that `max_minibatch_per_gpu` allows."""
    share = minibatch_at(resolution, schedule, num_devices) // num_devices
    most = schedule.max_minibatch_per_gpu.get(resolution, share)
    return next((n for n in range(1, share + 1) if share % n == 0 and share // n <= most), 1)


def images_at_once(resolution: int, schedule: Schedule, num_devices: int) -> int:
    """Returns the images that a device holds at a time."""
    parts = parts_at(resolution, schedule, num_devices)
    return minibatch_at(resolution, schedule, num_devices) // num_devices // parts


def resolutions(schedule: Schedule, resolution: int, total_kimg: float) -> list[int]:
    """Returns the resolutions that a run of `total_kimg` thousand images passes through."""
    first = phase_at(0, schedule, resolution, 1).resolution
    last = phase_at(total_kimg * 1000, schedule, resolution, 1).resolution
    return [2**k for k in range(first.bit_length() - 1, last.bit_length())]


def check_minibatches(config: Config, resolution: int, replicas: int) -> None:
    """Checks that every minibatch of the schedule fits the devices and the statistics groups.

    Raises:
      ValueError: naming the resolution and what to set.
    """
    group = config.D.mbstd_group_size
    for side in resolutions(config.schedule, resolution, config.train.total_kimg):
        minibatch = minibatch_at(side, config.schedule, replicas)
        each = images_at_once(side, config.schedule, replicas)
        if each < 1 or (group > 1 and each % min(group, each)):
            parts = parts_at(side, config.schedule, replicas)
            times = f", {parts} times (schedule.accumulate)" if parts > 1 else ""
            raise ValueError(
                f"schedule.minibatch_dict: {minibatch} images at {side} pixels are {each} for each "
                f"of {replicas} devices{times}; expected a multiple of D.mbstd_group_size={group}"
            )


def _level_of_detail(kimg, schedule, resolution_log2):
    training, transition = schedule.lod_training_kimg, schedule.lod_transition_kimg
    duration = training + transition
    phase = math.floor(kimg / duration) if duration > 0 else 0
    lod = resolution_log2 - math.floor(math.log2(schedule.lod_initial_resolution)) - phase
    if transition > 0:
        lod -= max(kimg - phase * duration - training, 0.0) / transition
    return max(float(lod), 0.0)
