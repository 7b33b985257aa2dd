"""Published parameter names and layouts of the expression networks.

The published generator and critic are NCHW inside: what is flattened goes through channels, rows
and columns there, and through rows, columns and channels here. All other layouts are the same.
`imports.py` reads the published files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tf_facegan import reference_weights

if TYPE_CHECKING:
    import tensorflow as tf


_MOVING = {"moving_mean": 0.0, "moving_variance": 1.0}
_FLAT_OUTPUTS = ("Generator.Input", "Generator.BN1")  # the last axis is a map
_FLAT_INPUT = "Discriminator.reduction.W"  # the first axis is a map
_ROWS = ("scale", "offset", "moving_mean", "moving_variance")  # published with a first axis of 1


class _PublishedView:
    """A variable whose `axis` is a flat map [side, side, channels], seen as the published
    [channels, side, side]; `row` if there is one more axis of 1 before."""

    def __init__(self, variable, axis, channels, row):
        self._variable, self._row = variable, row
        side = round((variable.shape[axis] // channels) ** 0.5)
        before, after = list(variable.shape[:axis]), list(variable.shape[axis + 1 :])
        self._own = [*before, side, side, channels, *after]
        self._published = [*before, channels, side, side, *after]
        self._axis = axis
        self.shape = (1,) * row + tuple(variable.shape)
        self.dtype = variable.dtype

    def assign(self, array):
        array = np.moveaxis(np.reshape(array, self._published), self._axis, self._axis + 2)
        self._variable.assign(array.reshape(self._variable.shape))

    def numpy(self):
        array = np.reshape(self._variable.numpy(), self._own)
        return np.moveaxis(array, self._axis + 2, self._axis).reshape(self.shape)


def assign(model: tf.keras.Model, arrays: dict[str, np.ndarray]) -> None:
    """Fills a network from published arrays.

    Args:
      model: a network of `networks.py`.
      arrays: {published name: array in the published layout}, `Generator.Input.W` or with its
        scope, `Generator.Input/Generator.Input.W`. The moving statistics of a generator may be
        missing, and are then 0 and 1: the published code neither updates nor uses them.

    Raises:
      ValueError: lists every missing, unexpected and mis-shaped name; the network is left as it
        was.
    """
    variables = published(model)
    arrays = {canonical(name): array for name, array in arrays.items()}
    for name, variable in variables.items():
        start = _MOVING.get(name.rpartition(".")[2])
        if start is not None and name not in arrays:
            arrays[name] = np.full(variable.shape, start, np.float32)
    reference_weights.assign(variables, arrays)


def extract(model: tf.keras.Model) -> dict[str, np.ndarray]:
    """Returns {published name: array in the published layout} of a network, in its order.

    The moving statistics of a generator are left out if it does not use them.
    """
    arrays = reference_weights.extract(published(model))
    if getattr(model, "statistics", None) == "batch":
        is_dead = {name for name in arrays if name.rpartition(".")[2] in _MOVING}
        return {name: array for name, array in arrays.items() if name not in is_dead}
    return arrays


def published(model: tf.keras.Model) -> dict[str, Any]:
    """Returns {published name: variable, or a view of it, in the published layout}."""
    return {
        name: in_published_layout(model, name, variable)
        for name, variable in model.named_variables.items()
    }


def in_published_layout(model: tf.keras.Model, name: str, variable: tf.Variable) -> Any:
    """Returns what has the shape of a published array and fills the variable, or a slot like it.

    Args:
      model: the network the variable is of.
      name: str, its published name.
      variable: tf.Variable of the shape of `model.named_variables[name]`.
    """
    path, _, leaf = name.rpartition(".")
    if path in _FLAT_OUTPUTS:
        row = path == "Generator.BN1" and leaf in _ROWS
        return _PublishedView(variable, len(variable.shape) - 1, 2 * model.dim, row)
    if name == _FLAT_INPUT:
        return _PublishedView(variable, 0, 8 * model.dim, row=False)
    return variable


def canonical(name: str) -> str:
    """Returns a name without TensorFlow's scope: `Generator.2/Generator.2.Filters` and
    `Generator.2.Filters` are the same."""
    scope, slash, rest = name.partition("/")
    return rest if slash and rest.startswith(scope + ".") else name
