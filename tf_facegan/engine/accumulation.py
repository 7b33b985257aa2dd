"""Gradients of a minibatch that does not fit a device: part by part, averaged before the step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def mean_over_parts(function: Callable[[Any], Any], batch: Any, parts: int) -> Any:
    """Returns the means of what a function gives for the parts of a batch, one after the other.

    Part p holds samples p, p + n, p + 2n, … for n parts, as replicas do: where n divides the number
    of groups of the minibatch statistics (strided, too), every group stays whole, and means of
    gradients of a mean loss are those of the undivided batch.

    Args:
      function: takes a batch; gives a nested structure of tensors (or None), whose shapes and
        Nones are the same for every part.
      batch: nested structure of tensors; the first axes are static and divisible by `parts`.
      parts: int >= 1; 1 calls the function as it is.

    Returns:
      The function's structure.
    """
    if parts == 1:
        return function(batch)

    def part(number):
        def take(tensor):
            size = tensor.shape[0] // parts
            return tf.reshape(tensor, [size, parts, *tensor.shape[1:]])[:, number]

        return function(tf.nest.map_structure(take, batch))

    # Traced once, in a function of its own, whose results say what the loop has to add up.
    traced = tf.function(part).get_concrete_function(tf.TensorSpec([], tf.int32))
    structure = traced.structured_outputs
    sums = [tf.zeros(t.shape, t.dtype) for t in tf.nest.flatten(structure) if t is not None]

    def add(number, sums):
        values = [value for value in tf.nest.flatten(traced(number)) if value is not None]
        return number + 1, [total + value for total, value in zip(sums, values)]

    # Only one part at a time is in memory.
    _, sums = tf.while_loop(
        lambda number, _: number < parts, add, (tf.constant(0), sums), parallel_iterations=1
    )
    means = iter([total / parts for total in sums])
    return tf.nest.map_structure(lambda t: None if t is None else next(means), structure)
