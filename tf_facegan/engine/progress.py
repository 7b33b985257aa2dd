"""How far a run is: the record that is checkpointed and that every schedule is a function of."""

from __future__ import annotations

import dataclasses
import json


@dataclasses.dataclass
class Progress:
    """Counters of a run.

    Attributes:
      images: int, images shown; also the position in the data.
      iteration: int, iterations done.
      epoch, step_in_epoch, stage: int, for systems that count in epochs or train in stages.
      tick: int, log lines written; tick_start: int, images at the last one.
      sheet_images: int, images at the last sheet of samples.
      seconds: float, time spent in training.
    """

    images: int = 0
    iteration: int = 0
    epoch: int = 0
    step_in_epoch: int = 0
    stage: int = 0
    tick: int = 0
    tick_start: int = 0
    sheet_images: int = 0
    seconds: float = 0.0

    @property
    def kimg(self) -> float:
        """float, thousand images shown."""
        return self.images / 1000.0

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Progress:
        """Inverse of `to_json`; ValueError for anything else."""
        values = json.loads(text)
        if isinstance(values, dict):
            values.setdefault("sheet_images", 0)  # records of the first versions lack it
        known = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(values, dict) or set(values) != known:
            raise ValueError(f"not a progress record: {text[:80]!r}")
        return cls(**values)


def format_time(seconds: float) -> str:
    """Returns a duration as PGGAN prints it: `5s`, `2m 05s`, `1h 02m 05s` or `3d 01h 02m`."""
    total = int(round(seconds))
    minutes, second = divmod(total, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if total < 60:
        return f"{total}s"
    if total < 60 * 60:
        return f"{minutes}m {second:02d}s"
    if total < 24 * 60 * 60:
        return f"{hours}h {minute:02d}m {second:02d}s"
    return f"{days}d {hour:02d}h {minute:02d}m"
