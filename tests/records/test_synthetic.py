import itertools

import numpy as np
import pytest

from tf_facegan.records.synthetic import SyntheticSet


def test_black_images_of_every_level():
    black = SyntheticSet(3, 32)
    assert (black.count, black.resolution, black.info.shape) == (1, 32, [3, 32, 32])
    assert black.info.labels is None and black.labels.shape == (1, 0)
    assert black.read([0, 0]).shape == (2, 3, 32, 32) and not black.read([0]).any()
    batches = black.iterate(4, resolution=8, position=100, seed=1, rows=np.array([1, 3]))
    for batch in itertools.islice(batches, 3):
        assert batch["images"].shape == (2, 3, 8, 8) and batch["images"].dtype == "uint8"
        assert batch["labels"].shape == (2, 0)


def test_a_side_that_cannot_be():
    with pytest.raises(ValueError, match="power of two"):
        SyntheticSet(3, 24)
