"""`train.py` with RD-GAN's presets."""

import pytest

import configs
import train

PRESETS = [name for name, (system, _) in configs.PRESETS.items() if system == "rdgan"]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("mod", [[], ["--mod", "published"]])
def test_presets_and_switches_are_configurations(preset, mod, capsys):
    assert train.main(["--preset", preset, *mod, "--dry_run"]) == 0
    assert f"dropout = {bool(mod)}" in capsys.readouterr().out
