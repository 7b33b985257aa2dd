"""From UV maps back to a textured mesh, and meshes into files that any viewer opens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from tf_facegan.files import atomic_file, write_text
from tf_facegan.uv.raster import bilinear, unit

if TYPE_CHECKING:
    from tf_facegan.uv.layout import UVLayout


SMOOTHING_SIDE = 512  # sides that smoothing widths are given for: the published maps
TRUNCATE = 4.0  # sigmas, as SciPy's Gaussian filter

MATERIAL = """newmtl merged_material
Ka 0.5 0.5 0.5
Kd 0.5 0.5 0.5
Ks 0.47 0.47 0.47
d 1
Ns 0
illum 2
map_Kd {texture}
"""


class TexturedMesh(NamedTuple):
    """A mesh with a texture; its fields in order are the first arguments of `render_mesh`.

    Attributes:
      points: float64 [V, 3].
      trilist: int [T, 3], counted from 0.
      tcoords: float [V, 2], (u, v) in [0, 1], origin at the bottom left.
      texture: uint8 [H, W, 3], RGB, first row at v = 1.
      normals: float64 [V, 3] of length 1, to shade it by; None: those of the surface.
    """

    points: np.ndarray
    trilist: np.ndarray
    tcoords: np.ndarray
    texture: np.ndarray
    normals: np.ndarray | None = None


def lookup(uv_map: np.ndarray, tcoords_pixel_scaled: np.ndarray) -> np.ndarray:
    """Values of a map at the vertices, as published: pixel coordinates truncated toward zero.

    TBGAN's `from_UV_2_3D`.

    Args:
      uv_map: [C, H, W].
      tcoords_pixel_scaled: float [V, 2], (row, column).

    Returns:
      [V, C] of the map's dtype.
    """
    rows, columns = np.trunc(np.asarray(tcoords_pixel_scaled)).astype(np.int64).T
    return uv_map[:, rows, columns].T


def mesh_from_maps(
    layout: UVLayout,
    texture: np.ndarray,
    shape: np.ndarray,
    smoothing: float = 0.0,
    truncate: bool = False,
    normals: np.ndarray | None = None,
) -> TexturedMesh:
    """Makes a textured mesh from UV maps, as a generator gives them.

    Args:
      layout: the `UVLayout` of the set that the maps belong to; it is brought to their resolution.
      texture: float [3, S, S] in [-1, 1] (values beyond are cut off), RGB.
      shape: float [3, S, S], nominally in [-1, 1]: (xyz - offset) / scale.
      smoothing: width (sigma) of a Gaussian over the shape in texels of a 512-texel map; the
        published test takes 3. Texels beside the surface are not let in.
      truncate: bool, look vertices up as published (`lookup`) instead of bilinearly.
      normals: float [3, S, S], a map of normals of any length; None where there is none.

    Returns:
      TexturedMesh with points in aligned units. Vertices that the layout says are one (on the seam
      of a texture) get the mean of what the map says at each of them, so that nothing gapes.

    Raises:
      ValueError: the maps are not [3, S, S] of one S that is a power of two of at least 4.
    """
    texture, shape = np.asarray(texture), np.asarray(shape, np.float64)
    maps = {"texture": texture, "shape": shape}
    if normals is not None:
        maps["normals"] = normals = np.asarray(normals, np.float64)
    for name, value in maps.items():
        side = shape.shape[-1] if shape.ndim else 0
        if value.shape != (3, side, side):
            raise ValueError(
                f"{name} map is {list(value.shape)}, expected [3, S, S] with the same S for all"
            )
    layout = layout.at_resolution(shape.shape[-1])
    if smoothing:
        shape = smoothed(shape, layout.tmask, smoothing)
    read = lookup if truncate else _bilinear_lookup
    points = layout.joined(read(shape, layout.tcoords_pixel_scaled))
    if normals is not None:
        normals = unit(layout.joined(unit(read(normals, layout.tcoords_pixel_scaled))))
    return TexturedMesh(
        points=layout.to_points(points),
        trilist=layout.trilist,
        tcoords=layout.tcoords,
        texture=texture_picture(texture),
        normals=normals,
    )


def texture_picture(texture: np.ndarray) -> np.ndarray:
    """Turns a texture map [3, S, S] in [-1, 1] into a picture uint8 [S, S, 3]."""
    values = np.clip(np.asarray(texture, np.float32) * 127.5 + 127.5, 0, 255)
    return np.rint(values).astype(np.uint8).transpose(1, 2, 0)


def smoothed(uv_map: np.ndarray, mask: np.ndarray, sigma: float) -> np.ndarray:
    """Smooths a map by a Gaussian.

    Args:
      uv_map: float [C, S, S].
      mask: bool [S, S]; only texels under it count, each result is divided by the weight of those.
      sigma: width of the Gaussian in texels of a 512-texel map (in proportion at other sides).

    Returns:
      float64 [C, S, S]; texels whose surroundings hold none of the mask keep their value.
    """
    from scipy.ndimage import gaussian_filter

    sigma *= mask.shape[0] / SMOOTHING_SIDE
    uv_map = np.asarray(uv_map, np.float64)
    weight = gaussian_filter(mask.astype(np.float64), sigma, truncate=TRUNCATE)
    blurred = gaussian_filter(uv_map * mask, (0, sigma, sigma), truncate=TRUNCATE)
    return np.where(weight > 1e-6, blurred / np.maximum(weight, 1e-6), uv_map)


def save_obj(path: str | Path, mesh: TexturedMesh | tuple) -> None:
    """Writes a textured mesh as `<stem>.obj`, `<stem>.mtl` and `<stem>.png`.

    The text is the published one with a `usemtl` line, without which viewers ignore the texture.

    Args:
      path: of the `.obj`; the other two lie beside it.
      mesh: TexturedMesh, or a tuple of its fields.

    Raises:
      ValueError: the path does not end in `.obj`.
    """
    path, mesh = _obj_path(path), TexturedMesh(*mesh)
    picture = cv2.cvtColor(np.ascontiguousarray(mesh.texture), cv2.COLOR_RGB2BGR)
    with atomic_file(path.with_suffix(".png")) as file:
        file.write(cv2.imencode(".png", picture)[1].tobytes())
    write_obj_text(path, *mesh[:3], f"{path.stem}.png", mesh.normals)


def write_obj_text(
    path: str | Path,
    points: np.ndarray,
    trilist: np.ndarray,
    tcoords: np.ndarray,
    texture_name: str,
    normals: np.ndarray | None = None,
) -> None:
    """Writes the `.obj` and the `.mtl` of `save_obj`, for a texture that exists or will.

    Args:
      path: of the `.obj`.
      points, trilist, tcoords, normals: as in TexturedMesh.
      texture_name: file name of the texture beside the mesh.
    """
    path = _obj_path(path)
    kinds = 2 if normals is None else 3
    corners = np.repeat(np.asarray(trilist, np.int64) + 1, kinds, axis=1)
    lines = [f"mtllib {path.stem}.mtl\n"]
    lines += _rows("v %.6f %.6f %.6f\n", points)
    lines += _rows("vt %.6f %.6f\n", tcoords)
    lines += _rows("vn %.6f %.6f %.6f\n", () if normals is None else normals)
    lines.append("usemtl merged_material\n")
    lines += _rows("f " + " ".join(["/".join(["%d"] * kinds)] * 3) + "\n", corners)
    write_text(path.with_suffix(".mtl"), MATERIAL.format(texture=texture_name))
    write_text(path, "".join(lines))


def _rows(template, values):
    return [template % tuple(row) for row in np.asarray(values).tolist()]


def _obj_path(path):
    path = Path(path)
    if path.suffix.lower() != ".obj":
        raise ValueError(f"{path}: expected a name that ends in .obj")
    return path


def _bilinear_lookup(uv_map, pixels):
    picture = np.ascontiguousarray(uv_map.transpose(1, 2, 0), dtype=np.float32)
    return bilinear(picture, pixels.astype(np.float64))
