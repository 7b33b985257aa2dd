"""Eager tensors that stay for a moment only and leave nothing behind: in a run of a million steps
the bytes that TensorFlow keeps of each would add up to gigabytes."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import op_callbacks

# Since Python 3.11 the attributes of an object begin in an array of their own, which TensorFlow
# 2.15 does not free with an eager tensor: 16 to 48 bytes for each.
_LEAKS = sys.version_info >= (3, 11)


def release(tensors: Any) -> Any:
    """Returns a nested structure as it is, after freeing what its tensors would leave behind.

    For tensors that are made anew in every step; Python attributes of theirs are gone.

    Args:
      tensors: nested structure; what is no eager tensor in it (values of several replicas, for
        example) is left alone.
    """
    if _LEAKS:
        for tensor in tf.nest.flatten(tensors):
            if isinstance(tensor, tf.__internal__.EagerTensor):
                del tensor.__dict__
    return tensors


@contextlib.contextmanager
def releasing() -> Iterator[None]:
    """Releases the results of all operations within it, those of TensorFlow's own code as well."""
    if not _LEAKS:
        yield
        return

    def callback(op_type, inputs, attrs, outputs, op_name=None, graph=None):
        if graph is None:
            release(outputs)

    op_callbacks.add_op_callback(callback)
    try:
        yield
    finally:
        op_callbacks.remove_op_callback(callback)


def scalar(value: float, dtype: tf.DType) -> tf.Tensor:
    """Returns a number that changes from step to step as a tensor.

    `tf.constant(value)` would keep every Python number that it was ever given, with its tensor
    (780 bytes each); arrays it does not keep.

    Args:
      value: int or float.
      dtype: of the tensor.
    """
    return release(tf.constant(np.asarray(value, dtype.as_numpy_dtype)))
