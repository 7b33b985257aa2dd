"""`runtime.deterministic`: repeatable operations on the CPU unless they are switched off."""

import pytest
import tensorflow as tf

# TensorFlow has no public question for it.
from tensorflow.python.framework import config as framework

from tests import tiny
from tf_facegan.engine import devices, training


@pytest.mark.parametrize(
    ("switch", "on_gpus", "expected"),
    [
        (None, False, True),
        (None, True, False),
        (True, False, True),
        (True, True, True),
        (False, False, False),
    ],
)
def test_the_switch(switch, on_gpus, expected, faces, tmp_path, monkeypatch):
    found = []

    def note(_):
        found.append(framework.is_op_determinism_enabled())
        try:
            tf.random.uniform([])  # without a seed
            found.append("random")
        except RuntimeError as error:
            found.append(str(error))

    monkeypatch.setattr(training.Loop, "train", note)
    monkeypatch.setattr(devices, "uses_gpus", lambda _: on_gpus)
    config = tiny.config_for(faces, **{"runtime.deterministic": switch})
    training.train(config, tmp_path)
    assert found[0] is expected
    assert (found[1] == "random") is not expected, found[1]
