"""Pictures with the action units that OpenFace measured in them: GANimation's data sets."""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tf_facegan.sources import au_files, faces, images, matching, pictures
from tf_facegan.sources.action_units import AUS, NAMES

if TYPE_CHECKING:
    from tf_facegan.records import schema


MIN_CONFIDENCE = 0.88
PUBLISHED_TEST_COUNT = 100
_SHUFFLE_SEED = 1234
_ALIGNED = "_aligned"


def create_set(
    path: str | Path,
    image_dir: str | Path,
    annotations: str | Path,
    resolution: int = 128,
    min_confidence: float = MIN_CONFIDENCE,
    test_count: int | None = None,
    crop: faces.CropOptions = faces.WHOLE,
    preview: str | Path | None = None,
    on_error: str = "stop",
    **options: Any,
) -> schema.SetInfo | dict[str, schema.SetInfo]:
    """Builds a set of pictures with the intensities of 17 action units, field `aus`, 0 to 5.

    Sources with lists of names for training and test give two sets, `path`/train and `path`/test.
    So does `test_count`: a shuffled list (Python's `random.seed(1234)`), of which the first are the
    test set, as published for the text list.

    Args:
      path: folder to make.
      image_dir: folder of square face crops, of OpenFace's `<name>_aligned` folders, or of photos
        with `crop`.
      annotations: file or folder, see `au_files.read`.
      resolution: int, side of the stored pictures; others are resized.
      min_confidence: float, detections of less confidence are left out.
      test_count: int, size of the test set; 0 is one set at `path`; None is 100 for a text list of
        more, else 0.
      crop: faces.CropOptions, what is cut out of the pictures.
      preview: PNG file for a sheet of pictures before and after that; None for no sheet.
      on_error: "stop" or "skip" at a picture without row, or a row without picture.
      options: as for `pictures.write`.

    Raises:
      FileNotFoundError, ValueError: see `au_files.read`, `matching.left_out`, `write_set`.
    """
    pictures.check_positive(resolution=resolution)
    if not 0 <= min_confidence <= 1:
        raise ValueError(f"--min_confidence is {min_confidence}, 0 to 1 expected")
    found = find_pictures(image_dir)
    read = au_files.read(annotations, found, min_confidence)
    found = {stem: face_file(path, read.faces.get(stem, 0)) for stem, path in found.items()}
    skipped = [(str(found.get(stem, stem)), reason) for stem, reason in read.failed.items()]
    skipped += matching.left_out(_problems(found, read, annotations), on_error)
    if preview is not None:
        faces.write_preview(preview, list(found.values()), crop, resolution)
    divided = _divide(found, read, annotations, test_count)
    print_ranges([read.vectors[stem] for stems in divided.values() for stem in stems])
    parts = {
        name: pictures.Part(
            [found[stem] for stem in stems],
            {"aus": np.array([read.vectors[stem] for stem in stems], np.float32)},
            skipped if number == 0 else [],
        )
        for number, (name, stems) in enumerate(divided.items())
    }
    return pictures.write(
        path,
        parts.get("", parts),
        functools.partial(load_square, side=resolution, crop=crop),
        field_names={"aus": AUS},
        on_error=on_error,
        **options,
    )


def find_pictures(image_dir: str | Path) -> dict[str, Path]:
    """Finds pictures, or OpenFace's folders of the aligned faces of a picture.

    Args:
      image_dir: folder of image files, or of folders `<stem>_aligned`.

    Returns:
      {stem: pathlib.Path of the picture or the folder}.

    Raises:
      FileNotFoundError, ValueError: see `matching.files_by_stem`.
    """
    folders = sorted(Path(image_dir).glob(f"*{_ALIGNED}"))
    aligned = {path.name[: -len(_ALIGNED)]: path for path in folders if path.is_dir()}
    return aligned or matching.files_by_stem(image_dir, images.SUFFIXES)


