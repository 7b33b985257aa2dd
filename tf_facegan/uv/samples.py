"""Sample scans: smooth, repeatable variations of the one textured scan that menpo3d ships.

They are something to start from, not a data set: every face is the same man's, deformed, recoloured
and relit.
"""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import cv2
import numpy as np

from tf_facegan.files import atomic_folder, write_image
from tf_facegan.uv.deformations import (
    ACTIONS,
    EXPRESSIONS,
    RECIPES,
    TRAITS,
    Mouth,
    fields,
)
from tf_facegan.uv.dependency import require_menpo3d
from tf_facegan.uv.grid import grid_trilist
from tf_facegan.uv.landmarks import similarity, template_landmarks, transformed
from tf_facegan.uv.layout import pixel_coordinates
from tf_facegan.uv.mesh import write_obj_text
from tf_facegan.uv.raster import (
    Raster,
    bilinear,
    fill_holes,
    sample_texture,
    texture_shrink,
    unit,
    vertex_normals,
)
from tf_facegan.uv.scan import read_scan
from tf_facegan.uv.unwrap import CylinderWindow
from tf_facegan.uv.workers import Workers

GRID = 97  # vertices along a side; 9409 vertices, 18432 triangles
FINE = 512  # the scan is unwrapped at this side, and textures are written at it
JPEG_QUALITY = 95

WHITE_BALANCE = np.array([1.05, 0.985, 1.04])
SHOULDER = 205.0  # brightness above which highlights are compressed
MOUTH_COLOUR = np.array([62.0, 26.0, 24.0])
TEETH_COLOUR = np.array([214.0, 202.0, 184.0])
FAIR, DARK = np.array([1.1, 1.06, 1.02]), np.array([0.58, 0.46, 0.38])  # skin tones, of the scan's


@dataclasses.dataclass(frozen=True)
class BaseFace:
    """The scan, unwrapped once onto a regular grid.

    Attributes:
      points: float64 [GRID * GRID, 3], millimetres, aligned to menpo3d's template.
      unrolled: float64 [GRID * GRID, 2], (across, up) on the unrolled face, mm.
      texture: float32 [FINE, FINE, 3] in [0, 255], RGB.
      extent: float64 [2], width and height of the unrolled square, mm.
      landmarks: float64 [68, 2], on the unrolled face, mm.
    """

    points: np.ndarray
    unrolled: np.ndarray
    texture: np.ndarray
    extent: np.ndarray
    landmarks: np.ndarray

    def pixels(self, places: np.ndarray, side: int) -> np.ndarray:
        """(row, column) in a square picture of `side` pixels for places [N, 2] in mm."""
        return pixel_coordinates(places / self.extent + 0.5, (side, side))


