"""Meshes and materials made to do harm, see `test_attacks`."""

import time

import numpy as np
import pytest

from tests.hostile import guard
from tests.hostile.guard import refused
from tests.uv import meshes
from tf_facegan.uv import isolation, scan


@pytest.mark.parametrize(
    "name",
    [
        "../secret.png",
        "/etc/hostname",
        "..\\secret.png",
        "sub/../../secret.png",
        "a" * 5000 + ".png",
        "a\0.png",
        ".",
    ],
)
@pytest.mark.parametrize("keyword", ["mtllib", "map_Kd"])
def test_names_in_meshes_lead_nowhere_else(keyword, name, tmp_path):
    folder = tmp_path / "given"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(b"secret")
    meshes.write_textured(folder, "a", meshes.bowl(5))
    path = folder / ("a.obj" if keyword == "mtllib" else "a.mtl")
    lines = [
        f"{keyword} {name}" if line.startswith(keyword) else line
        for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(lines))
    with guard.watched(folder):
        try:
            found = scan.read_scan(folder / "a.obj")
            assert found.texture_path == folder / "a.png"  # beside the mesh, by its stem
        except (ValueError, FileNotFoundError) as error:
            assert str(folder / "a.obj") in str(error) or str(folder) in str(error)
            assert "\n" not in str(error)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    folder = tmp_path / "given"
    folder.mkdir()
    meshes.write_textured(folder, "a", meshes.bowl(5))
    (folder / "a.png").rename(tmp_path / "secret.png")
    (folder / "a.png").symlink_to(tmp_path / "secret.png")
    refused(folder, "outside its own folder", scan.read_scan, folder / "a.obj")


def test_long_lines_of_materials_are_quick(tmp_path):
    meshes.write_textured(tmp_path, "a", meshes.bowl(5))
    (tmp_path / "a.mtl").write_text(
        "map_Kd -o 1 1 1 a" + " " * 300_000 + "b\n" + "map_Kd -s 1 " * 30_000
    )
    began = time.monotonic()
    with pytest.raises((ValueError, FileNotFoundError)):
        scan.find_texture(tmp_path / "a.obj")
    assert time.monotonic() - began < 5


def test_options_of_textures_are_not_their_names(tmp_path):
    meshes.write_textured(tmp_path, "a", meshes.bowl(5))
    (tmp_path / "a.png").rename(tmp_path / "my face.png")
    (tmp_path / "a.mtl").write_text("newmtl m\n\tMAP_KD  -bm 1.0 -o 0 0 0 my face.png \n")
    assert scan.find_texture(tmp_path / "a.obj") == tmp_path / "my face.png"


def crash(_):
    import ctypes

    ctypes.string_at(0)


def devour(_):
    return {"a": np.ones(1 << 36)}


def test_readers_that_crash_are_an_error(tmp_path):
    path = tmp_path / "a.ply"
    path.write_bytes(b"x")
    with pytest.raises(isolation.ReaderCrashed, match=r"its reader crashed \(SIGSEGV\)"):
        isolation.arrays_of(crash, path)
    with pytest.raises(ValueError, match="Unable to allocate"):
        isolation.arrays_of(devour, path)
    with pytest.raises(ValueError, match="invalid literal"):
        isolation.arrays_of(lambda path: int(path.read_text()), path)
    found = isolation.arrays_of(lambda path: {"a": np.arange(3)}, path)
    np.testing.assert_array_equal(found["a"], [0, 1, 2])
