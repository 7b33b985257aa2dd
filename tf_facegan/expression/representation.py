"""What stands for an expression: numbers made of the autoencoder's codes, and a one-hot.

The published code projects on rows of the matrix of eigenvectors, where columns are meant, and its
class means come from a division of integers; both can be had for comparison.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tf_facegan import pickles
from tf_facegan.config import check_choice, nearest
from tf_facegan.expression import images as doors
from tf_facegan.files import atomic_folder, read_json
from tf_facegan.sources.expressions import EXPRESSIONS

if TYPE_CHECKING:
    from tf_facegan.expression.networks import Autoencoder
    from tf_facegan.records.reader import RecordSet
    from tf_facegan.records.schema import SetInfo


FOLDER = "representations"  # in a run folder
FILE = "representations.json"
FORMAT_VERSION = 1
PROJECTIONS = ("columns", "rows")
_READ_AT_ONCE = 256


@dataclasses.dataclass(frozen=True)
class Representations:
    """A row of numbers for each expression.

    Attributes:
      names: tuple of K str.
      rows: float64 [K, D].
      made: dict of how they were made, plain values.
    """

    names: tuple
    rows: np.ndarray
    made: dict = dataclasses.field(default_factory=dict)

    def save(self, path: str | Path, overwrite: bool = False) -> None:
        """Writes a folder: `representations.json`, and `<name>.npy` (float64 [D]) as published.

        Raises:
          ValueError: the folder exists and `overwrite` is False.
        """
        content = {
            "format_version": FORMAT_VERSION,
            "expressions": list(self.names),
            "representations": self.rows.tolist(),
            "made": self.made,
        }
        with atomic_folder(path, overwrite) as folder:
            text = json.dumps(content, indent=2) + "\n"
            (folder / FILE).write_text(text, encoding="utf-8")
            for name, row in zip(self.names, self.rows):
                np.save(folder / f"{name}.npy", row)

    def of(self, names: Sequence[str]) -> np.ndarray:
        """Returns the rows of `names`, [len(names), D]; ValueError for a name that has none."""
        unknown = [name for name in names if name not in self.names]
        if unknown:
            raise ValueError(
                f"no representation of {', '.join(map(repr, unknown))}"
                f"{nearest(unknown[0], self.names)}; there are those of {', '.join(self.names)}"
            )
        return self.rows[[self.names.index(name) for name in names]]

    @property
    def codes(self) -> np.ndarray:
        """float64 [K, D']: the rows without the one-hot at their end, where there is one."""
        count = len(self.names)
        has_one_hot = np.array_equal(self.rows[:, -count:], np.eye(count))
        return self.rows[:, :-count] if has_one_hot else self.rows

    def distances(self, codes: bool = False) -> np.ndarray:
        """Returns the Euclidean distances between the rows, or between the codes, [K, K]."""
        rows = self.codes if codes else self.rows
        return np.linalg.norm(rows[:, None] - rows[None], axis=2)


def one_hot(names: Sequence[str]) -> Representations:
    """Returns representations that tell the expressions apart and nothing else."""
    return Representations(tuple(names), np.eye(len(names)), {"one_hot": True, "components": 0})


def load(path: str | Path) -> Representations:
    """Reads representations.

    Args:
      path: `representations.json` or its folder; or published ones: a folder of `<Expression>.npy`
        or `label_representation.pickle` (read without running code).

    Returns:
      `Representations`.

    Raises:
      FileNotFoundError: nothing there, or an expression's file is missing.
      ValueError: the file holds something else.
    """
    path = Path(path)
    if path.is_dir() and (path / FILE).is_file():
        return _load_json(path / FILE)
    if path.is_dir():
        return _load_published_folder(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file or folder; representations expected")
    if path.suffix == ".json":
        return _load_json(path)
    return _load_published_pickle(path)


def _load_json(path):
    try:
        content = read_json(path)
        version, names = content["format_version"], tuple(map(str, content["expressions"]))
        if version != FORMAT_VERSION:
            raise ValueError(f"format_version is {version}, {FORMAT_VERSION} expected")
        rows = np.array(content["representations"], np.float64)
        return Representations(names, _checked(rows, names), dict(content["made"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a file of representations ({error})") from None


def _load_published_folder(path):
    files = [path / f"{name}.npy" for name in EXPRESSIONS]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise FileNotFoundError(f"{path}: no {FILE} in it, and of published files no {missing[0]}")
    return _published([pickles.load_array(file) for file in files], path)


def _load_published_pickle(path):
    content = pickles.load(path)
    labels = list(range(1, len(EXPRESSIONS) + 1))
    if not isinstance(content, dict) or sorted(content, key=str) != labels:
        raise ValueError(f"{path}: a dictionary of the labels 1 to {labels[-1]} expected")
    return _published([content[label] for label in labels], path)


def _published(arrays, path):
    shapes = {np.shape(array) for array in arrays}
    if len(shapes) > 1 or len(next(iter(shapes))) != 1:
        raise ValueError(f"{path}: arrays of shapes {sorted(shapes)}, one length expected")
    rows = np.array(arrays, np.float64)
    return Representations(EXPRESSIONS, rows, {"published": path.name})


def _checked(rows, names):
    if rows.ndim != 2 or len(rows) != len(names) or not np.isfinite(rows).all():
        raise ValueError(
            f"numbers of shape {rows.shape}, a finite row for each expression expected"
        )
    return rows


@dataclasses.dataclass(frozen=True)
class RepresentationBuilder:
    """How representations are made of codes; `PUBLISHED` is the published way.

    Attributes:
      components: int, numbers taken of the projected code.
      projection: on the "columns" of the eigenvectors, the principal axes, or on their "rows".
      center: take the mean code away first.
      whiten: divide by the standard deviations of the training images' projections.
      one_hot: append a one-hot of the expression.
      integer_mean: class means by `mean_image(..., integer=True)`.
    """

    components: int = 13
    projection: str = "columns"
    center: bool = True
    whiten: bool = True
    one_hot: bool = True
    integer_mean: bool = False

    def __post_init__(self):
        check_choice("projection", self.projection, PROJECTIONS)

    def build(
        self, codes: np.ndarray, class_codes: np.ndarray, names: Sequence[str]
    ) -> Representations:
        """Makes the representations.

        Args:
          codes: [N, C], of the training images.
          class_codes: [K, C], of the class means.
          names: K str.

        Returns:
          `Representations`.

        Raises:
          ValueError: fewer numbers in a code than components.
        """
        codes, class_codes = (np.asarray(array, np.float64) for array in (codes, class_codes))
        if codes.shape[1] < self.components:
            raise ValueError(f"{self.components} components of codes of {codes.shape[1]} numbers")
        if self.center:
            mean = codes.mean(axis=0)
            codes, class_codes = codes - mean, class_codes - mean
        values, vectors = eigenvectors(codes, self.projection)
        axes = select_axes(values, vectors, self.components, self.projection)
        rows = class_codes @ axes.T
        if self.whiten:
            deviations = (codes @ axes.T).std(axis=0)
            rows = rows / np.maximum(deviations, 1e-6 * deviations.max() + 1e-30)
        if self.one_hot:
            rows = np.concatenate([rows, np.eye(len(names))], axis=1)
        return Representations(tuple(names), rows, dataclasses.asdict(self))

    def build_from_set(
        self, autoencoder: Autoencoder, records: RecordSet, channel_order: str = "rgb"
    ) -> Representations:
        """Makes the representations of a set's expressions.

        Args:
          autoencoder: `networks.Autoencoder`.
          records: `RecordSet` with the field `expression`, the training images.
          channel_order: as the autoencoder was trained with; see `images.from_records`.

        Returns:
          `Representations`.

        Raises:
          ValueError: no such field, an expression without images, or `integer_mean` of images that
            are not uint8.
        """
        names, labels = class_names(records), records.fields["expression"]
        numbers = [np.flatnonzero(labels == k) for k in range(len(names))]
        lacking = [name for name, own in zip(names, numbers) if not len(own)]
        if lacking:
            raise ValueError(f"{records.path}: no image of {', '.join(lacking)}")
        means = [mean_image(_each(records, own), self.integer_mean) for own in numbers]
        chunks = (records.read(own) for own in _chunks(np.arange(records.count)))

        def encode(batch):
            images = doors.from_records(batch, records.range, channel_order)
            return autoencoder.encode(images - 0.5).numpy()

        codes = np.concatenate([encode(chunk) for chunk in chunks])
        return self.build(codes, encode(np.stack(means)), names)


PUBLISHED = RepresentationBuilder(projection="rows", center=False, whiten=False, integer_mean=True)


def class_names(records: RecordSet) -> tuple[str, ...]:
    """Returns the names of the expressions of a set.

    Args:
      records: `RecordSet`.

    Raises:
      ValueError: the set has no field `expression`.
    """
    if "expression" not in records.fields:
        raise ValueError(
            f"{records.path}: no field `expression`; build the set with `create_raf_db` or another "
            "source of expressions"
        )
    return names_of(records.info)


def names_of(info: SetInfo) -> tuple[str, ...]:
    """Returns the names of the expressions of a `SetInfo` with the field `expression`."""
    return tuple(info.fields.get("expression", {}).get("names") or EXPRESSIONS)


def mean_image(images: Iterable[np.ndarray], integer: bool = False) -> np.ndarray:
    """Averages images as they come.

    Args:
      images: iterable of arrays of one shape.
      integer: divide integers as the published code under Python 2, which makes the mean of many
        images far too dark: image n adds floor(x / n) instead of x / n.

    Returns:
      float64 array.

    Raises:
      ValueError: `integer` and images that are not integers.
    """
    mean = 0.0
    for n, image in enumerate(images, 1):
        if integer and image.dtype.kind not in "iu":
            raise ValueError(f"integer means of {image.dtype} images; uint8 expected")
        mean = mean * ((n - 1) / n) + (image // n if integer else image / n)
    return np.asarray(mean, np.float64)


def eigenvectors(codes: np.ndarray, projection: str = "columns") -> tuple[np.ndarray, np.ndarray]:
    """Returns eigenvalues and eigenvectors (columns) of codes' scatter matrix C^T C.

    For "rows" they come as published, from a routine for matrices that need not be symmetric;
    else every column's largest component is made positive, so that they are always the same.
    """
    scatter = codes.T @ codes
    if projection == "rows":
        values, vectors = np.linalg.eig(scatter)
        return values.real, vectors.real
    values, vectors = np.linalg.eigh(scatter)
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(len(values))]
    return values, vectors * np.where(largest < 0, -1.0, 1.0)


def select_axes(
    values: np.ndarray, vectors: np.ndarray, components: int, projection: str = "columns"
) -> np.ndarray:
    """Returns the axes [components, C] of the largest eigenvalues, see `RepresentationBuilder`."""
    indices = sorted(range(len(values)), key=lambda i: (values[i], i), reverse=True)[:components]
    return vectors[indices] if projection == "rows" else vectors[:, indices].T


def _chunks(numbers):
    for start in range(0, len(numbers), _READ_AT_ONCE):
        yield numbers[start : start + _READ_AT_ONCE]


def _each(records, numbers):
    for chunk in _chunks(numbers):
        yield from records.read(chunk)
