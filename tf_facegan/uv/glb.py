"""Textured meshes as GLB files (glTF 2.0, Khronos Group 2017), which browsers show."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tf_facegan.files import atomic_file

if TYPE_CHECKING:
    from tf_facegan.uv.mesh import TexturedMesh


_MAGIC, _VERSION = b"glTF", 2
_FLOAT, _UINT = 5126, 5125  # component types
_VERTICES, _TRIANGLES = 34962, 34963  # buffer targets


def save_glb(path: str | Path, mesh: TexturedMesh) -> None:
    """Writes a mesh with its texture, and its normals if it has any, into one file.

    Args:
      path: of the `.glb`.
      mesh: `uv.mesh.TexturedMesh`.

    Raises:
      ValueError: the path does not end in `.glb`.
    """
    path = Path(path)
    if path.suffix.lower() != ".glb":
        raise ValueError(f"{path}: expected a name that ends in .glb")
    points = np.asarray(mesh.points, "<f4")
    # glTF counts v from the top.
    tcoords = np.asarray(mesh.tcoords, "<f4") * np.float32([1, -1]) + np.float32([0, 1])
    picture = cv2.cvtColor(np.ascontiguousarray(mesh.texture), cv2.COLOR_RGB2BGR)
    image = cv2.imencode(".png", picture)[1].tobytes()
    arrays = [("POSITION", points, "VEC3"), ("TEXCOORD_0", tcoords.astype("<f4"), "VEC2")]
    if mesh.normals is not None:
        arrays.append(("NORMAL", np.asarray(mesh.normals, "<f4"), "VEC3"))
    arrays.append((None, np.asarray(mesh.trilist, "<u4").reshape(-1, 1), "SCALAR"))
    views, accessors, attributes, content = [], [], {}, b""
    for name, array, kind in arrays:
        target = _TRIANGLES if name is None else _VERTICES
        views.append(_view(content, array.nbytes, target))
        accessor = {
            "bufferView": len(views) - 1,
            "componentType": _UINT if name is None else _FLOAT,
            "count": len(array),
            "type": kind,
        }
        if name == "POSITION":  # asked for by the standard
            accessor["min"] = array.min(axis=0).tolist()
            accessor["max"] = array.max(axis=0).tolist()
        if name:
            attributes[name] = len(accessors)
        accessors.append(accessor)
        content = _padded(content + array.tobytes(), b"\0")
    views.append(_view(content, len(image)))
    content = _padded(content + image, b"\0")
    primitive = {"attributes": attributes, "indices": len(accessors) - 1, "material": 0}
    scene = {
        "asset": {"version": "2.0", "generator": "tf_facegan"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "materials": [
            {
                "doubleSided": True,
                "pbrMetallicRoughness": {
                    "baseColorTexture": {"index": 0},
                    "metallicFactor": 0.0,
                    "roughnessFactor": 0.9,
                },
            }
        ],
        "textures": [{"source": 0}],
        "images": [{"bufferView": len(views) - 1, "mimeType": "image/png"}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(content)}],
    }
    chunks = _chunk(b"JSON", _padded(json.dumps(scene).encode(), b" "))
    chunks += _chunk(b"BIN\0", content)
    with atomic_file(path) as file:
        file.write(_MAGIC + struct.pack("<II", _VERSION, 12 + len(chunks)) + chunks)


def _view(content, length, target=None):
    view = {"buffer": 0, "byteOffset": len(content), "byteLength": length}
    return view if target is None else {**view, "target": target}


def _padded(content, filler):
    return content + filler * (-len(content) % 4)


def _chunk(kind, content):
    return struct.pack("<I", len(content)) + kind + content
