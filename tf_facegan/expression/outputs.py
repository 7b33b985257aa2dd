"""What the commands write: pictures, sheets, tables."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tf_facegan.expression import sampling
from tf_facegan.files import atomic_file
from tf_facegan.metrics import classification
from tf_facegan.utilities.images import as_rgb, image_grid, save_image_grid, write_image
from tf_facegan.utilities.video import animation_writer

if TYPE_CHECKING:
    from tf_facegan.expression.faces import Faces
    from tf_facegan.expression.inference import GeneratorPipeline, Output
    from tf_facegan.expression.photo_pipelines import ClassifierPipeline


_COLUMNS = 10
_FPS = 12


def write_samples(
    folder: str | Path, pipeline: GeneratorPipeline, expression: str, output: Output
) -> list[Path]:
    """Writes samples of an expression as pictures, as a sheet, and as the published array.

    Args:
      folder: where; it is made.
      pipeline: `inference.GeneratorPipeline`.
      expression: str.
      output: `inference.Output`.

    Returns:
      list of pathlib.Path: `<expression>_<epoch>_<number>.png` of each, `…_<amount>_sheet.png` and
      `<expression>_<epoch>_<amount>.npy`.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{expression}_{pipeline.epoch}"
    written = []
    for number, image in enumerate(output.images):
        written.append(folder / f"{stem}_{number:04d}.png")
        write_image(written[-1], image)
    written += write_sheet(folder / f"{stem}_{len(output.images)}_sheet.png", output.images)
    written.append(sampling.save_published(folder, expression, pipeline.epoch, output.images))
    return written


def write_sheet(path: str | Path, images: np.ndarray, columns: int | None = None) -> list[Path]:
    """Writes pictures, uint8 [N, H, W, 3], side by side, row by row; returns the path in a list."""
    columns = columns or min(_COLUMNS, len(images))
    size = columns, -(-len(images) // columns)
    return save_image_grid(images.transpose(0, 3, 1, 2), path, (0, 255), size)


def write_interpolation(
    folder: str | Path, images: np.ndarray, video: str | None = None
) -> list[Path]:
    """Writes `interpolation.png`, a row for each face, and a moving picture of all faces.

    Args:
      folder: where; it is made.
      images: uint8 [T, N, H, W, 3].
      video: "mp4" or "gif"; None: no moving picture.

    Returns:
      list of pathlib.Path.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rows = np.concatenate(images.swapaxes(0, 1))
    written = write_sheet(folder / "interpolation.png", rows, columns=len(images))
    if video:
        written.append(folder / f"interpolation.{video}")
        with animation_writer(written[-1], _FPS) as append:
            for faces in images:
                append(as_rgb(image_grid(faces.transpose(0, 3, 1, 2))))
    return written


def write_reconstructions(
    folder: str | Path, faces: Faces, reconstructions: np.ndarray
) -> list[Path]:
    """Writes each reconstruction as `<name>.png`, and a sheet, every face above its own.

    Args:
      folder: where; it is made.
      faces: `faces.Faces`.
      reconstructions: uint8 [N, S, S, 3].

    Returns:
      list of pathlib.Path.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, image in zip(faces.names, reconstructions):
        written.append(folder / f"{Path(name).stem}_reconstructed.png")
        write_image(written[-1], image)
    columns = min(_COLUMNS, len(reconstructions))
    rows = []
    for start in range(0, len(reconstructions), columns):
        for images in (faces.images, reconstructions):
            row = images[start : start + columns]
            rows.append(np.pad(row, [(0, columns - len(row)), (0, 0), (0, 0), (0, 0)]))
    return written + write_sheet(folder / "sheet.png", np.concatenate(rows), columns)


def write_classification(
    folder: str | Path, pipeline: ClassifierPipeline, faces: Faces, probabilities: np.ndarray
) -> tuple[list[Path], classification.Report | None]:
    """Writes `predictions.csv`; with known expressions also `classification.json`, `.csv`, `.png`.

    Args:
      folder: where; it is made.
      pipeline: `inference.ClassifierPipeline`.
      faces: `faces.Faces`.
      probabilities: float [N, K], in the order of the pipeline's names.

    Returns:
      (list of pathlib.Path, `classification.Report` or None).

    Raises:
      ValueError: an expression that the classifier does not know.
    """
    folder, names = Path(folder), pipeline.names
    unknown = sorted(set(faces.expressions or ()) - set(names))
    if unknown:
        raise ValueError(
            f"{pipeline.name} does not know {', '.join(unknown)}; it knows {', '.join(names)}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "predictions.csv"
    with atomic_file(path, "w") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["name", "predicted", *names])
        for name, row in zip(faces.names, probabilities):
            writer.writerow([name, names[row.argmax()], *(f"{value:.4f}" for value in row)])
    if faces.expressions is None:
        return [path], None
    labels = [names.index(expression) for expression in faces.expressions]
    protocol = {"classifier": pipeline.name, "resolution": int(faces.images.shape[1])}
    report = classification.report(labels, probabilities, names, protocol)
    report.save(folder / "classification")
    made = [folder / f"classification.{ending}" for ending in ("json", "csv", "png")]
    return [path, *made], report
