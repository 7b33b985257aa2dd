import numpy as np

from tf_facegan.records.values import to_signed


def test_bytes_become_signed():
    records = np.array([[[[0]], [[127.5]], [[255]]]], np.float32)  # [1, 3, 1, 1]
    np.testing.assert_array_equal(to_signed(records, (0, 255)).numpy(), [[[[-1, 0, 1]]]])


def test_signed_values_stay_bit_for_bit():
    records = np.random.RandomState(0).uniform(-1, 1, (2, 3, 4, 5)).astype(np.float32)
    images = to_signed(records, (-1, 1)).numpy()
    np.testing.assert_array_equal(images, records.transpose(0, 2, 3, 1))
