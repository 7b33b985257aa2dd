"""Published files as run folders, which every command and utility takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tf_facegan import config as configuration
from tf_facegan.engine import run_folder
from tf_facegan.expression import config as configs
from tf_facegan.expression import imports, reference, representation, sampling
from tf_facegan.files import atomic_folder
from tf_facegan.records import schema
from tf_facegan.sources.expressions import EXPRESSIONS

if TYPE_CHECKING:
    from tf_facegan.expression.networks import Generator
    from tf_facegan.expression.representation import Representations


def import_checkpoint(
    path: str | Path, representations: str | Path, out_dir: str | Path
) -> run_folder.RunFolder:
    """Makes a run folder of a checkpoint of the published GAN.

    The statistics that the published code never gathers are gathered over batches of mixed
    expressions, so that the expression is not lost when samples are made; the command's
    `--statistics batch` samples as published.

    Args:
      path: see `imports.load_checkpoint`.
      representations: what it was trained with; see `representation.load`.
      out_dir: folder to make.

    Returns:
      `RunFolder`.

    Raises:
      FileNotFoundError, ValueError: naming the file; `out_dir` exists.
    """
    found = representation.load(representations)
    checkpoint = imports.load_checkpoint(path)
    generator = checkpoint.generator("moving")
    check_conditions(path, generator, found)
    sampling.gather_statistics(generator, found.rows.astype(np.float32))
    critic = checkpoint.critic(generator.image_size)
    changes = {
        "desc": Path(out_dir).name,
        "data.channel_order": "bgr",
        "data.layout": "scrambled",
        "networks.kind": generator.kind,
        "networks.noise_dim": generator.noise_dim,
        "networks.dim": generator.dim,
        "networks.condition_gain": 1.0,
        "train.epochs": epoch_of(path),
        "train.freeze_hidden": True,
    }
    networks = {"G": reference.extract(generator), "D": reference.extract(critic)}
    config = configuration.override(configs.CWGANConfig(), changes)
    return _make(out_dir, config, generator.image_size, networks, found)


def import_autoencoder(
    json_path: str | Path, weights_path: str | Path, out_dir: str | Path
) -> run_folder.RunFolder:
    """Makes a run folder of a published autoencoder; see `imports.load_autoencoder`.

    Raises:
      FileNotFoundError, ValueError: naming the file; `out_dir` exists.
    """
    model = imports.load_autoencoder(json_path, weights_path)
    changes = {
        "desc": Path(out_dir).name,
        "data.channel_order": "bgr",
        "network.code_activation": model.code_activation,
        "network.output_activation": model.output_activation,
        "network.dim": model.dim,
        "network.code_gain": model.code_gain,
        "network.target_range": "symmetric",
    }
    config = configuration.override(configs.AutoencoderConfig(), changes)
    networks = {"autoencoder": reference.extract(model)}
    return _make(out_dir, config, model.image_size, networks)


def check_conditions(
    path: str | Path, generator: Generator, representations: Representations
) -> None:
    """Raises ValueError unless representations are as long as a checkpoint's conditions."""
    length = representations.rows.shape[1]
    if length != generator.condition_dim:
        raise ValueError(
            f"{path}: conditions of {generator.condition_dim} numbers expected, the "
            f"representations have {length}"
        )


def epoch_of(path: str | Path) -> int:
    """Returns the epoch in `model_<epoch>_<iteration>.ckpt`, as the published code reads it; else
    0."""
    fields = Path(str(path).rstrip(".")).name.split("_")
    return int(fields[1]) if len(fields) > 1 and fields[1].isdigit() else 0


def _make(out_dir, config, image_size, networks, representations=None):
    names = list(representations.names if representations else EXPRESSIONS)
    info = schema.SetInfo(
        name="published",
        kind=schema.SINGLE_SIZE,
        shape=[3, image_size, image_size],
        dtype="uint8",
        count=0,
        modalities=[["image", 3]],
        range=[0, 255],
        fields={"expression": {"shape": [], "dtype": "int64", "names": names}},
    )
    with atomic_folder(out_dir) as folder:
        run = run_folder.RunFolder(folder)
        run.save_config(config)
        run.save_dataset(info)
        run.save_snapshot(run_folder.FINAL_SNAPSHOT, networks)
        if representations:
            representations.save(folder / representation.FOLDER)
    return run_folder.RunFolder(out_dir)
