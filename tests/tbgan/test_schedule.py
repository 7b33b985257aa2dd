"""The schedule against PGGAN's TrainingSchedule, for every published preset."""

from pathlib import Path

import numpy as np
import pytest

import configs
from tf_facegan import config as configuration
from tf_facegan.tbgan.config import Config, Schedule
from tf_facegan.tbgan.schedule import Phase, images_at_once, minibatch_at, phase_at, resolutions

VECTORS = np.load(Path(__file__).parents[1] / "golden" / "tbgan" / "schedule.npz")
PRESETS = ("v1-1gpu", "v2-1gpu", "v2-2gpus", "v2-4gpus", "v2-8gpus")
# The fp16 switch limits minibatches too; the rest of it concerns the networks.
LIMITS = {
    "": {},
    "-fp32": configs.MODIFIERS["tbgan"]["fp32"],
    "-fp16": {"schedule.max_minibatch_per_gpu": {512: 16, 1024: 8}},
}


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("precision", LIMITS)
@pytest.mark.parametrize("resolution", (512, 1024))
def test_matches_the_published_schedule(preset, precision, resolution):
    changes = {**configs.PRESETS[preset][1], **LIMITS[precision]}
    config = configuration.override(Config(), changes)
    rows = []
    for images in VECTORS["nimg"]:
        phase = phase_at(int(images), config.schedule, resolution, config.runtime.num_gpus)
        rates = [phase.G_lrate, phase.D_lrate]
        rows.append([phase.lod, phase.resolution, phase.minibatch, *rates, phase.tick_kimg])
    np.testing.assert_allclose(rows, VECTORS[f"{preset}{precision}/{resolution}"], rtol=1e-12)
    assert config.runtime.num_gpus == VECTORS[f"{preset}/num_gpus"]
    assert config.train.total_kimg == VECTORS[f"{preset}/total_kimg"]


def test_level_and_fade_of_a_phase():
    phase = Phase(lod=2.25, resolution=32, minibatch=8, G_lrate=0.001, D_lrate=0.001, tick_kimg=1.0)
    assert (phase.level, phase.fade) == (2, 0.25)


@pytest.mark.parametrize(
    ("minibatch", "most", "devices", "accumulated"),
    [(16, 8, 1, (16, 2, 8)), (16, 8, 2, (16, 1, 8)), (12, 5, 1, (12, 3, 4)), (7, 4, 1, (7, 7, 1))],
)
def test_what_does_not_fit_a_device_is_cut_or_taken_in_parts(minibatch, most, devices, accumulated):
    limits = {"minibatch_base": minibatch, "max_minibatch_per_gpu": {4: most}}
    published, parted = Schedule(**limits), Schedule(**limits, accumulate=True)
    assert minibatch_at(4, published, devices) == min(minibatch, most * devices)
    assert phase_at(0, published, 8, devices).parts == 1
    phase = phase_at(0, parted, 8, devices)
    assert (phase.minibatch, phase.parts, images_at_once(4, parted, devices)) == accumulated
    assert phase_at(10**9, parted, 8, devices).parts == 1


def test_resolutions_passed_through():
    schedule = Schedule(lod_training_kimg=1, lod_transition_kimg=1)
    assert resolutions(schedule, 64, 100) == [4, 8, 16, 32, 64]
    assert resolutions(schedule, 64, 1.5) == [4, 8]
    assert resolutions(Schedule(lod_initial_resolution=64), 64, 1) == [64]
