"""How well a face editor does what it was asked for, and leaves the rest alone.

Computed from images and from what a judge that the editor never saw (`metrics.judges`) reads in
them; toy faces know where background and hair are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tf_facegan.sources.action_units import AUS

KEPT_REGIONS = ("background", "hair")
"""Regions that no action unit changes."""


def editing_report(
    asked: np.ndarray,
    judged_before: np.ndarray,
    judged_after: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    attention: np.ndarray,
    regions: np.ndarray,
    names: Sequence[str],
    aus: Sequence[str] = AUS,
) -> dict:
    """Measures edits.

    Args:
      asked: float [N, A], intensities from 0 to 5 that the edited faces shall show.
      judged_before, judged_after: float [N, A], what the judge reads in photos and edited photos.
      before, after: float [N, H, W, 3] in [-1, 1], photos and edited photos.
      attention: float [N, H, W] in [0, 1], the masks; 1 keeps the photo.
      regions: int [N, H, W], numbers in `names`.
      names: names of the regions, KEPT_REGIONS among them.
      aus: names of the A action units.

    Returns:
      dict: `au_error_before` and `au_error_after`, mean absolute errors against `asked` on the
      scale of 0 to 5, and their `au_error_ratio`; `kept_change`, the mean absolute change of the
      pixels of KEPT_REGIONS as a share of the range, and `<region>_change` for every region;
      `attention_mean`; `aus`: {name: {"before", "after"}}, the errors by action unit.

    Raises:
      ValueError: arrays that do not fit each other.
    """
    shapes = {np.shape(array)[0] for array in (asked, before, after, attention, regions)}
    if len(shapes) > 1:
        raise ValueError(f"arrays of {sorted(shapes)} examples, as many of each expected")
    errors = [
        np.abs(np.asarray(judged, np.float64) - asked).mean(axis=0)
        for judged in (judged_before, judged_after)
    ]
    totals = [float(error.mean()) for error in errors]
    change = np.abs(np.asarray(after, np.float64) - before).mean(axis=3) / 2
    numbers = {name: number for number, name in enumerate(names)}
    kept = np.isin(regions, [numbers[name] for name in KEPT_REGIONS])
    return {
        "au_error_before": totals[0],
        "au_error_after": totals[1],
        "au_error_ratio": totals[1] / totals[0],
        "kept_change": _mean(change[kept]),
        **{f"{name}_change": _mean(change[regions == n]) for name, n in numbers.items()},
        "attention_mean": float(np.mean(attention, dtype=np.float64)),
        "aus": {
            name: {"before": float(first), "after": float(second)}
            for name, first, second in zip(aus, *errors)
        },
    }


def _mean(values):
    return float(values.mean()) if values.size else 0.0
