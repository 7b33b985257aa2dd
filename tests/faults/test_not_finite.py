"""Pictures that hold NaN stop every trainer and name the terms; its last checkpoint is good."""

import numpy as np
import pytest
import tensorflow as tf

import train
from tests.faults import systems
from tf_facegan import systems as registry
from tf_facegan.engine import devices, run_folder, training
from tf_facegan.engine.loop import Loop

ITERATIONS, BAD = 12, 7

pytestmark = pytest.mark.slow


def spoilt(batch):
    """A batch whose first picture of each kind holds NaN."""
    result = dict(batch)
    for name, value in batch.items():
        if value.shape.rank == 4:
            values = tf.cast(value, tf.float32).numpy()
            values[0] = np.nan
            result[name] = tf.constant(values)
    return result


class Spoiling:
    """A trainer that is given a spoilt batch from an iteration on."""

    def __init__(self, trainer, at):
        self._trainer, self._at = trainer, at

    def __getattr__(self, name):
        return getattr(self._trainer, name)

    def iteration(self, phase, batches, progress):
        if progress.iteration >= self._at:
            batches = map(spoilt, batches)
        return self._trainer.iteration(phase, batches, progress)


def prepared(name, folder):
    """Returns (trainer, run folder, configuration) of a tiny run."""
    system = systems.SYSTEMS[name]
    flags = system.flags(system.write(folder / "sets"), folder / "results", ITERATIONS)
    config = train.new_config(train.parse([*flags, "--set", "runtime.checkpoint_minutes=0"]))
    trainer = registry.get(config.system).part("trainer")(config, devices.make_strategy(1, 0))
    run = run_folder.create(folder / "results", config.desc)
    trainer.prepare_run(run)
    run.save_config(training.absolute_paths(config))
    return trainer, run, config


@pytest.mark.parametrize("name", systems.SYSTEMS)
def test_nan_in_a_batch_stops_the_run(name, tmp_path, capsys):
    trainer, run, config = prepared(name, tmp_path)
    ticks = config.train.image_snapshot_ticks, config.train.network_snapshot_ticks
    with pytest.raises(ValueError, match="not finite at .* kimg: .*/.*; the last good") as caught:
        Loop(Spoiling(trainer, BAD), run, config.runtime, *ticks).train()
    newest = sorted(run.path.glob("checkpoints/ckpt-*"))[-1]
    images = int(newest.name.partition("-")[2])
    assert f"the last good checkpoint is at {images / 1000:.1f} kimg" in str(caught.value)
    assert images > 0
    reader = tf.train.load_checkpoint(str(newest / "state"))
    for variable, dtype in reader.get_variable_to_dtype_map().items():
        if dtype.is_floating:
            values = reader.get_tensor(variable)
            # What was not measured yet is NaN in a history of measurements.
            assert np.isfinite(values).all() or "validation" in variable, variable
    Loop(trainer, run, config.runtime, *ticks).train()
    assert (run.path / run_folder.DONE).is_file()
    with capsys.disabled():
        terms = str(caught.value).partition("kimg: ")[2].partition(";")[0]
        print(f"\nnot finite {name}: stopped, named {terms}; resumed to the end")
