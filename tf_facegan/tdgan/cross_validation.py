"""The subject-independent protocol (section V-A of the paper): a run for each fold, and their mean.

The folder of such a run holds a run folder for each fold, `000-fold0`, `001-fold1`, …, and
`folds.json` and `folds.csv` with what they achieved on their test folds. Going on after a stop goes
on with the fold that was stopped.
"""

from __future__ import annotations

import csv
import dataclasses
import gc
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tf_facegan.engine import run_folder, training
from tf_facegan.files import atomic_file, write_text
from tf_facegan.tdgan import evaluation
from tf_facegan.tdgan.config import ALL_FOLDS
from tf_facegan.tdgan.inference import TDGANPipeline
from tf_facegan.tdgan.trainer import BEST_SNAPSHOT

if TYPE_CHECKING:
    from tf_facegan.tdgan.config import Config


RESULT = "folds"
# What is reported of each fold: the network of which snapshot, and which of its classifiers.
COLUMNS = {
    "best": ("best", "expression_module"),
    "last": ("final", "expression_module"),
    "discriminator_last": ("final", "discriminator"),
}


def train(
    config: Config, result_dir: str | Path = "results", run: run_folder.RunFolder | None = None
) -> run_folder.RunFolder:
    """Trains a run, or with `data.fold` ALL_FOLDS all folds one after the other.

    Args:
      config, result_dir, run: as of `engine.training.train`.

    Returns:
      `RunFolder` of the run, or of all folds.

    Raises:
      As `engine.training.train`.
    """
    if config.data.fold != ALL_FOLDS:
        return training.train(config, result_dir, run)
    if config.data.folds < 2:
        raise ValueError(f"data.folds is {config.data.folds}, at least 2 expected")
    if run is None:
        # A mistake in the configuration is found before anything is made.
        evaluation.rows_of(_of_fold(config, 0), "test")
        run = run_folder.create(result_dir, f"{config.desc}-{config.data.folds}-folds")
        run.save_config(training.absolute_paths(config))
    elif (run.path / run_folder.DONE).is_file():
        raise ValueError(f"{run.path} is finished ({run_folder.DONE} is there): nothing to resume")
    with run.locked():
        results = _all_folds(config, run)
    for name, values in summary(results).items():
        print(f"{name}: mean {values['mean']:.4f}, deviation {values['deviation']:.4f}", flush=True)
    return run


def _all_folds(config, run):
    """Trains what is not trained yet; returns the accuracies of all folds."""
    results = []
    for fold in range(config.data.folds):
        print(f"fold {fold}, {fold + 1} of {config.data.folds}", flush=True)
        one = _trained(_of_fold(config, fold), run)
        results.append(accuracies(one))
        _write(run, results)
        tf.keras.backend.clear_session()
        gc.collect()
    write_text(run.path / run_folder.DONE, "")
    return results


def accuracies(run: run_folder.RunFolder) -> dict[str, float]:
    """Tests the run of a fold: dict of fold, count of test pictures, and the `COLUMNS`.

    Where no network was ever better than chance, the best is the last.
    """
    config = run.load_config()
    rows, found = evaluation.rows_of(config, "test"), {}
    for name, (snapshot, classifier) in COLUMNS.items():
        if snapshot == "best" and not (run.path / BEST_SNAPSHOT).is_file():
            snapshot = "final"
        pipeline = TDGANPipeline.from_run(run.path, snapshot)
        found[name] = evaluation.evaluate(pipeline, rows, {})[classifier].accuracy
    return {"fold": config.data.fold, "count": len(rows), **found}


def summary(results: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Mean and deviation (of the sample: n - 1) over folds: {column: {"mean", "deviation"}}."""
    found = {}
    for name in COLUMNS:
        values = np.array([result[name] for result in results])
        deviation = values.std(ddof=1) if len(values) > 1 else 0.0
        found[name] = {"mean": float(values.mean()), "deviation": float(deviation)}
    return found


def _write(run, results):
    """Writes what the folds so far have achieved, with the protocol."""
    config = run.load_config()
    described = {
        "protocol": {
            "data": config.data.sets["expressions"],
            "folds": config.data.folds,
            "done": len(results),
            "best chosen on": config.validation.source,
            "resolution": config.networks.image_size,
            "seed": config.random_seed,
        },
        "summary": summary(results),
        "folds": results,
    }
    write_text(run.path / f"{RESULT}.json", json.dumps(described, indent=2) + "\n")
    with atomic_file(run.path / f"{RESULT}.csv", "w") as file:
        writer = csv.DictWriter(file, results[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(results)


def _of_fold(config, fold):
    data = dataclasses.replace(config.data, fold=fold)
    return dataclasses.replace(config, data=data, desc=f"fold{fold}")


def _trained(config, parent):
    """Trains the run of a fold, goes on with it, or finds it finished."""
    one = run_folder.numbered(parent.path, config.data.fold, config.desc)
    if (one.path / run_folder.DONE).is_file():
        return one
    if not (one.path / run_folder.CONFIG).is_file():
        shutil.rmtree(one.path, ignore_errors=True)  # stopped before anything was in it
        one = None
    return training.train(config, parent.path, one)
