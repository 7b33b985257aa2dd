"""Parts of a batch, one after the other, give what the whole batch gives."""

import numpy as np
import pytest
import tensorflow as tf

from tf_facegan.engine.accumulation import mean_over_parts


def gradients_of(weight, unused, seen):
    """Function of a batch: mean terms and gradients of a loss; notes sizes of what it is given."""

    def function(batch):
        seen.append(batch["x"].shape[0])
        with tf.GradientTape() as tape:
            losses = tf.square(batch["x"] @ weight - batch["y"])[:, 0]
            loss = tf.reduce_mean(losses)
        return {"losses": losses}, tape.gradient(loss, [weight, unused])

    return function


def make_batch():
    random = np.random.RandomState(0)
    return {
        "x": tf.constant(random.randn(12, 3), tf.float32),
        "y": tf.constant(random.randn(12, 1), tf.float32),
    }


@pytest.mark.parametrize("parts", (2, 3, 12))
def test_means_of_parts_are_those_of_the_batch(parts):
    weight, unused = tf.Variable(tf.ones([3, 1])), tf.Variable(1.0)
    batch, sizes = make_batch(), []
    terms, (gradient, none) = mean_over_parts(gradients_of(weight, unused, []), batch, 1)
    step = tf.function(
        lambda: mean_over_parts(gradients_of(weight, unused, sizes), batch, parts)[0:2]
    )
    in_parts, (summed, still_none) = step()
    assert none is None and still_none is None
    np.testing.assert_allclose(summed, gradient, rtol=2e-6)
    assert sizes == [12 // parts]  # traced once, for a part
    # Sample i of part p is sample i * parts + p.
    means = terms["losses"].numpy().reshape(-1, parts).mean(axis=1)
    np.testing.assert_allclose(in_parts["losses"], means, rtol=2e-6)


def test_one_part_is_the_function_itself():
    def function(batch):
        return batch["x"]

    batch = make_batch()
    assert mean_over_parts(function, batch, 1) is batch["x"]
