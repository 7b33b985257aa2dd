"""Reading a mesh with its texture or vertex colours, through menpo3d."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import re
import tempfile
import warnings
from pathlib import Path

import cv2
import numpy as np

from tf_facegan.command_line import one_line
from tf_facegan.uv import isolation
from tf_facegan.uv.dependency import require_menpo3d
from tf_facegan.uv.landmarks import find_landmarks, read_landmarks

_LONGEST_LINE = 1 << 16  # names of files are shorter
_OPTION = re.compile(r"-\w+(?:\s+-?[\d.]+)+\s+")  # of a texture: -bm 1.0, -o 0 0 0
TEXTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


@dataclasses.dataclass(frozen=True)
class Scan:
    """A mesh as it was read.

    Attributes:
      path: pathlib.Path of the mesh file.
      points: float64 [V, 3], in the units of the file.
      trilist: int64 [T, 3].
      tcoords: float64 [V, 2], (u, v), origin at the bottom left; None without a texture.
      texture_path: pathlib.Path of the texture picture, or None.
      texture_size: (height, width) of that picture, or None.
      colours: float64 [V, 3] in [0, 1], vertex colours; None with a texture.
      landmarks: float64 [L, 3] in the units of the file, or None.
    """

    path: Path
    points: np.ndarray
    trilist: np.ndarray
    tcoords: np.ndarray | None = None
    texture_path: Path | None = None
    texture_size: tuple | None = None
    colours: np.ndarray | None = None
    landmarks: np.ndarray | None = None

    def texture(self) -> np.ndarray:
        """Decodes the texture picture: uint8 [H, W, 3], RGB.

        Raises:
          ValueError: it cannot be decoded.
        """
        return _decode(self.texture_path)

    def topology(self) -> str:
        """A digest of vertex count and triangles: equal for meshes that share topology."""
        return _digest(np.array([len(self.points)]), self.trilist)

    def parametrisation(self) -> str | None:
        """A digest of the texture coordinates (to 1e-5), or None."""
        return None if self.tcoords is None else _digest(np.rint(self.tcoords * 1e5))

    def pieces(self) -> tuple[int, int]:
        """Counts connected pieces (of the surface, of its texture): ints.

        A texture in more pieces than the surface is an atlas: neighbours on the surface lie far
        apart in the picture.
        """
        _, place = np.unique(self.points, axis=0, return_inverse=True)
        corners = np.column_stack([self.points, self.tcoords])
        _, corner = np.unique(corners, axis=0, return_inverse=True)
        return _components(place.reshape(-1)[self.trilist]), _components(
            corner.reshape(-1)[self.trilist]
        )


def mesh_paths(folder: str | Path) -> list[Path]:
    """Lists the mesh files of a folder, sorted by name.

    Args:
      folder: where to look; sub-folders are not visited.

    Returns:
      list of pathlib.Path.

    Raises:
      FileNotFoundError: there is no such folder, or no mesh in it.
      ValueError: two meshes have the same stem.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder of meshes")
    suffixes = tuple(require_menpo3d("menpo3d.io.input.extensions").mesh_types)
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes)
    if not paths:
        raise FileNotFoundError(f"{folder}: found no mesh, expected files {', '.join(suffixes)}")
    stems = {}
    for path in paths:
        if path.stem in stems:
            raise ValueError(f"{path}: has the stem of {stems[path.stem].name}, expected another")
        stems[path.stem] = path
    return paths


