"""Landmarks of another face brought to the source face."""

import numpy as np
import pytest

from tf_facegan.rdgan.retarget import MODES, Retargeter, similarity

RANDOM = np.random.RandomState(5)
FACE = RANDOM.uniform(20, 90, (68, 2))
OTHER = RANDOM.uniform(20, 90, (68, 2))


def moved(points, zoom, degrees, shift):
    turn = np.deg2rad(degrees)
    linear = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return points @ linear.T + shift, linear


def test_a_similarity_is_found_again():
    target, linear = moved(FACE, 1.7, 25, (4, -9))
    found, shift = similarity(FACE, target)
    np.testing.assert_allclose(found, linear, atol=1e-9)
    np.testing.assert_allclose(FACE @ found.T + shift, target, atol=1e-9)


def test_motion_keeps_the_source_and_follows_the_drive():
    """A copy of the source, larger, turned and elsewhere, moves it as if it were at its place."""
    smile = FACE + RANDOM.normal(0, 2, (68, 2))
    first, linear = moved(FACE, 2.5, -30, (300, 40))
    later, _ = moved(smile, 2.5, -30, (300, 40))
    retarget = Retargeter(FACE, "motion")
    np.testing.assert_allclose(retarget(first), FACE, atol=1e-4)
    np.testing.assert_allclose(retarget(later), smile, atol=1e-4)


def test_motion_does_not_take_over_proportions():
    retarget = Retargeter(FACE, "motion")
    np.testing.assert_allclose(retarget(OTHER), FACE, atol=1e-4)
    linear, _ = similarity(OTHER, FACE)
    step = np.array([3.0, 1.0])
    np.testing.assert_allclose(retarget(OTHER + step), FACE + linear @ step, atol=1e-4)


def test_shape_has_the_size_and_place_of_the_source():
    larger, _ = moved(OTHER, 3.0, 40, (500, 500))
    found = Retargeter(FACE, "shape")(larger)
    np.testing.assert_allclose(found, Retargeter(FACE, "shape")(OTHER), atol=1e-3)
    np.testing.assert_allclose(found.mean(axis=0), FACE.mean(axis=0), atol=1e-3)
    np.testing.assert_array_equal(Retargeter(FACE, "none")(OTHER), OTHER.astype(np.float32))


@pytest.mark.parametrize("mode", MODES)
def test_frames_without_a_face_repeat_the_last(mode):
    retarget = Retargeter(FACE, mode)
    np.testing.assert_array_equal(retarget(None), FACE.astype(np.float32))
    last = retarget(OTHER)
    np.testing.assert_array_equal(retarget(None), last)


def test_wrong_use():
    with pytest.raises(
        ValueError, match="retarget is 'morph', expected one of motion, shape, none"
    ):
        Retargeter(FACE, "morph")
    with pytest.raises(ValueError, match="all in one place"):
        Retargeter(FACE)(np.ones((68, 2)))
