"""What the networks see, and the published picture."""

import numpy as np
import pytest
import tensorflow as tf

from tests.golden.recipe import tensor
from tests.tdgan import golden, tiny
from tf_facegan.tdgan import images


def test_gray_is_the_published_conversion():
    records = tiny.pictures(4, 3, 16)
    red, green, blue = records.astype(np.int64).transpose(1, 0, 2, 3)
    expected = (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16
    gray = images.prepare(tf.constant(records), grayscale=True)
    assert gray.shape == (4, 16, 16, 1)
    np.testing.assert_array_equal(gray[..., 0], (expected / np.float32(255)).astype(np.float32))


def test_colours_stay():
    records = tiny.pictures(2, 3, 8)
    found = images.prepare(tf.constant(records), grayscale=False, dtype=tf.float64)
    np.testing.assert_allclose(found, records.transpose(0, 2, 3, 1) / 255.0)
    gray = images.prepare(tf.constant(records[:, :1]), grayscale=True)
    np.testing.assert_allclose(gray[..., 0], records[:, 0] / 255.0, rtol=1e-6)


def test_crops_and_mirrors():
    pictures = np.random.RandomState(0).rand(3, 9, 7, 2)
    offsets = np.array([[0, 0], [3, 1], [4, 2]])
    found = images.crop(pictures, offsets, np.array([False, True, False]), 5).numpy()
    np.testing.assert_array_equal(found[0], pictures[0, :5, :5])
    np.testing.assert_array_equal(found[1], pictures[1, 3:8, 1:6][:, ::-1])
    np.testing.assert_array_equal(found[2], pictures[2, 4:9, 2:7])
    middle = images.centre_crop(pictures, 5)
    np.testing.assert_array_equal(middle, pictures[:, 2:7, 1:6])


@pytest.mark.parametrize("channels", (1, 3))
def test_the_published_picture(channels):
    arrays, config = golden.load("metrics")
    shape = (config["fig_batch"], channels, config["fig_size"], config["fig_size"])
    columns = [
        tensor(f"in/fig{channels}_{name}", shape, config["seed"], kind="uniform")
        for name in ("face", "expr", "fake", "con_FR", "con_ER")
    ]
    found = images.sheet(*(golden.nhwc(column) for column in columns))
    np.testing.assert_array_equal(found, arrays[f"fig_c{channels}"])
