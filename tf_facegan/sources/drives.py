"""Landmarks that drive a face: of a folder of frames, a video, or a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tf_facegan.sources import landmarks
from tf_facegan.sources.images import SUFFIXES as IMAGE_SUFFIXES
from tf_facegan.sources.landmark_tables import read_table
from tf_facegan.sources.matching import natural
from tf_facegan.sources.photos import read_photo

TABLE = ".csv"
KINDS = "a folder of frames, a video, or a .csv of landmarks"


@dataclasses.dataclass(frozen=True)
class Moment:
    """A frame of a drive.

    Attributes:
      name: str, what it is called in messages.
      number: int, of the frame, from 0.
      points: float32 [68, 2], pixels; None where no face was found.
      picture: uint8 [H, W, 3], RGB, or None where there are only landmarks.
    """

    name: str
    number: int
    points: np.ndarray
    picture: np.ndarray | None = None


def read_drive(path: str | Path, table: dict[int, np.ndarray] | None = None) -> Iterator[Moment]:
    """Reads the frames that drive a face, one after the other.

    Args:
      path: a folder of pictures or of landmark files (`beside`), in natural order; a video; or a
        `.csv` as `landmark_tables.read_table` reads it. Landmarks that are not there as files are
        found in the pictures.
      table: {frame: points} of a video's frames, as `read_table` gives it, instead of finding them.

    Yields:
      Moment.

    Raises:
      FileNotFoundError: nothing there. ValueError: nothing of these; names the file.
      ImportError: landmarks have to be found, and the extra that finds them is not installed.
    """
    path = Path(path)
    if path.is_dir():
        yield from _folder(path)
    elif not path.exists():
        raise FileNotFoundError(f"{path}: not found; {KINDS} expected")
    elif path.suffix.lower() == TABLE:
        for number, (frame, points) in enumerate(read_table(path).items()):
            yield Moment(f"{path}, frame {frame}", number, points)
    else:
        from tf_facegan.utilities.video import read_frames

        for number, picture in enumerate(read_frames(path)):
            name = f"{path}, frame {number}"
            points = find(picture, name) if table is None else table.get(number)
            yield Moment(name, number, points, picture)


def find(picture: np.ndarray, name: str) -> np.ndarray | None:
    """Landmarks found in a picture, float32 [68, 2], or None without a face; ImportError as above.

    Args:
      picture: uint8 [H, W, 3], RGB.
      name: str, what messages call it.
    """
    from tf_facegan.sources import faces

    try:
        return faces.find_landmarks(picture, name)
    except ImportError as error:
        raise ImportError(f"{name}: no landmark file; to find landmarks, {error}") from error
    except ValueError:
        return None


def photo_landmarks(
    path: str | Path, picture: np.ndarray, file: str | Path | None = None
) -> np.ndarray:
    """Landmarks of a photo: of the file given, of one beside it, or found in it.

    Args:
      path: of the photo.
      picture: uint8 [H, W, 3], RGB.
      file: path of a landmark file, or None.

    Returns:
      float32 [68, 2].

    Raises:
      ValueError: no face is found; ImportError: as `find`.
    """
    file = file or landmarks.beside(path)
    if file is not None:
        return landmarks.read_points(file)
    points = find(picture, str(path))
    if points is None:
        raise ValueError(f"{path}: no face found, a picture of one or a landmark file expected")
    return points


def _folder(folder):
    entries = sorted(folder.iterdir(), key=lambda entry: natural(entry.name))
    entries = [entry for entry in entries if not entry.name.startswith(".")]
    pictures = [entry for entry in entries if entry.suffix.lower() in IMAGE_SUFFIXES]
    files = [entry for entry in entries if entry.suffix in landmarks.SUFFIXES]
    if not pictures and not files:
        raise FileNotFoundError(f"{folder}: neither pictures nor landmark files in it")
    if not pictures:
        for number, file in enumerate(files):
            yield Moment(str(file), number, landmarks.read_points(file))
    for number, path in enumerate(pictures):
        picture, file = read_photo(path), landmarks.beside(path)
        points = find(picture, str(path)) if file is None else landmarks.read_points(file)
        yield Moment(str(path), number, points, picture)
