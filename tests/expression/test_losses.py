import numpy as np
import pytest
import tensorflow as tf

from tf_facegan.expression import losses
from tf_facegan.expression.networks import Critic, Generator

SIZES = {"condition_dim": 3, "image_size": 16, "dim": 4, "seed": 1}


@pytest.fixture(scope="module")
def inputs():
    random = np.random.RandomState(0)
    reals = random.uniform(-1, 1, (4, 16, 16, 3)).astype(np.float32)
    noise = random.randn(4, 5).astype(np.float32)
    return reals, noise, np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]


def test_faces_of_other_expressions_count_as_fakes(inputs):
    reals, noise, condition = inputs
    other = np.eye(3, dtype=np.float32)[[0, 2, 2, 1]]
    G, D = Generator(noise_dim=5, **SIZES), Critic(**SIZES)
    mismatch = losses.Mismatch(tf.constant(other), tf.constant([[0.0], [1.0], [0.0], [1.0]]), 0.25)
    mixing = np.full((4, 1, 1, 1), 0.5, np.float32)
    loss, terms = losses.critic_loss(G, D, reals, noise, condition, mixing, 10.0, mismatch)
    fakes = G(noise, other, training=True)
    mismatched = np.mean(D(reals, other).numpy()[[1, 3]])
    fake_score = 0.75 * np.mean(D(fakes, other)) + 0.25 * mismatched
    distance = np.mean(D(reals, condition)) - fake_score
    np.testing.assert_allclose(terms["Loss/wasserstein"], distance, rtol=1e-4)
    penalty = losses.gradient_penalty(D, reals, fakes, other, mixing)
    np.testing.assert_allclose(loss, 10 * penalty - distance, rtol=1e-4)


def test_the_gain_is_a_factor_of_the_condition(inputs):
    reals, noise, condition = inputs
    pairs = [(Critic, (reals,), {}), (Generator, (noise,), {"noise_dim": 5})]
    for cls, first, more in pairs:
        own = cls(condition_gain=3.0, **SIZES, **more)(*first, condition)
        np.testing.assert_allclose(own, cls(**SIZES, **more)(*first, 3 * condition), atol=1e-6)
