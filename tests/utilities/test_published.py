"""Pictures, grids and the published test path give the published values."""

import types
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.golden.recipe import fingerprint, tensor
from tf_facegan.engine.progress import format_time
from tf_facegan.utilities import images, interpolation_images
from tf_facegan.uv.layout import UVLayout
from tf_facegan.uv.mesh import lookup, mesh_from_maps

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "tbgan" / "misc.npz")
SEED = 3004


@pytest.mark.parametrize("channels", [1, 3, 6, 9])
def test_grids(tmp_path, channels):
    batch = tensor(f"in/grid{channels}", (5, channels, 6, 6), SEED, 0.7)
    for path in images.save_image_grid(batch, tmp_path / f"g{channels}.png", (-1, 1), (3, 2)):
        found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        found = found if channels == 1 else found[:, :, ::-1]
        np.testing.assert_array_equal(found, GOLDEN[f"grid/{path.name}"])


def test_dynamic_range():
    values = tensor("in/adj", (11,), SEED)
    found = images.adjust_dynamic_range(values, (0, 255), (-1, 1))
    np.testing.assert_array_equal(found, GOLDEN["adjust"])


def test_automatic_grid():
    assert list(images.image_grid(np.zeros((7, 1, 2, 2))).shape) == list(GOLDEN["auto_grid"])


@pytest.mark.parametrize("key", [key for key in GOLDEN.files if key.startswith("format_time/")])
def test_times(key):
    assert format_time(float(key.split("/")[1])) == str(GOLDEN[key])


def test_the_path_of_the_published_test():
    pipeline = types.SimpleNamespace(
        generator=types.SimpleNamespace(latent_size=6),
        label_size=7,
        info=types.SimpleNamespace(labels={"kind": "class"}),
    )
    options = interpolation_images.Options(duration_sec=1.0, mp4_fps=12, smoothing_sec=0.1)
    latents, labels = interpolation_images.walk(pipeline, options)
    np.testing.assert_allclose(latents, GOLDEN["interp/latents"], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(labels, GOLDEN["interp/labels"], rtol=1e-6)


def test_the_first_mesh_of_the_published_test():
    pixels = tensor("in/tcps", (40, 2), SEED, 511, kind="uniform")
    maps = tensor("in/gen/0/0", (9, 512, 512), SEED)
    layout = UVLayout(
        resolution=512,
        tcoords=np.zeros((40, 2), np.float32),
        tcoords_pixel_scaled=pixels,
        trilist=np.zeros((0, 3), np.int32),
        tmask=np.ones((512, 512), bool),
        scale=1.0,
        offset=np.zeros(3, np.float32),
    )
    mesh = mesh_from_maps(layout, maps[:3], maps[3:6], smoothing=3.0, truncate=True)
    np.testing.assert_allclose(mesh.points, GOLDEN["interp/mesh0_points"], atol=1e-6)
    for picture, name in (
        (mesh.texture, "mesh0_texture_fp"),
        (interpolation_images.normals_picture(maps[6:]), "normals0_fp"),
    ):
        norm, mean, first = fingerprint(picture.transpose(2, 0, 1) / 255)
        expected = GOLDEN[f"interp/{name}"]
        np.testing.assert_allclose([norm, mean], expected[:2], rtol=1e-4)
        np.testing.assert_allclose(first, expected[2:], atol=0.5 / 255 + 1e-6)


def test_look_up():
    pixels = tensor("in/tcps", (40, 2), SEED, 511, kind="uniform")
    found = lookup(tensor("in/uv", (3, 512, 512), SEED), pixels)
    np.testing.assert_array_equal(found, GOLDEN["uv/points"])
