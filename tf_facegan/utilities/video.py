"""Reading and writing moving pictures: MP4, GIF, folders of frames, cameras."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import imageio
import numpy as np

from tf_facegan.sources.images import SUFFIXES, open_rgb
from tf_facegan.sources.matching import natural
from tf_facegan.sources.videos import open_video

DEFAULT_FPS = 25.0
_GIF_TICKS = 100  # a GIF counts its times in hundredths of a second


@contextlib.contextmanager
def video_writer(
    path: str | Path, fps: float, codec: str = "libx264", bitrate: str = "16M"
) -> Iterator[Callable[[np.ndarray], None]]:
    """Opens an MP4 that appears at `path` when the block ends without an error.

    Args:
      path: file ending in `.mp4`.
      fps: frames a second.
      codec: FFmpeg encoder; H.264 (`libx264`) plays in browsers.
      bitrate: FFmpeg bit rate.

    Yields:
      function that appends one frame, uint8 [H, W, 3]; odd sizes are padded by a black row or
      column, which the colour sub-sampling of H.264 asks for.

    Raises:
      ValueError: when the encoder refuses the options.
    """
    path = Path(path)
    if path.suffix != ".mp4":
        raise ValueError(f"{path}: expected a name ending in .mp4")
    options = {
        "format": "FFMPEG",
        "fps": fps,
        "codec": codec,
        "bitrate": bitrate,
        "macro_block_size": 1,
        "pixelformat": "yuv420p",
        "ffmpeg_log_level": "error",
    }
    with _appearing(path, f"with codec {codec}", options) as append:
        yield lambda frame: append(_even(frame))


@contextlib.contextmanager
def animation_writer(path: str | Path, fps: float) -> Iterator[Callable[[np.ndarray], None]]:
    """Opens an MP4 or an endless GIF, as the name ends; used like `video_writer`.

    A GIF holds at most 50 frames a second, and shows each for whole hundredths of a second.

    Raises:
      ValueError: another ending, or a file that cannot be written.
    """
    path = Path(path)
    if path.suffix != ".gif":
        if path.suffix != ".mp4":
            raise ValueError(f"{path}: expected a name ending in .mp4 or .gif")
        with video_writer(path, fps) as append:
            yield append
        return
    duration = max(2, round(_GIF_TICKS / fps)) / _GIF_TICKS
    options = {"format": "GIF", "duration": duration * 1000, "loop": 0}
    with _appearing(path, "as a GIF", options) as append:
        yield append


def read_frames(path: str | Path) -> Iterator[np.ndarray]:
    """Reads a moving picture frame by frame.

    Args:
      path: a video or GIF that FFmpeg decodes, or a folder of images, in natural order (frame9
        before frame10).

    Yields:
      uint8 [H, W, 3], RGB.

    Raises:
      FileNotFoundError: there is nothing at `path`, or no image in the folder.
      ValueError: not a readable video, or an image that is none; names the file.
    """
    path = Path(path)
    if path.is_dir():
        for file in frame_files(path):
            yield np.array(open_rgb(file))
        return
    with _capture(path) as capture:
        count = 0
        while True:
            was_read, frame = capture.read()
            if not was_read:
                break
            count += 1
            yield np.ascontiguousarray(frame[:, :, ::-1])
    if not count:
        raise ValueError(f"{path}: not a readable video")


def frame_files(folder: str | Path) -> list[Path]:
    """Returns the images of a folder in natural order; FileNotFoundError if there are none."""
    files = [f for f in Path(folder).iterdir() if f.suffix.lower() in SUFFIXES and f.is_file()]
    if not files:
        raise FileNotFoundError(f"{folder}: no images ({', '.join(SUFFIXES)})")
    return sorted(files, key=lambda file: natural(file.name))


def frame_rate(path: str | Path) -> float:
    """Returns the frames a second of a video, float; `DEFAULT_FPS` for a folder, or where the file
    does not say."""
    if Path(path).is_dir():
        return DEFAULT_FPS
    with _capture(path) as capture:
        rate = capture.get(cv2.CAP_PROP_FPS)
    return float(rate) if np.isfinite(rate) and 0 < rate <= 240 else DEFAULT_FPS


def camera_frames(number: int = 0) -> Iterator[np.ndarray]:
    """Reads from a camera until the caller stops.

    Args:
      number: int, as OpenCV counts cameras.

    Yields:
      uint8 [H, W, 3], RGB.

    Raises:
      ValueError: no such camera, or one that gives no picture.
    """
    with contextlib.closing(_Released(cv2.VideoCapture(number))) as camera:
        while True:
            was_read, frame = camera.capture.read()
            if not was_read:
                raise ValueError(f"--camera {number}: no such camera, or it gives no picture")
            yield np.ascontiguousarray(frame[:, :, ::-1])


@contextlib.contextmanager
def _capture(path):
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    with contextlib.closing(_Released(open_video(path))) as opened:
        yield opened.capture


class _Released:
    """Closes what OpenCV calls releasing."""

    def __init__(self, capture):
        self.capture = capture

    def close(self):
        self.capture.release()


@contextlib.contextmanager
def _appearing(path, how, options):
    """Yields a function that appends a frame; the file takes its place at the end, and nothing
    after an error."""
    temporary = path.with_name(f".{path.stem}.tmp{path.suffix}")

    def written(action, *args, **arguments):
        try:
            return action(*args, **arguments)
        except (OSError, RuntimeError) as error:
            raise ValueError(f"{path}: cannot be written {how} ({error})") from None

    try:
        writer = written(imageio.get_writer, str(temporary), mode="I", **options)
        try:
            yield lambda frame: written(writer.append_data, frame)
        finally:
            written(writer.close)
        written(os.replace, temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def _even(frame):
    height, width = frame.shape[:2]
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)))
