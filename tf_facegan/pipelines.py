"""Trained networks ready to use, and the model folders that hold just what that needs.

A model folder is a run folder without what only training needs: `config.json`, `dataset.json`,
`network-final.npz` with the networks that are used, further files of the system, `model.json` that
says what the model is, and the same for people in `README.md`. Whatever takes a run takes a model
folder, too. There are no pickles in it. Imports no TensorFlow.
"""

from __future__ import annotations

import abc
import dataclasses
import glob
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tf_facegan import __version__, files, systems
from tf_facegan.engine import run_folder

if TYPE_CHECKING:
    import tensorflow as tf

P = TypeVar("P", bound="Pipeline")
MODEL = "model.json"
CARD = "README.md"
FORMAT_VERSION = 1
UNKNOWN_LICENCE = "not stated: ask whoever trained it, and whoever owns the data"


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where a pipeline's network comes from.

    Attributes:
      run: `RunFolder`.
      snapshot: pathlib.Path of the network snapshot.
    """

    run: run_folder.RunFolder
    snapshot: Path


class Pipeline(abc.ABC):
    """Base of the pipelines of all systems.

    A pipeline is called with what the system edits or is conditioned on (photos are file names,
    Pillow pictures or arrays; one or a list of them) and `seed`, and returns a small output object:
    `.images`, `.pictures`, `.video`, `.meshes`, `.probabilities`, whatever the system makes. The
    same seed gives the same result, and a batch the same as its members one by one.

    Attributes:
      system: str, the system whose runs `from_run` loads.
      used_networks: tuple of str, the networks of a snapshot that it uses.
      origin: `Origin`; None for a pipeline that was put together by hand.
    """

    system: str | None = None
    used_networks: tuple[str, ...] = ("G",)
    origin: Origin | None = None

    @classmethod
    def from_run(
        cls: type[P],
        run_id: str | int | os.PathLike,
        snapshot: int | str | None = None,
        result_dir: str | os.PathLike = "results",
        **options: Any,
    ) -> P:
        """Loads the networks of a training run.

        Args:
          run_id: run number, folder, name or `latest`; or a model folder.
          snapshot: kimg of the snapshot, or None for the newest.
          result_dir: folder of run folders.
          **options: of the system, see its pipeline.

        Raises:
          FileNotFoundError, ValueError: naming the run or the file; a run of another system.
        """
        run = run_folder.locate(run_id, result_dir)
        config = run.load_config()
        loaders = {loader.system: loader for loader in cls._loaders()}
        if config.system not in loaders:
            expected = ", ".join(loaders)
            raise ValueError(f"{run.path}: a run of {config.system}, one of {expected} expected")
        loader = loaders[config.system]
        path = loader._snapshot_path(run, snapshot)
        pipeline = loader._of_run(run, config, path, **options)
        pipeline.origin = Origin(run, path)
        return pipeline

    @classmethod
    def from_pretrained(cls: type[P], folder: str | Path, **options: Any) -> P:
        """Loads a model folder.

        Args:
          folder: as `save_pretrained` made it.
          **options: of the system's `from_run`.

        Raises:
          FileNotFoundError: not a model folder. ValueError: a damaged one, or of another system.
        """
        read_model(folder)
        return cls.from_run(folder, **options)

    def save_pretrained(
        self,
        folder: str | Path,
        licence: str | None = None,
        description: str = "",
        overwrite: bool = False,
    ) -> Path:
        """Writes a model folder.

        Args:
          folder: to make.
          licence: str, under which the weights are given away; None says that it is not stated.
          description: str, a sentence or two for `README.md`.
          overwrite: replace a model folder that is there.

        Returns:
          pathlib.Path of the folder.

        Raises:
          ValueError: a pipeline that was put together by hand; a folder that exists, or that holds
            more than a model.
        """
        if self.origin is None:
            raise ValueError("save_pretrained: only a pipeline that was loaded from a run is saved")
        run = self.origin.run
        networks = self._networks()
        config = self._without_places(run.load_config())
        model = self._model(config, licence, description)
        owned = _owned(folder)
        with files.atomic_folder(folder, overwrite, owned=owned) as made:
            saved = run_folder.RunFolder(made)
            saved.save_config(config)
            self._save_dataset(saved)
            saved.save_snapshot(run_folder.FINAL_SNAPSHOT, networks)
            self._save_further(made)
            entries = sorted(entry.name for entry in made.iterdir())
            model["files"] = sorted([*entries, MODEL, CARD])
            files.write_text(made / MODEL, json.dumps(model, indent=2) + "\n")
            files.write_text(made / CARD, card(model))
        return Path(folder)

    @abc.abstractmethod
    def __call__(self, *args: Any, **options: Any) -> Any:
        """Edits or makes pictures: see above."""

    @abc.abstractmethod
    def signature(self) -> tuple[Callable[..., dict[str, tf.Tensor]], dict[str, tf.TensorSpec]]:
        """Returns what `export.export` takes: (function of the networks' inputs that gives {name of
        output: tensor}, {name of input: tf.TensorSpec})."""

    @classmethod
    @abc.abstractmethod
    def _of_run(cls, run, config, path, **options):
        """Makes the pipeline of a `RunFolder`, its configuration and the path of a snapshot."""

    @classmethod
    def _loaders(cls):
        """The classes that `from_run` of this one chooses from, by the system of the run."""
        return (cls,)

    @classmethod
    def _snapshot_path(cls, run, snapshot):
        """Path of the network snapshot that `from_run` is asked for."""
        return run.snapshot(snapshot)

    def export(self, out: str | Path, format: str, overwrite: bool = False) -> dict[str, float]:
        """Writes the networks as a file for other programs.

        Args:
          out, format, overwrite: as of `export.export`, which checks the result.

        Returns:
          {name of output: largest difference to the Keras network}.

        Raises:
          ValueError, ImportError: as of `export.export`.
        """
        from tf_facegan import export

        return export.export(*self.signature(), out, format, overwrite)

    def preprocessing(self) -> dict:
        """Returns what is done with pictures before the network sees them, a dict for json."""
        return {}

    def labels(self) -> dict[str, list[str]]:
        """Returns {what the network knows ("expressions", "aus"): list of str}."""
        return {}

    def _networks(self):
        """Returns {network: {published name: array}} to save."""
        run, snapshot = self.origin.run, self.origin.snapshot
        return {name: run.load_network(snapshot, name) for name in self.used_networks}

    def _without_places(self, config):
        """Returns the configuration without where the data lay: that is nobody's business, and not
        to be found elsewhere."""
        return dataclasses.replace(config, data=dataclasses.replace(config.data, sets={}))

    def _save_dataset(self, saved):
        """Writes `dataset.json` of a model folder, a `RunFolder`."""
        saved.save_dataset(self.origin.run.load_dataset())

    def _data_set(self):
        """Returns what `model.json` says of the set trained on, a dict."""
        info = self.origin.run.load_dataset()
        return {
            "data_set": info.name,
            "examples": info.count,
            "image_shape": list(info.shape),
        }

    def _save_further(self, folder):  # noqa: B027 - most have nothing
        """Writes what else using the network needs into a model folder."""

    def _model(self, config, licence, description):
        run, snapshot = self.origin.run, self.origin.snapshot
        return {
            "format_version": FORMAT_VERSION,
            "system": config.system,
            "name": f"{run.name}-{snapshot.stem}",
            "description": description,
            "licence": licence or UNKNOWN_LICENCE,
            "networks": list(self.used_networks),
            "labels": self.labels(),
            "preprocessing": self.preprocessing(),
            "training": {**self._data_set(), "snapshot": snapshot.name},
            "metrics": _metrics(run),
            "made_with": f"tf_facegan {__version__}",
        }


def load(
    path_or_run_id: str | int | os.PathLike,
    snapshot: int | str | None = None,
    result_dir: str | os.PathLike = "results",
    **options: Any,
) -> Pipeline:
    """Loads the pipeline of any trained run or model folder.

    Args:
      path_or_run_id: model folder, run folder, run number, name or `latest`.
      snapshot: kimg of the snapshot, or None for the newest.
      result_dir: folder of run folders.
      **options: of the system's `from_run`.

    Returns:
      the system's `Pipeline`.

    Raises:
      FileNotFoundError, ValueError: naming the run or the file.
    """
    run = run_folder.locate(path_or_run_id, result_dir)
    system = systems.get(run.load_config().system)
    return system.part("pipeline").from_run(run.path, snapshot=snapshot, **options)


def read_model(folder: str | Path) -> dict:
    """Reads `model.json` of a model folder.

    Returns:
      dict.

    Raises:
      FileNotFoundError: not a model folder.
      ValueError: a damaged one, or one that this program does not read; names the file.
    """
    path = Path(folder) / MODEL
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder}: no {MODEL}, not a model folder (save_pretrained makes one)"
        )
    model = files.read_json(path)
    version = model.get("format_version") if isinstance(model, dict) else None
    if version != FORMAT_VERSION:
        raise ValueError(
            f"{path}: format_version is {version}, this program reads {FORMAT_VERSION}"
        )
    return model


def card(model: dict) -> str:
    """Returns the text of `README.md` for the content of `model.json`."""
    lines = [f"# {model['name']}", ""]
    if model["description"]:
        lines += [model["description"], ""]
    training = model["training"]
    trained_on = f"the set `{training.get('data_set')}`, {training.get('examples')} examples of "
    trained_on += "x".join(map(str, training.get("image_shape", ())))
    if not training.get("data_set"):
        trained_on = "not known"
    lines += [
        f"A network of the system `{model['system']}`, made with {model['made_with']}.",
        "",
        f"- Licence of the weights: {model['licence']}",
        f"- Trained on: {trained_on} (snapshot `{training['snapshot']}`)",
    ]
    lines += [f"- {what}: {', '.join(map(str, names))}" for what, names in model["labels"].items()]
    lines += ["", "```python", "import tf_facegan", "", "pipeline = tf_facegan.load(FOLDER)", "```"]
    if model["metrics"]:
        lines += ["", "## Metrics", ""]
        lines += [f"- `{json.dumps(line, sort_keys=True)}`" for line in model["metrics"]]
    lines += [
        "",
        "Faces are personal data: use it on faces you may use, and say of what it makes that it is",
        "generated.",
    ]
    return "\n".join(lines) + "\n"


def _owned(folder):
    """Names that replacing a model folder may delete: those it says it holds."""
    if not (Path(folder) / MODEL).is_file():
        return ()
    listed = read_model(folder).get("files")
    # Names, not patterns: a list from elsewhere may say anything.
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    return tuple(glob.escape(name) for name in names)


def _metrics(run):
    """The lines of all `metric-*.jsonl` of a run, without where its data lay."""
    found = []
    for path in sorted(run.path.glob("metric-*.jsonl")):
        for values in files.read_json_lines(path):
            values.pop("data_set", None)
            found.append(values)
    return found


def copy_further(source: str | Path, folder: str | Path) -> None:
    """Copies a file or a folder into a model folder."""
    source = Path(source)
    if source.is_dir():
        shutil.copytree(source, Path(folder) / source.name)
    else:
        shutil.copyfile(source, Path(folder) / source.name)
