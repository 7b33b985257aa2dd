"""GLB files, read back by the standard's rules."""

import json
import struct

import cv2
import numpy as np
import pytest

from tests.uv import meshes
from tf_facegan.uv.glb import save_glb


def read(path):
    """(scene, function of an accessor's number that gives its array, bytes of the buffer)"""
    content = path.read_bytes()
    magic, version, length = struct.unpack_from("<4sII", content)
    assert (magic, version, length) == (b"glTF", 2, len(content)) and length % 4 == 0
    size, kind = struct.unpack_from("<I4s", content, 12)
    assert kind == b"JSON" and size % 4 == 0
    scene = json.loads(content[20 : 20 + size])
    start = 20 + size
    size, kind = struct.unpack_from("<I4s", content, start)
    assert kind == b"BIN\0" and start + 8 + size == len(content)
    buffer = content[start + 8 :]
    assert scene["buffers"][0]["byteLength"] == len(buffer)

    def array(number):
        accessor = scene["accessors"][number]
        view = scene["bufferViews"][accessor["bufferView"]]
        width = {"VEC3": 3, "VEC2": 2, "SCALAR": 1}[accessor["type"]]
        dtype = {5126: "<f4", 5125: "<u4"}[accessor["componentType"]]
        assert view["byteOffset"] % 4 == 0
        assert view["byteLength"] == 4 * width * accessor["count"]
        values = np.frombuffer(buffer, dtype, width * accessor["count"], view["byteOffset"])
        return values.reshape(-1, width)

    return scene, array, buffer


@pytest.mark.parametrize("shaded", [False, True])
def test_what_is_written_is_read_back(tmp_path, shaded):
    mesh = meshes.bowl()
    normals = np.tile([0.0, 0.0, 1.0], (len(mesh.points), 1))
    mesh = mesh._replace(normals=normals if shaded else None)
    save_glb(tmp_path / "mesh.glb", mesh)
    scene, array, buffer = read(tmp_path / "mesh.glb")
    (primitive,) = scene["meshes"][0]["primitives"]
    found = {name: array(number) for name, number in primitive["attributes"].items()}
    assert ("NORMAL" in found) == shaded
    np.testing.assert_allclose(found["POSITION"], mesh.points, atol=1e-4)
    np.testing.assert_allclose(found["TEXCOORD_0"][:, 0], mesh.tcoords[:, 0], atol=1e-6)
    np.testing.assert_allclose(found["TEXCOORD_0"][:, 1], 1 - mesh.tcoords[:, 1], atol=1e-6)
    np.testing.assert_array_equal(array(primitive["indices"]).ravel(), np.ravel(mesh.trilist))
    position = scene["accessors"][primitive["attributes"]["POSITION"]]
    np.testing.assert_allclose(position["max"], mesh.points.max(axis=0), atol=1e-4)
    view = scene["bufferViews"][scene["images"][0]["bufferView"]]
    image = buffer[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
    texture = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(texture, mesh.texture)


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(ValueError, match="a name that ends in .glb"):
        save_glb(tmp_path / "mesh.obj", meshes.bowl())
    assert not list(tmp_path.iterdir())
