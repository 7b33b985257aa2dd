"""TensorFlow-1 checkpoints, read by name."""

import numpy as np
import pytest
import tensorflow as tf

from tests.hostile.readers import READERS
from tf_facegan import checkpoint_files


def test_variables_are_read_by_name(tmp_path):
    index = READERS["tensorflow checkpoint"].make(tmp_path)
    assert checkpoint_files.newest(tmp_path) == index.with_suffix("")
    found = checkpoint_files.read(index.with_suffix(""))
    assert list(found) == ["G/n", "G/w"]
    np.testing.assert_array_equal(found["G/w"], [[1, 2, 3], [1, 2, 3]])


def test_what_cannot_be_read_is_named(tmp_path):
    index = READERS["tensorflow checkpoint"].make(tmp_path)
    (data,) = tmp_path.glob("*.data-*")
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(ValueError, match="model.ckpt: not a readable checkpoint"):
        checkpoint_files.read(index.with_suffix(""))
    large = tf.train.Checkpoint(v=tf.Variable(tf.zeros([1000]))).write(str(tmp_path / "large"))
    (tmp_path / "large.data-00000-of-00001").write_bytes(b"")
    with pytest.raises(ValueError, match=r"large: .*\(4000 bytes are announced, its files hold"):
        checkpoint_files.read(large)
    (tmp_path / "checkpoint").write_bytes(b"\xff")
    with pytest.raises(ValueError, match="checkpoint: not readable"):
        checkpoint_files.newest(tmp_path)
