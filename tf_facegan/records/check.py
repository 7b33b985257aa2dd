"""Checks of whole sets: damage, duplicates, values that cannot be, classes without examples."""

from __future__ import annotations

import collections
import hashlib
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tf_facegan.records import schema, splits
from tf_facegan.records.reader import RecordSet

UNLABELLED = -1  # an integer field whose numbers have names: none of them
_BATCH_BYTES = 64 << 20
_LANDMARK_MARGIN = 0.02  # of the side
_SHOWN_CLASSES = 20
_SHOWN_DUPLICATES = 3


class Report:
    """What was found; lines are printed as they come.

    Attributes:
      wrong: int, findings that make a set unfit.
    """

    def __init__(self):
        self.wrong = 0

    def note(self, line: str) -> None:
        print(line)

    def warn(self, line: str) -> None:
        print(f"warning: {line}")

    def fail(self, line: str) -> None:
        self.wrong += 1
        print(f"wrong: {line}")


def check(path: str | Path) -> bool:
    """Checks a set, or all sets below a folder, and prints statistics and findings.

    Wrong are: records or files that cannot be read, values that are not finite, labels, action
    units and class numbers outside their range, and pictures that two sets of one folder share
    (training and test set). Doubtful, and only warned of, are: pictures that a set holds twice,
    classes without examples, landmarks outside the picture, and image values outside the range.

    Args:
      path: folder of a set, or a folder with sets below it.

    Returns:
      bool: nothing is wrong.

    Raises:
      FileNotFoundError: no such folder, or no set in it or below it.
    """
    folders = find_sets(path)
    report = Report()
    siblings = collections.defaultdict(dict)
    for parent in sorted({folder.parent for folder in folders} | {Path(path)}):
        if (parent / splits.UNFINISHED).is_file():
            report.fail(f"{parent}: not finished, sets are missing")
    for folder in folders:
        digests = _check_set(folder, report)
        siblings[folder.parent][folder] = digests
    for digests_of in siblings.values():
        _check_shared(digests_of, report)
    print(f"{len(folders)} {'set' if len(folders) == 1 else 'sets'}, {report.wrong} findings wrong")
    return not report.wrong


def find_sets(path: str | Path) -> list[Path]:
    """Finds the folders of sets: `path` itself, or those below it, sorted.

    Raises:
      FileNotFoundError: no such folder, or no set.
    """
    path = Path(path)
    if not path.is_dir():
        raise FileNotFoundError(f"{path}: no such folder; a set or a folder of sets expected")
    files = path.rglob("*.tfrecords")
    folders = {file.parent for file in files if schema.parse_record_file(file) is not None}
    visible = {
        folder
        for folder in folders
        if not any(part.startswith(".") for part in folder.relative_to(path).parts)
    }
    if not visible:
        raise FileNotFoundError(f"{path}: no *.tfrecords files in it or below it")
    return sorted(visible)


def _check_set(folder, report):
    """Checks one set; returns {digest of a picture: list of record numbers}."""
    try:
        found = RecordSet(folder)
    except (ValueError, OSError) as error:
        report.fail(str(error))
        return {}
    info = found.info
    size = "x".join(map(str, info.shape))
    report.note(f"{folder}: {info.count} examples, {info.dtype} {size}, {info.kind}")
    digests = _check_images(folder, found, report)
    _check_labels(folder, found, report)
    for name, array in found.fields.items():
        _check_field(f"{folder}: {name}", name, array, info, report)
    return digests


def _check_images(folder, found, report):
    """Reads every record of every level and companion."""
    info = found.info
    sides = [None]
    if info.kind == schema.MULTI_RESOLUTION:
        sides = [1 << log2 for log2 in info.levels]
    streams = [(None, info.range, side) for side in sides]
    for name, companion in info.companions.items():
        streams += [(name, companion["range"], side) for side in sides]
    digests = collections.defaultdict(list)
    for number, (companion, value_range, side) in enumerate(streams):
        what = f"{folder}: {companion or 'images'}"
        lowest, highest = np.inf, -np.inf
        try:
            for first, images in _batches(found, companion, side):
                if number == 0:
                    for record, image in enumerate(images, first):
                        digests[_digest(image)].append(record)
                lowest, highest = min(lowest, images.min()), max(highest, images.max())
                if not np.isfinite([lowest, highest]).all():
                    raise ValueError(f"{what}: NaN or infinite values in or behind record {first}")
        except (ValueError, OSError) as error:
            report.fail(str(error))
            continue
        if lowest < value_range[0] or highest > value_range[1]:
            report.warn(
                f"{what}: values from {lowest:g} to {highest:g}, the range is "
                f"{value_range[0]:g} to {value_range[1]:g}"
            )
    _warn_of_duplicates(folder, digests, report)
    return digests


