"""Toy faces as sets of records, and as the files of published data sets, for their readers."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np

from tf_facegan.config import check_choice, check_least
from tf_facegan.files import atomic_folder, write_image
from tf_facegan.records import schema, splits, writer
from tf_facegan.sources import cohn_kanade, pictures, raf_db
from tf_facegan.sources.action_units import AUS
from tf_facegan.sources.expressions import EXPRESSIONS
from tf_facegan.sources.toy_faces import casting
from tf_facegan.sources.toy_faces.render import MINIMUM_SIZE, REGIONS, render
from tf_facegan.uv.workers import Workers

RESOLUTIONS = {"records": 128, "celeba": 128, "raf": 100, "ck": 200, "casia": 112}
"""Layouts, and the side of their pictures in pixels."""

FRAMES = 12
_OWNED = (  # what the layouts put into a folder
    *("images_aligned", "list_attr_celeba.txt", "basic"),
    *("cohn-kanade-images", "Landmarks", "Emotion", "S[0-9]*_[0-9]*_*"),
    "[0-9]" * 7,
)
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 95)
_ORIGINAL_ZOOM = 0.55  # RAF-DB's originals show more than the aligned faces


def create(
    path: str | Path,
    layout: str = "records",
    count: int = 2000,
    resolution: int | None = None,
    seed: int = 0,
    identities: int = 40,
    test_share: float = 0.2,
    frames: int = FRAMES,
    flat: bool = False,
    variation: float = 1.0,
    kind: str = schema.SINGLE_SIZE,
    workers: int | None = None,
    overwrite: bool = False,
    alone: float = 0.0,
) -> None:
    """Makes toy faces.

    Args:
      path: folder to make.
      layout: "records" (a set, or the sets train and test), or the files of a published data set:
        "celeba" (GANimation: `images_aligned/*.jpg` and `list_attr_celeba.txt` with action units),
        "raf" (RAF-DB: `basic/…`), "ck" (CK+: sequences with landmarks and emotions), "casia"
        (a folder for each identity).
      count: int, pictures; those of "ck" make up whole sequences.
      resolution: int, side in pixels; None is the layout's, see RESOLUTIONS.
      seed: int, at least 0; every picture follows from it.
      identities: int, different faces.
      test_share: float, share of the identities that is kept for testing ("records" and "raf"); 0
        makes one set of all ("records" only).
      frames: int, pictures in a sequence ("ck").
      flat: bool, put the files of "ck" into one folder, as RD-GAN's reader takes them.
      variation: float, factor of how much pose and light vary.
      kind: "single-size" or "multi-resolution" ("records").
      workers: int, processes; None is one for every core.
      overwrite: bool, replace an output that is there.
      alone: float from 0 to 1, share of the pictures that show action units on their own instead of
        an expression ("records"); above 0 there is no field `expression`.

    Raises:
      ValueError: an argument out of its range (named), or an output that exists.
    """
    _check(layout, count, seed, identities, test_share, frames)
    _check_look(layout, variation, kind)
    if not 0 <= alone <= 1 or (alone and layout != "records"):
        raise ValueError(
            f"--alone is {alone}, 0 to 1 expected with --layout records, else 0; found --layout "
            f"{layout}"
        )
    if resolution is None:
        resolution = RESOLUTIONS[layout]
    check_least("--resolution", resolution, MINIMUM_SIZE)
    common = {"seed": seed, "resolution": resolution, "variation": variation}
    if layout == "records":
        cast = _partly_alone(casting.pictures(count, identities, **common), alone)
        _write_records(path, cast, test_share, kind=kind, workers=workers, overwrite=overwrite)
        return
    with atomic_folder(path, overwrite, _OWNED) as folder, Workers(workers, count) as pool:
        if layout == "ck":
            cast = casting.sequences(count // frames, identities, frames, **common)
            jobs = _cohn_kanade(folder, cast, flat)
        elif layout == "raf":
            jobs = _raf_db(folder, casting.pictures(count, identities, **common), test_share)
        elif layout == "casia":
            jobs = _casia(folder, casting.pictures(count, identities, weakest=0.0, **common))
        else:
            jobs = _celeba(folder, casting.pictures(count, identities, **common))
        for parent in {job.path.parent for job in jobs}:
            parent.mkdir(parents=True, exist_ok=True)
        pool.map(_write_picture, None, jobs, "toy faces", unit="face")


def _check(layout, count, seed, identities, test_share, frames):
    check_choice("--layout", layout, RESOLUTIONS)
    for name, value, least in (
        ("count", count, frames if layout == "ck" else 1),
        ("seed", seed, 0),
        ("identities", identities, 1),
        ("frames", frames, 2),
    ):
        check_least(f"--{name}", value, least)
    if not 0 <= test_share < 1 or (layout == "raf" and test_share == 0):
        raise ValueError(f"--test_share is {test_share}, above 0 and below 1 expected")


def _check_look(layout, variation, kind):
    if not 0 <= variation < np.inf:
        raise ValueError(f"--variation is {variation}, 0 or more expected")
    if layout != "records" and kind != schema.SINGLE_SIZE:
        raise ValueError(f"--kind {kind} is for --layout records, found --layout {layout}")


def load_image(example: casting.Example) -> np.ndarray:
    """uint8 [3, S, S], RGB."""
    return np.ascontiguousarray(example.render().image.transpose(2, 0, 1))


def load_regions(example: casting.Example) -> np.ndarray:
    """uint8 [1, S, S], numbers in REGIONS."""
    return example.render().regions[None]


def _partly_alone(cast, share):
    """Gives a share of the pictures, spread evenly over faces, action units on their own."""
    return [
        dataclasses.replace(example, expression=casting.ANY)
        if int((example.turn + 1) * share) > int(example.turn * share)
        else example
        for example in cast
    ]


def _write_records(path, cast, test_share, **options):
    if test_share:
        splits.write_splits(path, casting.split(cast, test_share), _write_set, **options)
    else:
        _write_set(path, cast, **options)


def _write_set(path, examples, **options):
    identities, distinct = pictures.numbered([example.identity for example in examples])
    expressions = np.array([example.expression for example in examples], np.int64)
    expression = {} if (expressions == casting.ANY).any() else {"expression": expressions}
    return writer.write_set(
        path,
        examples,
        load_image,
        modalities=[["image", 3]],
        value_range=[0, 255],
        fields={
            "aus": np.stack([example.aus for example in examples]),
            **expression,
            "identity": identities,
            "landmarks": np.stack([example.landmarks for example in examples]),
        },
        field_names={
            "aus": AUS,
            **{field: EXPRESSIONS for field in expression},
            "identity": [f"face {number}" for number in distinct],
        },
        companions={
            "regions": writer.Companion(load_regions, [["regions", 1]], [0, len(REGIONS) - 1])
        },
        **options,
    )


@dataclasses.dataclass(frozen=True)
class _Job:
    """A picture to write, and its zoom (more than the usual is seen below 1)."""

    path: Path
    example: casting.Example
    zoom: float = 1.0


def _write_picture(_, job):
    example = job.example
    if job.zoom == 1.0:
        image = example.render().image
    else:
        scene = dataclasses.replace(example.scene, zoom=example.scene.zoom * job.zoom)
        image = render(example.person, example.aus, scene, round(example.resolution / job.zoom))
        image = image.image
    write_image(job.path, image[:, :, ::-1], _JPEG if job.path.suffix == ".jpg" else ())


def _celeba(folder, cast):
    """GANimation's CelebA: expressions, and as many pictures with action units on their own."""
    jobs, lines = [], [str(len(cast)), " ".join(AUS)]
    for number, example in enumerate(cast, 1):
        if number % 2:
            example = dataclasses.replace(example, expression=casting.ANY)
        name = f"{number:06d}.jpg"
        jobs.append(_Job(folder / "images_aligned" / name, example))
        lines.append(" ".join([name, *(f"{value:.2f}" for value in example.aus)]))
    _write_lines(folder / "list_attr_celeba.txt", lines)
    return jobs


