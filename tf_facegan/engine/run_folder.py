"""Run folders: numbered, found again by number, name or `latest`; config, log and snapshots.

Imports no TensorFlow.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tf_facegan import array_files, files, systems
from tf_facegan import config as configuration
from tf_facegan.files import read_json, write_text
from tf_facegan.records import schema

if TYPE_CHECKING:
    import numpy as np


CONFIG = "config.json"
DATASET = "dataset.json"  # the description of the set trained on
LOCK = ".lock"  # held by the process that trains
DONE = "_training-done.txt"
UTILITY_DONE = "_done.txt"
FINAL_SNAPSHOT = "network-final.npz"
_WRITTEN = ("network-*.npz", "*.json", "*.jsonl", "*.csv", "*.png", DONE)


def sheet_name(kimg: float) -> str:
    """Returns the name of the sheet of samples made after `kimg` thousand images, `fakes000012` for
    12.3, without its ending."""
    return f"fakes{int(kimg):06d}"


class RunFolder:
    """A folder of results.

    Attributes:
      path: pathlib.Path of the folder.
    """

    suffix = ".npz"  # of network snapshots

    def __init__(self, path: str | Path):
        self.path = Path(path)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def number(self) -> int | None:
        """int, the run number, or None for a folder not named by one."""
        match = re.match(r"(\d+)-", self.name)
        return int(match.group(1)) if match else None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from training in the folder while the block runs.

        Raises:
          ValueError: another process does. OSError: the folder cannot be written.
        """
        with open(self.path / LOCK, "wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ValueError(f"{self.path}: another process is training there") from None
            except OSError:
                pass  # a file system without locks
            yield

    def remove_leftovers(self) -> None:
        """Removes half-written files of a process that was killed."""
        files.remove_leftovers(self.path, _WRITTEN)

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    def save_config(self, config: Any) -> None:
        """Writes `config.json`: the whole configuration."""
        write_text(self.path / CONFIG, json.dumps(configuration.to_dict(config), indent=2) + "\n")

    def load_config(self) -> Any:
        """Reads the configuration of a run; ValueError names the file and what is wrong."""
        path = self.path / CONFIG
        if not path.is_file():
            raise FileNotFoundError(f"{self.path}: no {CONFIG}, not the folder of a training run")
        try:
            values = read_json(path)
            return configuration.from_dict(systems.get(values["system"]).part("config"), values)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: not a configuration ({error})") from None

    def save_dataset(self, info: schema.SetInfo) -> None:
        """Writes `dataset.json`: the `SetInfo` of the set trained on."""
        text = json.dumps(dataclasses.asdict(info), indent=2) + "\n"
        write_text(self.path / DATASET, text)

    def load_dataset(self) -> schema.SetInfo:
        """Reads `dataset.json`: the `SetInfo` of the set trained on."""
        return schema.load(self.path / DATASET)

    @property
    def uv_layout(self) -> Path | None:
        """Path of the UV layout of the set trained on, or None."""
        path = self.path / schema.UV_LAYOUT
        return path if path.is_file() else None

    def snapshots(self) -> list[Path]:
        """Returns the network snapshots as paths, oldest first, the final one last."""
        numbered = sorted(self.path.glob(f"network-snapshot-*{self.suffix}"))
        final = (self.path / FINAL_SNAPSHOT).with_suffix(self.suffix)
        return numbered + [final] * final.is_file()

    def snapshot(self, kimg: int | None = None) -> Path:
        """Returns the path of the newest snapshot, or of the one taken at `kimg`."""
        found = self.snapshots()
        if kimg is not None:
            wanted = f"network-snapshot-{int(kimg):06d}{self.suffix}"
            found = [path for path in found if path.name == wanted]
            if not found:
                names = ", ".join(path.name for path in self.snapshots()) or "none"
                raise FileNotFoundError(f"{self.path}: no {wanted}; there is: {names}")
        if not found:
            raise FileNotFoundError(f"{self.path}: no network snapshot yet")
        return found[-1]

    def load_network(self, path: str | Path, network: str) -> dict[str, np.ndarray]:
        """Reads one network's arrays out of a snapshot: see `load_network`."""
        return load_network(path, network)

    def keep_sheet(self, images: int) -> None:
        """Gives the sheet of samples made after `images` a name of its own, `fakes<kimg>.<images of
        the next thousand>.png`, before one of the same kimg takes its place; one that has it
        already stays, as a run that is resumed comes by a second time."""
        name = sheet_name(images / 1000)
        for path in (*self.path.glob(f"{name}.png"), *self.path.glob(f"{name}_*.png")):
            kept = path.with_name(f"{name}.{images % 1000:03d}{path.name[len(name) :]}")
            if not kept.exists():
                path.rename(kept)

    def save_snapshot(self, name: str, networks: Mapping[str, Mapping[str, Any]]) -> None:
        """Writes a network snapshot as an `.npz` without pickles.

        Args:
          name: file name ending in `.npz`.
          networks: dict of network name ("G", "D", "Gs") to {published variable name: array}.
        """
        arrays = {
            f"{net}/{key}": value
            for net, arrays in networks.items()
            for key, value in arrays.items()
        }
        array_files.write_npz(self.path / name, arrays)


def load_network(path: str | Path, network: str) -> dict[str, np.ndarray]:
    """Reads one network's arrays out of a snapshot.

    Args:
      path: an `.npz` that `RunFolder.save_snapshot` wrote.
      network: "G", "D" or "Gs".

    Returns:
      dict of published variable name to ndarray.

    Raises:
      ValueError: for a file that is no snapshot, or one without that network.
    """
    arrays = _snapshot_part(path, array_files.read_npz, f"{network}/")
    if not arrays:
        raise ValueError(f"{path}: holds no network {network!r}")
    return arrays


def network_names(path: str | Path) -> list[str]:
    """Returns the names of the networks in a snapshot; errors as of `load_network`."""
    return sorted({key.partition("/")[0] for key in _snapshot_part(path, array_files.npz_names)})


def _snapshot_part(path, read, *args):
    try:
        return read(path, *args)
    except ValueError as error:
        raise ValueError(f"{error}; a network snapshot expected") from None


def numbered(result_dir: str | Path, number: int, desc: str) -> RunFolder:
    """Returns the `RunFolder` `NNN-desc` under `result_dir`, whether it is there or not."""
    return RunFolder(Path(result_dir) / f"{number:03d}-{desc}")


def create(result_dir: str | Path, desc: str) -> RunFolder:
    """Makes the next numbered folder `NNN-desc` under `result_dir`.

    Returns:
      `RunFolder`.
    """
    root = Path(result_dir)
    root.mkdir(parents=True, exist_ok=True)
    while True:
        numbers = [int(m.group(1)) for m in map(re.compile(r"(\d+)-").match, os.listdir(root)) if m]
        folder = numbered(root, max(numbers, default=-1) + 1, desc)
        try:
            folder.path.mkdir()
            return folder
        except FileExistsError:
            continue  # another process took the number


def check_writable(result_dir: str | Path) -> None:
    """Raises OSError unless run folders can be made in a folder, or the folder itself can."""
    root = Path(result_dir).absolute()
    nearest = next(path for path in (root, *root.parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise OSError(f"--result_dir {result_dir}: no run folder can be made in {nearest}")


@contextlib.contextmanager
def utility_folder(result_dir: str | Path, desc: str) -> Iterator[RunFolder]:
    """Makes the folder of a utility run; it ends with `_done.txt`, or is removed on an error.

    Yields:
      `RunFolder`.
    """
    folder = create(result_dir, desc)
    try:
        yield folder
        write_text(folder.path / UTILITY_DONE, "")
    except BaseException:
        shutil.rmtree(folder.path, ignore_errors=True)
        raise


def locate(run_id: str | int | os.PathLike, result_dir: str | os.PathLike) -> RunFolder:
    """Finds a run folder.

    Args:
      run_id: a path, a run number, a folder name or its beginning, `latest` (the newest training
        run), or the name of a system (its newest one).
      result_dir: folder of run folders.

    Returns:
      `RunFolder`.

    Raises:
      FileNotFoundError: when there is none. ValueError: when several fit.
    """
    text, root = str(run_id), Path(result_dir)
    if text != "latest" and Path(text).is_dir():
        return _open(Path(text))
    if not root.is_dir():
        raise FileNotFoundError(f"result folder {root} does not exist")
    folders = sorted(path for path in root.iterdir() if path.is_dir())
    if text == "latest":
        found = _trained(folders)[-1:]
    elif (root / text).is_dir():
        found = [root / text]
    elif text.isdigit():
        found = [path for path in folders if RunFolder(path).number == int(text)]
    else:
        found = [path for path in folders if path.name.startswith(text)]
        if not found and text in systems.SYSTEMS:
            found = [path for path in _trained(folders) if _system(path) == text][-1:]
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise ValueError(f"run {text!r} is ambiguous in {root}: {names}")
    if not found:
        names = ", ".join(path.name for path in folders) or "nothing"
        raise FileNotFoundError(f"run {text!r} not found in {root}; there is: {names}")
    return _open(found[0])


def _trained(folders):
    """Those of training runs, by number."""
    found = [path for path in folders if (path / CONFIG).is_file()]
    return sorted(found, key=lambda path: RunFolder(path).number or -1)


def _system(path):
    """Name of the system of a run; None where its configuration does not say."""
    try:
        values = read_json(path / CONFIG)
    except ValueError:  # a damaged one is no reason not to find others
        return None
    return values.get("system") if isinstance(values, dict) else None


def _open(path):
    """The run in a folder: ours, or one that a system can read in place."""
    if not (path / CONFIG).is_file():
        for system in systems.SYSTEMS.values():
            found = system.foreign_run and system.part("foreign_run")(path)
            if found:
                return found
    return RunFolder(path)
