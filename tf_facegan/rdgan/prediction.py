"""What a trained RD-GAN makes of the frames of a set (the published `predict_all_face`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tf_facegan.rdgan import pairs
from tf_facegan.rdgan.images import to_8_bits
from tf_facegan.records.values import to_signed
from tf_facegan.utilities.images import write_image

if TYPE_CHECKING:
    from tf_facegan.rdgan.config import Config
    from tf_facegan.rdgan.inference import RDGANPipeline
    from tf_facegan.records.reader import RecordSet


FOLDERS = {"face": "FaceGAN", "fine": "FineGAN", "two_way": "TwoWay"}  # of the stages' pictures
SUBJECTS = ("held_out", "all")


def frames_of(records: RecordSet, config: Config, subjects: str = "all") -> pairs.Frames:
    """The frames of a set, or those of the subjects that a run was not trained on.

    Args:
      records: `RecordSet` with `subject`, `sequence` and `frame`.
      config: `config.Config` of the run.
      subjects: "all", or "held_out" for those of the run's own set.

    Returns:
      `pairs.Frames`.

    Raises:
      ValueError: the run held none out.
    """
    everyone = pairs.Frames.of(records.fields)
    if subjects == "all":
        return everyone
    share = config.data.validation_share
    _, held_out = pairs.split_subjects(everyone, share, config.random_seed)
    if not len(held_out.numbers):
        raise ValueError(
            f"data.validation_share was {share:g}: no subjects were held out; --subjects all takes "
            "those trained on"
        )
    return held_out


def frame_names(records: RecordSet) -> list[str]:
    """Names of all records as the published files have them: `S005_001_00000011`."""
    sequences, frames = records.fields["sequence"], records.fields["frame"]
    names = records.info.fields["sequence"].get("names")
    titles = [names[number] if names else f"{number:03d}" for number in sequences]
    return [f"{title}_{frame:08d}" for title, frame in zip(titles, frames)]


def predicted(
    pipeline: RDGANPipeline, records: RecordSet, chosen: np.ndarray, refine: bool = True
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Predicts pairs, batch by batch.

    Args:
      pipeline: `inference.RDGANPipeline`.
      records: `RecordSet` with the companion `boundary`.
      chosen: int64 [n, 2], pairs of record numbers (source, target).
      refine: whether FineGAN follows.

    Yields:
      (pairs [N, 2] of the batch, {"source", "target", and every stage: uint8 [N, S, S, 3]}).
    """
    count = pipeline.config.inference.predict_batch_size
    boundary_range = records.info.companions[pairs.COMPANION]["range"]
    for start in range(0, len(chosen), count):
        part = chosen[start : start + count]
        batch = pairs.read(records, part, pipeline.image_size)
        sources, targets = (to_signed(batch[n], records.range) for n in ("sources", "targets"))
        boundaries = to_signed(batch["boundaries"], boundary_range)
        made = pipeline.generate(np.asarray(sources), np.asarray(boundaries), refine).stages
        images = {"source": sources, "target": targets, **made}
        yield part, {name: to_8_bits(np.asarray(image)) for name, image in images.items()}


def write_predictions(
    pipeline: RDGANPipeline,
    records: RecordSet,
    chosen: np.ndarray,
    folder: Path,
    refine: bool = True,
) -> dict[str, list[Path]]:
    """Writes `<network>/<source>_nface__<target>_eface.png` for every pair.

    Args:
      pipeline, records, chosen, refine: as of `predicted`.
      folder: pathlib.Path, there already.

    Returns:
      {stage: list of pathlib.Path, in the order of the pairs}.
    """
    names, written = frame_names(records), {}
    for part, images in predicted(pipeline, records, chosen, refine):
        for stage in (stage for stage in FOLDERS if stage in images):
            place = folder / FOLDERS[stage]
            place.mkdir(exist_ok=True)
            for (source, target), image in zip(part, images[stage]):
                path = place / f"{names[source]}_nface__{names[target]}_eface.png"
                write_image(path, image)
                written.setdefault(stage, []).append(path)
    return written


def sequences_of(chosen: np.ndarray) -> list[slice]:
    """Splits pairs [n, 2] where the source changes: list of slices."""
    ends = [*(np.flatnonzero(np.diff(chosen[:, 0])) + 1), len(chosen)]
    return [slice(start, end) for start, end in zip([0, *ends], ends)]