def _raf_db(folder, cast, test_share):
    base = folder / "basic"
    jobs, lines = [], []
    for part, examples in casting.split(cast, test_share).items():
        for number, example in enumerate(examples, 1):
            stem = f"{part}_{number:0{raf_db.DIGITS[part]}d}"
            jobs.append(_Job(base / raf_db.ALIGNED / f"{stem}_aligned.jpg", example))
            original = base / "Image" / "original" / f"{stem}.jpg"
            jobs.append(_Job(original, example, _ORIGINAL_ZOOM))
            lines.append(f"{stem}.jpg {example.expression + 1}")
    _write_lines(base / raf_db.LIST, lines)
    return jobs


def _cohn_kanade(folder, cast, flat):
    jobs = []
    for sequence in cast:
        first = sequence[0]
        subject, turn = f"S{first.identity + 5:03d}", f"{first.turn + 1:03d}"
        for number, example in enumerate(sequence, 1):
            key = f"{subject}_{turn}_{number:08d}"
            images, marks, emotions = (
                folder if flat else folder / kind / subject / turn
                for kind in ("cohn-kanade-images", "Landmarks", "Emotion")
            )
            jobs.append(_Job(images / f"{key}.png", example))
            lines = [f"   {x:.7e}   {y:.7e}" for x, y in example.landmarks.tolist()]
            _write_lines(marks / f"{key}_landmarks.txt", lines)
        emotion = cohn_kanade.EMOTIONS.index(EXPRESSIONS[first.expression])
        _write_lines(emotions / f"{key}_emotion.txt", [f"   {emotion:.7e}"])
    return jobs


def _casia(folder, cast):
    return [
        _Job(folder / f"{example.identity + 45:07d}" / f"{example.turn + 1:03d}.jpg", example)
        for example in cast
    ]


def _write_lines(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
