"""The runs and model folders that the page offers. Imports no TensorFlow."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from tf_facegan import files, pipelines, systems
from tf_facegan.engine import run_folder

if TYPE_CHECKING:
    from tf_facegan.pipelines import Pipeline


_TOY = (
    "python dataset_tool.py create_toy_faces data/toy --count 10000 --identities 500 "
    "--resolution 64 --test_share 0.1"
)
_SMALL = (
    "python dataset_tool.py create_toy_faces data/toy48 --count 2800 --identities 10 "
    "--variation 0.1 --resolution 48\n"
)
HOW_TO = {
    "tbgan": "make demo",
    "ganimation": f"{_TOY} --variation 0\n"
    "python train.py --preset ganimation-toy --dataset data/toy/train",
    "rdgan": "python dataset_tool.py create_toy_faces data/toy_ck --layout ck --count 1600 "
    "--frames 4 --identities 400 --resolution 96 --variation 0\n"
    "python dataset_tool.py create_ck data/toy_sequences data/toy_ck --resolution 32\n"
    "python train.py --preset rdgan-toy --dataset data/toy_sequences",
    "tdgan": f"{_TOY}\npython train.py --preset tdgan-toy --dataset faces=data/toy/train "
    "--dataset expressions=data/toy/train --dataset test=data/toy/test",
    "expression-cwgan": f"{_SMALL}python train.py --preset expression-cwgan-toy "
    "--dataset data/toy48/train",
    "expression-vgg16": f"{_SMALL}python train.py --preset expression-vgg16-toy "
    "--dataset data/toy48/train",
}
"""{system: commands that train a small one on what can be made here}."""


class Models:
    """Runs and model folders with a network, and their pipelines, each loaded when first used.

    Args:
      folder: holds them; it need not be there.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self._lock, self._loaded = threading.Lock(), {}
        self._paths = {}  # name -> (system, folder)
        if self.folder.is_dir():
            for path in sorted(self.folder.iterdir(), reverse=True):
                system = _system(path)
                if system:
                    self._paths[path.name] = system, path

    def names(self, *wanted: str) -> list[str]:
        """Returns the names of what there is of some systems, newest first."""
        return [name for name, (system, _) in self._paths.items() if system in wanted]

    def system(self, name: str) -> str:
        """Returns the system of one."""
        return self._paths[name][0]

    def label_names(self, name: str) -> list[str]:
        """Returns the names of the labels that one was trained with; empty where there are none."""
        labels = run_folder.RunFolder(self._paths[name][1]).load_dataset().labels
        return [str(label) for label in (labels or {}).get("names") or ()]

    def pipeline(self, name: str | None) -> Pipeline:
        """Returns the pipeline of one.

        Raises:
          ValueError: a name that is none. And as `pipelines.load`.
        """
        with self._lock:
            if name not in self._paths:
                raise ValueError("choose a network first")
            if name not in self._loaded:
                self._loaded[name] = pipelines.load(self._paths[name][1])
            return self._loaded[name]

    def describe(self) -> str:
        """Returns how many there are, for people."""
        return f"{len(self._paths)} networks in {self.folder}"


def _system(path):
    """The system of a run or model folder with a network, or None."""
    try:
        system = files.read_json(path / run_folder.CONFIG)["system"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    known = system in systems.SYSTEMS and systems.SYSTEMS[system].pipeline
    return system if known and any(path.glob("network-*.npz")) else None


def how_to(*wanted: str) -> str:
    """Returns, as Markdown, how to get networks of some systems."""
    commands = "\n\n".join(HOW_TO[system] for system in wanted)
    return (
        "**There is no trained network for this tab yet.** The small presets learn on faces that "
        "are drawn here, on a CPU in minutes to an hour; `docs/` has those for your own data.\n\n"
        f"```sh\n{commands}\n```\n\nThen start the page again."
    )
