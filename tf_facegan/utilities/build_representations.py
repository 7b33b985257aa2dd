"""Utility run `build_representations`: what stands for each expression."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from tf_facegan.config import option

if TYPE_CHECKING:
    from tf_facegan.expression.photo_pipelines import AutoencoderPipeline


@dataclasses.dataclass(frozen=True)
class Options:
    dataset: Optional[str] = option(
        None, "folder of the faces; None: those the autoencoder was trained on"
    )
    components: int = option(13, "numbers taken of the projected code of a class mean")
    projection: str = option(
        "columns", "on the columns of the eigenvectors, the principal axes, or on rows (published)"
    )
    center: bool = option(True, "take the mean code away first (published: False)")
    whiten: bool = option(
        True, "divide by the standard deviations of the faces' projections (published: False)"
    )
    one_hot: bool = option(True, "append a one-hot of the expression")
    integer_mean: bool = option(
        False, "class means by dividing integers, far too dark (published: True)"
    )
    published: bool = option(
        False, "the published projection, means and scale, whatever the other options say"
    )


def describe(run_number: int | str) -> str:
    """Returns the name of the result folder, after its number."""
    return f"representations-{run_number}"


def run(pipeline: AutoencoderPipeline, folder: Path, options: Options) -> list[Path]:
    """Writes `representations` (a folder that `data.representations` takes, with a JSON file and
    the published `<Expression>.npy`), and pictures of their distances: `distances.png`, and
    `distances-codes.png` without the one-hot.

    Args:
      pipeline: `expression.inference.AutoencoderPipeline`.
      folder: pathlib.Path to write to.
      options: `Options`.

    Returns:
      list of pathlib.Path written.

    Raises:
      ValueError, FileNotFoundError: a set that is missing or has no expressions; options that do
        not fit.
    """
    from tf_facegan.expression import representation
    from tf_facegan.records.reader import RecordSet
    from tf_facegan.utilities import charts

    builder = _builder(options)
    path = options.dataset or pipeline.dataset
    if path is None:
        raise ValueError(f"{pipeline.name}: its set is not known; give --set dataset=DIR")
    records = RecordSet(path)
    side = pipeline.image_size
    if records.info.shape != [3, side, side]:
        raise ValueError(
            f"{path}: images of {records.info.shape}, [3, {side}, {side}] as the autoencoder takes "
            "expected"
        )
    made = builder.build_from_set(pipeline.autoencoder, records, pipeline.channel_order)
    note = {"autoencoder": pipeline.name, "dataset": records.name, "images": records.count}
    made = dataclasses.replace(made, made={**made.made, **note})
    written = folder / representation.FOLDER
    made.save(written)
    pictures = [folder / "distances.png"] + [folder / "distances-codes.png"] * bool(made.codes.size)
    for picture, codes in zip(pictures, (False, True)):
        title = f"distances of the {'codes' if codes else 'representations'}"
        charts.write_matrix(picture, title, made.names, made.distances(codes))
    return [written, *pictures]


def _builder(options):
    from tf_facegan.expression import representation

    if options.published:
        return dataclasses.replace(
            representation.PUBLISHED, components=options.components, one_hot=options.one_hot
        )
    fields = dataclasses.asdict(options)
    del fields["dataset"], fields["published"]
    if options.components < 1:
        raise ValueError(f"components={options.components}: expected at least 1")
    return representation.RepresentationBuilder(**fields)
