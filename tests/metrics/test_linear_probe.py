import numpy as np
import pytest

from tf_facegan.metrics.linear_probe import linear_probe, turns


def clouds(count, dimensions=12, spread=0.3, classes=4, seed=0):
    """Points around a corner for each class; the other dimensions say nothing."""
    random = np.random.RandomState([seed, count])
    labels = np.arange(count) % classes
    features = random.randn(count, dimensions) * 5
    features[:, :classes] = np.eye(classes)[labels] + spread * random.randn(count, classes)
    features[:, -1] = 3.0
    return features, labels + 10


def test_a_linear_code_is_read_and_noise_is_not():
    train, test = clouds(400), clouds(300)
    assert linear_probe(*train, *test) > 0.9
    noise = train[0][:, 4:], train[1], test[0][:, 4:], test[1]
    assert 0.15 < linear_probe(*noise) < 0.35  # four classes: chance is a quarter


def test_what_is_not_linear_is_not_read():
    random = np.random.RandomState(0)
    points = random.uniform(-1, 1, (600, 2))
    labels = (points[:, 0] > 0) ^ (points[:, 1] > 0)
    assert linear_probe(points[:300], labels[:300], points[300:], labels[300:]) < 0.65


def faint(count, seed, classes=16, dimensions=100):
    """Points around centres that every dimension says a little about; labels take turns."""
    centres = np.random.RandomState(7).randn(classes, dimensions)
    labels = np.arange(count) % classes
    return 0.4 * centres[labels] + np.random.RandomState(seed).randn(count, dimensions), labels


def test_a_penalty_is_chosen_where_labels_take_turns(monkeypatch):
    train, test = faint(160, seed=0), faint(400, seed=1)
    chosen = linear_probe(*train, *test)
    order = np.random.RandomState(0).permutation(len(train[1]))
    assert abs(chosen - linear_probe(train[0][order], train[1][order], *test)) < 0.03
    monkeypatch.setattr("tf_facegan.metrics.linear_probe._PENALTIES", (1e-4,))
    assert chosen > linear_probe(*train, *test) + 0.02


def test_turns():
    np.testing.assert_array_equal(turns(np.array([3, 5, 3, 3, 5, 9])), [0, 0, 1, 2, 1, 0])


def test_features_of_any_shape_give_the_same(seed=1):
    (features, labels), (others, more) = clouds(80), clouds(40)
    flat = linear_probe(features, labels, others, more)
    shaped = linear_probe(
        features.reshape(80, 2, 3, 2).astype(np.float32), labels, others.reshape(40, 2, 3, 2), more
    )
    assert abs(flat - shaped) < 0.05


def test_mistakes():
    features, labels = clouds(8)
    with pytest.raises(ValueError, match="8 and 8 features, 7 and 8 labels"):
        linear_probe(features, labels[:7], features, labels)
    with pytest.raises(ValueError, match="a single label"):
        linear_probe(features, labels * 0, features, labels)