def read_scan(path: str | Path) -> Scan:
    """Reads a mesh, and its landmarks if there are any beside it. The texture is not decoded yet.

    Args:
      path: a file menpo3d reads (OBJ, PLY, STL, WRL, ...). The texture is the one that the OBJ's
        material file names, else the picture with the mesh's stem.

    Returns:
      Scan.

    Raises:
      FileNotFoundError: the mesh, or the texture that its material names, is missing.
      ValueError: unreadable, without triangles, or with neither texture nor vertex colours.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such mesh")
    texture_path = find_texture(path)
    mesh = _import_mesh(path, texture_path is not None)
    points, trilist = _geometry(path, mesh)
    tcoords, colours = mesh.get("tcoords"), mesh.get("colours")
    if tcoords is not None and tcoords.shape != (len(points), 2):
        raise ValueError(f"{path}: its texture coordinates do not fit its {len(points)} vertices")
    if tcoords is None and colours is None:
        raise ValueError(
            f"{path}: found neither a texture picture with texture coordinates nor vertex "
            "colours, expected one of them"
        )
    scan = Scan(
        path=path,
        points=points,
        trilist=trilist,
        tcoords=tcoords,
        texture_path=None if tcoords is None else texture_path,
        texture_size=None if tcoords is None else _picture_size(texture_path),
        colours=None if tcoords is not None else _rgb(colours),
    )
    landmarks = find_landmarks(path)
    if landmarks is None:
        return scan
    return dataclasses.replace(scan, landmarks=read_landmarks(landmarks, scan))


def _geometry(path, mesh):
    """Vertices and triangles of a mesh as menpo3d read it: files can say anything."""
    points, trilist = mesh["points"], mesh["trilist"]
    if not trilist.size or not np.isfinite(points).all():
        raise ValueError(f"{path}: found no triangles or vertices that are not finite")
    if trilist.ndim != 2 or trilist.min() < 0 or trilist.max() >= len(points):
        raise ValueError(f"{path}: triangles of vertices that it does not have")
    return points, trilist


def find_texture(mesh_path: Path) -> Path | None:
    """Finds the texture picture of a mesh.

    Args:
      mesh_path: pathlib.Path of the mesh.

    Returns:
      pathlib.Path, or None.

    Raises:
      FileNotFoundError: a material file names a picture that is not there.
      ValueError: materials name several pictures, or one outside the mesh's folder.
    """
    named = _material_pictures(mesh_path) if mesh_path.suffix.lower() == ".obj" else []
    if len(named) > 1:
        raise ValueError(
            f"{mesh_path}: its materials name {len(named)} pictures ({', '.join(named)}), "
            "expected one"
        )
    if named:
        picture = _inside(mesh_path, named[0])
        if not picture.is_file():
            raise FileNotFoundError(
                f"{picture}: the texture that {mesh_path.name} names is missing"
            )
        return picture
    beside = [mesh_path.with_suffix(suffix) for suffix in TEXTURE_SUFFIXES]
    return next((picture for picture in beside if picture.is_file()), None)


def _material_pictures(mesh_path):
    """The distinct `map_Kd` pictures of the material files that an OBJ names."""
    named = []
    for library in _keyword_values(mesh_path, "mtllib"):
        material = _inside(mesh_path, library)
        if material.is_file():
            named += _keyword_values(material, "map_Kd")
    return list(dict.fromkeys(named))


def _keyword_values(path, keyword):
    """What follows a keyword in the lines of a mesh or material file, without its options."""
    found = []
    with open(path, encoding="utf-8", errors="replace") as file:
        while line := file.readline(_LONGEST_LINE):
            first, _, value = line.strip().partition(" ")
            if first.lower() == keyword.lower():
                found.append(_without_options(value.strip()))
    return [value for value in found if value]


def _without_options(value):
    """Takes `-name number number …` off the beginning of a value; the rest may hold spaces."""
    while match := _OPTION.match(value):
        value = value[match.end() :]
    return value


def _inside(mesh_path, name):
    """A file named inside a mesh or material file, which must lie in the mesh's folder."""
    folder = mesh_path.parent.resolve()
    try:
        target = (folder / name.replace("\\", "/")).resolve()
        target.is_file()  # names can be too long
    except (OSError, ValueError, RuntimeError) as error:
        raise ValueError(f"{mesh_path}: names the file '{name[:100]}': {one_line(error)}") from None
    if folder not in target.parents:
        raise ValueError(f"{mesh_path}: names the file '{name}' outside its own folder")
    return target


def _import_mesh(path, textured):
    """Reads geometry with menpo3d.

    Returns:
      {"points", "trilist", and "tcoords", "colours" where there are any: array}.
    """
    require_menpo3d("menpo3d.io")
    _silence_vtk()
    try:
        return isolation.arrays_of(functools.partial(_mesh_arrays, textured), path)
    except ValueError as error:
        raise ValueError(f"{path}: cannot be read as a mesh: {error}") from None


def _mesh_arrays(textured, path):
    """`_import_mesh` itself.

    menpo3d gives texture coordinates only beside a texture, and turns that into float64, which for
    a scanner's picture takes longer than all the rest: so it is given one of a single pixel.
    """
    io = require_menpo3d("menpo3d.io")
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        resolver = None
        if textured:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            pixel = folder / "pixel.png"
            cv2.imwrite(str(pixel), np.zeros([1, 1, 3], np.uint8))
            resolver = _constant(pixel)
        mesh = io.import_mesh(path, landmark_resolver=None, texture_resolver=resolver)
    found = {"points": mesh.points, "trilist": getattr(mesh, "trilist", np.zeros([0, 3]))}
    if getattr(mesh, "tcoords", None) is not None:
        found["tcoords"] = mesh.tcoords.points
    if getattr(mesh, "colours", None) is not None:
        found["colours"] = mesh.colours
    return {
        name: np.asarray(array, np.int64 if name == "trilist" else np.float64)
        for name, array in found.items()
    }


def _constant(value):
    return lambda _: value


def _silence_vtk():
    """VTK, which menpo3d reads with, prints several lines about a file that it cannot read."""
    require_menpo3d("vtk").vtkObject.GlobalWarningDisplayOff()


def _decode(path):
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError(f"{path}: cannot be read as a texture picture")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _picture_size(path):
    """(height, width), from the header alone."""
    from tf_facegan.sources.images import open_picture

    try:
        with open_picture(path) as picture:
            return picture.height, picture.width
    except Exception as error:
        raise ValueError(
            f"{path}: cannot be read as a texture picture: {one_line(error)}"
        ) from error


def _rgb(colours):
    """Vertex colours float64 [V, 3] in [0, 1]; readers give 0-1 or 0-255, grey or colour."""
    colours = np.asarray(colours, np.float64)
    colours = colours / 255.0 if colours.max(initial=0.0) > 1.0 else colours
    return np.repeat(colours, 3, axis=1) if colours.shape[1] == 1 else colours[:, :3]


def _components(trilist):
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    used, corners = np.unique(trilist, return_inverse=True)
    corners = corners.reshape(-1, 3)
    starts, ends = corners[:, [0, 1]].ravel(), corners[:, [1, 2]].ravel()
    graph = coo_matrix((np.ones(len(starts)), (starts, ends)), shape=(len(used), len(used)))
    return connected_components(graph, directed=False)[0]


def _digest(*arrays):
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array, np.int64).tobytes())
    return digest.hexdigest()
