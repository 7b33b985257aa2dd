"""`train.py` with the presets of the expression models."""

import pytest

import configs
import train

PRESETS = [name for name in configs.PRESETS if name.startswith("expression-")]


def test_each_model_has_a_preset_for_raf_and_for_toy_faces():
    kinds = ("autoencoder", "cwgan", "vgg16")
    names = {f"expression-{kind}-{data}" for kind in kinds for data in ("raf", "toy")}
    assert set(PRESETS) == names


@pytest.mark.parametrize("preset", PRESETS)
def test_the_published_values_are_one_switch_away(preset, capsys):
    assert train.main(["--preset", preset, "--mod", "published", "--dry_run"]) == 0
    lines = [line.split("  #")[0].strip() for line in capsys.readouterr().out.splitlines()]
    expected = {
        "autoencoder": ("code_activation = 'softmax'", "target_range = 'symmetric'"),
        "cwgan": ("layout = 'scrambled'", "statistics = 'batch'", "condition_gain = 1.0"),
        "vgg16": ("preprocessing = 'tf'", "split = 'random'", "steps_per_epoch = 2"),
    }[preset.split("-")[1]]
    assert set(expected) <= set(lines)
