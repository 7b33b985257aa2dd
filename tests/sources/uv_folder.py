"""A small folder of UV maps, as `create_uv_maps` writes them."""

import pickle

import cv2
import numpy as np


def write_texture(path, image):
    """Writes a uint8 array [3, H, W] (RGB) as PNG."""
    cv2.imwrite(str(path), image[::-1].transpose(1, 2, 0))


def write_maps(folder, textures, shapes, normals, dtype=np.float32, protocol=4):
    """Writes arrays [N, 3, S, S] as face00 … into texture, shape and normals."""
    for name in ("texture", "shape", "normals"):
        (folder / name).mkdir(parents=True)
    for number, texture in enumerate(textures):
        stem = f"face{number:02d}"
        write_texture(folder / "texture" / f"{stem}.png", texture)
        for name, maps in (("shape", shapes), ("normals", normals)):
            content = pickle.dumps(maps[number].astype(dtype), protocol)
            (folder / name / f"{stem}.pkl").write_bytes(content)
    return folder


def random_maps(folder, count=4, size=8):
    """Writes random maps; returns the folder."""
    random = np.random.RandomState(0)
    textures = random.randint(0, 256, (count, 3, size, size)).astype(np.uint8)
    shapes, normals = random.uniform(-1, 1, (2, count, 3, size, size))
    return write_maps(folder, textures, shapes, normals)
