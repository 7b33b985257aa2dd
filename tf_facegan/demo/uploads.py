"""What is taken from a browser: files of known kinds and sizes, and nothing else."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2

from tf_facegan.sources.images import SUFFIXES, open_picture
from tf_facegan.sources.videos import open_video

_LARGEST_SIDE = 8192  # pixels
VIDEOS = (".mp4", ".gif", ".webm", ".mov", ".avi")
LANDMARKS = (".csv",)
POINTS = (".pts", ".ljson", ".txt")
_FRAMES = 600


@dataclasses.dataclass(frozen=True)
class Limits:
    """How large a file may be.

    Attributes:
      megabytes: float.
    """

    megabytes: float = 10.0

    def check_size(self, path: str | Path) -> None:
        """Raises ValueError for a file that is too large."""
        size = Path(path).stat().st_size / 1e6
        if size > self.megabytes:
            raise ValueError(f"the file has {size:.0f} MB, at most {self.megabytes:g} MB are taken")

    def check_photo(self, path: str | Path, name: str) -> None:
        """Raises ValueError unless a file is a picture, whatever its name says.

        Args:
          path: of the file.
          name: str, what messages call it.
        """
        self.check_size(path)
        kinds = ", ".join(suffix.lstrip(".") for suffix in SUFFIXES)
        try:
            with open_picture(path) as picture:
                known, sides = True, picture.size
                picture.verify()
        except Exception:  # Pillow raises whatever a broken file leads it to
            known, sides = False, (0, 0)
        if not known:
            raise ValueError(f"{name} is no picture that can be read ({kinds} are)")
        if max(sides) > _LARGEST_SIDE:
            raise ValueError(
                f"{name} has {sides[0]}x{sides[1]} pixels, at most {_LARGEST_SIDE} a side are taken"
            )

    def check_drive(self, path: str | Path) -> None:
        """Raises ValueError unless a file is a short video, or a table of landmarks or AUs."""
        self.check_size(path)
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix in LANDMARKS:
            return
        if suffix not in VIDEOS:
            kinds = ", ".join(kind.lstrip(".") for kind in (*VIDEOS, *LANDMARKS))
            raise ValueError(f"{path.name} is neither a video nor a table ({kinds} are taken)")
        try:
            capture = open_video(path)
        except ValueError:
            raise ValueError(f"{path.name} is no video that can be read") from None
        try:
            if not capture.read()[0]:
                raise ValueError(f"{path.name} is no video that can be read")
            frames = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        finally:
            capture.release()
        if frames > _FRAMES:
            raise ValueError(f"{path.name} has {frames} frames, at most {_FRAMES} are taken")
