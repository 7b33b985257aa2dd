"""Reading what the published code saved: TensorFlow-1 checkpoints, and the Keras autoencoder."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tf_facegan import checkpoint_files, reference_weights
from tf_facegan.engine.optimizers import write
from tf_facegan.expression import keras_files, reference
from tf_facegan.expression.networks import Autoencoder, Critic, Generator
from tf_facegan.files import read_json

if TYPE_CHECKING:
    from tf_facegan.engine.optimizers import Adam


_NETWORKS = {"G": "Generator.", "D": "Discriminator."}
_SLOTS = {"m": "/Adam", "v": "/Adam_1"}
_POWERS = {"G": "", "D": "_1"}  # endings of beta1_power and beta2_power
# Layers of the published autoencoder, in order, and which of them have variables.
_LAYERS = (
    ["InputLayer"] + 3 * ["Conv2D", "MaxPooling2D"] + ["Flatten", "Dense", "Reshape"]
    + 2 * ["Conv2DTranspose", "BatchNormalization"] + ["Conv2DTranspose", "Conv2D"]
)  # fmt: skip
_WITH_VARIABLES = ("Conv2D", "Dense", "Conv2DTranspose", "BatchNormalization")


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A published checkpoint of the GAN.

    Attributes:
      G, D: {published name: array}, the networks.
      optimizers: {"G" or "D": {"m", "v": {published name: array}, "beta1_power", "beta2_power":
        float}}, of those networks whose optimizer was saved.
    """

    G: dict
    D: dict
    optimizers: dict

    def generator(self, statistics: str = "batch") -> Generator:
        """Makes the generator with these weights; its sizes are found from their shapes.

        Args:
          statistics: of `networks.Generator`; for "moving" see `sampling.gather_statistics`.

        Raises:
          ValueError: the arrays are not those of a generator.
        """
        arrays = {reference.canonical(name): array for name, array in self.G.items()}
        rows, units = _shape(arrays, "Generator.Input.W", 2)
        dim = _shape(arrays, "Generator.2.Filters", 4)[2]
        condition = self._condition_dim()
        is_sum = rows == condition
        model = Generator(
            kind="add" if is_sum else "concat",
            noise_dim=rows if is_sum else rows - condition,
            condition_dim=condition,
            image_size=4 * round((units / (2 * dim)) ** 0.5),
            dim=dim,
            statistics=statistics,
            seed=0,
        )
        reference.assign(model, arrays)
        return model

    def critic(self, image_size: int = 100) -> Critic:
        """Makes the critic with these weights; `image_size` as of `networks.Critic`."""
        dim = _shape(self.D, "Discriminator.1.Filters", 4)[3]
        model = Critic(self._condition_dim(), image_size, dim, seed=0)
        reference.assign(model, self.D)
        return model

    def _condition_dim(self):
        return _shape(self.D, "Discriminator.fully/weights", 2)[0] - 100


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Reads a checkpoint of the published code (TensorFlow 1, by name; without running code).

    Args:
      path: `…/model_<epoch>_<iteration>.ckpt`, with or without dots or `.index` behind it.

    Returns:
      `Checkpoint`.

    Raises:
      FileNotFoundError: no such checkpoint.
      ValueError: it cannot be read, or holds other networks.
    """
    prefix = str(path).rstrip(".")
    prefix = prefix[: -len(".index")] if prefix.endswith(".index") else prefix
    if not any(Path(prefix + ending).is_file() for ending in (".index", "")):
        raise FileNotFoundError(f"{prefix}: no such checkpoint (no {prefix}.index)")
    saved = checkpoint_files.read(prefix)
    names = {name: reference.canonical(name) for name in saved}
    of = {
        network: {
            published: saved[name]
            for name, published in names.items()
            if published.startswith(prefix_) and not published.endswith(tuple(_SLOTS.values()))
        }
        for network, prefix_ in _NETWORKS.items()
    }
    lacking = [network for network, arrays in of.items() if not arrays]
    if lacking:
        raise ValueError(
            f"{prefix}: no variables {' and '.join(_NETWORKS[n] + '*' for n in lacking)}, a "
            "checkpoint of the published expression GAN expected"
        )
    slots = {published: saved[name] for name, published in names.items()}
    optimizers = {n: _optimizer(slots, n) for n in of if f"beta1_power{_POWERS[n]}" in saved}
    return Checkpoint(of["G"], of["D"], optimizers)


def _optimizer(saved, network):
    state = {
        slot: {
            name[: -len(ending)]: array
            for name, array in saved.items()
            if name.startswith(_NETWORKS[network]) and name.endswith(ending)
        }
        for slot, ending in _SLOTS.items()
    }
    for power in ("beta1_power", "beta2_power"):
        state[power] = float(saved[power + _POWERS[network]])
    return state


def assign_optimizer(
    optimizer: Adam, model: tf.keras.Model, names: Sequence[str], state: dict
) -> None:
    """Gives an optimizer the moments and the step count of a published one.

    Args:
      optimizer: `engine.optimizers.Adam` over the variables called `names`, in that order.
      model: the network it trains.
      names: published names.
      state: an entry of `Checkpoint.optimizers`.

    Raises:
      ValueError: other names or shapes; the optimizer is left as it was.
    """
    slots, arrays = {}, {}
    for kind, own in (("m", optimizer.m), ("v", optimizer.v)):
        for name, slot in zip(names, own):
            slots[f"{name} {kind}"] = reference.in_published_layout(model, name, slot)
        arrays.update({f"{name} {kind}": array for name, array in state[kind].items()})
    reference_weights.assign(slots, arrays)
    for power in ("beta1_power", "beta2_power"):
        variable = getattr(optimizer, power)
        write(variable, variable.dtype.as_numpy_dtype(state[power]))


def load_autoencoder(json_path: str | Path, weights_path: str | Path) -> Autoencoder:
    """Makes the autoencoder of a published pair of files.

    Args:
      json_path: `model_ae_tex.json`, the architecture; only names and numbers are taken from it.
      weights_path: `model_ae_tex.h5`.

    Returns:
      `networks.Autoencoder`. Layers are matched by their order: Keras numbers their names anew in
      every session.

    Raises:
      FileNotFoundError: no such file.
      ValueError: another architecture, or weights that do not fit it.
    """
    layers = _read_layers(Path(json_path))
    kinds = [layer["class_name"] for layer in layers]
    if kinds != _LAYERS:
        raise ValueError(
            f"{json_path}: layers {', '.join(kinds)}; those of the published autoencoder expected, "
            f"{', '.join(_LAYERS)}"
        )
    weighted = [layer["config"] for layer in layers if layer["class_name"] in _WITH_VARIABLES]
    try:
        model = Autoencoder(
            code_activation=weighted[3]["activation"],
            output_activation=weighted[-1]["activation"],
            image_size=layers[0]["config"]["batch_input_shape"][1],
            dim=weighted[0]["filters"],
            norm_decay=weighted[5]["momentum"],
            seed=0,
        )
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise ValueError(f"{json_path}: not the published autoencoder ({error})") from None
    own = dict(zip((config["name"] for config in weighted), model.named_layers))
    arrays = {}
    for name, array in keras_files.read_weights(weights_path).items():
        layer, _, leaf = name.partition("/")
        arrays[f"{own.get(layer, layer)}/{leaf}"] = array
    try:
        reference.assign(model, arrays)
    except ValueError as error:
        raise ValueError(f"{weights_path}: {error}") from None
    return model


def _read_layers(path):
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; the autoencoder's JSON expected")
    try:
        layers = read_json(path)["config"]["layers"]
        if not all(isinstance(layer["config"]["name"], str) for layer in layers):
            raise ValueError("layers without names")
        return layers
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a Keras model ({error})") from None


def _shape(arrays, name, rank):
    """Returns the shape of an array of a published name."""
    shape = np.shape({reference.canonical(n): a for n, a in arrays.items()}.get(name, ()))
    if len(shape) != rank:
        raise ValueError(f"{name}: shape {shape}, an array of {rank} axes expected")
    return shape
