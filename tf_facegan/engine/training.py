"""Starting and resuming a run: devices, trainer, run folder, loop."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tf_facegan import systems
from tf_facegan.engine import devices, run_folder
from tf_facegan.engine.loop import Loop, Stopped
from tf_facegan.engine.workers import Workers

if TYPE_CHECKING:
    from tf_facegan.engine.run_folder import RunFolder


__all__ = ["Stopped", "train"]


def train(
    config: Any, result_dir: str | Path = "results", run: RunFolder | None = None
) -> RunFolder:
    """Trains until the end of the configuration.

    With `TF_CONFIG` in the environment every worker calls it with the same arguments; the run
    folder is written by the chief and read by all.

    Args:
      config: configuration of a system; its `system` names it.
      result_dir: folder in which a new run folder is made.
      run: `RunFolder` to resume, or None for a new run.

    Returns:
      `RunFolder` of the run.

    Raises:
      ValueError, FileNotFoundError: for what the user can mend; a new run leaves no folder then.
      OSError: when the disk does not take a file; a run that has begun can be resumed.
      ConnectionError: when another worker is gone; the run can be resumed.
      Stopped: when a signal ended training early.
    """
    runtime = config.runtime
    if run:
        _check_sets(config)
    strategy = devices.make_strategy(runtime.num_gpus, runtime.logical_cpus)
    deterministic = runtime.deterministic
    if deterministic or (deterministic is None and not devices.uses_gpus(strategy)):
        tf.config.experimental.enable_op_determinism()
    workers = Workers(strategy)
    with workers.watched(), contextlib.ExitStack() as held:
        if run:
            held.enter_context(_locked(run, workers))
        elif workers.is_chief:
            run_folder.check_writable(result_dir)
        trainer = systems.get(config.system).part("trainer")(config, strategy)
        if not run:
            run = _new_run(config, trainer, result_dir, workers)
            held.enter_context(_locked(run, workers))
        print(f"Run folder: {run.path}", flush=True)
        ticks = config.train.image_snapshot_ticks, config.train.network_snapshot_ticks
        Loop(trainer, run, runtime, *ticks, workers).train()
    return run


def _locked(run, workers):
    return run.locked() if workers.is_chief else contextlib.nullcontext()


def _check_sets(config):
    """Raises FileNotFoundError for a set that is not where it was when the run began."""
    for role, path in config.data.sets.items():
        if not Path(path).is_dir():
            raise FileNotFoundError(
                f"{path}: no such folder; it is the run's set of {role}. Where it is now is said "
                f"with --set data.sets.{role}=DIR"
            )


def _new_run(config, trainer, result_dir, workers):
    """Makes the run folder; workers that are not the chief are told which it is."""
    number = 0
    if workers.is_chief:
        run = run_folder.create(result_dir, config.desc)
        config = trainer.prepare_run(run) or config
        run.save_config(absolute_paths(config))  # last: with it, the folder is one to resume
        number = run.number
    return run_folder.numbered(result_dir, workers.gather([number])[0, 0], config.desc)


def absolute_paths(config: Any) -> Any:
    """Returns the configuration with absolute set folders, so that it resumes from anywhere."""
    sets = {role: str(Path(path).resolve()) for role, path in config.data.sets.items()}
    return dataclasses.replace(config, data=dataclasses.replace(config.data, sets=sets))
