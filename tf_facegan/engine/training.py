"""Starting and resuming a run: devices, trainer, run folder, loop."""

import dataclasses
from pathlib import Path

import tensorflow as tf

from tf_facegan import systems
from tf_facegan.engine import devices, run_folder
from tf_facegan.engine.loop import Loop, Stopped
from tf_facegan.engine.workers import Workers

__all__ = ["Stopped", "train"]


def train(config, result_dir="results", run=None):
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
      ConnectionError: when another worker is gone; the run can be resumed.
      Stopped: when a signal ended training early.
    """
    runtime = config.runtime
    strategy = devices.make_strategy(runtime.num_gpus, runtime.logical_cpus)
    deterministic = runtime.deterministic
    if deterministic or (deterministic is None and not devices.uses_gpus(strategy)):
        tf.config.experimental.enable_op_determinism()
    workers = Workers(strategy)
    with workers.watched():
        trainer = systems.get(config.system).part("trainer")(config, strategy)
        run = run or _new_run(config, trainer, result_dir, workers)
        print(f"Run folder: {run.path}", flush=True)
        ticks = config.train.image_snapshot_ticks, config.train.network_snapshot_ticks
        Loop(trainer, run, runtime, *ticks, workers).train()
    return run


def _new_run(config, trainer, result_dir, workers):
    """Makes the run folder; workers that are not the chief are told which it is."""
    number = 0
    if workers.is_chief:
        run = run_folder.create(result_dir, config.desc)
        run.save_config(absolute_paths(config))
        trainer.prepare_run(run)
        number = run.number
    return run_folder.numbered(result_dir, workers.gather([number])[0, 0], config.desc)


def absolute_paths(config):
    """Returns the configuration with absolute set folders, so that it resumes from anywhere."""
    sets = {role: str(Path(path).resolve()) for role, path in config.data.sets.items()}
    return dataclasses.replace(config, data=dataclasses.replace(config.data, sets=sets))
