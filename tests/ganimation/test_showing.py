import numpy as np
import pytest
import tensorflow as tf

from tf_facegan.engine.draws import Draws
from tf_facegan.ganimation import showing
from tf_facegan.ganimation.config import Train


def draw(**options):
    return showing.draw(Draws(3, 5), Train(**options), 400, 8)


def test_nothing_is_drawn_unless_it_is_asked_for():
    assert draw() == {}
    images = tf.ones([2, 4, 4, 3])
    assert showing.show(images, {}, "real") is images
    assert set(draw(critic_noise=0.1)) == {"real_noise", "fake_noise"}
    assert set(draw(critic_shift=1)) == {"real_shift", "fake_shift"}


def test_noise_has_levels_from_none_to_the_largest():
    draws = draw(critic_noise=0.4)
    for kind in showing.KINDS:
        levels = np.std(draws[f"{kind}_noise"], axis=(1, 2, 3))
        assert levels.min() < 0.02 and 0.34 < levels.max() < 0.5
        assert abs(levels.mean() - 0.2) < 0.02
    assert not np.allclose(draws["real_noise"], draws["fake_noise"])


def test_shifts_are_all_pixels_up_to_the_largest():
    draws = draw(critic_shift=2)
    for kind in showing.KINDS:
        assert draws[f"{kind}_shift"].shape == (400, 2)
        assert set(draws[f"{kind}_shift"].numpy().ravel()) == {-2, -1, 0, 1, 2}


@pytest.mark.parametrize("down, right", [(0, 0), (1, 0), (0, -2), (-3, 2)])
def test_images_are_moved_and_their_borders_repeated(down, right):
    images = np.random.RandomState(0).rand(2, 8, 8, 3).astype(np.float32)
    offsets = tf.constant([[down, right], [0, 0]], tf.int64)
    padded = np.pad(images[0], ((4, 4), (4, 4), (0, 0)), "edge")
    expected = padded[4 - down : 12 - down, 4 - right : 12 - right]
    moved = showing.moved(tf.constant(images), offsets)
    np.testing.assert_array_equal(moved[0], expected)
    np.testing.assert_array_equal(moved[1], images[1])


def test_gradients_go_where_pixels_came_from():
    images = tf.zeros([1, 4, 4, 1])
    with tf.GradientTape() as tape:
        tape.watch(images)
        seen = showing.moved(images, tf.constant([[1, 0]], tf.int64))
        corner = seen[0, 2, 3, 0]
    gradient = tape.gradient(corner, images).numpy()[0, :, :, 0]
    assert gradient[1, 3] == 1 and gradient.sum() == 1
