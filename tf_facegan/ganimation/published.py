"""Published checkpoints of GANimation as networks, and as a run folder to use and to train on.

`…G.ckpt`, `…D.ckpt` and the optimizers `…G_optim.ckpt`, `…D_optim.ckpt` of vipermu/ganimation, and
the `.pth` files of albertpumarola/GANimation; read without PyTorch, nothing in them is run.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tf_facegan import config as configuration
from tf_facegan.engine import run_folder
from tf_facegan.files import atomic_folder
from tf_facegan.ganimation import reference
from tf_facegan.ganimation.config import Config
from tf_facegan.ganimation.dataset import au_names
from tf_facegan.records import schema
from tf_facegan.sources.action_units import AUS

if TYPE_CHECKING:
    import tensorflow as tf


_GENERATOR = re.compile(r"(?!opt_)(?P<stem>.*)G\.(?P<ending>ckpt|pth)")
_POSITION = re.compile(r"(\d+)-(\d+)-")
_BLOCK = re.compile(r"main\.\d+\.main\.0\.weight")
_STAGE = re.compile(r"main\.\d+\.weight")
_DEFAULT_SIZE = 128


@dataclasses.dataclass(frozen=True)
class Published:
    """What checkpoints hold.

    Attributes:
      name: str, beginning of their file names.
      arrays: {"G", maybe "D": {published name: array}}.
      arguments: {"G", maybe "D": arguments of the networks in `networks.py`}.
      files: {"G", maybe "D": path}.
    """

    name: str
    arrays: dict
    arguments: dict
    files: dict


def find(path: str | Path) -> tuple[Path, Path | None]:
    """Finds checkpoints that belong together.

    Args:
      path: a `…G.ckpt` (`.pth`), or a folder with a single one.

    Returns:
      (path of the generator, path of the critic beside it or None).

    Raises:
      FileNotFoundError, ValueError: none or several, or a file of another name.
    """
    path = Path(path)
    if path.is_dir():
        found = [file for file in sorted(path.iterdir()) if _GENERATOR.fullmatch(file.name)]
        if not found:
            raise FileNotFoundError(f"{path}: no *G.ckpt or *G.pth in it")
        if len(found) > 1:
            names = ", ".join(file.name for file in found)
            raise ValueError(f"{path}: several generators ({names}), name one of them")
        (path,) = found
    if not _GENERATOR.fullmatch(path.name):
        raise ValueError(f"{path}: a file called …G.ckpt or …G.pth expected")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    critic = _sibling(path, "D")
    return path, critic if critic.is_file() else None


def read(generator: str | Path, critic: str | Path | None = None) -> Published:
    """Reads checkpoints and finds out what networks they are of.

    Args:
      generator, critic: paths; the critic may be None.

    Returns:
      `Published`.

    Raises:
      ValueError: a file that holds something else, or networks that do not belong together.
      OSError: a file cannot be opened.
    """
    files = {"G": Path(generator)}
    if critic is not None:
        files["D"] = Path(critic)
    arrays = {name: reference.load_checkpoint(path) for name, path in files.items()}
    shapes = {
        net: {reference.canonical(name): array.shape for name, array in content.items()}
        for net, content in arrays.items()
    }
    size, arguments = _DEFAULT_SIZE, {}
    if critic is not None:
        arguments["D"] = _critic_arguments(files["D"], shapes["D"])
        size = arguments["D"]["image_size"]
    arguments["G"] = {"image_size": size, **_generator_arguments(files["G"], shapes["G"])}
    aus = {net: found["c_dim"] for net, found in arguments.items()}
    if len(set(aus.values())) > 1:
        raise ValueError(
            f"{files['D']}: a critic of {aus['D']} action units, the generator {files['G']} has "
            f"{aus['G']}"
        )
    stem = _GENERATOR.fullmatch(files["G"].name)
    name = (stem["stem"] if stem else files["G"].stem).strip("-_ ") or "ganimation"
    return Published(name, arrays, arguments, files)


def networks(found: Published) -> dict[str, tf.keras.Model]:
    """Returns {"G", maybe "D": network} of `Published`; ValueError names file and wrong arrays."""
    from tf_facegan.ganimation.networks import Discriminator, Generator

    models = {}
    for net, arrays in found.arrays.items():
        build = Generator if net == "G" else Discriminator
        try:
            models[net] = build(**found.arguments[net], seed=0)
            reference.assign(models[net], arrays)
        except ValueError as error:
            raise ValueError(f"{found.files[net]}: {error}") from None
    return models


def import_checkpoints(
    path: str | Path,
    out_dir: str | Path,
    aus: Sequence[str] | None = None,
    dataset: str | Path | None = None,
    changes: dict[str, Any] | None = None,
) -> run_folder.RunFolder:
    """Makes a run folder of published checkpoints.

    Args:
      path: as of `find`.
      out_dir: run folder to make.
      aus: names of the AUs that the networks know; None: the first ones of OpenFace's 17.
      dataset: folder of a set to go on training with, or None. With it, and the optimizers beside
        the networks, `train.py --resume` goes on from the epoch that the file names say
        (`<iteration>-<epoch>-G.ckpt`, else from the beginning).
      changes: {dotted field: value}, of the published configuration to go on training with.

    Returns:
      `RunFolder`.

    Raises:
      FileNotFoundError, ValueError: missing or wrong files, an `out_dir` that exists, a set that
        does not fit.
    """
    if Path(out_dir).exists():
        raise ValueError(f"{out_dir}: exists; a folder to make expected")
    found = read(*find(path))
    models = networks(found)
    info, config = _set_info(found, aus), _config(found, aus, Path(out_dir).name)
    if dataset is not None:
        sets = {"data.sets": {"faces": str(Path(dataset).resolve())}}
        config = configuration.override(config, {**sets, **(changes or {})})
    elif changes:
        raise ValueError("changes of the configuration without a set to go on training with")
    au_names(info, config.data)  # those asked for exist
    with atomic_folder(out_dir) as folder:
        run = run_folder.RunFolder(folder)
        run.save_config(config)
        run.save_dataset(info)
        snapshot = {net: reference.extract(model) for net, model in models.items()}
        run.save_snapshot(run_folder.FINAL_SNAPSHOT, snapshot)
        if dataset is not None:
            _save_checkpoint(run, config, found)
    return run_folder.RunFolder(out_dir)


def _save_checkpoint(run, config, found):
    """Writes what `train.py --resume` goes on from."""
    from tf_facegan.engine.checkpoints import Checkpoints
    from tf_facegan.engine.devices import make_strategy
    from tf_facegan.engine.progress import Progress
    from tf_facegan.ganimation import schedule
    from tf_facegan.ganimation.trainer import Trainer

    if "D" not in found.files:
        raise ValueError(
            f"{_sibling(found.files['G'], 'D')}: no such file; the critic is needed to go on "
            "training"
        )
    trainer = Trainer(config, make_strategy())
    for net, file in found.files.items():
        model, optimizer = getattr(trainer, net), getattr(trainer, f"{net}_opt")
        try:
            reference.assign(model, found.arrays[net])
            state = _sibling(file, f"{net}_optim")
            if state.is_file():
                file = state
                reference.assign_optimizer(optimizer, model, reference.load_optimizer(state))
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from None
    progress, position = Progress(), _POSITION.match(found.files["G"].name)
    if position:
        done, epoch = map(int, position.groups())
        steps = schedule.steps_per_epoch(config.train, trainer.set.count)
        if epoch >= config.train.num_epochs:
            epoch = 0
        progress.iteration = epoch * steps + min(done, steps)
        progress.images = progress.iteration * config.train.batch_size
        progress.tick_start = progress.images
    trainer.prepare_run(run)
    Checkpoints(run.checkpoints, trainer.checkpoint_items()).save(progress)


def _sibling(path, role):
    """The file of another role beside a generator or critic: "D", "G_optim", "D_optim"."""
    stem, ending = path.stem[:-1], path.suffix
    if ending == ".pth" and role.endswith("_optim"):
        stem = re.sub("net_", "opt_", stem, count=1)
        role = role[0]
    return path.with_name(f"{stem}{role}{ending}")


def _generator_arguments(path, shapes):
    first = shapes.get("main.0.weight", ())
    blocks = sum(_BLOCK.fullmatch(name) is not None for name in shapes)
    if len(first) != 4 or first[1] <= 3 or not blocks:
        raise ValueError(f"{path}: not a generator of GANimation")
    return {"conv_dim": first[0], "c_dim": first[1] - 3, "repeat_num": blocks}


def _critic_arguments(path, shapes):
    first, last = shapes.get("main.0.weight", ()), shapes.get("conv2.weight", ())
    if len(first) != 4 or len(last) != 4:
        raise ValueError(f"{path}: not a critic of GANimation")
    stages = sum(_STAGE.fullmatch(name) is not None for name in shapes)
    return {
        "image_size": last[2] * 2**stages,
        "conv_dim": first[0],
        "c_dim": last[0],
        "repeat_num": stages,
    }


def _config(found, aus, desc):
    changes = {"desc": desc, "data.aus": aus}
    for net, arguments in found.arguments.items():
        prefix = f"networks.{net.lower()}"
        changes[f"{prefix}_conv_dim"] = arguments["conv_dim"]
        changes[f"{prefix}_repeat_num"] = arguments["repeat_num"]
    changes["data.c_dim"] = found.arguments["G"]["c_dim"]
    return configuration.override(Config(), changes)


def _set_info(found, aus):
    """Returns the `SetInfo` of a set like that which the networks were trained on."""
    size, c_dim = (found.arguments["G"][name] for name in ("image_size", "c_dim"))
    names = list(AUS) if aus is not None or c_dim <= len(AUS) else None
    if names is None or len(aus or names[:c_dim]) != c_dim:
        raise ValueError(
            f"{found.files['G']}: knows {c_dim} action units, --aus has to name as many of "
            f"{', '.join(AUS)}"
        )
    return schema.SetInfo(
        name="published",
        kind=schema.SINGLE_SIZE,
        shape=[3, size, size],
        dtype="uint8",
        count=0,
        modalities=[["image", 3]],
        range=[0, 255],
        fields={"aus": {"shape": [len(names)], "dtype": "float32", "names": names}},
    )
