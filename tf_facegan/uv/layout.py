"""How texels and vertices of UV maps belong together: `uv_layout.npz`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tf_facegan import array_files
from tf_facegan.uv import published

_OPTIONAL = ("welded",)


@dataclasses.dataclass(frozen=True)
class UVLayout:
    """What it takes to make a mesh from UV maps (TBGAN's `512_UV_dict.pkl`, as a plain `.npz`).

    Attributes:
      resolution: int R, side of the maps in texels.
      tcoords: float32 [V, 2], (u, v) of each vertex in [0, 1], origin at the bottom left.
      tcoords_pixel_scaled: float32 [V, 2], (row, column) of each vertex in [0, R - 1], origin at
        the top left; menpo's convention is row = (1 - v) * (R - 1), column = u * (R - 1).
      trilist: int32 [T, 3], vertices of each triangle, counted from 0.
      tmask: bool [R, R], the texels that the surface covers.
      scale, offset: float and float32 [3]; a texel of a shape map is (xyz - offset) / scale.
      alignment: float64 [4, 4], from mesh space to aligned space where one is common to the set,
        else the identity.
      welded: int32 [V], the first vertex that lies where this one does, on every mesh of the set (a
        mesh lists a vertex once for each side of a texture's seam); None: no two do.
    """

    resolution: int
    tcoords: np.ndarray
    tcoords_pixel_scaled: np.ndarray
    trilist: np.ndarray
    tmask: np.ndarray
    scale: float
    offset: np.ndarray
    alignment: np.ndarray = dataclasses.field(default_factory=lambda: np.eye(4))
    welded: np.ndarray | None = None

    @classmethod
    def from_tcoords(
        cls,
        resolution: int,
        tcoords: np.ndarray,
        trilist: Sequence | np.ndarray,
        tmask: np.ndarray,
        scale: float,
        offset: Sequence[float] | np.ndarray,
        alignment: np.ndarray | None = None,
        welded: np.ndarray | None = None,
    ) -> UVLayout:
        """Makes a layout whose pixel coordinates follow menpo's convention.

        Args:
          resolution, tcoords, trilist, tmask, scale, offset, welded: as the attributes.
          alignment: [4, 4], or None for the identity.
        """
        return cls(
            resolution=int(resolution),
            tcoords=np.asarray(tcoords, np.float32),
            tcoords_pixel_scaled=pixel_coordinates(tcoords, (resolution, resolution)).astype(
                np.float32
            ),
            trilist=np.asarray(trilist, np.int32),
            tmask=np.asarray(tmask, bool),
            scale=float(scale),
            offset=np.asarray(offset, np.float32),
            alignment=np.eye(4) if alignment is None else np.asarray(alignment, np.float64),
            welded=None if welded is None else np.asarray(welded, np.int32),
        )

    def save(self, path: str | Path) -> None:
        """Writes the layout as `.npz`, atomically."""
        arrays = {k: v for k, v in dataclasses.asdict(self).items() if v is not None}
        array_files.write_npz(path, arrays, compresses=True)

    @classmethod
    def load(cls, path: str | Path) -> UVLayout:
        """Reads a layout.

        Args:
          path: the `.npz` file, or TBGAN's published dictionary (`.pkl`).

        Returns:
          UVLayout with dtypes and shapes as documented.

        Raises:
          FileNotFoundError: there is no such file.
          ValueError: the file is no layout; names file and field.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"{path}: there is no such UV layout file")
        fields = [field.name for field in dataclasses.fields(cls)]
        required = [name for name in fields if name not in _OPTIONAL]
        try:
            if path.suffix == ".pkl":
                return cls(**_validated(published.read_dictionary(path)))
            found = array_files.read_npz(path)
            missing = [name for name in required if name not in found]
            if missing:
                raise ValueError(f"lacks the field '{missing[0]}'")
            return cls(**_validated({name: found[name] for name in fields if name in found}))
        except (ValueError, TypeError, EOFError, KeyError, OSError) as error:
            raise ValueError(f"{path}: not a UV layout: {error}") from error

    def at_resolution(self, resolution: int) -> UVLayout:
        """Returns the layout of the same maps box-averaged or repeated to another side.

        A texel of a smaller map is the mean of a box of larger ones, so its centre is the centre
        of the box; (row, column) are moved accordingly, which away from the middle differs by
        less than half a texel from menpo's convention at that side.

        Args:
          resolution: int, a power of two at least 4.

        Raises:
          ValueError: `resolution` is not such a number.
        """
        check_resolution(resolution)
        if resolution == self.resolution:
            return self
        ratio = resolution / self.resolution
        pixels = (self.tcoords_pixel_scaled.astype(np.float64) + 0.5) * ratio - 0.5
        return dataclasses.replace(
            self,
            resolution=int(resolution),
            tcoords_pixel_scaled=np.clip(pixels, 0, resolution - 1).astype(np.float32),
            tmask=_resized_mask(self.tmask, resolution),
        )

    def joined(self, values: np.ndarray) -> np.ndarray:
        """Gives vertices at one place one value, their mean.

        Args:
          values: [V, K].

        Returns:
          float64 [V, K].
        """
        values = np.asarray(values, np.float64)
        if self.welded is None:
            return values
        counts = np.bincount(self.welded, minlength=len(values))
        sums = [np.bincount(self.welded, column, minlength=len(values)) for column in values.T]
        return (np.stack(sums, axis=1) / np.maximum(counts, 1)[:, None])[self.welded]

    def to_shape_map(self, points: np.ndarray) -> np.ndarray:
        """Maps positions [..., 3] in aligned units to shape-map values."""
        return (points - self.offset) / self.scale

    def to_points(self, values: np.ndarray) -> np.ndarray:
        """Maps shape-map values [..., 3] to positions in aligned units (inverse of the above)."""
        return np.asarray(values, np.float64) * self.scale + self.offset


def pixel_coordinates(tcoords: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Converts texture coordinates to menpo's pixel coordinates.

    Args:
      tcoords: [V, 2], (u, v), origin at the bottom left.
      shape: (height, width) of the picture.

    Returns:
      float64 [V, 2]: row = (1 - v) * (height - 1), column = u * (width - 1).
    """
    tcoords = np.asarray(tcoords, np.float64)
    height, width = shape[:2]
    rows = (1.0 - tcoords[:, 1]) * (height - 1)
    return np.stack([rows, tcoords[:, 0] * (width - 1)], axis=1)


def check_resolution(resolution: int) -> None:
    """Raises ValueError unless `resolution` is a power of two at least 4."""
    if (
        not isinstance(resolution, (int, np.integer))
        or resolution < 4
        or resolution & (resolution - 1)
    ):
        raise ValueError(f"--resolution is {resolution}, expected a power of two of at least 4")


def _resized_mask(mask, resolution):
    side = mask.shape[0]
    if resolution > side:
        factor = resolution // side
        return mask.repeat(factor, axis=0).repeat(factor, axis=1)
    factor = side // resolution
    boxes = mask.reshape(resolution, factor, resolution, factor)
    return boxes.mean(axis=(1, 3)) >= 0.5


def _validated(arrays):
    resolution = _number(arrays, "resolution", int)
    check_resolution(resolution)
    tcoords = _floats(arrays, "tcoords", (None, 2), np.float32)
    vertices = len(tcoords)
    pixels = _floats(arrays, "tcoords_pixel_scaled", (vertices, 2), np.float32)
    if vertices and (pixels.min() < 0 or pixels.max() > resolution - 1):
        raise ValueError(
            f"field 'tcoords_pixel_scaled' spans {pixels.min():g} to {pixels.max():g}, expected "
            f"0 to {resolution - 1}"
        )
    scale = _number(arrays, "scale", float)
    if not scale > 0:
        raise ValueError(f"field 'scale' is {scale}, expected a positive number")
    return {
        "resolution": resolution,
        "tcoords": tcoords,
        "tcoords_pixel_scaled": pixels,
        "trilist": _triangles(arrays["trilist"], vertices),
        "tmask": _mask(arrays["tmask"], resolution),
        "scale": scale,
        "offset": _floats(arrays, "offset", (3,), np.float32),
        "alignment": _floats(arrays, "alignment", (4, 4), np.float64),
        "welded": _welded(arrays.get("welded"), vertices),
    }


def _number(arrays, name, kind):
    value = arrays[name]
    kinds = "iu" if kind is int else "iuf"
    if value.shape != () or value.dtype.kind not in kinds or not np.isfinite(value):
        raise ValueError(
            f"field '{name}' is {value.dtype} {list(value.shape)}, expected one {kind.__name__}"
        )
    return kind(value)


def _floats(arrays, name, shape, dtype):
    value = arrays[name]
    fits = value.ndim == len(shape) and all(
        expected in (None, found) for expected, found in zip(shape, value.shape)
    )
    if not fits or value.dtype.kind != "f":
        expected = ["V" if side is None else side for side in shape]
        raise ValueError(
            f"field '{name}' is {value.dtype} {list(value.shape)}, expected float {expected}"
        )
    if not np.isfinite(value).all():
        raise ValueError(f"field '{name}' holds values that are not finite")
    return value.astype(dtype)


def _triangles(value, vertices):
    if value.ndim != 2 or value.shape[1] != 3 or value.dtype.kind not in "iu":
        raise ValueError(
            f"field 'trilist' is {value.dtype} {list(value.shape)}, expected integers [T, 3]"
        )
    if value.size and not 0 <= value.min() <= value.max() < vertices:
        raise ValueError(
            f"field 'trilist' names vertices {value.min()} to {value.max()}, expected 0 to "
            f"{vertices - 1}"
        )
    return value.astype(np.int32)


def _mask(value, resolution):
    if value.dtype != bool or value.shape != (resolution, resolution):
        raise ValueError(
            f"field 'tmask' is {value.dtype} {list(value.shape)}, expected bool "
            f"{[resolution, resolution]}"
        )
    return value


def _welded(value, vertices):
    if value is None:
        return None
    if value.shape != (vertices,) or value.dtype.kind not in "iu":
        raise ValueError(
            f"field 'welded' is {value.dtype} {list(value.shape)}, expected integers [{vertices}]"
        )
    if vertices and not 0 <= value.min() <= value.max() < vertices:
        raise ValueError(
            f"field 'welded' names vertices {value.min()} to {value.max()}, expected 0 to "
            f"{vertices - 1}"
        )
    return value.astype(np.int32)
