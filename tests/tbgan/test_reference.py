"""Published names and layouts in and out of TBGAN's networks."""

import numpy as np
import pytest

from tf_facegan.tbgan import reference
from tf_facegan.tbgan.networks import Discriminator, Generator

TINY = {"resolution": 8, "label_size": 2, "fmap_base": 16, "fmap_max": 4, "lod_sep": 3}


@pytest.mark.parametrize("network", [Generator, Discriminator])
def test_extract_is_the_inverse_of_assign(network):
    arrays = reference.extract(network(**TINY, seed=1))
    other = network(**TINY, seed=2)
    reference.assign(other, {"lod": np.float32(1.5), **arrays})
    again = reference.extract(other)
    assert list(again) == list(arrays) and "lod" not in again
    assert all(np.array_equal(again[name], arrays[name]) for name in arrays)


def test_published_names():
    names = set(reference.extract(Discriminator(**TINY)))
    assert {"FromRGB_lod1/tex/weight", "8x8/shp/Conv1_down/bias", "4x4/Dense1/weight"} <= names
    assert "ToRGB_lod1/weight" in reference.extract(Generator(**TINY))


def test_every_problem_is_listed_and_nothing_is_touched():
    G = Generator(**TINY, seed=1)
    before = reference.extract(G)
    arrays = {name: array + 1 for name, array in before.items()}
    del arrays["4x4/Conv/bias"], arrays["ToRGB_lod0/weight"]
    arrays["9x9/Conv/weight"] = np.zeros(3)
    arrays["4x4/Dense/bias"] = np.zeros(5)
    with pytest.raises(ValueError) as error:
        reference.assign(G, arrays)
    for part in (
        "missing: 4x4/Conv/bias, ToRGB_lod0/weight",
        "unexpected: 9x9/Conv/weight",
        "of another shape: 4x4/Dense/bias (5,) instead of (12,)",
    ):
        assert part in str(error.value)
    after = reference.extract(G)
    assert all(np.array_equal(after[name], before[name]) for name in before)
