"""Utility run `evaluate_metrics`: metrics of every snapshot of a run (PGGAN)."""

from __future__ import annotations

import dataclasses
import datetime
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import numpy as np

from tf_facegan.config import check_choice, option
from tf_facegan.engine.progress import format_time
from tf_facegan.metrics import protocols
from tf_facegan.metrics.cache import StatisticsCache, set_identity
from tf_facegan.utilities.images import split_modalities, to_uint8
from tf_facegan.utilities.set_of_run import open_set

if TYPE_CHECKING:
    from tf_facegan.engine.run_folder import RunFolder


TAKES_RUN = True  # all snapshots of a run

_PREFIXES = {"texture": "tex_", "shape": "shp_", "normals": "nor_"}


@dataclasses.dataclass(frozen=True)
class Options:
    metrics: tuple[str, ...] = option(("swd",), f"out of: {', '.join(protocols.PROTOCOLS)}")
    num_images: Optional[int] = option(None, "images of a set; None: as published for each metric")
    real_passes: Optional[int] = option(None, "sets of reals; None: as published for each metric")
    snapshots: int = option(0, "only the newest so many; 0: all")
    dataset: Optional[str] = option(
        None, "set to compare with, such as faces that were held out; None: the one trained on"
    )
    cache: Optional[str] = option(
        None, "folder for statistics of reals; None: ~/.cache/tf_facegan/metrics"
    )
    inception: Optional[str] = option(None, "the published Inception graph of 2015, a local file")
    keras_weights: str = option("imagenet", "InceptionV3 weights: a file, or Keras's download")
    minibatch_size: Optional[int] = option(None, "images at a time; None: by resolution")
    raw_labels: bool = option(False, "give the network label rows as they are stored, as published")
    random_seed: int = option(1000, "seed of the latents")


@dataclasses.dataclass(frozen=True)
class _Row:
    """One line of the table: a name, and the summary of each modality."""

    name: str
    kimg: Optional[float]
    summaries: dict
    seconds: float
    is_cached: bool = False


def describe(run_number: int | str) -> str:
    """Returns the name of the result folder, after its number."""
    return f"evaluate-metrics-{run_number}"


def run(
    run_folder: RunFolder, folder: Path, options: Options, snapshot: int | None = None
) -> list[Path]:
    """Writes `metric-<name>-<images>.txt` (the published table) and `.jsonl` for every metric.

    Both also go into the run's folder; a line of the `.jsonl` holds the whole protocol beside the
    values. Metrics of several modalities are evaluated apart; their names begin with `tex_`,
    `shp_`, `nor_`.

    Args:
      run_folder: `RunFolder` of a training run.
      folder: pathlib.Path to write to.
      options: `Options`.
      snapshot: kimg of the only snapshot to evaluate; None: those that the options say.

    Returns:
      list of pathlib.Path written.

    Raises:
      ValueError, FileNotFoundError: an unknown metric, a run without snapshots, a data set or
        network that is missing.
    """
    from tf_facegan.tbgan.inference import TBGANPipeline

    for name in options.metrics:
        check_choice("metrics", name, protocols.PROTOCOLS)
    reals = _Reals(run_folder, options)
    chosen = _snapshots(run_folder, options, snapshot)
    written = []
    for name in options.metrics:
        evaluation = _Evaluation(name, reals, options)
        for number in range(evaluation.real_passes):
            evaluation.add_reals("Reals" if number == 0 else f"Reals{number + 1}")
        for path, kimg in chosen:
            pipeline = TBGANPipeline.from_run(run_folder.path, snapshot=kimg)
            random = np.random.RandomState(options.random_seed)
            make = _fakes(pipeline, reals, random, options.raw_labels)
            evaluation.add(path.stem.replace("network-snapshot-", ""), kimg, make)
        written += evaluation.write(folder, run_folder)
    return written


