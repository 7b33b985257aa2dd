import numpy as np
import pytest

from tests.uv.meshes import bowl, write_coloured, write_textured
from tf_facegan.uv.scan import mesh_paths, read_scan


def test_textured_mesh(tmp_path):
    mesh = bowl()
    write_textured(tmp_path, "face", mesh)
    scan = read_scan(tmp_path / "face.obj")
    np.testing.assert_allclose(scan.points, mesh.points, atol=1e-5)
    np.testing.assert_allclose(scan.tcoords, mesh.tcoords, atol=1e-5)
    np.testing.assert_array_equal(scan.trilist, mesh.trilist)
    np.testing.assert_array_equal(scan.texture(), mesh.texture)
    assert scan.texture_size == (64, 64)
    assert scan.colours is None and scan.landmarks is None


def test_texture_is_the_one_the_material_names(tmp_path):
    write_textured(tmp_path, "face", bowl())
    (tmp_path / "face.png").rename(tmp_path / "skin of face.png")
    material = tmp_path / "face.mtl"
    material.write_text(material.read_text().replace("face.png", "-o 0 0 0 skin of face.png"))
    assert read_scan(tmp_path / "face.obj").texture_path.name == "skin of face.png"


def test_without_material_the_picture_of_that_stem(tmp_path):
    write_textured(tmp_path, "face", bowl())
    (tmp_path / "face.mtl").unlink()
    assert read_scan(tmp_path / "face.obj").texture_path.name == "face.png"


def test_vertex_colours(tmp_path):
    mesh = bowl(side=4)
    colours = np.arange(48).reshape(16, 3)
    write_coloured(tmp_path / "face.ply", mesh, colours)
    scan = read_scan(tmp_path / "face.ply")
    np.testing.assert_allclose(scan.colours, colours / 255.0, atol=1e-6)
    assert scan.tcoords is None and scan.parametrisation() is None


def test_topology_and_parametrisation_are_compared_by_digest(tmp_path):
    for stem, mesh in (
        ("a", bowl()),
        ("b", bowl(bump=5.0)),
        ("c", bowl(inset=0.2)),
        ("d", bowl(7)),
    ):
        write_textured(tmp_path, stem, mesh)
    a, b, c, d = (read_scan(path) for path in mesh_paths(tmp_path))
    assert a.topology() == b.topology() == c.topology() != d.topology()
    assert a.parametrisation() == b.parametrisation() != c.parametrisation()


def test_pieces_of_surface_and_texture(tmp_path):
    mesh = bowl(side=4)
    write_textured(tmp_path, "whole", mesh)
    corners = mesh.trilist.ravel()
    spread = mesh.tcoords[corners] + np.repeat(np.arange(len(mesh.trilist)), 3)[:, None] * 1e-3
    torn = mesh._replace(
        points=mesh.points[corners], tcoords=spread, trilist=np.arange(len(corners)).reshape(-1, 3)
    )
    write_textured(tmp_path, "torn", torn)
    assert read_scan(tmp_path / "whole.obj").pieces() == (1, 1)
    assert read_scan(tmp_path / "torn.obj").pieces() == (1, 18)


def _edited(path, old, new):
    path.write_text(path.read_text().replace(old, new))


def test_bad_meshes_are_named(tmp_path):
    write_textured(tmp_path, "face", bowl(side=4))
    path = tmp_path / "face.obj"
    with pytest.raises(FileNotFoundError, match="nobody.obj"):
        read_scan(tmp_path / "nobody.obj")
    (tmp_path / "empty.obj").write_text("")
    (tmp_path / "text.ply").write_text("this is no mesh")
    (tmp_path / "points.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\n")
    for name in ("empty.obj", "text.ply", "points.obj"):
        with pytest.raises(ValueError, match=name):
            read_scan(tmp_path / name)
    (tmp_path / "face.png").unlink()
    with pytest.raises(FileNotFoundError, match="face.png.*face.obj"):
        read_scan(path)
    (tmp_path / "face.mtl").unlink()
    with pytest.raises(ValueError, match="face.obj.*neither a texture"):
        read_scan(path)


def test_unreadable_texture_is_named(tmp_path):
    write_textured(tmp_path, "face", bowl(side=4))
    (tmp_path / "face.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="face.png"):
        read_scan(tmp_path / "face.obj")


@pytest.mark.parametrize("name", ["../secret.png", "/etc/hostname", "..\\secret.png"])
def test_files_outside_the_folder_are_not_read(tmp_path, name):
    folder = tmp_path / "meshes"
    folder.mkdir()
    write_textured(folder, "face", bowl(side=4))
    (folder / "face.png").rename(tmp_path / "secret.png")
    _edited(folder / "face.mtl", "face.png", name)
    with pytest.raises(ValueError, match="outside its own folder"):
        read_scan(folder / "face.obj")


def test_several_pictures_are_refused(tmp_path):
    write_textured(tmp_path, "face", bowl(side=4))
    with open(tmp_path / "face.mtl", "a") as file:
        file.write("newmtl other\nmap_Kd other.png\n")
    with pytest.raises(ValueError, match="face.obj.*2 pictures"):
        read_scan(tmp_path / "face.obj")


def test_same_stem_twice(tmp_path):
    write_textured(tmp_path, "face", bowl(side=4))
    write_coloured(tmp_path / "face.ply", bowl(side=4), np.zeros([16, 3], int))
    with pytest.raises(ValueError, match="face.ply.*face.obj"):
        mesh_paths(tmp_path)
