"""MMI (Pantic et al. 2005): videos of faces that go from neutral to an expression and back."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from tf_facegan.config import check_choice
from tf_facegan.sources import landmarks, pictures
from tf_facegan.sources.expressions import EXPRESSIONS
from tf_facegan.sources.images import open_rgb
from tf_facegan.sources.matching import left_out
from tf_facegan.sources.videos import open_video

if TYPE_CHECKING:
    from tf_facegan.records import schema


VIDEO_SUFFIXES = (".avi", ".mp4", ".mov", ".mpg", ".mpeg", ".mkv")
ROTATIONS = (0, 90, 180, 270)
_FRAMES_FOLDER = "new"  # of the published frames: behind the name of the video
_FRAME = re.compile(r"img(?P<number>\d+)\.(png|jpg|jpeg|bmp)", re.IGNORECASE)
_SUBJECT = re.compile(r"[A-Za-z]*\d+")


@dataclasses.dataclass(frozen=True)
class VideoFrame(landmarks.Frame):
    """A Frame whose `image` is a video or a picture."""

    def __str__(self):
        is_video = self.image.suffix.lower() in VIDEO_SUFFIXES
        return f"{self.image}, frame {self.number}" if is_video else str(self.image)


def create_set(
    path: str | Path,
    folder: str | Path,
    resolution: int = 128,
    rotate: int = 0,
    every: int = 1,
    emotions: str | Path | None = None,
    on_error: str = "stop",
    **options: Any,
) -> schema.SetInfo:
    """Builds a set from videos of faces: square crops, and their boundary drawings.

    Landmarks come from files `<video>new/img<n>.txt` (or .pts, .ljson; also named
    `img<n>_landmarks.txt`) with x y of the turned picture in a line, and where there are none from
    `faces.find_landmarks`.

    Args:
      path: folder to make.
      folder: videos wherever they lie in it, or the published frames `<video>new/img<n>.png`.
      resolution: int, side of the crops.
      rotate: degrees counter-clockwise by which pictures are turned (published for MMI: 270).
      every: int, take every so many-th frame.
      emotions: CSV file with the columns `video` (name without extension), `expression` (a name)
        and, if known, `peak` (number of a frame, else the middle one). The peak carries the
        expression and the first frame is Neutral; other frames carry none (-1).
      on_error: "stop" or "skip" at a frame without landmarks.
      options: as for `landmarks.write_frames`.

    Returns:
      schema.SetInfo; for the fields see `landmarks.write_frames`.

    Raises:
      FileNotFoundError: no such folder, no video in it.
      ValueError: a frame without landmarks, a video that cannot be read, emotions of another form;
        names the file.
      ImportError: landmarks have to be found, and the extra that finds them is not installed.
    """
    if rotate not in ROTATIONS:
        raise ValueError(f"--rotate is {rotate}, one of {', '.join(map(str, ROTATIONS))} expected")
    pictures.check_positive(resolution=resolution, every=every)
    sequences = find_sequences(folder)
    peaks = {} if emotions is None else _read_emotions(emotions, sequences)
    frames, problems = [], []
    for name, content in tqdm(sequences.items(), unit="video", disable=None):
        try:
            pictures_of = _pictures(content)[::every]
        except ValueError as error:
            problems.append((str(content), str(error)))
            continue
        labels = _labels(emotions, name, pictures_of, peaks.get(name))
        for number, image in pictures_of:
            frame = VideoFrame(image, _subject(name), name, number, None, None, labels[number])
            try:
                frames.append(_cropped(frame, rotate, resolution))
            except (ValueError, OSError) as error:
                problems.append((str(frame), str(error)))
    skipped = left_out(problems, on_error)
    if not frames:
        raise ValueError(f"{folder}: no frame has landmarks; {': '.join(problems[0])}")
    load = functools.partial(load_face, rotate=rotate)
    return landmarks.write_frames(path, frames, load, skipped, on_error=on_error, **options)


def find_sequences(folder: str | Path) -> dict[str, Path | list[tuple[int, Path]]]:
    """Finds videos and folders of frames.

    Returns:
      {name: pathlib.Path of the video, or list of (number, pathlib.Path) of the frames}, sorted.

    Raises:
      FileNotFoundError: no such folder, or neither in it.
      ValueError: two of one name.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; a folder of videos expected")
    found = {}
    for entry in sorted(folder.rglob("*")):
        name, content = entry.stem, entry
        if entry.is_dir() and entry.name.endswith(_FRAMES_FOLDER):
            name, content = entry.name[: -len(_FRAMES_FOLDER)], _frames_in(entry)
        elif entry.suffix.lower() not in VIDEO_SUFFIXES or entry.name.startswith("."):
            continue
        if not content:
            continue
        if name in found:
            raise ValueError(f"{entry}: a second sequence {name}")
        found[name] = content
    if not found:
        raise FileNotFoundError(
            f"{folder}: no videos ({', '.join(VIDEO_SUFFIXES)}) and no frames <video>new/img0.png"
        )
    return dict(sorted(found.items()))


