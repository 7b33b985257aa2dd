"""Published variable names of RD-GAN's networks, and TensorFlow-1 checkpoints of its code.

The networks keep the published names and layouts (convolutions HWIO; transposed ones height, width,
out, in; dense weights in, out), so that nothing is transposed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tf_facegan import checkpoint_files, reference_weights
from tf_facegan.engine.optimizers import write

if TYPE_CHECKING:
    from tf_facegan.engine.optimizers import RMSProp
    from tf_facegan.rdgan.layers import Network


_MEAN_SQUARE, _UPDATE = "/RMSProp", "/RMSProp_1"


def assign(model: Network, arrays: dict[str, np.ndarray]) -> None:
    """Fills a network from published arrays.

    Args:
      model: a network of `networks`.
      arrays: {published name ("G_joiner/deconv1_1/W", …): array}.

    Raises:
      ValueError: lists every missing, unexpected and mis-shaped name; the network is left as it
        was.
    """
    reference_weights.assign(model.named_variables, arrays)


def extract(model: Network) -> dict[str, np.ndarray]:
    """Returns {published name: numpy array} of a network."""
    return reference_weights.extract(model.named_variables)


def load_checkpoint(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Reads a TensorFlow-1 checkpoint of the published code.

    Args:
      path: folder with a `checkpoint` file (the newest is read), or the files' common name
        (`model/model_000500.ckpt`), with or without `.index`.

    Returns:
      ({variable name: array}, {variable name: array of RMSProp's mean squares}).

    Raises:
      FileNotFoundError: no checkpoint there.
      ValueError: it cannot be read; names the file.
    """
    name = str(path)
    name = name[: -len(".index")] if name.endswith(".index") else name
    prefix = checkpoint_files.newest(name) if Path(name).is_dir() else name
    if prefix is None or not Path(f"{prefix}.index").is_file():
        raise FileNotFoundError(f"{path}: no checkpoint, expected model_….ckpt.index and its data")
    arrays = checkpoint_files.read(prefix)
    slots = {
        name[: -len(_MEAN_SQUARE)]: array
        for name, array in arrays.items()
        if name.endswith(_MEAN_SQUARE)
    }
    weights = {n: a for n, a in arrays.items() if not n.endswith((_MEAN_SQUARE, _UPDATE))}
    return weights, slots


def assign_checkpoint(
    model: Network,
    weights: dict[str, np.ndarray],
    slots: dict[str, np.ndarray] | None = None,
    optimizer: RMSProp | None = None,
) -> None:
    """Fills a network from a checkpoint that holds others, too.

    Args:
      model: a network of `networks`.
      weights, slots: what `load_checkpoint` returned; names outside the model's scopes are left.
      optimizer: the `engine.optimizers.RMSProp` over `model.named_trainable_variables`, in that
        order, to fill with the mean squares where the checkpoint holds them; the others start anew.

    Raises:
      ValueError: as `assign`; nothing was changed.
    """
    variables = model.named_variables
    scopes = {name.partition("/")[0] for name in variables}
    own = {name: array for name, array in weights.items() if name.partition("/")[0] in scopes}
    found = {}
    if optimizer is not None:
        squares = dict(zip(model.named_trainable_variables, optimizer.mean_squares))
        found = {name: (squares[name], slots[name]) for name in squares if name in (slots or {})}
        for name, (slot, array) in found.items():
            if tuple(slot.shape) != array.shape:
                raise ValueError(
                    f"mean squares of {name} are {array.shape}, {tuple(slot.shape)} expected"
                )
    reference_weights.assign(variables, own)
    if optimizer is not None:
        optimizer.reset()
    for slot, array in found.values():
        write(slot, tf.constant(array, slot.dtype))


def import_checkpoints(
    path: str | Path,
    checkpoints: Mapping[str, str | Path],
    changes: dict[str, Any] | None = None,
    image_size: int = 128,
) -> Path:
    """Makes a folder that the pipeline opens like a run out of checkpoints of the published code.

    Args:
      path: folder to make.
      checkpoints: {stage ("face" and "fine", or "two_way"): path as of `load_checkpoint`}.
      changes: {dotted field: value} of the configuration, `config.PUBLISHED` for example.
      image_size: int, side of the images.

    Returns:
      pathlib.Path of the folder.

    Raises:
      ValueError: other stages, names that are missing or of another shape, a folder that is there
        already; FileNotFoundError: no checkpoint.
    """
    from tf_facegan import config as configuration
    from tf_facegan.engine import run_folder
    from tf_facegan.files import atomic_folder
    from tf_facegan.rdgan import schedule
    from tf_facegan.rdgan.config import Config
    from tf_facegan.rdgan.inference import make_generator

    fixed = {"train.stages": list(checkpoints), "data.image_size": image_size}
    config = configuration.override(Config(), {**(changes or {}), **fixed})
    schedule.check(config)
    networks = {}
    for stage, checkpoint in checkpoints.items():
        generator = make_generator(config, stage)
        weights, _ = load_checkpoint(checkpoint)
        try:
            assign_checkpoint(generator, weights)
        except ValueError as error:
            raise ValueError(f"{checkpoint}: {error}") from None
        networks[f"{stage}_G"] = extract(generator)
    with atomic_folder(path) as folder:
        run = run_folder.RunFolder(folder)
        run.save_config(config)
        run.save_snapshot(run_folder.FINAL_SNAPSHOT, networks)
    return Path(path)
