import numpy as np

from tf_facegan.tdgan import losses


def codes(seed, count=400):
    """Channels of very different spreads around means of their own, [count, 2, 2, 3]."""
    random = np.random.RandomState(seed)
    return random.randn(count, 2, 2, 3) * [0.2, 1.0, 5.0] + [1.0, -2.0, 5.0]


def test_relative_distance():
    one, other = codes(0), codes(1)
    assert float(losses.relative_distance(one, one)) == 0
    assert abs(float(losses.relative_distance(one, other)) - 1) < 0.05
    assert abs(float(losses.relative_distance(7 * one, 7 * other)) - 1) < 0.05
    far = [np.float32(x + 300) for x in (one, other)]  # the spread is small beside the mean
    expected = float(losses.relative_distance(one, other))
    assert abs(float(losses.relative_distance(*far)) - expected) < 1e-3
    # Half of the variance of each channel in common: one channel does not drown the others.
    common = codes(2)
    near = float(losses.relative_distance(common + one, common + other))
    assert abs(near - 0.5) < 0.05
    still = np.concatenate([one[..., :1] * 0, one[..., 1:]], axis=-1)
    assert np.isfinite(float(losses.relative_distance(still, still * 2)))
