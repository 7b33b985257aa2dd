"""Network pickles of the published TBGAN and PGGAN, read without running anything in them.

A pickle holds (G, D, Gs), each a `tfutil.Network` with its construction arguments and variables,
and the source of the module that builds it. The source is never looked at.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np

from tf_facegan import config as configuration
from tf_facegan import pickles
from tf_facegan.engine import run_folder
from tf_facegan.records import schema
from tf_facegan.tbgan.config import Config

NETWORKS = ("G", "D", "Gs")
UV_DICTIONARY = "*UV_dict.pkl"
_FORMAT = 2
_BUILDERS = {"G": "G_paper", "D": "D_paper", "Gs": "G_paper"}


@dataclasses.dataclass(frozen=True)
class PublishedNetwork:
    """One network of a pickle.

    Attributes:
      arguments: {name: value} of its construction (`num_channels`, `resolution`, `lod_sep`, ...).
      arrays: {published local name: array}, `lod` among them.
    """

    arguments: dict
    arrays: dict


class PublishedRun(run_folder.RunFolder):
    """A folder with nothing but published `network-*.pkl` files, used as if it were a run."""

    suffix = ".pkl"

    def load_config(self) -> Config:
        """The configuration that the newest snapshot's construction arguments say."""
        return _config(self.name, self._newest())

    def load_dataset(self) -> schema.SetInfo:
        """A `SetInfo` like that of the set the networks were trained on."""
        return _set_info(self._newest())

    def load_network(self, path: str | Path, network: str) -> dict[str, np.ndarray]:
        return read_networks(path)[network].arrays

    @property
    def uv_layout(self) -> Path | None:
        """Path of the UV dictionary in the folder, or None."""
        return next(iter(sorted(self.path.glob(UV_DICTIONARY))), None)

    def _newest(self):
        return read_networks(self.snapshot())


def open_run(path: str | Path) -> PublishedRun | None:
    """Returns the `PublishedRun` in a folder; None where there are no published networks."""
    run = PublishedRun(path)
    return run if run.snapshots() else None


def read_networks(path: str | Path) -> dict[str, PublishedNetwork]:
    """Reads a network pickle.

    Args:
      path: `network-snapshot-<kimg>.pkl` or `network-final.pkl`.

    Returns:
      {"G", "D", "Gs": `PublishedNetwork`}.

    Raises:
      ValueError: a pickle of anything else, or one that would run code; names the file.
      OSError: the file cannot be opened.
    """
    path = Path(path)
    content = pickles.load(path)
    if not isinstance(content, tuple) or len(content) != len(NETWORKS):
        raise ValueError(f"{path}: a tuple of the networks G, D, Gs expected")
    return {name: _network(path, name, state) for name, state in zip(NETWORKS, content)}


def import_networks(
    path: str | Path, out_dir: str | Path, uv_dictionary: str | Path | None = None
) -> run_folder.RunFolder:
    """Turns a network pickle into a run folder that every utility run takes.

    Args:
      path: the pickle.
      out_dir: run folder to make.
      uv_dictionary: TBGAN's `512_UV_dict.pkl`, for meshes; None where there is none.

    Returns:
      `RunFolder`.

    Raises:
      ValueError: `out_dir` exists, or the pickle is none of networks or does not fit the networks
        that its arguments describe.
    """
    from tf_facegan.files import atomic_folder
    from tf_facegan.tbgan import networks as models
    from tf_facegan.tbgan import reference
    from tf_facegan.tbgan.inference import network_arguments
    from tf_facegan.uv.layout import UVLayout

    path, out_dir = Path(path), Path(out_dir)
    if out_dir.exists():
        raise ValueError(f"{out_dir}: exists; a folder to make expected")
    networks = read_networks(path)
    config, info = _config(out_dir.name, networks), _set_info(networks)
    for name, network in networks.items():
        build = models.Discriminator if name == "D" else models.Generator
        model = build(**network_arguments(config, "D" if name == "D" else "G", info), seed=0)
        try:
            reference.assign(model, network.arrays)
        except ValueError as error:
            raise ValueError(f"{path}: network {name}: {error}") from None
    match = re.fullmatch(r"network-snapshot-\d+", path.stem)
    snapshot = f"{path.stem}.npz" if match else run_folder.FINAL_SNAPSHOT
    with atomic_folder(out_dir) as folder:
        run = run_folder.RunFolder(folder)
        run.save_config(config)
        run.save_dataset(info)
        run.save_snapshot(snapshot, {name: net.arrays for name, net in networks.items()})
        if uv_dictionary is not None:
            UVLayout.load(uv_dictionary).save(folder / schema.UV_LAYOUT)
    return run_folder.RunFolder(out_dir)


def _network(path, name, state):
    content = vars(state) if isinstance(state, pickles.State) else {}
    missing = {"version", "static_kwargs", "build_func_name", "variables"} - set(content)
    if missing:
        raise ValueError(f"{path}: network {name} lacks {', '.join(sorted(missing))}")
    if content["version"] != _FORMAT:
        raise ValueError(f"{path}: format version {content['version']}, {_FORMAT} expected")
    if content["build_func_name"] != _BUILDERS[name]:
        raise ValueError(
            f"{path}: network {name} is a {content['build_func_name']}, {_BUILDERS[name]} expected"
        )
    arrays = {key: np.asarray(value) for key, value in content["variables"]}
    return PublishedNetwork(dict(content["static_kwargs"]), arrays)


def _config(desc, networks):
    changes = {"desc": desc}
    for section, network in (("G", networks["Gs"]), ("D", networks["D"])):
        known = {field.name for field in dataclasses.fields(getattr(Config(), section))}
        for name, value in network.arguments.items():
            if name in known and value is not None:
                changes[f"{section}.{name}"] = value
    return configuration.override(Config(), changes)


def _set_info(networks):
    arguments = networks["Gs"].arguments
    channels, size = arguments.get("num_channels", 1), arguments.get("resolution", 32)
    labels = arguments.get("label_size", 0)
    return schema.SetInfo(
        name="published",
        kind=schema.MULTI_RESOLUTION,
        shape=[channels, size, size],
        dtype="float32",
        count=0,
        modalities=schema.guess_modalities(channels),
        range=[-1, 1],
        labels={"size": labels, "kind": "class", "names": None} if labels else None,
    )