def load_face(frame: VideoFrame, rotate: int) -> np.ndarray:
    """The cropped face of a VideoFrame, uint8 [3, S, S] RGB."""
    return landmarks.cut_face(frame, read_frame(frame, rotate))


def read_frame(frame: VideoFrame, rotate: int) -> np.ndarray:
    """The whole turned picture of a VideoFrame, uint8 [H, W, 3] RGB."""
    if frame.image.suffix.lower() in VIDEO_SUFFIXES:
        picture = _video(str(frame.image)).read(frame.number)
    else:
        picture = np.asarray(open_rgb(frame.image))
    return np.ascontiguousarray(np.rot90(picture, rotate // 90))


def count_frames(path: str | Path) -> int:
    """Counts the frames of a video that can be decoded; ValueError if there is none."""
    count = 0
    with contextlib.suppress(ValueError):
        video = _Video(path)
        while video.skip():
            pass
        count = video.position
    if not count:
        raise ValueError("not a readable video")
    return count


class _Video:
    """Frames of a video by number, quick in ascending order (seeking is not exact everywhere)."""

    def __init__(self, path):
        self._path = path
        self._open()

    def _open(self):
        self._capture = open_video(self._path)
        self.position = 0

    def skip(self):
        """Passes over a frame; returns whether there was one."""
        was_there = self._capture.grab()
        self.position += was_there
        return was_there

    def read(self, number):
        if number < self.position:
            self._open()
        while self.position < number and self.skip():
            pass
        was_read, picture = self._capture.read()
        self.position += was_read
        if not was_read:
            raise ValueError(f"{self._path}: frame {number} cannot be decoded")
        return picture[:, :, ::-1]


@functools.lru_cache(maxsize=1)
def _video(path):
    return _Video(path)


def _frames_in(folder):
    found = {}
    for file in sorted(folder.iterdir()):
        match = _FRAME.fullmatch(file.name)
        if match is None:
            continue
        number = int(match["number"])
        if number in found:
            raise ValueError(f"{file}: a second frame {number}, beside {found[number]}")
        found[number] = file
    return sorted(found.items())


def _subject(name):
    match = _SUBJECT.match(name)
    return name if match is None else match[0]


def _pictures(sequence):
    """[(number, file)] of the frames of a video or of a folder's list."""
    if not isinstance(sequence, Path):
        return sequence
    return [(number, sequence) for number in range(count_frames(sequence))]


def _cropped(frame, rotate, resolution):
    """The frame with its landmarks and its crop."""
    points = _points(frame, rotate)
    return dataclasses.replace(frame, points=points, crop=landmarks.square_box(points, resolution))


def _points(frame, rotate):
    picture = frame.image
    if picture.suffix.lower() in VIDEO_SUFFIXES:
        folder = picture.with_name(frame.sequence + _FRAMES_FOLDER)
        picture = folder / f"img{frame.number}.png"
    file = landmarks.beside(picture)
    if file is not None:
        return landmarks.read_points(file)
    from tf_facegan.sources import faces

    picture = read_frame(frame, rotate)
    try:
        return faces.find_landmarks(picture, source=str(frame))
    except ImportError as error:
        wanted = f"img{frame.number}{landmarks.SUFFIXES[0]}"
        raise ImportError(f"{frame}: no landmarks ({wanted}); to find them {error}") from error


def _labels(emotions, name, pictures, peak):
    """{number of a frame: number of its expression, -1 for none}"""
    labels = {number: -1 for number, _ in pictures}
    if peak is None:
        return labels
    expression, number = peak
    if number is None:
        number = pictures[len(pictures) // 2][0]
    if number not in labels:
        raise ValueError(f"{emotions}: peak {number} of {name} is none of its frames")
    labels[pictures[0][0]] = EXPRESSIONS.index("Neutral")
    labels[number] = expression
    return labels


def _read_emotions(path, sequences):
    """{name of a sequence: (number in EXPRESSIONS, number of the peak's frame or None)}"""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, skipinitialspace=True))
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path}: not a readable CSV file ({error})") from None
    if not rows or not {"video", "expression"} <= set(rows[0]):
        raise ValueError(f"{path}: columns video and expression expected, with rows")
    peaks = {}
    for number, row in enumerate(rows, 2):
        name, expression, peak = row["video"], row["expression"], row.get("peak")
        if name not in sequences:
            raise ValueError(f"{path}, row {number}: no video {name}")
        check_choice(f"{path}, row {number}: expression", expression, EXPRESSIONS)
        if peak and not peak.isdigit():
            raise ValueError(f"{path}, row {number}: peak {peak}, the number of a frame expected")
        if name in peaks:
            raise ValueError(f"{path}, row {number}: a second row for {name}")
        peaks[name] = EXPRESSIONS.index(expression), int(peak) if peak else None
    return peaks
