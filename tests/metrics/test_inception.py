"""Distances of activations against cases that can be worked out by hand."""

import numpy as np
import pytest

from tf_facegan.metrics import frechet_distance as fid
from tf_facegan.metrics.inception_score import inception_score
from tf_facegan.metrics.kernel_distance import kernel_distance


def normal(count, size, offset=0.0, seed=0):
    return np.random.RandomState(seed).randn(count, size) + offset


def test_frechet_distance_of_two_known_normal_distributions():
    a = (np.zeros(2), np.diag([4.0, 1.0]))
    b = (np.array([3.0, 4.0]), np.diag([1.0, 9.0]))
    # |mean|^2 = 25; sum of (2 - 1)^2 and (1 - 3)^2
    assert fid.frechet_distance(a, b) == pytest.approx(30)


def test_frechet_distance_of_one_component():
    a, b = np.array([[0.0], [2.0]]), np.array([[3.0], [7.0]])  # means 1 and 5, variances 2 and 8
    found = fid.frechet_distance(fid.statistics(a), fid.statistics(b))
    assert found == pytest.approx(4**2 + (8**0.5 - 2**0.5) ** 2)


def test_frechet_distance_of_fewer_images_than_components(recwarn):
    a, b = normal(5, 40, seed=1), normal(6, 40, 0.5, seed=2)
    centred = [(x - x.mean(axis=0)) / np.sqrt(len(x) - 1) for x in (a, b)]
    root = np.linalg.svd(centred[0] @ centred[1].T, compute_uv=False).sum()
    expected = np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2) - 2 * root
    expected += sum(np.sum(x**2) for x in centred)
    found = fid.frechet_distance(fid.statistics(a), fid.statistics(b))
    assert found == pytest.approx(expected, rel=1e-5)
    assert not recwarn.list
    with pytest.raises(ValueError, match="activations of 1 images, of at least 2"):
        fid.statistics(a[:1])


def test_frechet_distance_of_different_sizes():
    with pytest.raises(ValueError, match="activations of 2 and 3 components"):
        fid.frechet_distance(fid.statistics(normal(9, 2)), fid.statistics(normal(9, 3)))


def test_inception_score_of_sure_and_of_unsure_classes():
    sure = np.tile(np.eye(4) * (1 - 4e-9) + 1e-9, (10, 1))
    assert inception_score(sure, splits=2)[0] == pytest.approx(4, rel=1e-6)
    assert inception_score(np.full((40, 4), 0.25), splits=2)[0] == pytest.approx(1)


def test_kernel_distance_by_hand():
    # One component: k(x, y) = (x y + 1)^3. x = {0, 1}: k = 1; y = {0, 2}: k = 1;
    # between: k(0, 0) = k(0, 2) = k(1, 0) = 1, k(1, 2) = 27, mean 7.5. 1 + 1 - 15 = -13.
    a, b = np.array([[0.0], [1.0]]), np.array([[0.0], [2.0]])
    assert kernel_distance(a, b, subsets=3) == (pytest.approx(-13), pytest.approx(0))


def test_kernel_distance_is_unbiased_and_grows():
    a = normal(2000, 8, seed=1)
    same, deviation = kernel_distance(a, normal(2000, 8, seed=2), subset_size=200)
    assert abs(same) < 3 * deviation / np.sqrt(100) + 0.01
    near = kernel_distance(a, normal(2000, 8, 0.3, seed=2), subset_size=200)[0]
    far = kernel_distance(a, normal(2000, 8, 0.6, seed=2), subset_size=200)[0]
    assert same < near < far


def test_kernel_distance_needs_two_images():
    with pytest.raises(ValueError, match="1 and 5 images, at least 2"):
        kernel_distance(normal(1, 3), normal(5, 3))


def test_inception_score_of_classes_without_any_probability():
    assert inception_score(np.tile(np.eye(3), (4, 1)), splits=1)[0] == pytest.approx(3)


def test_inception_score_of_too_few_images():
    with pytest.raises(ValueError, match="9 images, at least 10 expected"):
        inception_score(np.full((9, 4), 0.25))
