"""A photo animated live, from a camera or a video, with the time that every stage takes."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tf_facegan.rdgan.images import to_8_bits
from tf_facegan.rdgan.inference import Animation
from tf_facegan.rdgan.retarget import Retargeter
from tf_facegan.sources import drives

if TYPE_CHECKING:
    from tf_facegan.rdgan.inference import RDGANPipeline


NAMES = {"face": "FaceGAN", "fine": "FineGAN", "two_way": "two-way model"}
_ESCAPE = (27, ord("q"))
_SMOOTHING = 0.9  # of the frames a second on screen
_LARGEST_WINDOW = 512


class Clock:
    """Adds up what stages take: `with clock("FaceGAN"): …`.

    Attributes:
      seconds: {stage: float}; frames: int, how many were counted with `next`.
    """

    def __init__(self):
        self.seconds, self.frames = {}, 0
        self._begun = self._last = time.perf_counter()
        self.rate = 0.0

    @contextlib.contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start

    def next(self) -> None:
        """Counts a frame; `rate` is then how many a second there were of late."""
        now = time.perf_counter()
        rate = 1 / max(now - self._last, 1e-6)
        self.rate = _SMOOTHING * self.rate + (1 - _SMOOTHING) * rate if self.frames else rate
        self._last = now
        self.frames += 1

    def lines(self) -> list[str]:
        """What to print at the end: a line a stage, and one for all of them."""
        total = {**self.seconds, "in all": self._last - self._begun}
        shown = [(name, seconds) for name, seconds in total.items() if self.frames]
        return [f"{self.frames} frames"] + [
            f"{name:<14} {1000 * seconds / self.frames:8.1f} ms  {_rate(self.frames, seconds)}"
            for name, seconds in shown
        ]


def animate(
    pipeline: RDGANPipeline,
    photo: np.ndarray,
    points: np.ndarray,
    frames: Iterable[np.ndarray],
    show: Callable[..., bool | None],
    *,
    table: dict[int, np.ndarray] | None = None,
    refine: bool = True,
    retarget: str = "motion",
) -> tuple[Clock, int]:
    """Animates a photo by a stream of pictures until it ends or `show` has enough.

    Args:
      pipeline: `inference.RDGANPipeline`.
      photo: uint8 [H, W, 3], RGB; points: [68, 2], its landmarks.
      frames: iterable of uint8 [H, W, 3], RGB.
      show: function of (picture of the stream, boundary, result: uint8 [S, S, 3] each, frames a
        second); True ends it.
      table: {number of a frame: landmarks}, or None to find them.
      refine: whether FineGAN follows; it costs about as much again.
      retarget: as of `retarget.Retargeter`.

    Returns:
      (`Clock`, int: frames in which no face was found; they repeat the last boundary).

    Raises:
      ValueError, ImportError: as `drives.find` and the pipeline.
    """
    animation = Animation(pipeline, pipeline.face(photo, points))
    retargeted = Retargeter(points, retarget)
    _warm_up(pipeline, animation, points, refine)
    clock, missing, number, frames = Clock(), 0, -1, iter(frames)
    while True:
        with clock("reading"):
            picture = next(frames, None)
        if picture is None:
            return clock, missing
        number += 1
        with clock("landmarks"):
            found = table.get(number) if table else drives.find(picture, f"frame {number}")
        missing += found is None
        with clock("boundary"):
            boundary = pipeline.boundary(retargeted(found))
        image = None
        for stage in pipeline.stages[: 1 + refine]:
            with clock(NAMES[stage]):
                image = animation.coarse(boundary) if image is None else animation.refined(image)
        with clock("showing"):
            is_enough = show(picture, boundary, to_8_bits(image), clock.rate)
        clock.next()
        if is_enough:
            return clock, missing


class Window:
    """A window that shows the picture of the stream, the boundary and the result.

    Raises:
      ValueError: there is no screen, or OpenCV cannot open windows.
    """

    def __init__(self, title: str):
        if os.name == "posix" and not (
            os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        ):
            raise ValueError("--window: there is no screen (DISPLAY is not set); give --out FILE")
        self._title = title

    def __call__(
        self, picture: np.ndarray, boundary: np.ndarray, image: np.ndarray, rate: float
    ) -> bool:
        shown = np.concatenate([_square(picture, image.shape[0]), boundary, image], axis=1)
        zoom = max(1, _LARGEST_WINDOW // image.shape[0])
        shown = np.ascontiguousarray(shown.repeat(zoom, 0).repeat(zoom, 1)[:, :, ::-1])
        text = f"{rate:.1f} frames a second"
        for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            cv2.putText(
                shown, text, (10, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.6, colour, width, cv2.LINE_AA
            )
        try:
            cv2.imshow(self._title, shown)
            return cv2.waitKey(1) & 0xFF in _ESCAPE
        except cv2.error as error:
            raise ValueError(f"--window: OpenCV cannot open a window ({error})") from None


def _warm_up(pipeline, animation, points, refine):
    """Traces the graphs, which takes seconds, before the clock runs."""
    image = animation.coarse(pipeline.boundary(points))
    if refine and "fine" in pipeline.stages:
        animation.refined(image)


def _square(picture, side):
    height, width = picture.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    return cv2.resize(picture[top : top + edge, left : left + edge], (side, side))


def _rate(frames, seconds):
    return f"{frames / max(seconds, 1e-9):8.1f} a second"
