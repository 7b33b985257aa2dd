"""Writing MP4 files."""

import contextlib
import os
from pathlib import Path

import imageio
import numpy as np


@contextlib.contextmanager
def video_writer(path, fps, codec="libx264", bitrate="16M"):
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
    temporary = path.with_name(f".{path.name}.tmp.mp4")
    try:
        writer = imageio.get_writer(
            str(temporary),
            format="FFMPEG",
            mode="I",
            fps=fps,
            codec=codec,
            bitrate=bitrate,
            macro_block_size=1,
            pixelformat="yuv420p",
            ffmpeg_log_level="error",
        )
        with writer:
            yield lambda frame: writer.append_data(_even(frame))
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{path}: cannot be written with codec {codec} ({error})") from None
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def _even(frame):
    height, width = frame.shape[:2]
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)))
