"""The 68 facial landmarks (iBUG's order): readers, RD-GAN's crop and its drawing of a face."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from tf_facegan.records import writer
from tf_facegan.sources import pictures
from tf_facegan.sources.expressions import EXPRESSIONS
from tf_facegan.sources.images import open_rgb

if TYPE_CHECKING:
    from tf_facegan.records import schema


COUNT = 68
SUFFIXES = (".txt", ".pts", ".ljson")
NOSE_TIP = 30

# The curves of a boundary drawing, as consecutive landmarks. The jaw line is left out.
CURVES = (
    (*range(17, 22),),  # brows
    (*range(22, 27),),
    (*range(27, 36), 30),  # nose
    (*range(36, 42), 36),  # eyes
    (*range(42, 48), 42),
    (*range(48, 60), 48),  # lips
    (*range(60, 68), 60),
    (48, 60),  # corners of the mouth
    (54, 64),
)
_LINE_WIDTH = 2
_LARGEST_FACE = 20000  # pixels


def read_points(path: str | Path) -> np.ndarray:
    """Reads the landmarks of a picture.

    Args:
      path: a `.txt` file of CK+ (68 lines `x y`), or a `.pts` or `.ljson` file as menpo has them.

    Returns:
      float32 [68, 2], (x, y) in pixels.

    Raises:
      ValueError: not 68 finite points; names the file.
      OSError: the file cannot be opened.
    """
    path = Path(path)
    try:
        points = _read_text(path) if path.suffix == ".txt" else _read_menpo(path)
    except OSError:
        raise
    except Exception as error:  # menpo's readers let every kind of error through
        detail = str(error) or type(error).__name__
        raise ValueError(f"{path}: not a readable landmark file ({detail})") from None
    if points.shape != (COUNT, 2):
        raise ValueError(f"{path}: {list(points.shape)} numbers, {COUNT} points (x, y) expected")
    with np.errstate(over="ignore"):  # too large for float32: infinite
        points = points.astype(np.float32)
    if not np.isfinite(points).all():
        raise ValueError(f"{path}: holds NaN or infinite values")
    return points


def beside(image: str | Path) -> Path | None:
    """Finds the landmark file of a picture: `<name>` or `<name>_landmarks` with one of SUFFIXES.

    Args:
      image: path of the picture, which need not be there.

    Returns:
      pathlib.Path, or None.
    """
    base = Path(image).with_suffix("")
    for suffix in SUFFIXES:
        for file in (Path(f"{base}{suffix}"), Path(f"{base}_landmarks{suffix}")):
            if file.is_file():
                return file
    return None


def _read_text(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return np.array([line.split() for line in lines if line.strip()], np.float64)


def _read_menpo(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import menpo.io

        found = menpo.io.import_landmark_file(path)
    groups = list(found.values()) if isinstance(found, dict) else [found]
    if len(groups) != 1:
        raise ValueError(f"{len(groups)} groups of landmarks, one expected")
    return np.asarray(groups[0].points)[:, ::-1]  # menpo's are (row, column)


def draw_boundary(points: np.ndarray, height: int, width: int) -> np.ndarray:
    """Draws brows, eyes, nose and lips as white lines on black (RD-GAN's "boundary").

    Args:
      points: array [68, 2], (x, y) in pixels; truncated to integers.
      height, width: of the drawing.

    Returns:
      uint8 [3, height, width], 0 or 255.
    """
    drawing = np.zeros((height, width), np.uint8)
    corners = np.trunc(points).astype(np.int32)
    for curve in CURVES:
        cv2.polylines(drawing, [corners[list(curve)]], False, 255, _LINE_WIDTH)
    return np.repeat(drawing[np.newaxis], 3, axis=0)


@dataclasses.dataclass(frozen=True)
class Letterbox:
    """A rectangle of a photo, scaled to fit into a square picture and put into its middle.

    Attributes:
      left, top, width, height: int, the rectangle in pixels of the photo; what lies outside of the
        photo is black.
      size: int, side of the picture.
      interpolation: OpenCV's filter.
    """

    left: int
    top: int
    width: int
    height: int
    size: int
    interpolation: int

    @property
    def ratio(self) -> float:
        """float: pixels of the photo for one of the picture."""
        return max(self.width, self.height) / self.size

    @property
    def inner(self) -> tuple[int, ...]:
        """(width, height) of the scaled rectangle within the picture."""
        longer = max(self.width, self.height)
        return tuple(max(1, side * self.size // longer) for side in (self.width, self.height))

    @property
    def margin(self) -> tuple[int, ...]:
        """(left, top) of the scaled rectangle within the picture."""
        return tuple(round((self.size - side) / 2) for side in self.inner)

    def image(self, photo: np.ndarray) -> np.ndarray:
        """Cuts the picture, uint8 [size, size, 3], out of a photo [H, W, 3].

        Raises:
          ValueError: nothing of the rectangle lies within the photo.
        """
        inside = photo[
            max(self.top, 0) : max(self.top + self.height, 0),
            max(self.left, 0) : max(self.left + self.width, 0),
        ]
        if not inside.size:
            raise ValueError(
                f"the face is to be at ({self.left}, {self.top}), but the picture is only "
                f"{photo.shape[1]}x{photo.shape[0]}"
            )
        cut = np.zeros((self.height, self.width, 3), np.uint8)
        top, left = max(-self.top, 0), max(-self.left, 0)
        cut[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
        picture = np.zeros((self.size, self.size, 3), np.uint8)
        (width, height), (left, top) = self.inner, self.margin
        resized = cv2.resize(cut, (width, height), interpolation=self.interpolation)
        picture[top : top + height, left : left + width] = resized
        return picture

    def points(self, points: np.ndarray) -> np.ndarray:
        """Places of the photo [N, 2] (x, y) as float32 places of the picture."""
        places = (np.asarray(points, np.float64) - [self.left, self.top]) / self.ratio
        return (places + self.margin).astype(np.float32)


def face_box(points: np.ndarray, size: int) -> Letterbox:
    """RD-GAN's crop of CK+: the box around all landmarks, resized bicubically.

    Args:
      points: array [68, 2], (x, y) in pixels; truncated to integers as published.
      size: int, side of the picture.

    Raises:
      ValueError: the points do not span an area.
    """
    left, top = np.trunc(points).astype(int).min(axis=0)
    width, height = np.trunc(points).astype(int).max(axis=0) - [left, top]
    _check_span(width, height)
    return Letterbox(int(left), int(top), int(width), int(height), size, cv2.INTER_CUBIC)


def square_box(points: np.ndarray, size: int) -> Letterbox:
    """RD-GAN's crop of MMI, made square: around the nose, from the brows to below the chin.

    Args:
      points, size: as for `face_box`.

    Raises:
      ValueError: the points do not span an area.
    """
    width, height = np.ptp(points, axis=0)
    _check_span(width, height)
    side = round(float(width * (1 + 1 / 1.7)))
    x, y = points[NOSE_TIP]
    return Letterbox(
        round(float(x - side / 2)), round(float(y - width)), side, side, size, cv2.INTER_LINEAR
    )


def _check_span(width, height):
    if min(width, height) < 1 or max(width, height) > _LARGEST_FACE:
        raise ValueError(f"landmarks that span {width:g}x{height:g} pixels, a face expected")


@dataclasses.dataclass(frozen=True)
class Frame:
    """A picture of a sequence.

    Attributes:
      image: pathlib.Path.
      subject, sequence: str, names.
      number: int, of the frame as the source counts.
      points: float32 [68, 2], landmarks in pixels of the picture.
      crop: Letterbox.
      expression: int, number in EXPRESSIONS, -1 for none.
    """

    image: Path
    subject: str
    sequence: str
    number: int
    points: np.ndarray
    crop: Letterbox
    expression: int = -1

    def __str__(self):
        return str(self.image)


def load_face(frame: Frame) -> np.ndarray:
    """The cropped face of a Frame, uint8 [3, S, S] RGB."""
    return cut_face(frame, np.asarray(open_rgb(frame.image)))


def cut_face(frame: Frame, photo: np.ndarray) -> np.ndarray:
    """The face of a Frame, uint8 [3, S, S], from its whole picture [H, W, 3]."""
    try:
        return frame.crop.image(photo).transpose(2, 0, 1)
    except ValueError as error:
        raise ValueError(f"{frame}: {error}") from None


def load_boundary(frame: Frame) -> np.ndarray:
    """The boundary drawing of a Frame's cropped face, uint8 [3, S, S]."""
    return draw_boundary(frame.crop.points(frame.points), frame.crop.size, frame.crop.size)


def write_frames(
    path: str | Path,
    frames: Sequence[Frame],
    load: Callable[[Any], np.ndarray] = load_face,
    skipped: Sequence[tuple[str, str]] = (),
    **options: Any,
) -> schema.SetInfo:
    """Writes a set of sequences with landmarks and their boundary drawings.

    Fields: `expression`, `subject`, `sequence`, `frame`, `landmarks`; companion `boundary`.

    Args:
      path: folder to make.
      frames: list of Frame.
      load: function of a Frame giving the face, uint8 [3, S, S].
      skipped: list of (what, reason), left out already.
      options: as for `pictures.write`.

    Returns:
      schema.SetInfo.
    """
    subjects, subject_names = pictures.numbered([frame.subject for frame in frames])
    sequences, sequence_names = pictures.numbered([frame.sequence for frame in frames])
    expressions = np.array([frame.expression for frame in frames], np.int64)
    pictures.print_counts("all", expressions, EXPRESSIONS)
    fields = {
        "expression": expressions,
        "subject": subjects,
        "sequence": sequences,
        "frame": np.array([frame.number for frame in frames], np.int64),
        "landmarks": np.stack([frame.crop.points(frame.points) for frame in frames]),
    }
    return pictures.write(
        path,
        pictures.Part(frames, fields, skipped),
        load,
        field_names={
            "expression": EXPRESSIONS,
            "subject": subject_names,
            "sequence": sequence_names,
        },
        companions={"boundary": writer.Companion(load_boundary, [["boundary", 3]], [0, 255])},
        **options,
    )
