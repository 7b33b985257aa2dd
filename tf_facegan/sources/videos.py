"""Opening videos with OpenCV: files only, and only such that hold their pictures themselves.

FFmpeg, which OpenCV reads with, also takes playlists, by their content and whatever their names:
texts that make it open other files and addresses. OpenCV cannot be told to do without, so files
have to begin as containers of pictures do.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import cv2

_HEAD_BYTES = 512
# mp4, mov and 3gp; mkv and webm; avi and webp; MPEG programs, streams and transport streams; gif;
# wmv; flv; ogg; jpeg; png; mxf; dv; y4m; ivf; RealMedia.
_CONTAINERS = re.compile(
    rb"....(ftyp|moov|mdat|free|skip|wide|pnot)|\x1a\x45\xdf\xa3|RIFF....(AVI |WEBP)"
    rb"|\0\0\1[\xb0-\xbf]|\0?\0\0\1|G.{187}G|.{4}G.{191}G|GIF8[79]a|\x30\x26\xb2\x75|FLV\1|OggS"
    rb"|\xff\xd8\xff|\x89PNG|\x06\x0e\x2b\x34|\x1f\x07\0|YUV4MPEG2|DKIF|\.RMF",
    re.DOTALL,
)
MAX_PIXELS = 1 << 26  # of a frame


def open_video(path: str | Path) -> cv2.VideoCapture:
    """Opens a video file.

    Args:
      path: an existing file.

    Returns:
      cv2.VideoCapture, opened.

    Raises:
      ValueError: no video, or frames of more than `MAX_PIXELS`; names the file.
    """
    # What FFmpeg has to say of a damaged file is said in one line by the readers.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    with open(path, "rb") as file:
        head = file.read(_HEAD_BYTES)
    # An absolute path is no address and no pattern, whatever it looks like.
    is_container = _CONTAINERS.match(head) is not None
    capture = cv2.VideoCapture(os.path.abspath(path), cv2.CAP_FFMPEG) if is_container else None
    if capture is None or not capture.isOpened():
        raise ValueError(f"{path}: not a readable video")
    width, height = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
    if width * height > MAX_PIXELS:
        capture.release()
        raise ValueError(f"{path}: frames of {width:.0f}x{height:.0f} pixels, which is too large")
    return capture