def create_sample_scans(
    out_dir: str | Path,
    count: int = 64,
    seed: int = 0,
    workers: int | None = None,
    overwrite: bool = False,
) -> None:
    """Writes variations of menpo3d's scan: meshes, textures, landmarks and expression labels.

    Face `scan00042` depends on the seed and its number only. All share topology and texture
    coordinates. Expressions take turns, so that any count is balanced.

    Args:
      out_dir: folder to make: `<name>.obj`, `.mtl`, `.jpg`, `.ljson` (68 landmarks) a face, and
        `labels.csv`: the column `name` and one for each of `EXPRESSIONS`, scores for a softmax.
      count: int, faces.
      seed: int.
      workers: int, processes; None for one a core.
      overwrite: bool, replace a folder that is there.

    Raises:
      ImportError: menpo3d is missing.
      ValueError: `count` or `workers` is less than 1, `seed` negative, or `out_dir` exists.
    """
    if count < 1:
        raise ValueError(f"--count is {count}, expected at least 1")
    if seed < 0:
        raise ValueError(f"--seed is {seed}, expected at least 0")
    owned = ("scan[0-9]*.*", "labels.csv")
    with atomic_folder(out_dir, overwrite, owned) as folder, Workers(workers, count) as pool:
        common = (base_face(), Path(folder), seed)
        rows = pool.map(_write_face, common, list(range(count)), "sample scans")
        with open(folder / "labels.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("name", *EXPRESSIONS), *rows])


def base_face() -> BaseFace:
    """Reads menpo3d's scan, aligns it, and unwraps it onto the regular grid: BaseFace.

    Raises:
      ImportError: menpo3d is missing.
    """
    scan = read_scan(require_menpo3d("menpo3d.io").data_path_to("james.obj"))
    matrix = similarity(scan.landmarks, template_landmarks())
    points, marks = transformed(matrix, scan.points), transformed(matrix, scan.landmarks)
    window = CylinderWindow.around(points, marks)
    tcoords, depth = window.tcoords(points)
    pixels = pixel_coordinates(tcoords, (FINE, FINE))
    trilist = window.whole(tcoords, scan.trilist)
    raster = Raster(pixels, trilist, (FINE, FINE), -depth)
    shrink = texture_shrink(pixels, scan.tcoords, trilist, scan.texture_size)
    colours = sample_texture(scan.texture(), raster.interpolate(scan.tcoords), shrink)
    texture = fill_holes(raster.picture(colours), raster.mask)
    shape = fill_holes(raster.picture(raster.interpolate(points)), raster.mask)
    extent = 2.0 * window.half
    tcoords = grid_tcoords()
    return BaseFace(
        points=bilinear(
            cv2.GaussianBlur(shape, (0, 0), 0.4 * FINE / GRID),
            pixel_coordinates(tcoords, (FINE,) * 2),
        ).astype(np.float64),
        unrolled=(tcoords - 0.5) * extent,
        texture=_developed(texture),
        extent=extent,
        landmarks=(window.tcoords(marks)[0] - 0.5) * extent,
    )


def grid_tcoords() -> np.ndarray:
    """Texture coordinates of the grid: float64 [GRID * GRID, 2], row by row from the top left."""
    steps = np.linspace(0.0, 1.0, GRID)
    u, v = np.meshgrid(steps, steps[::-1])
    return np.stack([u.ravel(), v.ravel()], axis=1)


def face_trilist() -> np.ndarray:
    """Triangles of the grid: int [T, 3]."""
    return grid_trilist(np.arange(GRID * GRID).reshape(GRID, GRID))


class Face:
    """One variation: what was drawn for it, and the geometry and texture that follow."""

    def __init__(self, base: BaseFace, seed: int, number: int):
        """Draws the traits, the expression, the colours and the light of face `number`."""
        random = np.random.default_rng([seed, number])
        self._base = base
        self.expression = EXPRESSIONS[number % len(EXPRESSIONS)]
        self.intensity = random.uniform(0.6, 1.1)
        self._recipe = {
            name: amount * self.intensity * random.uniform(0.85, 1.15)
            for name, amount in RECIPES[self.expression].items()
        }
        self._traits = dict(zip(TRAITS, np.clip(random.normal(size=len(TRAITS)), -2.0, 2.0)))
        self._size = 1.0 + 0.045 * np.clip(random.normal(size=3), -2.0, 2.0)
        self._waves = random.normal(size=[4, 4])
        self._skin = random.uniform() ** 1.6
        self._tint = 1.0 + 0.02 * random.normal(size=3)
        self._gain = np.exp(0.1 * random.normal())
        self._light = unit(
            np.array(
                [random.uniform(-1.0, 1.0), random.uniform(-0.3, 0.8), random.uniform(0.6, 1.2)]
            )
        )
        self._contrast = random.uniform(0.1, 0.65)
        self.scores = self._scores(random)
        self._opening = self._recipe.pop("opening", 0.0)
        self._teeth = self._recipe.pop("teeth", 0.0)
        self._mouth = Mouth(base.landmarks)

    def _scores(self, random):
        """Scores [7] for a softmax, as of a classifier that is surer of stronger expressions."""
        scores = random.normal(scale=0.6, size=len(EXPRESSIONS))
        scores[EXPRESSIONS.index(self.expression)] += 2.0 + 3.0 * self.intensity
        return scores

    def points(self) -> np.ndarray:
        """Vertices: float64 [GRID * GRID, 3], mm."""
        base = self._base
        moved = base.points.copy()
        for table, amounts in ((TRAITS, self._traits), (ACTIONS, self._recipe)):
            chosen = {name: table[name] for name in amounts}
            for name, field in fields(chosen, base.unrolled, base.landmarks).items():
                moved += amounts[name] * field
        moved += self._mouth.displacement(base.unrolled, self._opening)
        moved += self._wavy()[:, None] * unit(base.points * [1.0, 0.0, 1.0])
        middle = base.points.mean(axis=0)
        return (moved - middle) * self._size + middle

    def _wavy(self):
        """A slow random swell [V] of the whole face, mm."""
        places = self._base.unrolled / self._base.extent + 0.5
        waves = [np.cos(np.pi * np.outer(places[:, axis], np.arange(4))) for axis in (0, 1)]
        falloff = 1.0 / (1.0 + np.add.outer(np.arange(4), np.arange(4)))
        return 1.4 * np.einsum("va,vb,ab->v", *waves, self._waves * falloff)

    def landmarks(self, points: np.ndarray) -> np.ndarray:
        """The 68 landmarks [68, 3] on the vertices [GRID * GRID, 3], those of the lips apart."""
        places = self._base.landmarks.copy()
        for marks, side in (([61, 62, 63], 1.1), ([65, 66, 67], -1.1)):
            across = places[marks, 0]
            places[marks, 1] = self._mouth.height(across) + side * self._mouth.lens(
                across, self._opening
            )
        grid = points.reshape(GRID, GRID, 3)
        return bilinear(grid, self._base.pixels(places, GRID)).astype(np.float64)

    def texture(self, points: np.ndarray) -> np.ndarray:
        """The texture: uint8 [FINE, FINE, 3], RGB, lit as the vertices [V, 3] ask for."""
        base = self._base
        texture = self._with_mouth() if self._opening > 0 else base.texture
        tone = FAIR + (DARK - FAIR) * self._skin
        colour = texture * (tone * self._tint * self._gain).astype(np.float32)
        lit = colour * self._shade(points)[..., None]
        return np.rint(_below_white(lit)).astype(np.uint8)

    def _with_mouth(self):
        """The scan's texture with lips that make room for the inside of the mouth."""
        base = self._base
        steps = (np.arange(FINE) / (FINE - 1) - 0.5)[:, None]
        across = np.broadcast_to(steps.T * base.extent[0], (FINE, FINE))
        up = np.broadcast_to(-steps * base.extent[1], (FINE, FINE))
        places = np.stack([across.ravel(), up.ravel()], axis=1)
        near = np.abs(places[:, 1] - self._mouth.height(places[:, 0])) < self._mouth.LIPS.max()
        chosen = places[near]
        source = base.pixels(self._mouth.source(chosen, self._opening), FINE)
        skin = bilinear(base.texture, source)
        within = self._mouth.within(chosen, self._opening)
        teeth = (
            self._teeth
            * np.clip((within + 0.15) / 0.3, 0, 1)
            * np.clip((0.95 - within) / 0.3, 0, 1)
        )
        inside = MOUTH_COLOUR + (TEETH_COLOUR - MOUTH_COLOUR) * np.clip(teeth, 0, 1)[:, None] * 0.85
        open_here = np.clip(self._mouth.lens(chosen[:, 0], self._opening) / 0.5, 0, 1)
        cover = np.clip((1.15 - np.abs(within)) / 0.3, 0, 1) * open_here
        texture = base.texture.reshape(-1, 3).copy()
        texture[near] = skin + (inside - skin) * cover[:, None]
        return texture.reshape(base.texture.shape)

    def _shade(self, points):
        """Brightness [FINE, FINE] from a soft light: 1 on average over the face."""
        normals = vertex_normals(points, face_trilist())
        facing = np.clip(normals @ self._light, 0.0, None).reshape(GRID, GRID).astype(np.float32)
        soft = cv2.GaussianBlur(facing, (0, 0), 0.02 * GRID)
        shade = 1.0 + self._contrast * (soft - soft.mean())
        return cv2.resize(shade, (FINE, FINE), interpolation=cv2.INTER_CUBIC)


def _write_face(common, number):
    """Writes the files of one face and returns its row of `labels.csv`."""
    base, folder, seed = common
    name = f"scan{number:05d}"
    face = Face(base, seed, number)
    points = face.points()
    texture = cv2.cvtColor(face.texture(points), cv2.COLOR_RGB2BGR)
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    write_image(folder / f"{name}.jpg", texture, quality)
    write_obj_text(folder / f"{name}.obj", points, face_trilist(), grid_tcoords(), f"{name}.jpg")
    _write_landmarks(folder / f"{name}.ljson", face.landmarks(points))
    return (name, *(f"{score:.4f}" for score in face.scores))


def _write_landmarks(path, landmarks):
    import menpo.io
    from menpo.shape import PointCloud

    menpo.io.export_landmark_file(PointCloud(landmarks), str(path))


def _developed(texture):
    """The scan's picture, dark and greenish, with lifted middle tones: float32 in [0, 255]."""
    return _below_white(255.0 * (texture / 255.0) ** 0.75 * WHITE_BALANCE)


def _below_white(colours):
    """Brings colours above the shoulder smoothly below 255, without changing their hue."""
    peak = np.maximum(colours.max(axis=-1, keepdims=True), 1.0)
    room = 255.0 - SHOULDER
    bent = SHOULDER + room * (1.0 - np.exp(-np.maximum(peak - SHOULDER, 0.0) / room))
    return (colours * np.where(peak > SHOULDER, bent / peak, 1.0)).astype(np.float32)
