"""How well classes are recognised: accuracies, precision, recall, F1, the confusion matrix."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from tf_facegan import files

_CELL, _MARGIN, _LINE = 56, 130, 20  # pixels of the picture


def confusion_matrix(
    labels: Sequence[int] | np.ndarray, predictions: Sequence[int] | np.ndarray, classes: int
) -> np.ndarray:
    """Counts how examples of each class are classified.

    Args:
      labels: int [N], true classes.
      predictions: int [N], or scores [N, classes] of which the highest counts.
      classes: int.

    Returns:
      int64 [classes, classes], rows are true classes, columns predicted ones.

    Raises:
      ValueError: shapes that do not fit, or a class that is none of them.
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if predictions.ndim == 2:
        if predictions.shape[1] != classes:
            raise ValueError(f"scores of {predictions.shape[1]} classes, {classes} expected")
        predictions = predictions.argmax(axis=1)
    if labels.ndim != 1 or labels.shape != predictions.shape:
        raise ValueError(
            f"labels {list(labels.shape)} and predictions {list(predictions.shape)} do not fit"
        )
    for name, values in (("labels", labels), ("predictions", predictions)):
        if values.size and (values.min() < 0 or values.max() >= classes):
            raise ValueError(
                f"{name} from {values.min()} to {values.max()}, 0 to {classes - 1} expected"
            )
    pairs = labels.astype(np.int64) * classes + predictions.astype(np.int64)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


