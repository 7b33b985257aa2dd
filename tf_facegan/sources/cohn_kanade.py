"""CK+, the extended Cohn-Kanade sequences (Lucey et al. 2010): neutral face to peak expression."""

from __future__ import annotations

import collections
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tf_facegan.sources import landmarks, pictures
from tf_facegan.sources.expressions import EXPRESSIONS
from tf_facegan.sources.matching import left_out, natural

if TYPE_CHECKING:
    from tf_facegan.records import schema


_KEY = r"(?P<key>(?P<subject>S\d+)_(?P<sequence>\d+)_(?P<number>\d+))"
_FILES = {
    "image": re.compile(_KEY + r"\.(png|jpg|jpeg|tiff?)", re.IGNORECASE),
    "landmarks": re.compile(_KEY + r"(_landmarks\.txt|(_landmarks)?\.(pts|ljson))"),
    "emotion": re.compile(_KEY + r"_emotion\.txt"),
}
_CONTEMPT = 2
EMOTIONS = ("Neutral", "Anger", "Contempt", "Disgust", "Fear", "Happiness", "Sadness", "Surprise")
PEAK_FRAMES = 3  # of TDGAN's protocol
FRAMES = ("all", "labelled")


def create_set(
    path: str | Path,
    folder: str | Path,
    resolution: int = 128,
    frames: str = "all",
    peak_frames: int = PEAK_FRAMES,
    on_error: str = "stop",
    **options: Any,
) -> schema.SetInfo:
    """Builds a set of CK+: faces cropped to their landmarks, and their boundary drawings.

    The expression of a sequence is that of its peak. The last `peak_frames` frames carry it and the
    first of several is Neutral (as TDGAN takes them); the others, and sequences of contempt or
    without an emotion, carry none (-1).

    Args:
      path: folder to make.
      folder: CK+ in its own folders (`cohn-kanade-images`, `Landmarks`, `Emotion`) or all files in
        one: `S005_001_00000011.png`, `…_landmarks.txt`, `…_emotion.txt`, wherever they lie.
      resolution: int, side of the crops.
      frames: "all", or "labelled" for those with an expression only.
      peak_frames: int, frames at the end of a sequence that carry its expression.
      on_error: "stop" or "skip" what does not match.
      options: as for `landmarks.write_frames`.

    Returns:
      schema.SetInfo; for the fields see `landmarks.write_frames`.

    Raises:
      FileNotFoundError: no such folder, or none of its pictures.
      ValueError: a frame without landmarks, landmarks or emotion without its frame, unreadable
        files; names the file.
    """
    pictures.check_positive(resolution=resolution, peak_frames=peak_frames)
    found, problems = find_frames(folder, resolution, peak_frames)
    if frames == "labelled":
        found = [frame for frame in found if frame.expression >= 0]
        if not found:
            raise ValueError(f"{folder}: no frame with an expression; *_emotion.txt files expected")
    skipped = left_out(problems, on_error)
    return landmarks.write_frames(path, found, skipped=skipped, on_error=on_error, **options)


def find_frames(
    folder: str | Path, resolution: int = 128, peak_frames: int = PEAK_FRAMES
) -> tuple[list[landmarks.Frame], list[tuple[str, str]]]:
    """Finds the frames of all sequences with their landmarks and expressions.

    Args:
      folder, resolution, peak_frames: as for `create_set`.

    Returns:
      (list of landmarks.Frame sorted by name, list of (file, what is wrong with it)).

    Raises:
      FileNotFoundError: no such folder, or none of its pictures.
      ValueError: two files of one kind for a frame; no frame has landmarks.
    """
    files = _find_files(Path(folder))
    problems = [
        (str(file), f"belongs to no picture {key}")
        for kind in ("landmarks", "emotion")
        for key, file in files[kind].items()
        if key not in files["image"]
    ]
    expressions = _expressions(files, peak_frames, problems)
    frames = []
    for key, image in files["image"].items():
        try:
            frames.append(
                _frame(key, image, files["landmarks"].get(key), expressions.get(key), resolution)
            )
        except (ValueError, OSError) as error:
            problems.append((str(image), str(error)))
    if not frames:
        raise ValueError(f"{folder}: no picture has landmarks; {': '.join(problems[0])}")
    return frames, problems


def _find_files(folder):
    """{"image" | "landmarks" | "emotion": {key of the frame: file, sorted by key}}"""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; the folder of CK+ expected")
    found = {kind: {} for kind in _FILES}
    for file in sorted(folder.rglob("S*")):
        for kind, pattern in _FILES.items():
            match = pattern.fullmatch(file.name)
            if match is None:
                continue
            if match["key"] in found[kind]:
                other = found[kind][match["key"]]
                raise ValueError(f"{file}: a second file for {match['key']}, beside {other}")
            found[kind][match["key"]] = file
    if not found["image"]:
        raise FileNotFoundError(
            f"{folder}: no pictures in it or below it that are named like S005_001_00000011.png"
        )
    return {
        kind: {key: files[key] for key in sorted(files, key=natural)}
        for kind, files in found.items()
    }


def _frame(key, image, points_file, expression, resolution):
    if points_file is None:
        raise ValueError(f"no landmarks ({key}_landmarks.txt)")
    points = landmarks.read_points(points_file)
    try:
        crop = landmarks.face_box(points, resolution)
    except ValueError as error:
        raise ValueError(f"{points_file}: {error}") from None
    subject, sequence, number = key.split("_")
    expression = -1 if expression is None else expression
    return landmarks.Frame(
        image, subject, f"{subject}_{sequence}", int(number), points, crop, expression
    )


def _expressions(files, peak_frames, problems):
    """{key of a frame: its expression} of the frames that carry one."""
    sequences = collections.defaultdict(list)
    for key in files["image"]:
        sequences[key.rpartition("_")[0]].append(key)
    expressions = {}
    contempt = 0
    for key, file in files["emotion"].items():
        keys = sequences.get(key.rpartition("_")[0])
        if keys is None:
            continue  # reported already
        try:
            emotion = _read_emotion(file)
        except (ValueError, OSError) as error:
            problems.append((str(file), str(error)))
            continue
        if emotion == _CONTEMPT:
            contempt += 1
            continue
        peak = EXPRESSIONS.index(EMOTIONS[emotion])
        expressions[keys[0]] = EXPRESSIONS.index("Neutral")
        # A picture alone is the peak.
        expressions.update(dict.fromkeys((keys[1:] or keys)[-peak_frames:], peak))
    if contempt:
        print(f"{contempt} sequences of contempt, which is none of the seven: without expression")
    return expressions


def _read_emotion(file):
    text = file.read_text(encoding="utf-8").strip()
    try:
        emotion = float(text)
    except ValueError:
        emotion = -1
    if emotion not in range(len(EMOTIONS)):
        raise ValueError(f"holds {text[:20]!r}, the number of an emotion from 0 to 7 expected")
    return int(emotion)
