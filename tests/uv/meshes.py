"""Small synthetic meshes for the tests of `tf_facegan.uv`."""

import json

import cv2
import numpy as np

from tf_facegan.uv.grid import grid_trilist
from tf_facegan.uv.mesh import TexturedMesh, save_obj


def bowl(side=9, bump=0.0, inset=0.1):
    """Half a cylinder bulging towards the viewer, on a grid, with a smooth colourful texture."""
    steps = np.linspace(0.0, 1.0, side)
    u, v = (axis.ravel() for axis in np.meshgrid(steps, steps[::-1]))
    angle = (u - 0.5) * 2.0
    radius = 50.0 + bump * np.exp(-20.0 * ((u - 0.5) ** 2 + (v - 0.5) ** 2))
    points = np.stack([radius * np.sin(angle), 90.0 * (v - 0.5), radius * np.cos(angle)], axis=1)
    tcoords = inset + (1.0 - 2.0 * inset) * np.stack([u, v], axis=1)
    trilist = grid_trilist(np.arange(side * side).reshape(side, side))
    return TexturedMesh(points, trilist, tcoords, picture())


def picture(side=64):
    """Red grows to the right, green upwards, blue is even."""
    ramp = np.linspace(20.0, 235.0, side)
    columns, rows = np.meshgrid(ramp, ramp[::-1])
    return np.stack([columns, rows, np.full_like(rows, 90.0)], axis=-1).astype(np.uint8)


def write_textured(folder, stem, mesh, landmarks=None):
    """Writes OBJ, MTL, PNG and, if given, landmarks."""
    save_obj(folder / f"{stem}.obj", mesh)
    if landmarks is not None:
        write_ljson(folder / f"{stem}.ljson", landmarks)


def write_coloured(path, mesh, colours):
    """Writes an ASCII PLY with vertex colours uint8 [V, 3]."""
    header = ["ply", "format ascii 1.0", f"element vertex {len(mesh.points)}"]
    header += [f"property float {axis}" for axis in "xyz"]
    header += [f"property uchar {colour}" for colour in ("red", "green", "blue")]
    header += [f"element face {len(mesh.trilist)}", "property list uchar int vertex_indices"]
    header += ["end_header"]
    vertices = [
        " ".join([*(f"{x:.6f}" for x in point), *map(str, colour)])
        for point, colour in zip(mesh.points, colours)
    ]
    faces = ["3 " + " ".join(map(str, corners)) for corners in mesh.trilist]
    path.write_text("\n".join(header + vertices + faces) + "\n")


def write_ljson(path, landmarks, groups=None):
    """Writes LJSON, version 2; `groups` is {name: indices}, by default one group of all."""
    groups = {"all": range(len(landmarks))} if groups is None else groups
    content = {
        "version": 2,
        "labels": [{"label": name, "mask": list(map(int, mask))} for name, mask in groups.items()],
        "landmarks": {
            "points": [[None if np.isnan(x) else float(x) for x in p] for p in landmarks],
            "connectivity": [],
        },
    }
    path.write_text(json.dumps(content))


def read_texture(path):
    """Reads a picture as float32 [3, S, S] in [-1, 1]."""
    rgb = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    return rgb.transpose(2, 0, 1).astype(np.float32) / 127.5 - 1.0


def turned(points, degrees=25.0, scale=1.7, move=(30.0, -12.0, 5.0)):
    """Points rotated about a slanted axis, scaled and moved."""
    axis = np.array([0.3, 0.9, -0.2]) / np.linalg.norm([0.3, 0.9, -0.2])
    skew = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    angle = np.deg2rad(degrees)
    rotation = np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) * skew @ skew
    return scale * points @ rotation.T + np.asarray(move)