@dataclasses.dataclass(frozen=True)
class Report:
    """A confusion matrix, what follows from it, and how it came about.

    Attributes:
      confusion: int [C, C], rows are true classes.
      names: list of C str.
      protocol: {str: str or number}, what a number means nothing without: data set, split, count,
        resolution, network, snapshot, …
    """

    confusion: np.ndarray
    names: list
    protocol: dict

    @property
    def count(self) -> int:
        """int, examples."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """float, share of the examples that are recognised; NaN without examples."""
        return float(_ratio(np.trace(self.confusion), self.confusion.sum()))

    @property
    def mean_class_accuracy(self) -> float:
        """float, mean recall of the classes that have examples, so that all weigh the same."""
        recall = self.recall
        return float(np.nanmean(recall)) if np.isfinite(recall).any() else float("nan")

    @property
    def precision(self) -> np.ndarray:
        """float64 [C], share of what is taken for a class that is of it; NaN if nothing is."""
        return _ratio(np.diag(self.confusion), self.confusion.sum(axis=0))

    @property
    def recall(self) -> np.ndarray:
        """float64 [C], share of a class that is recognised; NaN for a class without examples."""
        return _ratio(np.diag(self.confusion), self.confusion.sum(axis=1))

    @property
    def f1(self) -> np.ndarray:
        """float64 [C], harmonic mean of precision and recall; NaN if there is nothing to judge."""
        total = self.confusion.sum(axis=0) + self.confusion.sum(axis=1)
        return _ratio(2.0 * np.diag(self.confusion), total)

    def described(self) -> dict:
        """dict of plain values for a json file: protocol first; what is undefined is None."""
        per_class = zip(self.names, self.confusion, self.precision, self.recall, self.f1)
        return {
            "protocol": {**self.protocol, "count": self.count},
            "accuracy": _plain(self.accuracy),
            "mean_class_accuracy": _plain(self.mean_class_accuracy),
            "classes": {
                name: {
                    "count": int(row.sum()),
                    "precision": _plain(precision),
                    "recall": _plain(recall),
                    "f1": _plain(f1),
                }
                for name, row, precision, recall, f1 in per_class
            },
        }

    def save(self, stem: str | Path) -> None:
        """Writes `<stem>.json` (all numbers and the protocol), `<stem>.csv` and `<stem>.png` (the
        confusion matrix).

        Args:
          stem: path without suffix; its folder is made.
        """
        stem = Path(stem)
        stem.parent.mkdir(parents=True, exist_ok=True)
        described = json.dumps(self.described(), indent=2)
        files.write_text(stem.with_name(f"{stem.name}.json"), described + "\n")
        with files.atomic_file(stem.with_name(f"{stem.name}.csv"), "w") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["true \\ predicted", *self.names])
            writer.writerows([name, *row] for name, row in zip(self.names, self.confusion.tolist()))
        with files.atomic_file(stem.with_name(f"{stem.name}.png")) as file:
            file.write(cv2.imencode(".png", self.picture())[1].tobytes())

    def picture(self) -> np.ndarray:
        """Draws the matrix in shares of each true class: uint8 [H, W, 3], BGR."""
        side = _MARGIN + _CELL * len(self.names)
        accuracies = f"accuracy {self.accuracy:.1%}", f"mean {self.mean_class_accuracy:.1%}"
        lines = _lines([*accuracies, f"{self.count} examples"], side, 0.42)
        lines += _lines([f"{key} {value}" for key, value in self.protocol.items()], side, 0.36)
        image = np.full((side + 8 + _LINE * len(lines), side + 16, 3), 255, np.uint8)
        _write(image, "true \\ predicted", (_MARGIN - 8, _MARGIN - 10), align="right")
        shares = np.nan_to_num(_ratio(self.confusion, self.confusion.sum(axis=1, keepdims=True)))
        for row, name in enumerate(self.names):
            middle = _MARGIN + _CELL * row + _CELL // 2
            _write(image, name, (_MARGIN - 8, middle + 5), align="right")
            _write(image, name, (middle, _MARGIN - (10 if row % 2 else 28)), align="middle")
            for column in range(len(self.names)):
                self._draw_cell(image, row, column, shares[row, column])
        for number, (line, size) in enumerate(lines):
            _write(image, line, (8, side + 18 + _LINE * number), size=size)
        return image

    def _draw_cell(self, image, row, column, share):
        left, top = _MARGIN + _CELL * column, _MARGIN + _CELL * row
        colour = (255 - 75 * share, 255 - 150 * share, 255 - 225 * share)
        cv2.rectangle(image, (left, top), (left + _CELL - 2, top + _CELL - 2), colour, -1)
        ink = 255 if share > 0.6 else 0
        middle = left + _CELL // 2
        _write(image, f"{share:.0%}", (middle, top + 26), "middle", ink=ink)
        _write(image, str(self.confusion[row, column]), (middle, top + 42), "middle", 0.34, ink)


def report(
    labels: Sequence[int] | np.ndarray,
    predictions: Sequence[int] | np.ndarray,
    names: Sequence[str],
    protocol: Mapping,
) -> Report:
    """Report of some predictions; see `confusion_matrix` and `Report`."""
    names = list(names)
    return Report(confusion_matrix(labels, predictions, len(names)), names, dict(protocol))


def _ratio(part, whole):
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.divide(
        part, whole, out=np.full(np.broadcast(part, whole).shape, np.nan), where=whole > 0
    )


def _plain(value):
    return None if np.isnan(value) else float(value)


def _lines(parts, width, size):
    """Parts, with commas between them, as (line, size of letters) not wider than `width` pixels."""

    def fits(text):
        return _width(text, size) <= width

    lines, line = [], ""
    for word in ", ".join(parts).split(" "):
        if line and not fits(f"{line} {word}"):
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
        while not fits(line):  # a long path, say
            most = next(n for n in range(len(line) - 1, 0, -1) if n == 1 or fits(line[:n]))
            lines.append(line[:most])
            line = line[most:]
    return [(text, size) for text in [*lines, line]]


def _width(text, size):
    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
    return width


def _write(image, text, place, align="left", size=0.42, ink=0):
    width, font = _width(text, size), cv2.FONT_HERSHEY_SIMPLEX
    x = place[0] - {"left": 0, "middle": width // 2, "right": width}[align]
    cv2.putText(image, text, (x, place[1]), font, size, (ink, ink, ink), 1, cv2.LINE_AA)
