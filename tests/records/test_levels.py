import numpy as np
import pytest

from tests.records import sets
from tf_facegan.records import levels


def test_levels_are_box_averages():
    image = sets.arrays(1, 3, 16)[0]
    built = list(levels.build(image, 3))
    assert [level.shape for level in built] == [(3, 16, 16), (3, 8, 8), (3, 4, 4)]
    expected = image.astype(np.float64).reshape(3, 4, 4, 4, 4).mean((2, 4))
    np.testing.assert_allclose(built[2], expected, atol=1e-6)


def test_the_phases_are_added_in_the_published_order():
    # In float32 each of these orders gives another sum: 1 is lost beside 2**24.
    image = np.float32([[[2**24, 1], [1, -(2**24)]]])
    assert levels.halve(image)[0, 0, 0] == 0.0
    image = np.float32([[[1, 1], [2**24, -(2**24)]]])
    assert levels.halve(image)[0, 0, 0] == 0.5


@pytest.mark.parametrize("shape", [(1, 2, 2), (3, 4, 2), (2, 130, 66), (2, 256, 128)])
def test_images_of_any_height(shape):
    image = np.random.RandomState(0).randn(*shape).astype(np.float32)
    expected = image[:, ::2, ::2] + image[:, ::2, 1::2]
    expected = (expected + image[:, 1::2, ::2] + image[:, 1::2, 1::2]) * np.float32(0.25)
    np.testing.assert_array_equal(levels.halve(image), expected)


def test_rounding_of_uint8_does_not_accumulate():
    # Rounded level by level, 0.5 would become 0 first (half to even) and stay 0.
    image = np.zeros((1, 4, 4), np.uint8)
    image[0, ::2, ::2] = 2
    image[0, 0, 0] = 3
    first, second, third = levels.build(image, 3)
    np.testing.assert_array_equal(second, [[[1, 0], [0, 0]]])
    assert third[0, 0, 0] == 1
    assert [level.dtype for level in (first, second, third)] == [np.uint8] * 3