def _batches(found, companion, side):
    """Yields (number of the first, images) of all records of a level."""
    size = found.read([0], side, companion).nbytes
    batch = max(1, _BATCH_BYTES // size)
    for first in tqdm(range(0, found.count, batch), unit="batch", disable=None, leave=False):
        yield first, found.read(range(first, min(first + batch, found.count)), side, companion)


def _digest(image):
    return hashlib.blake2b(np.ascontiguousarray(image), digest_size=16).digest()


def _warn_of_duplicates(folder, digests, report):
    twice = [numbers for numbers in digests.values() if len(numbers) > 1]
    if twice:
        surplus = sum(len(numbers) - 1 for numbers in twice)
        shown = "; ".join(str(numbers[:5])[1:-1] for numbers in twice[:_SHOWN_DUPLICATES])
        report.warn(f"{folder}: {surplus} pictures are there already, e.g. records {shown}")


def _check_shared(digests_of, report):
    """Compares the sets of one folder."""
    folders = list(digests_of)
    for position, folder in enumerate(folders):
        for other in folders[position + 1 :]:
            shared = set(digests_of[folder]) & set(digests_of[other])
            if shared:
                pairs = sorted(
                    (digests_of[folder][digest][0], digests_of[other][digest][0])
                    for digest in shared
                )
                shown = ", ".join(f"{a} = {b}" for a, b in pairs[:_SHOWN_DUPLICATES])
                report.fail(
                    f"{folder} and {other}: {len(shared)} pictures are in both, e.g. records "
                    f"{shown}"
                )


def _check_labels(folder, found, report):
    labels = found.info.labels
    if labels is None:
        return
    what = f"{folder}: labels"
    names = labels["names"] or [str(number) for number in range(labels["size"])]
    if not _is_finite(what, found.labels, report):
        return
    if labels["kind"] == "intensity":
        _check_intensities(what, found.labels, names, report)
    else:
        _count_classes(f"{what} (largest component)", found.labels.argmax(axis=1), names, report)


def _check_field(what, name, array, info, report):
    names = info.fields[name].get("names")
    if array.dtype.kind == "f" and not _is_finite(what, array, report):
        return
    if name == "aus":
        _check_intensities(what, array, names or range(array.shape[1]), report)
    elif name == "landmarks":
        _check_landmarks(what, array, info, report)
    elif array.dtype.kind in "iu" and array.ndim == 1 and names:
        _count_classes(what, array, names, report)
    elif array.dtype.kind in "SU":
        report.note(f"{what}: {len(np.unique(array))} different texts")
    else:
        report.note(f"{what}: {array.dtype} from {array.min():g} to {array.max():g}")


def _is_finite(what, array, report):
    bad = ~np.isfinite(array).reshape(len(array), -1).all(axis=1)
    if bad.any():
        report.fail(f"{what}: NaN or infinite in {bad.sum()} records, e.g. {int(np.argmax(bad))}")
    return not bad.any()


def _check_intensities(what, values, names, report):
    lo, hi = schema.INTENSITY_RANGE
    for name, column in zip(names, values.T):
        report.note(
            f"{what}: {name} {column.min():.2f} to {column.max():.2f}, mean {column.mean():.2f}"
        )
    outside = ((values < lo) | (values > hi)).any(axis=1)
    if outside.any():
        report.fail(
            f"{what}: intensities outside {lo:g} to {hi:g} in {outside.sum()} records, e.g. "
            f"{int(np.argmax(outside))}"
        )


def _check_landmarks(what, points, info, report):
    _, height, width = info.shape
    # RD-GAN's crops end at the outermost landmarks.
    margin = _LANDMARK_MARGIN * max(height, width)
    outside = (points < -margin) | (points > np.array([width, height]) + margin)
    outside = outside.any(axis=(1, 2))
    report.note(f"{what}: {points.shape[1]} points")
    if outside.any():
        report.warn(
            f"{what}: points outside the picture in {outside.sum()} records, e.g. "
            f"{int(np.argmax(outside))}"
        )


def _count_classes(what, numbers, names, report):
    outside = (numbers < UNLABELLED) | (numbers >= len(names))
    if outside.any():
        report.fail(
            f"{what}: numbers from {numbers.min()} to {numbers.max()}, but {len(names)} names"
        )
        return
    counts = np.bincount(numbers[numbers >= 0], minlength=len(names))
    without = len(numbers) - counts.sum()
    rest = f", {without} without" if without else ""
    if len(names) <= _SHOWN_CLASSES:
        listed = ", ".join(f"{name} {count}" for name, count in zip(names, counts))
    else:
        listed = f"{len(names)} classes, {counts.min()} to {counts.max()} examples of each"
    report.note(f"{what}: {listed}{rest}")
    empty = [name for name, count in zip(names, counts) if not count]
    if empty and counts.any():
        more = ", …" if len(empty) > _SHOWN_CLASSES else ""
        report.warn(f"{what}: no example of {', '.join(empty[:_SHOWN_CLASSES])}{more}")
