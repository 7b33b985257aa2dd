"""Published names, and TensorFlow-1 checkpoints with networks and slots of the published layout."""

import numpy as np
import pytest
import tensorflow as tf

from tf_facegan.engine.optimizers import RMSProp
from tf_facegan.rdgan import networks, reference

SMALL = {"width": 0.0625}


def pair(seed):
    G = networks.FaceGenerator(**SMALL, seed=seed)
    return G, networks.FaceDiscriminator(32, **SMALL, seed=seed)


def optimizer(model):
    return RMSProp(list(model.named_trainable_variables.values()))


def write_checkpoint(path, models, slots=True, drop=()):
    """Writes what TensorFlow 1's saver would: weights, and RMSProp's two slots of each."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        count = 0
        for model in models:
            for name, value in model.items():
                if name in drop:
                    continue
                tf.compat.v1.get_variable(name, initializer=value)
                if slots and "/moving_" not in name:
                    count += 1
                    square = np.full(value.shape, count, np.float32)
                    tf.compat.v1.get_variable(f"{name}/RMSProp", initializer=square)
                    tf.compat.v1.get_variable(f"{name}/RMSProp_1", initializer=0 * square)
        session.run(tf.compat.v1.global_variables_initializer())
        return tf.compat.v1.train.Saver().save(session, str(path))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """(folder, arrays of G and D)"""
    folder = tmp_path_factory.mktemp("train_log") / "model"
    folder.mkdir()
    arrays = [reference.extract(model) for model in pair(1)]
    write_checkpoint(folder / "model_000500.ckpt", arrays)
    return folder, arrays


@pytest.mark.parametrize("name", ["", "model_000500.ckpt", "model_000500.ckpt.index"])
def test_a_published_checkpoint_fills_networks_and_optimizers(checkpoint, name):
    folder, arrays = checkpoint
    weights, slots = reference.load_checkpoint(folder / name)
    for model, expected in zip(pair(2), arrays):
        own = optimizer(model)
        reference.assign_checkpoint(model, weights, slots, own)
        for key, value in reference.extract(model).items():
            np.testing.assert_array_equal(value, expected[key], err_msg=key)
        for key, square in zip(model.named_trainable_variables, own.mean_squares):
            np.testing.assert_array_equal(square, slots[key], err_msg=key)
            assert slots[key].flat[0] >= 1


def test_mean_squares_may_be_missing(tmp_path):
    arrays = [reference.extract(model) for model in pair(1)]
    path = write_checkpoint(tmp_path / "model.ckpt", arrays, slots=False)
    weights, slots = reference.load_checkpoint(path)
    assert not slots
    G, _ = pair(2)
    own = optimizer(G)
    own.mean_squares[0].assign(0 * own.mean_squares[0])
    reference.assign_checkpoint(G, weights, slots, own)
    np.testing.assert_array_equal(own.mean_squares[0], np.ones(own.mean_squares[0].shape))


def test_missing_and_misshaped_names_are_listed(tmp_path):
    (G, D), (other, _) = pair(1), pair(2)
    arrays = [reference.extract(model) for model in (G, D)]
    path = write_checkpoint(tmp_path / "model.ckpt", arrays, drop=["G_joiner/b"])
    weights, slots = reference.load_checkpoint(path)
    before = reference.extract(other)
    weights["G_joiner/deconv1_1/W"] = np.zeros([3, 3, 2, 2], np.float32)
    with pytest.raises(ValueError, match="missing: G_joiner/b; of another shape: G_joiner/deconv1"):
        reference.assign_checkpoint(other, weights, slots)
    weights, _ = reference.load_checkpoint(path)
    weights["G_joiner/b"] = arrays[0]["G_joiner/b"]
    slots["G_joiner/b"] = np.zeros(3, np.float32)
    with pytest.raises(ValueError, match=r"mean squares of G_joiner/b are \(3,\), \(1, 1, 1, 3\)"):
        reference.assign_checkpoint(other, weights, slots, optimizer(other))
    for name, value in reference.extract(other).items():
        np.testing.assert_array_equal(value, before[name])


def test_files_that_are_no_checkpoint(tmp_path):
    for path in (tmp_path, tmp_path / "model.ckpt"):
        with pytest.raises(FileNotFoundError, match=f"{path}: no checkpoint"):
            reference.load_checkpoint(path)
    (tmp_path / "model.ckpt.index").write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match="model.ckpt: not a readable checkpoint"):
        reference.load_checkpoint(tmp_path / "model.ckpt")


def test_assign_lists_names():
    G, D = pair(0)
    arrays = reference.extract(D)
    reference.assign(D, arrays)
    with pytest.raises(ValueError, match="missing: G_f_extracter/conv1_1/W.*unexpected: D_right/"):
        reference.assign(G, arrays)
