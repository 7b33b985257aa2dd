"""Bursts, rates, stages and log lines."""

import numpy as np
import pytest

from tests.rdgan.golden import vectors
from tf_facegan import config as configuration
from tf_facegan.engine.progress import Progress
from tf_facegan.rdgan import schedule
from tf_facegan.rdgan.config import PUBLISHED, Config, LearningRate

SHORT = {
    "train.batch_size": 4,
    "face.max_iter": 5,
    "face.burst_every": 3,
    "face.burst_steps": 6,
    "fine.max_iter": 3,
    "fine.burst_steps": 7,
    "train.summary_iterations": 2,
}


def config(**changes):
    return configuration.override(Config(), {**SHORT, **changes})


def phases(settings):
    """Every phase of a training, with the images at which log lines fall."""
    progress, found, lines = Progress(), [], []
    total = schedule.total_images(settings)
    while progress.images < total:
        phase = schedule.phase_at(progress, settings)
        found.append(phase)
        progress.images += phase.images
        progress.iteration += 1
        if progress.images >= progress.tick_start + phase.tick_kimg * 1000:
            progress.tick_start = progress.images
            lines.append(progress.iteration)
    assert progress.images == total
    return found, lines


def test_learning_rates_are_those_published():
    extras = vectors("extras").arrays
    rates = [schedule.learning_rate(int(i), LearningRate()) for i in extras["lr/epoch"]]
    np.testing.assert_allclose(rates, extras["lr/value"], rtol=1e-12)


def test_stages_and_bursts():
    found, lines = phases(config())
    assert [phase.stage for phase in found] == ["face"] * 5 + ["fine"] * 3
    assert [phase.iteration for phase in found] == [0, 1, 2, 3, 4, 0, 1, 2]
    assert [phase.d_steps for phase in found] == [6, 2, 2, 6, 2, 7, 5, 5]
    assert [phase.images for phase in found] == [28, 12, 12, 28, 12, 32, 24, 24]
    assert {phase.first_image for phase in found[5:]} == {92}
    assert lines == [2, 4, 5, 7, 8]  # none runs from one stage into the next
    assert found[5].G_lr == 1e-4 > found[6].G_lr
    assert found[0].key != found[5].key and "fine iteration 1/3" in found[5].describe()


def test_the_published_schedules():
    settings = Config()
    bursts = {"face": (2, 200), "fine": (5, 500), "two_way": (1, 500)}
    for stage, (steps, every) in bursts.items():
        one = configuration.override(
            settings, {"train.stages": ["two_way"]} if stage == "two_way" else {}
        )
        start = 200_000 if stage == "fine" else 0
        found = [schedule.phase_at(Progress(iteration=start + i), one) for i in (0, 1, every)]
        assert [phase.d_steps for phase in found] == [100, steps, 100]
        assert {phase.stage for phase in found} == {stage}
    assert schedule.images_until(settings, "face", 400) == 32 * (2 * 101 + 398 * 3)


def test_published_values_are_values_of_the_configuration():
    published = configuration.override(Config(), PUBLISHED)
    for name, value in PUBLISHED.items():
        section, _, field = name.partition(".")
        assert getattr(getattr(published, section), field) == value
        assert getattr(getattr(Config(), section), field) != value
    assert configuration.from_dict(Config, configuration.to_dict(published)) == published


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"train.stages": ["fine"]},
            "train.stages is fine: expected face or face, fine or two_way",
        ),
        ({"train.stages": []}, "train.stages is empty"),
        ({"fine.max_iter": 0}, "fine.max_iter is 0, at least 1 expected"),
        ({"face.burst_every": 0}, "face.burst_every is 0, at least 1"),
        ({"train.summary_iterations": 0}, "train.summary_iterations is 0"),
    ],
)
def test_schedules_that_cannot_be_run(changes, message):
    with pytest.raises(ValueError, match=message):
        schedule.check(config(**changes))
