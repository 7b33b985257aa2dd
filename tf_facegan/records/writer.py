"""Writing sets with all cores, atomically."""

import dataclasses
import errno
import os
import shutil
from pathlib import Path

import numpy as np
from absl import logging
from tqdm import tqdm

from tf_facegan import files
from tf_facegan.records import index, schema, work


def shuffled(count):
    """The published shuffled order of `count` examples (PGGAN's seed 123), int64 [count]."""
    numbers = np.arange(count)
    np.random.RandomState(123).shuffle(numbers)
    return numbers


def write_set(
    path,
    examples,
    load,
    *,
    modalities,
    value_range,
    kind=schema.MULTI_RESOLUTION,
    labels=None,
    label_kind="class",
    label_names=None,
    fields=None,
    attachments=(),
    workers=None,
    overwrite=False,
):
    """Writes a set; nothing is at `path` before all of it is.

    Records, their order and their bytes do not depend on the number of workers, and memory does
    not depend on the number of examples. The levels are TBGAN's: see `levels.build`.

    Args:
      path: folder to make; its base name is the name of the set.
      examples: sequence of what `load` takes, in record order. Must pickle; `str(example)` names
        it in messages.
      load: function of an example giving an array [C, H, W], uint8 or float32, the same shape and
        dtype for all. Must pickle, and live in a module that does not import TensorFlow.
      modalities: [[name, channels], ...] in channel order.
      value_range: [lo, hi]; float values outside are reported in one warning.
      kind: "multi-resolution" or "single-size".
      labels: float array [N, L] in record order, or None.
      label_kind: "class" or "intensity".
      label_names: list of L str, or None.
      fields: {name: array [N, ...]} in record order, stored beside the records.
      attachments: files to copy into the folder.
      workers: processes; None is one for every core, 1 works in this process.
      overwrite: replace a set that is there.

    Returns:
      schema.SetInfo of the new set.

    Raises:
      ValueError: an output that exists, a bad example (named), arrays that do not fit.
      OSError: the disk is too small; a worker process died.
    """
    path = Path(os.path.abspath(path))
    _check_output(path, overwrite)
    if not len(examples):
        raise ValueError(f"{path}: no examples to write")
    labels = _checked_labels(labels, label_kind, label_names, len(examples))
    fields = {name: np.asarray(array) for name, array in (fields or {}).items()}
    _check_fields(fields, len(examples))
    first = work.load_checked(load, examples[0])
    if kind == schema.MULTI_RESOLUTION:
        _check_size(examples[0], first.shape)
    info = schema.SetInfo(
        name=path.name,
        kind=kind,
        shape=list(first.shape),
        dtype=str(first.dtype),
        count=len(examples),
        modalities=[list(modality) for modality in modalities],
        range=list(value_range),
        labels=labels and labels.described,
        fields={
            name: {"shape": list(array.shape[1:]), "dtype": str(array.dtype)}
            for name, array in fields.items()
        },
    )
    with files.atomic_folder(path, overwrite=path.exists()) as folder:
        plan = work.Plan(folder, info, load)
        _check_space(path, plan)
        out_of_range = _write_records(plan, examples, workers)
        _write_companions(folder, info, plan, labels, fields, attachments)
    if out_of_range:
        _warn_out_of_range(info, examples, out_of_range)
    return info


@dataclasses.dataclass(frozen=True)
class _Labels:
    values: np.ndarray
    described: dict


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
    names = {parsed[0] for parsed in map(schema.parse_record_file, entries) if parsed}

    def belongs(entry):
        if entry.suffix == ".npy":
            return any(entry.name.startswith(f"{name}-") for name in names)
        if entry.suffix == ".json":
            return entry.stem in names
        return (
            entry.name == schema.UV_LAYOUT
            or entry.suffix == ".labels"
            or schema.parse_record_file(entry) is not None
        )

    return [entry.name for entry in entries if not (entry.is_file() and belongs(entry))]


def _checked_labels(values, kind, names, count):
    if values is None or not np.size(values):
        return None
    values = np.asarray(values, np.float32)
    if values.ndim != 2 or len(values) != count:
        raise ValueError(f"labels have shape {list(values.shape)}, [{count}, L] expected")
    names = None if names is None else list(names)
    return _Labels(values, {"size": values.shape[1], "kind": kind, "names": names})


def _check_fields(fields, count):
    for name, array in fields.items():
        if array.dtype == object or array.ndim < 1 or len(array) != count:
            raise ValueError(
                f"field {name} is {array.dtype} {list(array.shape)}, plain values for {count} "
                "examples expected"
            )


def _check_size(example, shape):
    try:
        schema.check_power_of_two(shape)
    except ValueError as error:
        raise ValueError(f"{example}: {error}") from None


def _check_space(path, plan):
    needed = sum(level.template.size for level in plan.levels) * plan.info.count
    free = shutil.disk_usage(plan.folder).free
    if needed > free:
        raise OSError(
            errno.ENOSPC,
            f"the set needs {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free",
            str(path),
        )


def _write_records(plan, examples, workers):
    """Writes all records; returns {record number: (lowest, highest)} of those out of range."""
    for level in plan.levels:
        with open(level.path, "wb") as file:
            file.truncate(level.template.size * len(examples))
    out_of_range = {}
    # No bar where nobody watches (disable=None: standard error is no terminal).
    with tqdm(total=len(examples), unit="example", desc=plan.info.name, disable=None) as bar:
        for done, found in work.run(plan, examples, workers):
            out_of_range.update(found)
            bar.update(done)
    return out_of_range


def _write_companions(folder, info, plan, labels, fields, attachments):
    """Writes what lies beside the records; the json comes last."""
    for level in plan.levels:
        np.save(index.index_file(level.path), index.regular(info.count, level.template.size))
    if labels is not None:
        with open(schema.labels_file(folder, info.name), "wb") as file:
            np.save(file, labels.values)
    for name, array in fields.items():
        np.save(schema.field_file(folder, info.name, name), array)
    for attachment in attachments:
        shutil.copyfile(attachment, folder / Path(attachment).name)
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
