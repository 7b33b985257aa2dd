"""Published parameter names and layouts of GANimation's networks, and published checkpoints.

Names are those of vipermu/ganimation; kernels are published as [out, in, h, w] (transposed ones as
[in, out, h, w]) and kept here as [h, w, in, out] ([h, w, out, in]). Accepted besides: the heads'
names in albertpumarola/GANimation, and the prefix `module.` of training on several GPUs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tf_facegan import pickles, reference_weights
from tf_facegan.engine.optimizers import write

if TYPE_CHECKING:
    import tensorflow as tf

    from tf_facegan.engine.optimizers import Adam


_COUNTER = ".num_batches_tracked"
_STATISTICS = {"running_mean": 0.0, "running_var": 1.0}
_HEADS = {"img_reg.": "im_reg.", "attetion_reg.": "im_att."}
_ALIAS = re.compile(r"debug\d+\.")


class _PublishedKernel:
    """A kernel seen in the published layout, as `reference_weights` takes variables."""

    def __init__(self, variable):
        self._variable = variable
        self.dtype = variable.dtype
        height, width, inputs, outputs = variable.shape
        self.shape = (outputs, inputs, height, width)

    def assign(self, array):
        self._variable.assign(np.transpose(array, (2, 3, 1, 0)))

    def numpy(self):
        return np.transpose(self._variable.numpy(), (3, 2, 0, 1))


def assign(model: tf.keras.Model, arrays: dict[str, np.ndarray]) -> None:
    """Fills a network from published arrays.

    Args:
      model: `networks.Generator` or `networks.Discriminator`.
      arrays: {published name: array in the published layout}. `debugN.*` (the same parameters
        under other names) and `num_batches_tracked` may be there; running statistics may be
        missing, and are then 0 and 1.

    Raises:
      ValueError: lists every missing, unexpected and mis-shaped name, or the `debugN.*` that
        differ from their parameter; the network is left as it was.
    """
    variables = _published(model)
    arrays = {canonical(name): array for name, array in arrays.items()}
    arrays = {name: array for name, array in arrays.items() if not name.endswith(_COUNTER)}
    parameters = {}
    for name, array in arrays.items():
        alias = _ALIAS.match(name)
        if alias is None or f"main.{name[alias.end() :]}" not in arrays:
            parameters[name] = array
    aliases = {name: array for name, array in arrays.items() if name not in parameters}
    differing = [
        name
        for name, array in aliases.items()
        if not np.array_equal(array, arrays[_ALIAS.sub("main.", name)])
    ]
    if differing:
        raise ValueError(
            f"weights contradict each other; of another value than main: {', '.join(differing)}"
        )
    for name, variable in variables.items():
        start = _STATISTICS.get(name.rpartition(".")[2])
        if start is not None and name not in parameters:
            parameters[name] = np.full(variable.shape, start, np.float32)
    reference_weights.assign(variables, parameters)


def extract(model: tf.keras.Model, duplicates: bool = False) -> dict[str, np.ndarray]:
    """Returns {published name: array in the published layout} of a network, in published order.

    Args:
      model: as of `assign`.
      duplicates: for a generator, add `num_batches_tracked` (0) and the parameters once more as
        `debug1` to `debug4`, without which the published code does not load a file.
    """
    arrays = reference_weights.extract(_published(model))
    if not duplicates or "im_reg.0.weight" not in arrays:
        return arrays
    complete = {}
    for name, array in arrays.items():
        complete[name] = array
        if name.endswith("running_var"):
            complete[name[: -len(".running_var")] + _COUNTER] = np.zeros((), np.int64)
    main = {name: array for name, array in complete.items() if name.startswith("main.")}
    last_block = 8 + model.repeat_num
    for number, last in enumerate((2, 8, last_block, np.inf), 1):
        for name, array in main.items():
            if int(name.split(".")[1]) <= last:
                complete[name.replace("main", f"debug{number}", 1)] = array
    return complete


def load_checkpoint(path: str | Path) -> dict[str, np.ndarray]:
    """Reads a published `…G.ckpt` or `…D.ckpt` (either container of torch; without torch).

    Args:
      path: the file.

    Returns:
      {name: numpy array} for `assign`.

    Raises:
      ValueError: the file holds something else; names the file.
      OSError: it cannot be opened.
    """
    arrays = pickles.load_torch(path)
    if not isinstance(arrays, dict) or not all(
        isinstance(name, str) and isinstance(array, np.ndarray) for name, array in arrays.items()
    ):
        raise ValueError(f"{path}: not the weights of a network, expected named arrays")
    return dict(arrays)


def load_optimizer(path: str | Path) -> list[dict[str, Any]]:
    """Reads a published `…G_optim.ckpt` or `…D_optim.ckpt`.

    Args:
      path: the file.

    Returns:
      list of {"step": int, "exp_avg": array, "exp_avg_sq": array}, one for each parameter in
      published order, for `assign_optimizer`; empty when no step was taken.

    Raises:
      ValueError: the file holds something else; names the file.
      OSError: it cannot be opened.
    """
    content = pickles.load_torch(path)
    try:
        (group,), state = content["param_groups"], content["state"]
        if not state:
            return []
        entries = [state[key] for key in group["params"]]
        return [
            {"step": int(e["step"]), **{k: np.asarray(e[k]) for k in ("exp_avg", "exp_avg_sq")}}
            for e in entries
        ]
    except (KeyError, TypeError, ValueError, IndexError):
        raise ValueError(f"{path}: not the state of an Adam optimizer of one group") from None


def assign_optimizer(
    optimizer: Adam, model: tf.keras.Model, entries: Sequence[dict[str, Any]]
) -> None:
    """Gives an optimizer the moments and step count of a published one.

    Args:
      optimizer: `engine.optimizers.Adam` over `model.named_trainable_variables`, in that order.
      model: the network it trains.
      entries: what `load_optimizer` returned.

    Raises:
      ValueError: another number of parameters, other shapes, or parameters with different step
        counts; the optimizer is left as it was.
    """
    if not entries:
        optimizer.reset()
        return
    names = list(model.named_trainable_variables)
    if len(entries) != len(names):
        raise ValueError(f"optimizer of {len(entries)} parameters, the network has {len(names)}")
    steps = {entry["step"] for entry in entries}
    if len(steps) > 1:
        raise ValueError(f"optimizer with step counts {sorted(steps)}, one expected")
    slots = {}
    for kind, own in (("exp_avg", optimizer.m), ("exp_avg_sq", optimizer.v)):
        for name, slot, entry in zip(names, own, entries):
            slots[f"{name} {kind}"] = _in_published_layout(slot), entry[kind]
    reference_weights.assign(
        {name: variable for name, (variable, _) in slots.items()},
        {name: array for name, (_, array) in slots.items()},
    )
    (step,) = steps
    dtype = optimizer.beta1_power.dtype.as_numpy_dtype
    write(optimizer.beta1_power, dtype(optimizer.beta1 ** (step + 1)))
    write(optimizer.beta2_power, dtype(optimizer.beta2 ** (step + 1)))


def _published(model):
    return {n: _in_published_layout(variable) for n, variable in model.named_variables.items()}


def _in_published_layout(variable):
    return _PublishedKernel(variable) if len(variable.shape) == 4 else variable


def canonical(name: str) -> str:
    """Returns vipermu's name for a parameter of one of the published codes."""
    name = name[len("module.") :] if name.startswith("module.") else name
    for theirs, ours in _HEADS.items():
        if name.startswith(theirs):
            return ours + name[len(theirs) :]
    return name
