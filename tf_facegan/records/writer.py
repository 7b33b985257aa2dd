"""Writing sets with all cores, atomically."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import errno
import hashlib
import os
import pickle
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import logging
from tqdm import tqdm

from tf_facegan import files
from tf_facegan.records import description, index, places, schema, work

ON_ERROR = ("stop", "skip")


def shuffled(count: int) -> np.ndarray:
    """The published shuffled order of `count` examples (PGGAN's seed 123), int64 [count]."""
    numbers = np.arange(count)
    np.random.RandomState(123).shuffle(numbers)
    return numbers


@dataclasses.dataclass(frozen=True)
class Companion:
    """Further images of every example, e.g. drawings of its landmarks.

    Attributes:
      load: function of an example giving an array [c, H, W] of the height and width of the
        example's image; see `write_set`.
      modalities: [[name, channels], ...] in channel order.
      value_range: [lo, hi].
    """

    load: Callable[[Any], np.ndarray]
    modalities: list
    value_range: list


def write_set(
    path: str | Path,
    examples: Sequence[Any] | np.ndarray,
    load: Callable[[Any], np.ndarray],
    *,
    modalities: Sequence[Sequence],
    value_range: Sequence[float],
    kind: str = schema.MULTI_RESOLUTION,
    labels: np.ndarray | None = None,
    label_kind: str = "class",
    label_names: Sequence[str] | None = None,
    fields: Mapping[str, np.ndarray] | None = None,
    field_names: Mapping[str, Sequence[str]] | None = None,
    companions: Mapping[str, Companion] | None = None,
    attachments: Sequence[str | Path] = (),
    skipped: Sequence[tuple[str, str]] = (),
    max_images: int | None = None,
    shards: int = 1,
    on_error: str = "stop",
    workers: int | None = None,
    overwrite: bool = False,
) -> schema.SetInfo:
    """Writes a set; nothing is at `path` before all of it is.

    Records, their order and their bytes do not depend on the number of workers, and memory does
    not depend on the number of examples. The levels are TBGAN's: see `levels.build`.
    A build that was interrupted, or that failed, goes on where it stopped when it is started again
    with the same arguments; until then its records lie in the hidden folder `.<name>.partial`.

    Args:
      path: folder to make; its base name is the name of the set.
      examples: sequence of what `load` takes, in record order. Must pickle; `str(example)` names
        it in messages. The files it names (paths, also within tuples and dataclasses) are made
        anew by a build that goes on if they have changed.
      load: function of an example giving an array [C, H, W], uint8 or float32, the same shape and
        dtype for all. Must pickle, and live in a module that does not import TensorFlow.
      modalities: [[name, channels], ...] in channel order.
      value_range: [lo, hi]; float values outside are reported in one warning.
      kind: "multi-resolution" or "single-size".
      labels: float array [N, L] in record order, or None.
      label_kind: "class" or "intensity".
      label_names: list of L str, or None.
      fields: {name: array [N, ...]} in record order, stored beside the records.
      field_names: {name of a field: list of str}, what its components or numbers are called.
      companions: {name: Companion}.
      attachments: files to copy into the folder.
      skipped: [(what, reason), ...], str, what the caller has left out already; it goes into the
        report `<name>-skipped.csv`.
      max_images: write only the first so many examples; None is all.
      shards: files that every level is divided into, for readers of parts.
      on_error: "stop", or "skip" to leave out (and report) examples that cannot be loaded.
      workers: processes; None is one for every core, 1 works in this process.
      overwrite: replace a set that is there.

    Returns:
      schema.SetInfo of the new set.

    Raises:
      ValueError: an output that exists, a bad example (named), arrays that do not fit, no example
        that can be loaded.
      OSError: the disk is too small; a worker process died.
    """
    path = Path(os.path.abspath(path))
    _check_output(path, overwrite)
    if on_error not in ON_ERROR:
        raise ValueError(f"--on_error is {on_error}, {' or '.join(ON_ERROR)} expected")
    if max_images is not None and max_images < 1:
        raise ValueError(f"--max_images is {max_images}, a positive number expected")
    if not len(examples):
        raise ValueError(f"{path}: no examples to write")
    labels = description.checked_labels(labels, label_kind, label_names, len(examples))
    fields = {name: np.asarray(array) for name, array in (fields or {}).items()}
    description.check_fields(fields, len(examples))
    examples = examples[:max_images]
    labels, fields = description.selected(labels, fields, slice(max_images))
    companions = companions or {}
    skip = on_error == "skip"
    first, image, others = _first(examples, load, companions, skip)
    if kind == schema.MULTI_RESOLUTION:
        _check_size(first, image.shape)
    info = schema.SetInfo(
        name=path.name,
        kind=kind,
        shape=list(image.shape),
        dtype=str(image.dtype),
        count=len(examples),
        modalities=[list(modality) for modality in modalities],
        range=list(value_range),
        labels=labels and labels.described,
        fields=description.described_fields(fields, field_names or {}),
        companions={
            name: description.described_companion(companions[name], array)
            for name, array in others.items()
        },
        shards=description.shard_counts(shards, len(examples)),
    )
    loads = {name: companion.load for name, companion in companions.items()}
    fingerprint = _fingerprint(examples, load, loads, info, labels, fields)
    with files.resumable_folder(path, fingerprint, overwrite=path.exists()) as (folder, begun):
        streams = places.streams(folder, info, load, loads)
        plan = work.Plan(info.name, streams, info.shard_counts, skip, begun)
        done = _write_records(path, folder, plan, examples, workers)
        names = [str(examples[number]) for number in sorted(done.skipped)]
        reasons = [done.skipped[number] for number in sorted(done.skipped)]
        report = [*skipped, *zip(names, reasons)]
        if done.skipped:
            files.rule_out_going_on(folder)  # from here on, records leave their places
            info, labels, fields = _without(plan, info, labels, fields, sorted(done.skipped))
        _write_beside(folder, info, plan, labels, fields, attachments, report)
    if report:
        logging.warning(
            "%s: %d examples written, %d left out: see %s",
            path,
            info.count,
            len(report),
            schema.skipped_file(path, info.name),
        )
    if done.out_of_range:
        _warn_out_of_range(info, examples, done.out_of_range)
    return info


def _check_output(path, overwrite):
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise ValueError(f"{path}: is a file or a link; a folder to make expected")
    if not path.exists() or not any(path.iterdir()):
        return
    if not overwrite:
        raise ValueError(f"{path}: exists; give --overwrite to replace it, or another name")
    foreign = _foreign_files(path)
    if foreign:
        raise ValueError(
            f"{path}: not replaced, because it holds files that are not of a set: "
            f"{', '.join(foreign[:5])}"
        )


def _foreign_files(path):
    """Names of what a folder holds beside the files of sets, sorted."""
    entries = sorted(path.iterdir())
    names = {parsed.name for parsed in map(schema.parse_record_file, entries) if parsed}

    def belongs(entry):
        if entry.suffix in (".npy", ".csv"):
            return any(entry.name.startswith(f"{name}-") for name in names)
        if entry.suffix == ".json":
            return entry.stem in names
        return (
            entry.name == schema.UV_LAYOUT
            or entry.suffix == ".labels"
            or schema.parse_record_file(entry) is not None
        )

    return [entry.name for entry in entries if not (entry.is_file() and belongs(entry))]


def _check_size(example, shape):
    try:
        schema.check_power_of_two(shape)
    except ValueError as error:
        raise ValueError(f"{example}: {error}") from None


def _first(examples, load, companions, skip):
    """The first example that can be loaded, its image, and {name: image} of its companions."""
    for example in examples:
        try:
            image = work.load_checked(load, example)
            others = {
                name: work.load_checked(companion.load, example)
                for name, companion in companions.items()
            }
        except (ValueError, OSError) as error:
            if not skip:
                raise
            failure = error
        else:
            return example, image, others
    raise ValueError(f"none of the {len(examples)} examples can be loaded; {failure}")


def _fingerprint(*content):
    """Changes with anything that decides what a set holds; always, where that cannot be told."""
    try:
        return hashlib.sha256(pickle.dumps(content, protocol=4)).hexdigest()
    except (pickle.PicklingError, AttributeError, TypeError):
        return uuid.uuid4().hex


def _check_space(path, folder, plan):
    needed = sum(
        level.template.size * count
        for stream in plan.streams
        for level in stream.levels
        for count in plan.counts
    )
    there = sum(file.stat().st_blocks * 512 for file in folder.iterdir())
    free = shutil.disk_usage(folder).free
    if needed - there > free:
        raise OSError(
            errno.ENOSPC,
            f"the set needs {(needed - there) / 1e6:.0f} MB, {free / 1e6:.0f} MB are free",
            str(path),
        )


def _write_records(path, folder, plan, examples, workers):
    """Writes all records; returns work.Done of them."""
    _check_space(path, folder, plan)
    places.allocate(plan.streams, plan.counts)
    done = work.Done()
    try:
        # No bar where nobody watches (disable=None: standard error is no terminal).
        with tqdm(total=len(examples), unit="example", desc=plan.name, disable=None) as bar:
            # Closed at once: no process writes any more when an error is dealt with.
            with contextlib.closing(work.run(plan, examples, workers)) as parts:
                for part in parts:
                    done.add(part)
                    bar.update(part.count)
    except BaseException:
        if plan.begun is None and not done.count:
            shutil.rmtree(folder)
        else:
            logging.warning("%s: what is written stays; the same command goes on from there", path)
        raise
    return done


def _without(plan, info, labels, fields, gaps):
    """Closes gaps in the records; returns what describes those that are left."""
    if len(gaps) == info.count:
        raise ValueError(f"none of the {info.count} examples can be loaded")
    left = places.close_gaps(plan.streams, info.shard_counts, gaps)
    info = dataclasses.replace(info, count=sum(left), shards=info.shards and left)
    keep = np.delete(np.arange(sum(plan.counts)), gaps)
    return info, *description.selected(labels, fields, keep)


def _write_beside(folder, info, plan, labels, fields, attachments, report):
    """Writes what lies beside the records; the json comes last."""
    for stream in plan.streams:
        for level in stream.levels:
            for file, count in zip(level.paths, info.shard_counts):
                np.save(index.index_file(file), index.regular(count, level.template.size))
    if labels is not None:
        with open(schema.labels_file(folder, info.name), "wb") as file:
            np.save(file, labels.values)
    for name, array in fields.items():
        np.save(schema.field_file(folder, info.name, name), array)
    for attachment in attachments:
        shutil.copyfile(attachment, folder / Path(attachment).name)
    if report:
        with open(schema.skipped_file(folder, info.name), "w", encoding="utf-8") as file:
            csv.writer(file).writerows([("example", "reason"), *report])
    schema.save(info, folder)


def _warn_out_of_range(info, examples, out_of_range):
    worst = max(
        out_of_range,
        key=lambda number: max(
            info.range[0] - out_of_range[number][0], out_of_range[number][1] - info.range[1]
        ),
    )
    lowest, highest = out_of_range[worst]
    logging.warning(
        "%d of %d examples have values outside [%g, %g]; the worst is %s with %g to %g",
        len(out_of_range),
        info.count,
        *info.range,
        examples[worst],
        lowest,
        highest,
    )
