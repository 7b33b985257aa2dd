"""Meshes to UV maps: texture, shape and normals of a whole set in one parametrisation."""

from __future__ import annotations

import dataclasses
import pickle
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np

from tf_facegan.files import atomic_folder, write_image
from tf_facegan.uv.grid import mask_grid
from tf_facegan.uv.landmarks import (
    COUNT,
    find_landmarks,
    similarity,
    template_landmarks,
    transformed,
)
from tf_facegan.uv.layout import UVLayout, check_resolution, pixel_coordinates
from tf_facegan.uv.raster import (
    Raster,
    fill_holes,
    sample_texture,
    texture_shrink,
    unit,
    vertex_normals,
    welds,
)
from tf_facegan.uv.scan import mesh_paths, read_scan
from tf_facegan.uv.unwrap import CylinderWindow
from tf_facegan.uv.workers import Workers

FOLDERS = ("texture", "shape", "normals")
LABELS = "labels.csv"
WELDED = 8  # meshes that are looked at for vertices at one place
SAMPLED = 2000  # points of each scan that are looked at together
ROOM = 0.02  # between the surface and the ends of [-1, 1], of its extent; the skirt comes on top
SKIRT = 2  # texels around the surface that continue it, for vertices on its rim
PICKLE_PROTOCOL = 4


@dataclasses.dataclass(frozen=True)
class Survey:
    """What the whole set has to know of one mesh (points aligned)."""

    path: Path
    topology: str
    parametrisation: str
    low: np.ndarray
    high: np.ndarray
    sample: np.ndarray
    landmarks: np.ndarray
    alignment: np.ndarray


@dataclasses.dataclass(frozen=True)
class Plan:
    """How every mesh of the set becomes maps.

    Attributes:
      folder: where the maps go.
      resolution: int.
      reference: float64 [L, 3], what landmarks are aligned to, or None.
      scale, offset: of the shape maps.
      alignment: float64 [4, 4], common to all meshes, or the identity.
      tcoords, trilist, raster: of all meshes, when they share them; else None.
      welded: int [V], as in UVLayout; None where no vertices lie at one place.
      sources: int [V'], the vertices of the layout: those of the meshes, and some of them again to
        close a cylinder.
      window: CylinderWindow that every scan is unwrapped by, when they do not.
    """

    folder: Path
    resolution: int
    reference: np.ndarray
    scale: float
    offset: np.ndarray
    alignment: np.ndarray
    tcoords: np.ndarray | None = None
    trilist: np.ndarray | None = None
    raster: Raster | None = None
    welded: np.ndarray | None = None
    sources: np.ndarray | None = None
    window: CylinderWindow | None = None


def create_uv_maps(
    out_dir: str | Path,
    mesh_dir: str | Path,
    resolution: int = 512,
    workers: int | None = None,
    overwrite: bool = False,
) -> None:
    """Turns a folder of meshes into UV maps, what `create_from_pkl_img_norm` takes.

    Meshes with landmarks beside them are aligned by a similarity: 68 points to the template that
    menpo3d ships (millimetres), other markups to the first mesh's. Meshes that share topology and
    texture coordinates keep these (dense correspondence, as TBGAN's data); those that share
    topology and have vertex colours are unwrapped once for all. Other scans are unwrapped one by
    one on a common cylinder, with a warning that their texels correspond only roughly.

    Args:
      out_dir: folder to make: `texture/<stem>.png` (8-bit RGB), `shape/<stem>.pkl` and
        `normals/<stem>.pkl` (float32 [3, S, S] in [-1, 1]), `uv_layout.npz`, and `labels.csv` if
        `mesh_dir` has one. Shape is (xyz - offset) / scale with scale and offset common to the set.
        What the surface leaves free is filled smoothly.
      mesh_dir: folder of meshes, each in anything that menpo3d reads, with a texture picture or
        vertex colours.
      resolution: int S, a power of two of at least 4.
      workers: int, processes; None for one a core.
      overwrite: bool, replace a folder that is there.

    Raises:
      FileNotFoundError: the folder, meshes or a texture is missing.
      ImportError: menpo3d is missing.
      ValueError: a bad argument, an unreadable file, or landmarks that do not fit; names it.
    """
    check_resolution(resolution)
    paths = mesh_paths(mesh_dir)
    owned = (*FOLDERS, "uv_layout.npz", LABELS)
    with atomic_folder(out_dir, overwrite, owned) as folder, Workers(workers, len(paths)) as pool:
        for name in FOLDERS:
            (folder / name).mkdir()
        reference = _reference(paths)
        surveys = pool.map(_survey, reference, paths, "reading meshes")
        plan = _plan(Path(folder), resolution, reference, surveys)
        covered = pool.map(_write_maps, plan, paths, "UV maps")
        _layout(plan, covered).save(folder / "uv_layout.npz")
        labels = Path(mesh_dir) / LABELS
        if labels.is_file():
            shutil.copyfile(labels, folder / LABELS)


