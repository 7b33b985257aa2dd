"""Utility run `generate_training_video`: the samples of a run as it trained (PGGAN)."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import cv2
import numpy as np
from tqdm import tqdm

from tf_facegan.config import option
from tf_facegan.utilities.video import video_writer

if TYPE_CHECKING:
    from tf_facegan.engine.run_folder import RunFolder


TAKES_RUN = True  # a run folder, not a network

_TICK = re.compile(r"tick +\d+ +kimg +([\d.]+) +lod +([\d.]+) .*?time +(.*?) +sec/tick")
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_WIDEST, _HIGHEST = 1920, 1080


@dataclasses.dataclass(frozen=True)
class Options:
    duration_sec: float = option(20.0, "length of the video, seconds")
    time_warp: float = option(1.5, "above 1: the beginning of training is shown more slowly")
    mp4: Optional[str] = option(None, "name of the file; None: <run>-train.mp4")
    mp4_fps: int = option(30, "frames a second")
    mp4_codec: str = option("libx264", "FFmpeg encoder")
    mp4_bitrate: str = option("16M", "FFmpeg bit rate")


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A sheet of samples and when it was made: pathlib.Path, thousand images, level, seconds."""

    path: Path
    kimg: float
    lod: float
    seconds: float


def describe(run_number: int | str) -> str:
    """Returns the name of the result folder, after its number."""
    return f"training-video-{run_number}"


def run(
    run_folder: RunFolder, folder: Path, options: Options, snapshot: int | None = None
) -> list[Path]:
    """Writes the video.

    Args:
      run_folder: `RunFolder` of a training run.
      folder: pathlib.Path to write to.
      options: `Options`.
      snapshot: kimg at which the video ends; None: the last.

    Returns:
      list of pathlib.Path written.

    Raises:
      ValueError: the run has no sheets of samples yet, or an option is wrong.
    """
    found = snapshots(run_folder.path, snapshot)
    frames = int(np.rint(options.duration_sec * options.mp4_fps))
    if frames < 1:
        raise ValueError(f"duration_sec={options.duration_sec}: no frame at {options.mp4_fps} fps")
    path = folder / (options.mp4 or f"{run_folder.name}-train.mp4")
    shown, picture = None, None
    with video_writer(path, options.mp4_fps, options.mp4_codec, options.mp4_bitrate) as append:
        for frame in tqdm(range(frames), unit="frame", disable=None, desc=path.name):
            share = frame / max(frames - 1, 1)  # the last frame shows the last sheet
            clock = share**options.time_warp * found[-1].seconds
            latest = [snapshot for snapshot in found if snapshot.seconds <= clock] or found[:1]
            if latest[-1] is not shown:
                shown = latest[-1]
                picture = _picture(shown)
            append(picture)
    return [path]


def snapshots(path: Path, last: float | None = None) -> list[Snapshot]:
    """The sheets of samples of a run, oldest first, from its `log.txt`; ValueError if none.

    Args:
      path: pathlib.Path of the run folder.
      last: kimg of the last one; None is all.
    """
    log, found = path / "log.txt", []
    text = log.read_text(encoding="utf-8") if log.is_file() else ""
    for kimg, lod, time in _TICK.findall(text):
        sheet = _sheet(path, float(kimg))
        if sheet.is_file() and (last is None or int(float(kimg)) <= last):
            seconds = sum(float(part[:-1]) * _UNITS[part[-1]] for part in time.split())
            found.append(Snapshot(sheet, float(kimg), float(lod), seconds))
    if not found:
        until = "" if last is None else f" up to {last} kimg"
        raise ValueError(
            f"{log}: names no sheet of samples (fakes*.png){until} that is in the folder"
        )
    return found


def _sheet(path, kimg):
    """Path of the sheet of a line of the log, which has one decimal; see `RunFolder.keep_sheet`."""
    name = f"fakes{int(kimg):06d}"
    for sheet in sorted(path.glob(f"{name}.[0-9][0-9][0-9].png")):
        if f"{int(kimg) + float(sheet.suffixes[0]):.1f}" == f"{kimg:.1f}":
            return sheet
    return path / f"{name}.png"


def _picture(snapshot):
    """The sheet as uint8 [H, W, 3] RGB, small enough for a screen, with what it shows below."""
    image = cv2.imread(str(snapshot.path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{snapshot.path}: not a readable image")
    while image.shape[1] > _WIDEST or image.shape[0] > _HIGHEST:
        size = (image.shape[1] // 2, image.shape[0] // 2)
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    height, width = image.shape[:2]
    size = max(height / 720, 0.3)
    hours, seconds = divmod(int(snapshot.seconds), 3600)
    time = f"{hours:d}:{seconds // 60:02d}:{seconds % 60:02d}"
    texts = (f"lod {snapshot.lod:.2f}", time, f"{snapshot.kimg:.1f} kimg")
    for text, place in zip(texts, (0.0, 0.5, 1.0)):
        (text_width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
        margin = int(12 * size)
        left = int(margin + place * (width - 2 * margin - text_width))
        for colour, thickness in (((0, 0, 0), 4), ((255, 255, 255), 1)):
            cv2.putText(
                image,
                text,
                (left, height - margin),
                cv2.FONT_HERSHEY_SIMPLEX,
                size,
                colour,
                max(1, round(thickness * size)),
                cv2.LINE_AA,
            )
    return np.ascontiguousarray(image[:, :, ::-1])