def _snapshots(run_folder, options, snapshot):
    """[(path, kimg)] of the snapshots to evaluate, newest first."""
    if snapshot is not None:
        return [(run_folder.snapshot(snapshot), snapshot)]
    paths = run_folder.snapshots()[::-1]
    paths = [path for path in paths if "final" not in path.name] or paths
    if not paths:
        raise FileNotFoundError(f"{run_folder.path}: no network snapshot yet")
    kimgs = [int(path.stem.split("-")[-1]) if "final" not in path.name else None for path in paths]
    return list(zip(paths, kimgs))[: options.snapshots or None]


class _Reals:
    """The images of a set, the run's own if no other is named, from its beginning and around."""

    def __init__(self, run_folder, options):
        self.set = open_set(run_folder, options.dataset)
        own = run_folder.load_config().data.sets.get("faces")
        is_own = own is not None and self.set.path.resolve() == Path(own).resolve()
        self.split = "trained on" if is_own else "not trained on"
        self.modalities = self.set.info.modalities
        self.drange_net = run_folder.load_config().train.drange_net
        self.minibatch = options.minibatch_size or min(max(8192 // self.set.resolution, 4), 256)
        self._position = 0

    def description(self, count):
        """What the next `count` images depend on: dict of JSON values."""
        start = self._position % self.set.count
        return {"set": set_identity(self.set), "first": start, "images": count}

    def images(self, count):
        """Yields the next `count` images, uint8 [n, C, H, W]."""
        for indices in self._indices(self._position, count):
            yield to_uint8(self.set.read(indices), self.set.range)

    def labels(self, count):
        """Yields the labels [n, label_size] of the `count` images before."""
        for indices in self._indices(self._position - count, count):
            yield self.set.labels[indices]

    def skip(self, count):
        """Goes on by `count` images."""
        self._position += count

    def _indices(self, first, count):
        """Yields record numbers of minibatches, in the order of the file."""
        for start in range(0, count, self.minibatch):
            numbers = np.arange(start, min(start + self.minibatch, count)) + first
            yield numbers % self.set.count


def _fakes(pipeline, reals, random, raw_labels):
    """A function that yields as many fakes as asked for, with the labels of the last reals."""

    def images(count):
        for labels in reals.labels(count):
            labels = labels if raw_labels else pipeline.labels_of_records(labels)
            latents = random.randn(len(labels), pipeline.generator.latent_size)
            found = pipeline.generate(latents.astype(np.float32), labels, len(labels)).images
            yield to_uint8(found, reals.drange_net)

    return images


class _Evaluation:
    """A metric over all modalities, and the table of its values."""

    def __init__(self, name, reals, options):
        self.name, self._reals = name, reals
        self._protocol = protocol = protocols.PROTOCOLS[name]
        self.real_passes = options.real_passes or protocol.real_passes
        self._count = options.num_images or protocol.num_images
        self._network = _network(protocol.network, options)
        shape = (3, *reals.set.info.shape[1:])
        self._metrics = {
            modality: protocols.make(name, shape, self._network) for modality, _ in reals.modalities
        }
        self._cache = StatisticsCache(options.cache)
        self._rows = []

    def add(self, name, kimg, images):
        """Evaluates a set of images: `images(count)` yields uint8 [n, C, H, W]."""
        began = time.monotonic()
        summaries = self._summaries(images)
        self._rows.append(_Row(name, kimg, summaries, time.monotonic() - began))

    def add_reals(self, name):
        """Evaluates the next reals, or takes what is known of them."""
        began = time.monotonic()
        keys = self._keys()
        kept = {modality: self._cache.load(key) for modality, key in keys.items()}
        is_cached = bool(kept) and all(summary is not None for summary in kept.values())
        summaries = kept if is_cached else self._summaries(self._reals.images)
        for modality, key in () if is_cached else keys.items():
            self._cache.save(key, summaries[modality])
        self._reals.skip(self._count)
        self._rows.append(_Row(name, None, summaries, time.monotonic() - began, is_cached))

    def _summaries(self, images):
        parts = {modality: [] for modality in self._metrics}
        for batch in images(self._count):
            for modality, found in split_modalities(batch, self._reals.modalities).items():
                parts[modality].append(self._metrics[modality].part(_as_rgb(found)))
        return {
            modality: metric.summary(parts[modality]) for modality, metric in self._metrics.items()
        }

    def _keys(self):
        """{modality: what its summary of the next reals depends on}, of metrics that are kept."""
        common = {
            "metric": self.name,
            "network": self._network.identity if self._network else None,
            "minibatch": self._reals.minibatch,
            **self._reals.description(self._count),
        }
        metrics = self._metrics.items()
        return {name: {**common, "modality": name} for name, metric in metrics if metric.is_kept}

    def write(self, folder, run_folder):
        """Writes table and lines, and puts copies into the run's folder; returns the paths."""
        stem = f"metric-{self.name}-{_thousands(self._count)}"
        table, lines = self._results(run_folder)
        for place in (folder, run_folder.path):
            (place / f"{stem}.txt").write_text(table, encoding="utf-8")
            with open(place / f"{stem}.jsonl", "a", encoding="utf-8") as file:
                file.writelines(json.dumps(line) + "\n" for line in lines)
        print(table, end="")
        return [folder / f"{stem}.txt", folder / f"{stem}.jsonl"]

    def _results(self, run_folder):
        one = len(self._metrics) == 1
        prefixes = {m: "" if one else _PREFIXES.get(m, f"{m}_") for m in self._metrics}
        names = [prefixes[m] + name for m, metric in self._metrics.items() for name in metric.names]
        width = max(self._protocol.width, *(len(name) + 1 for name in names))
        table = f"{'Snapshot':<10}{'Time_eval':<12}" + "".join(f"{n:<{width}}" for n in names)
        table = table.rstrip() + "\n" + f"{'---':<10}{'---':<12}"
        table = (table + f"{'---':<{width}}" * len(names)).rstrip() + "\n"
        lines = []
        for row in self._rows:
            values = [
                value
                for modality, metric in self._metrics.items()
                for value in metric.values(
                    self._rows[0].summaries[modality], row.summaries[modality]
                )
            ]
            cells = "".join(f"{value:<{width - 1}.4f} " for value in values)
            table += f"{row.name:<10}{format_time(row.seconds):<12}{cells}".rstrip() + "\n"
            lines.append(self._line(run_folder, row, dict(zip(names, values))))
        return table, lines

    def _line(self, run_folder, row, values):
        return {
            "metric": self.name,
            "values": values,
            "snapshot": row.name,
            "kimg": row.kimg,
            "run": run_folder.name,
            "num_images": self._count,
            "resolution": self._reals.set.resolution,
            "data_set": str(self._reals.set.path),
            "split": self._reals.split,
            "reals": f"{self._reals.set.count} examples in the order of the file, repeated",
            "network": self._network.identity if self._network else None,
            "seconds": round(row.seconds, 1),
            "cached": row.is_cached,
            "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        }


def _network(kind, options):
    if kind is None:
        return None
    from tf_facegan.metrics.inception_network import KerasInception, PublishedInception

    if kind == protocols.KERAS:
        return KerasInception(options.keras_weights)
    if options.inception is None:
        raise ValueError(
            "inception is not set: FID, KID and IS need the published graph "
            "(--set inception=FILE); fid-keras and kid-keras do without it"
        )
    return PublishedInception(options.inception)


def _as_rgb(images):
    """Three channels of uint8 [n, c, H, W]: grey is repeated."""
    return images if images.shape[1] == 3 else np.repeat(images[:, :1], 3, axis=1)


def _thousands(count):
    return f"{count // 1000}k" if count >= 1000 and count % 1000 < 500 else str(count)
