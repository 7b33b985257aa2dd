"""The crops of TBGAN's fitting give the published values."""

from pathlib import Path

import numpy as np
import pytest

from tests.golden.recipe import fingerprint, tensor
from tf_facegan.uv import crops

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "tbgan" / "misc.npz")
SEED = 3004
TEXTURE = tensor("in/crop377", (377, 595, 3), SEED, kind="uniform")


def check(found, name):
    norm, mean, first = fingerprint(found)
    np.testing.assert_allclose([norm, mean, *first], GOLDEN[name], rtol=1e-6)


def test_a_texture_becomes_square():
    square = crops.to_square(TEXTURE)
    assert list(square.shape) == list(GOLDEN["crop512_shape"])
    check(square, "crop512_fp")
    np.testing.assert_array_equal(square[67, :4], GOLDEN["crop512_row"])


def test_a_picture_becomes_square():
    check(crops.to_square((TEXTURE * 255).astype(np.uint8)), "crop_im_fp")


def test_a_square_becomes_a_texture():
    texture = crops.from_square(tensor("in/crop512", (512, 512, 3), SEED, kind="uniform"))
    assert list(texture.shape) == list(GOLDEN["crop377_shape"])
    check(texture, "crop377_fp")
    columns = [0, 41, 42, 43, 551, 552, 553, 594]
    np.testing.assert_array_equal(texture[0, columns], GOLDEN["crop377_cols"])


def test_the_middle_comes_back():
    again = crops.from_square(crops.to_square(TEXTURE))
    np.testing.assert_array_equal(again[:, 42:552], TEXTURE[:, 42:552])
    assert crops.rows_of_texture(crops.to_square(TEXTURE)).shape == (377, 512, 3)


def test_another_size_is_refused():
    with pytest.raises(ValueError, match=r"picture is \[512, 512, 3\], expected \[377, 595, C\]"):
        crops.to_square(np.zeros((512, 512, 3)))
