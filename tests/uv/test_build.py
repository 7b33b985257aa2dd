import shutil

import cv2
import numpy as np
import pytest

from tests.uv.meshes import (
    bowl,
    picture,
    read_texture,
    turned,
    write_coloured,
    write_ljson,
    write_textured,
)
from tf_facegan.pickles import load_array
from tf_facegan.uv.build import create_uv_maps
from tf_facegan.uv.grid import grid_trilist
from tf_facegan.uv.layout import UVLayout
from tf_facegan.uv.mesh import TexturedMesh, mesh_from_maps
from tf_facegan.uv.scan import read_scan

RESOLUTION = 32


@pytest.fixture
def meshes(tmp_path):
    folder = tmp_path / "meshes"
    folder.mkdir()
    return folder


def _maps(folder, stem):
    return [read_texture(folder / "texture" / f"{stem}.png")] + [
        load_array(folder / kind / f"{stem}.pkl") for kind in ("shape", "normals")
    ]


def _nothing_left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_meshes_that_share_a_layout_keep_it_and_come_back(meshes, tmp_path, capsys):
    faces = {"a": bowl(bump=0.0), "b": bowl(bump=12.0)}
    for stem, mesh in faces.items():
        write_textured(meshes, stem, mesh)
    (meshes / "labels.csv").write_text("name,x\na,1\nb,2\n")
    out = tmp_path / "maps"
    create_uv_maps(out, meshes, RESOLUTION, workers=1)

    assert "warning" not in capsys.readouterr().err
    assert _nothing_left(out) == ["labels.csv", "normals", "shape", "texture", "uv_layout.npz"]
    assert (out / "labels.csv").read_text() == (meshes / "labels.csv").read_text()
    layout = UVLayout.load(out / "uv_layout.npz")
    np.testing.assert_allclose(layout.tcoords, faces["a"].tcoords, atol=1e-5)
    np.testing.assert_array_equal(layout.trilist, faces["a"].trilist)
    np.testing.assert_array_equal(layout.alignment, np.eye(4))
    assert 0.5 < layout.tmask.mean() < 0.8  # the texture coordinates leave a rim free

    for stem, mesh in faces.items():
        texture, shape, normals = _maps(out, stem)
        for value in (shape, normals):
            assert type(value) is np.ndarray and value.dtype == np.float32
            assert value.shape == (3, RESOLUTION, RESOLUTION) and np.abs(value).max() <= 1.0
        np.testing.assert_allclose(np.linalg.norm(normals, axis=0), 1.0, atol=1e-5)
        again = mesh_from_maps(layout, texture, shape)
        texel = 100.0 / RESOLUTION
        assert np.abs(again.points - mesh.points).max() < texel
        assert np.linalg.norm(again.points - mesh.points, axis=1).mean() < 0.15 * texel


def test_texture_normals_and_filling_are_what_they_should_be(meshes, tmp_path):
    for stem in "ab":
        write_textured(meshes, stem, bowl(side=17))
    create_uv_maps(tmp_path / "maps", meshes, RESOLUTION, workers=1)
    texture, _, normals = _maps(tmp_path / "maps", "a")
    mask = UVLayout.load(tmp_path / "maps" / "uv_layout.npz").tmask
    expected = cv2.resize(picture(), (RESOLUTION,) * 2, interpolation=cv2.INTER_AREA)
    found = texture.transpose(1, 2, 0) * 127.5 + 127.5
    assert np.abs(found[mask] - expected[mask].astype(np.float32)).max() < 5.0
    middle = RESOLUTION // 2
    np.testing.assert_allclose(normals[:, middle, middle], [0, 0, 1], atol=0.1)
    assert normals[0, middle, 6] < -0.5 < 0.5 < normals[0, middle, -7]
    # Beside the surface the colours go on smoothly, not as a constant.
    rim = np.concatenate([found[~mask]])
    assert rim.std(axis=0)[:2].min() > 20.0
    assert max(np.abs(np.diff(found, axis=axis)).max() for axis in (0, 1)) < 40.0


def test_size_of_the_identity_survives(meshes, tmp_path):
    small = bowl()
    write_textured(meshes, "small", small._replace(points=small.points * 0.8))
    write_textured(meshes, "large", small)
    create_uv_maps(tmp_path / "maps", meshes, RESOLUTION, workers=1)
    spans = [np.ptp(_maps(tmp_path / "maps", stem)[1][1]) for stem in ("small", "large")]
    assert spans[0] / spans[1] == pytest.approx(0.8, abs=0.01)