def face_file(path: Path, face: int) -> Path:
    """The file of a face, where `path` is OpenFace's folder of the faces of a picture.

    Args:
      path: pathlib.Path of the folder, or of a file, which is returned as it is.
      face: int, number of the face.

    Returns:
      pathlib.Path; it need not exist.
    """
    if not path.is_dir():
        return path
    name = f"face_det_{face:06d}"
    return next(iter(sorted(path.glob(f"{name}.*"))), path / f"{name}.jpg")


def load_square(path: str | Path, side: int, crop: faces.CropOptions = faces.WHOLE) -> np.ndarray:
    """Loads a square picture, resized by area averaging (bicubically if it is made larger).

    Args:
      path: an image file.
      side: int.
      crop: faces.CropOptions.

    Returns:
      uint8 [3, side, side], RGB.

    Raises:
      ValueError: unreadable, not square, or no face where one is to be cut out; names the file.
    """
    image = images.open_rgb(path)
    if crop.crop != "none":
        image = Image.fromarray(faces.prepare(np.asarray(image), crop, side, path))
    if image.width != image.height:
        raise ValueError(
            f"{path}: {image.width}x{image.height} pixels, a square crop of a face expected; "
            "--crop face makes one"
        )
    is_larger = image.width > side
    resample = Image.Resampling.BOX if is_larger else Image.Resampling.BICUBIC
    return images.channels_first(images.resized(image, (side, side), resample))


def print_ranges(vectors: Sequence[np.ndarray]) -> None:
    """Prints lowest, mean and highest intensity of every action unit."""
    values = np.array(vectors)
    for name, column in zip(AUS, values.T):
        print(
            f"{name} {NAMES[name]}: {column.min():.2f} to {column.max():.2f}, mean "
            f"{column.mean():.2f}"
        )


def _problems(found, read, annotations):
    """[(what, reason)] of rows that cannot be used, pictures without row, rows without picture."""
    problems = [(where, reason) for _, where, reason in read.problems]
    known = {*read.vectors, *read.failed, *(stem for stem, _, _ in read.problems)}
    problems += [
        (str(file), f"no action units in {annotations}")
        for stem, file in found.items()
        if stem not in known
    ]
    problems += [
        (f"{annotations}, {stem}", "no picture of this name")
        for stem in read.vectors
        if stem not in found
    ]
    return problems + _split_problems(found, read, known)


def _split_problems(found, read, known):
    """[(what, reason)] of names in the lists of a division, and pictures that are in none."""
    if read.splits is None:
        return []
    listed = {stem: name for name, stems in read.splits.items() for stem in stems}
    problems = [
        (f"{au_files.IDS[name]}, {stem}", "no picture with action units of this name")
        for stem, name in listed.items()
        if stem not in known and stem not in found
    ]
    return problems + [
        (str(file), f"in neither of {' and '.join(au_files.IDS.values())}")
        for stem, file in found.items()
        if stem in read.vectors and stem not in listed
    ]


def _divide(found, read, annotations, test_count):
    """{name of a set: stems}; one set without a name if there is no division."""
    usable = [stem for stem in read.vectors if stem in found]
    if not usable:
        raise ValueError(f"{annotations}: no row that can be used names one of the pictures")
    if read.splits is not None:
        if test_count is not None:
            raise ValueError(f"--test_count is {test_count}, but lists of names divide the set")
        return {
            name: [stem for stem in stems if stem in read.vectors and stem in found]
            for name, stems in read.splits.items()
        }
    if test_count is None and read.is_list:
        test_count = PUBLISHED_TEST_COUNT if len(usable) > PUBLISHED_TEST_COUNT else 0
        if not test_count:
            print(
                f"{len(usable)} pictures are too few for the published test set of "
                f"{PUBLISHED_TEST_COUNT}: one set (--test_count divides it)"
            )
    if not test_count:
        return {"": sorted(usable, key=matching.natural)}
    if not 0 < test_count < len(usable):
        raise ValueError(
            f"--test_count is {test_count}, a number below that of the pictures ({len(usable)}) "
            "expected"
        )
    order = list(read.vectors) if read.is_list else sorted(read.vectors)
    random.Random(_SHUFFLE_SEED).shuffle(order)
    order = [stem for stem in order if stem in found]
    return {"train": order[test_count:], "test": order[:test_count]}
