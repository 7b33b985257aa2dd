"""Filling models from arrays with published names, after checking names and shapes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np


def assign(
    variables: Mapping[str, Any], arrays: dict[str, np.ndarray], ignored: Collection[str] = ()
) -> None:
    """Fills variables from arrays of the same name, all or none.

    Args:
      variables: {published name: variable or anything with `shape` and `assign`}.
      arrays: {published name: array in the variable's layout}.
      ignored: names that may be among the arrays and mean nothing to the model.

    Raises:
      ValueError: lists every missing, unexpected and mis-shaped name; no variable was touched.
    """
    missing = [name for name in variables if name not in arrays]
    unexpected = [name for name in arrays if name not in variables and name not in ignored]
    misshaped = [
        f"{name} {np.shape(arrays[name])} instead of {tuple(variable.shape)}"
        for name, variable in variables.items()
        if name in arrays and np.shape(arrays[name]) != tuple(variable.shape)
    ]
    kinds = {"missing": missing, "unexpected": unexpected, "of another shape": misshaped}
    problems = [f"{kind}: {', '.join(names)}" for kind, names in kinds.items() if names]
    if problems:
        raise ValueError(f"weights do not fit the network; {'; '.join(problems)}")
    for name, variable in variables.items():
        variable.assign(np.asarray(arrays[name]).astype(variable.dtype.as_numpy_dtype))


def extract(variables: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Returns {published name: numpy array} of a dictionary of variables."""
    return {name: variable.numpy() for name, variable in variables.items()}
