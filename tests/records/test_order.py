import numpy as np
import pytest

from tf_facegan.records import order


@pytest.mark.parametrize("epoch", [0, 1, 7])
def test_an_epoch_visits_everything_once(epoch):
    found = order.indices(np.arange(epoch * 13, (epoch + 1) * 13), 13, seed=5)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(np.sort(found), np.arange(13))


def test_epochs_and_seeds_differ():
    positions = np.arange(20)
    first = order.indices(positions, 20, seed=1)
    assert not np.array_equal(first, order.indices(positions + 20, 20, seed=1))
    assert not np.array_equal(first, order.indices(positions, 20, seed=2))


def test_starting_anywhere_gives_the_same_order():
    whole = order.indices(np.arange(50), 7, seed=3)
    pieces = [order.indices(np.arange(start, start + 5), 7, seed=3) for start in range(0, 50, 5)]
    np.testing.assert_array_equal(whole, np.concatenate(pieces))


def test_without_shuffling_the_order_is_that_of_the_file():
    np.testing.assert_array_equal(
        order.indices([4, 5, 6, 13], 6, seed=3, shuffle=False), [4, 5, 0, 1]
    )


def test_the_order_is_frozen():
    # Resumed runs depend on it.
    np.testing.assert_array_equal(order.indices(np.arange(16), 8, seed=0), FROZEN)


FROZEN = [3, 7, 4, 0, 2, 6, 5, 1, 0, 5, 6, 1, 3, 2, 4, 7]
