"""How near predictions are to the truth: SSIM and PSNR of every frame, means, curves."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tf_facegan.files import atomic_file, read_text, write_text
from tf_facegan.metrics.psnr import psnr
from tf_facegan.metrics.ssim import grey_ssim
from tf_facegan.rdgan import pairs
from tf_facegan.rdgan.prediction import frame_names, predicted, sequences_of
from tf_facegan.utilities.charts import write_curves

if TYPE_CHECKING:
    from tf_facegan.rdgan.inference import RDGANPipeline
    from tf_facegan.records.reader import RecordSet


FRAMES, CURVE, MEANS = "frames.csv", "curve.csv", "evaluation.json"
METRICS = {"ssim": "SSIM", "psnr": "PSNR, dB"}
LARGEST_PSNR = 100.0  # what equal pictures count as
POINTS = 25  # of a curve
_KEYS = ("source", "target", "time")
_PROTOCOL = (
    "first frame of a sequence to every later one; 8-bit pictures; SSIM of the brightness, window "
    "11; PSNR of peak 255, equal pictures 100 dB; source: the source itself instead of a prediction"
)


def evaluate(
    pipeline: RDGANPipeline, records: RecordSet, frames: pairs.Frames, refine: bool = True
) -> list[dict]:
    """Scores all predictions.

    Args:
      pipeline: `inference.RDGANPipeline`.
      records: `RecordSet`; frames: `pairs.Frames`, those of it to predict.
      refine: whether FineGAN is scored, too.

    Returns:
      list of dict, a row a pair: `source` and `target` (names of frames), `time` (0 to 1, place of
      the target in its sequence), and `<what>_ssim`, `<what>_psnr` of "source" and every stage.

    Raises:
      ValueError: no sequences of several frames.
    """
    chosen = pairs.prediction_pairs(frames)
    if not len(chosen):
        raise ValueError(f"{records.path}: no sequences of several frames to predict")
    names, rows = frame_names(records), []
    for part, images in predicted(pipeline, records, chosen, refine):
        truth = images.pop("target")
        scores = {}
        for what, made in images.items():
            scores[f"{what}_ssim"] = grey_ssim(made, truth)
            scores[f"{what}_psnr"] = np.minimum(psnr(made, truth), LARGEST_PSNR)
        for place, (source, target) in enumerate(part):
            values = {name: float(column[place]) for name, column in scores.items()}
            rows.append({"source": names[source], "target": names[target], "time": 0.0, **values})
    for sequence in sequences_of(chosen):
        for place, row in enumerate(rows[sequence], 1):
            row["time"] = place / (sequence.stop - sequence.start)
    return rows


def means(rows: Sequence[dict]) -> dict[str, float]:
    """Returns {column: mean over the rows} of all scores."""
    return {name: float(np.mean([row[name] for row in rows])) for name in score_names(rows)}


def score_names(rows: Sequence[dict]) -> list[str]:
    """Returns the names of the columns that are scores."""
    return [name for name in rows[0] if name not in _KEYS]


def curves(rows: Sequence[dict]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Averages the scores of all sequences over time.

    Args:
      rows: as of `evaluate`.

    Returns:
      (times, float [POINTS] from 0 to 1, {column: float [POINTS]}); the curve of a sequence begins
      at its first predicted frame.
    """
    sequences = {}
    for row in rows:
        sequences.setdefault(row["source"], []).append(row)
    times, sums = np.linspace(0, 1, POINTS), {}
    for name in score_names(rows):
        lines = [
            np.interp(times, [row["time"] for row in found], [row[name] for row in found])
            for found in sequences.values()
        ]
        sums[name] = np.mean(lines, axis=0)
    return times, sums


def write(rows: Sequence[dict], folder: Path, about: dict) -> list[Path]:
    """Writes `frames.csv`, `curve.csv`, `curve-ssim.png`, `curve-psnr.png`, `evaluation.json`.

    Args:
      rows: as of `evaluate`.
      folder: pathlib.Path, there already.
      about: dict of what was evaluated, put beside the means.

    Returns:
      list of pathlib.Path written.
    """
    times, averaged = curves(rows)
    _write_csv(folder / FRAMES, rows)
    columns = [dict(zip(averaged, values)) for values in zip(*averaged.values())]
    table = [{"time": time, **column} for time, column in zip(times.tolist(), columns)]
    _write_csv(folder / CURVE, table)
    written = [folder / FRAMES, folder / CURVE]
    for metric, title in METRICS.items():
        ending = f"_{metric}"
        shown = {
            name[: -len(ending)]: values
            for name, values in averaged.items()
            if name.endswith(ending)
        }
        written.append(folder / f"curve-{metric}.png")
        write_curves(written[-1], title, shown, times, "share of the sequence")
    summary = {**about, "pairs": len(rows), "protocol": _PROTOCOL, **means(rows)}
    write_text(folder / MEANS, json.dumps(summary, indent=2) + "\n")
    return [*written, folder / MEANS]


def read_rows(path: str | Path) -> list[dict]:
    """Reads a `frames.csv`: rows as of `evaluate`; ValueError names the file and what is wrong."""
    table = csv.DictReader(read_text(path).splitlines())
    rows = list(table)
    if not rows or not set(_KEYS) <= set(rows[0]):
        raise ValueError(f"{path}: columns {', '.join(_KEYS)} and scores expected, with rows")
    texts = ("source", "target")
    try:
        return [{k: v if k in texts else float(v) for k, v in row.items()} for row in rows]
    except (TypeError, ValueError):
        raise ValueError(f"{path}: a cell that is no number, scores expected") from None


def _write_csv(path, rows):
    with atomic_file(path, "w") as file:
        file.write(",".join(rows[0]) + "\n")
        for row in rows:
            cells = (f"{v:.6g}" if isinstance(v, float) else str(v) for v in row.values())
            file.write(",".join(cells) + "\n")
