"""Previews of textured meshes on the CPU."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from tf_facegan.uv.raster import Raster, sample_texture, texture_shrink, unit, vertex_normals

BACKGROUND = 238.0  # grey level
SUPERSAMPLING = 2  # rendered pixels along one of the picture, for smooth outlines
FILLED = 0.94  # of the picture, by the upright cylinder around the mesh
LIGHT = unit(np.array([0.25, 0.45, 1.0]))  # direction towards the light, in view space
AMBIENT, DIFFUSE = 0.45, 0.55
VIEWS = (-40.0, 0.0, 40.0)


def render_mesh(
    points: np.ndarray,
    trilist: np.ndarray,
    tcoords: np.ndarray,
    texture: np.ndarray,
    normals: np.ndarray | None = None,
    size: int = 512,
    yaw: float = 0.0,
    shading: bool = True,
) -> np.ndarray:
    """Draws a textured mesh from the front, in parallel projection.

    Args:
      points: float [V, 3]; x to the right, y up, z towards the viewer.
      trilist: int [T, 3].
      tcoords: float [V, 2], (u, v) in [0, 1], origin at the bottom left.
      texture: uint8 [H, W, 3], RGB.
      normals: float [V, 3] of length 1, to shade by; None: those of the surface.
      size: int, side of the picture in pixels.
      yaw: degrees about the vertical axis; positive turns the face to the right of the picture.
      shading: bool, light the surface (one distant light), else draw the texture as it is.

    Returns:
      uint8 [size, size, 3], RGB, on a plain background. Yaw does not change the scale.

    Raises:
      ImportError: menpo3d is missing.
    """
    turn = _turn(yaw)
    turned, extent = _turned(np.asarray(points, np.float64), trilist, turn)
    side = size * SUPERSAMPLING
    zoom = FILLED * side / extent
    pixels = np.array([-1.0, 1.0]) * turned[:, [1, 0]] * zoom + (side - 1) / 2
    raster = Raster(pixels, trilist, (side, side), depth=-turned[:, 2])
    colours = sample_texture(
        texture,
        raster.interpolate(tcoords),
        texture_shrink(pixels, tcoords, trilist, texture.shape),
    )
    if shading:
        normals = vertex_normals(turned, trilist) if normals is None else normals @ turn.T
        light = AMBIENT + DIFFUSE * np.abs(unit(raster.interpolate(normals)) @ LIGHT)
        colours = colours * light[:, None].astype(np.float32)
    picture = np.full([side, side, 3], BACKGROUND, np.float32)
    picture[raster.mask] = np.clip(colours, 0, 255)
    small = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    return np.rint(small).astype(np.uint8)


def render_views(
    points: np.ndarray,
    trilist: np.ndarray,
    tcoords: np.ndarray,
    texture: np.ndarray,
    normals: np.ndarray | None = None,
    size: int = 512,
    yaws: Sequence[float] = VIEWS,
    shading: bool = True,
) -> np.ndarray:
    """Draws a mesh from several sides, side by side.

    Args:
      points, trilist, tcoords, texture, normals, size, shading: as in `render_mesh`.
      yaws: degrees, one view each.

    Returns:
      uint8 [size, size * len(yaws), 3], RGB.
    """
    mesh = points, trilist, tcoords, texture, normals
    views = [render_mesh(*mesh, size=size, yaw=yaw, shading=shading) for yaw in yaws]
    return np.concatenate(views, axis=1)


def _turn(yaw):
    """The matrix of a turn about the vertical axis by degrees."""
    angle = np.deg2rad(yaw)
    return np.array(
        [
            [np.cos(angle), 0.0, np.sin(angle)],
            [0.0, 1.0, 0.0],
            [-np.sin(angle), 0.0, np.cos(angle)],
        ]
    )


def _turned(points, trilist, turn):
    """Points turned about their middle, and the larger side of the upright cylinder around them.

    Only the vertices of triangles count.
    """
    used = points[np.unique(trilist)] if len(trilist) else np.zeros([1, 3])
    middle = (used.min(axis=0) + used.max(axis=0)) / 2
    centred, used = points - middle, used - middle
    extent = 2 * max(np.hypot(used[:, 0], used[:, 2]).max(), np.abs(used[:, 1]).max())
    return centred @ turn.T, extent or 1.0