def test_workers_make_no_difference(meshes, tmp_path):
    for number in range(6):
        write_textured(meshes, f"m{number}", bowl(side=5, bump=float(number)))
    for workers in (1, 2):
        create_uv_maps(tmp_path / f"maps{workers}", meshes, 16, workers=workers)
    files = sorted(p.relative_to(tmp_path / "maps1") for p in (tmp_path / "maps1").rglob("*.p*"))
    assert len(files) == 18
    for name in files:
        one, two = ((tmp_path / folder / name).read_bytes() for folder in ("maps1", "maps2"))
        assert one == two, name


def test_landmarks_align_turned_and_scaled_copies(sample_scans, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(sample_scans, moved)
    for path in sorted(moved.glob("*.obj")):
        scan = read_scan(path)
        degrees = 10.0 + 7.0 * int(path.stem[-1])
        points = turned(scan.points, degrees)
        lines = path.read_text().splitlines()
        others = [line for line in lines[1:] if not line.startswith("v ")]
        vertices = ["v {:.6f} {:.6f} {:.6f}".format(*point) for point in points]
        path.write_text("\n".join([lines[0], *vertices, *others]) + "\n")
        write_ljson(path.with_suffix(".ljson"), turned(scan.landmarks, degrees))
    for name, folder in (("original", sample_scans), ("aligned", moved)):
        create_uv_maps(tmp_path / name, folder, RESOLUTION, workers=1)
    for stem in ("scan00000", "scan00002"):
        for one, two in zip(_maps(tmp_path / "original", stem), _maps(tmp_path / "aligned", stem)):
            np.testing.assert_allclose(one, two, atol=2e-4)


def test_one_aligned_mesh_keeps_its_alignment(sample_scans, tmp_path):
    one = tmp_path / "one"
    one.mkdir()
    for path in sample_scans.glob("scan00001.*"):
        shutil.copy(path, one)
    create_uv_maps(tmp_path / "maps", one, RESOLUTION, workers=1)
    layout = UVLayout.load(tmp_path / "maps" / "uv_layout.npz")
    scan = read_scan(one / "scan00001.obj")
    aligned = scan.points @ layout.alignment[:3, :3].T + layout.alignment[:3, 3]
    texture, shape, _ = _maps(tmp_path / "maps", "scan00001")
    again = mesh_from_maps(layout, texture, shape).points
    # The lips of an open mouth are steeper than the texels of this small map can follow.
    assert np.median(np.linalg.norm(again - aligned, axis=1)) < 0.5


def test_scans_of_different_topology_are_unwrapped_with_one_warning(meshes, tmp_path, capsys):
    for stem, side in (("coarse", 9), ("fine", 21)):
        write_textured(meshes, stem, bowl(side=side))
    create_uv_maps(tmp_path / "maps", meshes, RESOLUTION, workers=1)
    warnings = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert len(warnings) == 1 and "approximate" in warnings[0]
    layout = UVLayout.load(tmp_path / "maps" / "uv_layout.npz")
    assert layout.tmask.mean() > 0.9 and len(layout.tcoords) == layout.tmask.sum()
    results = {}
    for stem in ("coarse", "fine"):
        texture, shape, _ = _maps(tmp_path / "maps", stem)
        results[stem] = mesh_from_maps(layout, texture, shape)
        radius = np.hypot(results[stem].points[:, 0], results[stem].points[:, 2])
        np.testing.assert_allclose(radius, 50.0, atol=1.5)
        # Red still grows to the right and green upwards.
        assert texture[0, 16, 28] - texture[0, 16, 4] > 0.5
        assert texture[1, 4, 16] - texture[1, 28, 16] > 0.5
    distance = np.linalg.norm(results["coarse"].points - results["fine"].points, axis=1)
    assert distance.mean() < 1.0


def test_an_atlas_alone_is_unwrapped(meshes, tmp_path, capsys):
    mesh = bowl()
    left = mesh.trilist[mesh.points[mesh.trilist][:, :, 0].max(axis=1) <= 1e-6]
    right = mesh.trilist[mesh.points[mesh.trilist][:, :, 0].min(axis=1) >= -1e-6]
    count = len(mesh.points)
    torn = mesh._replace(
        points=np.concatenate([mesh.points, mesh.points]),
        tcoords=np.concatenate([mesh.tcoords * [0.5, 1.0], mesh.tcoords * [0.5, 1.0] + [0.5, 0]]),
        trilist=np.concatenate([left, right + count]),
    )
    write_textured(meshes, "atlas", torn)
    create_uv_maps(tmp_path / "maps", meshes, 16, workers=1)
    assert "unwrapped" in capsys.readouterr().err
    shape = load_array(tmp_path / "maps" / "shape" / "atlas.pkl")
    assert (np.diff(shape[0], axis=1)[4:-4] > 0).all()  # x grows to the right everywhere


def test_vertex_colours(meshes, tmp_path, capsys):
    mesh = bowl(side=17)
    colours = np.stack([mesh.tcoords[:, 0], mesh.tcoords[:, 1], 0 * mesh.tcoords[:, 0]], axis=1)
    for stem, bump in (("a", 0.0), ("b", 6.0)):
        write_coloured(
            meshes / f"{stem}.ply", bowl(side=17, bump=bump), np.rint(colours * 255).astype(int)
        )
    create_uv_maps(tmp_path / "maps", meshes, RESOLUTION, workers=1)
    assert "warning" not in capsys.readouterr().err
    layout = UVLayout.load(tmp_path / "maps" / "uv_layout.npz")
    assert len(layout.tcoords) == 17 * 17
    for stem, bump in (("a", 0.0), ("b", 6.0)):
        texture, shape, _ = _maps(tmp_path / "maps", stem)
        again = mesh_from_maps(layout, texture, shape)
        error = np.linalg.norm(again.points - bowl(side=17, bump=bump).points, axis=1)
        assert error.mean() < 0.5
        rows, columns = np.rint(layout.tcoords_pixel_scaled).astype(int).T
        found = texture[:, rows, columns].T * 0.5 + 0.5
        assert np.abs(found - colours).max() < 0.05


def test_mixed_landmarks_are_warned_of(meshes, tmp_path, capsys):
    marks = bowl().points[[0, 8, 40, 72, 80]]
    write_textured(meshes, "a", bowl(), marks)
    write_textured(meshes, "b", bowl())
    create_uv_maps(tmp_path / "maps", meshes, 16, workers=1)
    assert "1 of 2 meshes have no landmarks" in capsys.readouterr().err


@pytest.mark.parametrize("resolution", [2, 48, 0])
def test_resolution_must_be_a_power_of_two(meshes, tmp_path, resolution):
    with pytest.raises(ValueError, match=f"resolution is {resolution}"):
        create_uv_maps(tmp_path / "maps", meshes, resolution)


def test_missing_and_empty_folders(meshes, tmp_path):
    with pytest.raises(FileNotFoundError, match="elsewhere"):
        create_uv_maps(tmp_path / "maps", tmp_path / "elsewhere", 16)
    (meshes / "notes.txt").write_text("no mesh")
    with pytest.raises(FileNotFoundError, match="found no mesh"):
        create_uv_maps(tmp_path / "maps", meshes, 16)
    assert _nothing_left(tmp_path) == ["meshes"]


def test_existing_output_is_kept_unless_told(meshes, tmp_path):
    write_textured(meshes, "a", bowl(side=5))
    out = tmp_path / "maps"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    with pytest.raises(ValueError, match="maps"):
        create_uv_maps(out, meshes, 16, workers=1)
    assert _nothing_left(out) == ["mine.txt"]
    with pytest.raises(ValueError, match="maps: not replaced, because .*: mine.txt"):
        create_uv_maps(out, meshes, 16, workers=1, overwrite=True)
    assert _nothing_left(out) == ["mine.txt"]
    (out / "mine.txt").rename(out / "labels.csv")
    for _ in range(2):
        create_uv_maps(out, meshes, 16, workers=1, overwrite=True)
    assert "uv_layout.npz" in _nothing_left(out) and "labels.csv" not in _nothing_left(out)
    assert _nothing_left(tmp_path) == ["maps", "meshes"]


@pytest.mark.parametrize("workers, good", [(1, 2), (2, 7)])
def test_a_failing_build_leaves_nothing_and_names_the_file(meshes, tmp_path, workers, good):
    for number in range(good):
        write_textured(meshes, f"a{number}", bowl(side=5))
    write_textured(meshes, "broken", bowl(side=5))
    (meshes / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n no picture")
    with pytest.raises(ValueError, match="broken.png"):
        create_uv_maps(tmp_path / "maps", meshes, 16, workers=workers)
    assert _nothing_left(tmp_path) == ["meshes"]


def test_an_interrupted_build_leaves_nothing(meshes, tmp_path, monkeypatch):
    write_textured(meshes, "a", bowl(side=5))

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("tf_facegan.uv.build._write_maps", interrupted)
    with pytest.raises(KeyboardInterrupt):
        create_uv_maps(tmp_path / "maps", meshes, 16, workers=1)
    assert _nothing_left(tmp_path) == ["meshes"]


def test_workers_must_be_positive(meshes, tmp_path):
    write_textured(meshes, "a", bowl(side=5))
    with pytest.raises(ValueError, match="workers is 0"):
        create_uv_maps(tmp_path / "maps", meshes, 16, workers=0)
    assert _nothing_left(tmp_path) == ["meshes"]


def _edges(trilist, places):
    """How often each edge between places is used: {(smaller, larger): times}."""
    counts = {}
    for triangle in places[trilist]:
        for a, b in zip(triangle, np.roll(triangle, 1)):
            edge = min(a, b), max(a, b)
            counts[edge] = counts.get(edge, 0) + 1
    return counts


def _tube(around=24, high=7):
    """A tube open at both ends; its first and last columns of vertices lie at one place."""
    steps = np.linspace(0.0, 1.0, around + 1)
    u, v = (axis.ravel() for axis in np.meshgrid(steps, np.linspace(1.0, 0.0, high)))
    angle = 2.0 * np.pi * (u - 0.5)
    points = np.stack([50 * np.sin(angle), 90 * (v - 0.5), 50 * np.cos(angle)], axis=1)
    points[np.isclose(u, 1.0)] = points[np.isclose(u, 0.0)]
    trilist = grid_trilist(np.arange((around + 1) * high).reshape(high, around + 1))
    return TexturedMesh(points, trilist, np.stack([u, v], axis=1), picture())


def test_the_seam_of_a_texture_stays_closed(meshes, tmp_path):
    tube = _tube()
    for stem, size in (("a", 1.0), ("b", 1.2)):
        write_textured(meshes, stem, tube._replace(points=tube.points * size))
    create_uv_maps(tmp_path / "maps", meshes, RESOLUTION, workers=1)
    layout = UVLayout.load(tmp_path / "maps" / "uv_layout.npz")
    columns = np.arange(25 * 7).reshape(7, 25)
    np.testing.assert_array_equal(layout.welded[columns[:, 24]], columns[:, 0])
    noise = np.random.RandomState(0).uniform(-0.02, 0.02, (3, RESOLUTION, RESOLUTION))
    texture, shape, normals = _maps(tmp_path / "maps", "a")
    mesh = mesh_from_maps(layout, texture, shape + noise, normals=normals)
    np.testing.assert_array_equal(mesh.points[columns[:, 24]], mesh.points[columns[:, 0]])


def test_lips_that_touch_on_one_mesh_only_are_not_welded(meshes, tmp_path):
    tube = _tube()
    parted = tube.points.copy()
    parted[np.isclose(tube.tcoords[:, 0], 1.0)] += [2.0, 0.0, 0.0]
    write_textured(meshes, "a", tube)
    write_textured(meshes, "b", tube._replace(points=parted))
    create_uv_maps(tmp_path / "maps", meshes, RESOLUTION, workers=1)
    assert UVLayout.load(tmp_path / "maps" / "uv_layout.npz").welded is None


def test_a_cylinder_is_closed_where_it_was_cut(meshes, tmp_path):
    tube = _tube()
    kept = np.setdiff1d(np.arange(len(tube.points)), np.arange(24, len(tube.points), 25))
    numbers = np.full(len(tube.points), -1)
    numbers[kept] = np.arange(len(kept))
    numbers[24::25] = numbers[0::25]
    round_ = tube._replace(points=tube.points[kept], trilist=numbers[tube.trilist])
    for stem, size in (("a", 1.0), ("b", 1.2)):
        colours = np.full((len(kept), 3), 99)
        write_coloured(
            meshes / f"{stem}.ply", round_._replace(points=round_.points * size), colours
        )
    create_uv_maps(tmp_path / "maps", meshes, RESOLUTION, workers=1)
    layout = UVLayout.load(tmp_path / "maps" / "uv_layout.npz")
    texture, shape, _ = _maps(tmp_path / "maps", "a")
    mesh = mesh_from_maps(layout, texture, shape)
    assert len(mesh.points) == len(kept) + 7 and len(mesh.trilist) == len(round_.trilist)
    _, places = np.unique(np.round(mesh.points, 3), axis=0, return_inverse=True)
    once = [edge for edge, count in _edges(mesh.trilist, places.reshape(-1)).items() if count == 1]
    assert len(once) == 2 * 24  # the rims at both ends
    widths = np.ptp(mesh.tcoords[mesh.trilist][:, :, 0], axis=1)
    assert widths.max() < 0.1  # no triangle is smeared over the whole texture