def _reference(paths):
    """What landmarks are aligned to: the template's, or those of the first mesh that has any."""
    path = next((path for path in paths if find_landmarks(path)), None)
    if path is None:
        return None
    landmarks = read_scan(path).landmarks
    return template_landmarks() if len(landmarks) == COUNT else landmarks


def _aligned(reference, path):
    """Reads a scan; returns it in aligned space, and the matrix that brought it there."""
    scan = read_scan(path)
    if scan.landmarks is None:
        return scan, np.eye(4)
    if len(scan.landmarks) != len(reference):
        raise ValueError(
            f"{path}: has {len(scan.landmarks)} landmarks, expected {len(reference)} as the others"
        )
    try:
        matrix = similarity(scan.landmarks, reference)
    except ValueError as error:
        raise ValueError(f"{path}: cannot be aligned: {error}") from error
    points, landmarks = (transformed(matrix, xyz) for xyz in (scan.points, scan.landmarks))
    return dataclasses.replace(scan, points=points, landmarks=landmarks), matrix


def _survey(reference, path):
    scan, matrix = _aligned(reference, path)
    used = scan.points[np.unique(scan.trilist)]
    step = max(1, len(used) // SAMPLED)
    return Survey(
        path=path,
        topology=scan.topology(),
        parametrisation=scan.parametrisation(),
        low=used.min(axis=0),
        high=used.max(axis=0),
        sample=used[::step],
        landmarks=scan.landmarks,
        alignment=matrix,
    )


def _plan(folder, resolution, reference, surveys):
    _warn_of_missing_landmarks(surveys)
    common = {
        "folder": folder,
        "resolution": resolution,
        "reference": reference,
        "alignment": _common_alignment(surveys),
    }
    first, _ = _aligned(reference, surveys[0].path)
    if _share_layout(surveys, first):
        bounds = _bounds(
            [survey.low for survey in surveys], [survey.high for survey in surveys], resolution
        )
        welded = _common_welds(first, [survey.path for survey in surveys])
        return Plan(**common, **bounds, **_common_parametrisation(first, resolution), welded=welded)
    window = _common_window(surveys)
    _warn(
        f"{len(surveys)} mesh(es) without a common topology and texture coordinates are unwrapped "
        "on a cylinder; their texels correspond only approximately"
    )
    seen = np.concatenate([survey.sample for survey in surveys])
    tcoords = window.tcoords(seen)[0]
    seen = seen[((tcoords >= 0) & (tcoords <= 1)).all(axis=1)]
    return Plan(
        **common, **_bounds([seen.min(axis=0)], [seen.max(axis=0)], resolution), window=window
    )


def _common_alignment(surveys):
    first = surveys[0].alignment
    same = all(np.allclose(survey.alignment, first, atol=1e-6) for survey in surveys)
    return first if same else np.eye(4)


def _share_layout(surveys, first):
    """Do all meshes have one set of texture coordinates, or one topology to unwrap once?

    A single mesh shares with nobody: it keeps its texture coordinates unless they are an atlas.
    """
    if len({(survey.topology, survey.parametrisation) for survey in surveys}) > 1:
        return False
    if len(surveys) > 1 or first.tcoords is None:
        return True
    surface, texture = first.pieces()
    return texture <= surface


def _common_parametrisation(first, resolution):
    """Texture coordinates, triangles and raster that all meshes share, from the first of them."""
    if first.tcoords is None:
        window = CylinderWindow.around(first.points)
        tcoords, _, raster = _unwrapped(window, first, resolution, SKIRT)
        tcoords, sources, trilist = window.closed(tcoords, first.trilist)
        return {"tcoords": tcoords, "trilist": trilist, "raster": raster, "sources": sources}
    tcoords = np.clip(first.tcoords, 0.0, 1.0)
    size = (resolution, resolution)
    raster = Raster(pixel_coordinates(tcoords, size), first.trilist, size, skirt=SKIRT)
    return {"tcoords": tcoords, "trilist": first.trilist, "raster": raster}


def _common_welds(first, paths):
    """The vertices that lie at one place on all meshes, as in UVLayout: lips that touch on one mesh
    do not on another, so several are looked at."""
    welded = welds(first.points)
    for path in paths[1 :: max(1, len(paths) // WELDED)]:
        if (welded == np.arange(len(welded))).all():
            return None
        pairs = np.column_stack([welded, welds(read_scan(path).points)])
        _, firsts, groups = np.unique(pairs, axis=0, return_index=True, return_inverse=True)
        welded = firsts[groups.reshape(-1)]
    return None if (welded == np.arange(len(welded))).all() else welded


def _unwrapped(window, scan, resolution, skirt=0):
    """Texture coordinates, triangles and raster of a scan on a cylinder; the outer surface wins."""
    tcoords, nearness = window.tcoords(scan.points)
    trilist = window.whole(tcoords, scan.trilist)
    size = (resolution, resolution)
    raster = Raster(pixel_coordinates(tcoords, size), trilist, size, -nearness, skirt)
    return tcoords, trilist, raster


def _common_window(surveys):
    landmarks = [survey.landmarks for survey in surveys]
    marked = all(marks is not None and len(marks) == COUNT for marks in landmarks)
    points = np.concatenate([survey.sample for survey in surveys])
    return CylinderWindow.around(points, np.mean(landmarks, axis=0) if marked else None)


def _bounds(lows, highs, resolution):
    """Offset and scale that bring everything between the corners into [-1, 1], unstretched."""
    low, high = np.min(lows, axis=0), np.max(highs, axis=0)
    scale = (1.0 + ROOM + 2.0 * SKIRT / resolution) * (high - low).max() / 2
    return {"scale": float(scale) or 1.0, "offset": (low + high) / 2}


def _write_maps(plan, path):
    """Writes the three maps of one mesh; returns the covered texels as packed bits."""
    scan, _ = _aligned(plan.reference, path)
    tcoords, trilist, raster = plan.tcoords, plan.trilist, plan.raster
    if raster is None:
        tcoords, trilist, raster = _unwrapped(plan.window, scan, plan.resolution)
    if not raster.mask.any():
        raise ValueError(f"{path}: its surface covers no texel of the UV map")
    shape = (raster.interpolate(scan.points) - plan.offset) / plan.scale
    normals = unit(raster.interpolate(vertex_normals(scan.points, scan.trilist)))
    colours = _colours(scan, raster, tcoords, trilist)
    texture, normals = (
        fill_holes(raster.picture(values), raster.mask) for values in (colours, normals)
    )
    shape = fill_holes(raster.picture(shape), raster.known)
    _write_texture(plan.folder / "texture" / f"{path.stem}.png", texture)
    _write_array(plan.folder / "shape" / f"{path.stem}.pkl", shape)
    _write_array(plan.folder / "normals" / f"{path.stem}.pkl", unit(normals))
    return np.packbits(raster.mask)


def _colours(scan, raster, tcoords, trilist):
    """Colours [P, 3] in [0, 255] of the covered texels."""
    if scan.colours is not None:
        return raster.interpolate(scan.colours) * 255.0
    pixels = pixel_coordinates(tcoords, raster.mask.shape)
    shrink = texture_shrink(pixels, scan.tcoords, trilist, scan.texture_size)
    return sample_texture(scan.texture(), raster.interpolate(scan.tcoords), shrink)


def _write_texture(path, texture):
    picture = np.clip(np.rint(texture), 0, 255).astype(np.uint8)
    write_image(path, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


def _write_array(path, picture):
    """Pickles a picture [S, S, 3] as a plain float32 array [3, S, S] in [-1, 1]."""
    array = np.clip(picture, -1.0, 1.0).astype(np.float32).transpose(2, 0, 1)
    with open(path, "wb") as file:
        pickle.dump(np.ascontiguousarray(array), file, protocol=PICKLE_PROTOCOL)


def _layout(plan, covered):
    """The set's layout; scans without common vertices get a grid over what most of them cover."""
    tcoords, trilist = plan.tcoords, plan.trilist
    if plan.raster is not None:
        mask = plan.raster.mask
    else:
        count = plan.resolution**2
        share = sum(np.unpackbits(bits, count=count) for bits in covered) / len(covered)
        mask, tcoords, trilist = mask_grid(share.reshape(plan.resolution, plan.resolution) >= 0.5)
    layout = UVLayout.from_tcoords(
        plan.resolution,
        tcoords,
        trilist,
        mask,
        plan.scale,
        plan.offset,
        plan.alignment,
        plan.welded if plan.sources is None else None,
    )
    if plan.sources is None:
        return layout
    # What was added to close a cylinder lies where its source does.
    pixels = layout.tcoords_pixel_scaled[plan.sources]
    return dataclasses.replace(layout, tcoords_pixel_scaled=pixels)


def _warn_of_missing_landmarks(surveys):
    without = sum(survey.landmarks is None for survey in surveys)
    if 0 < without < len(surveys):
        _warn(
            f"{without} of {len(surveys)} meshes have no landmarks and are taken as aligned already"
        )


def _warn(line):
    print(f"warning: {line}", file=sys.stderr)
