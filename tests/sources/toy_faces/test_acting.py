import numpy as np
import pytest

from tf_facegan.sources.action_units import AUS
from tf_facegan.sources.expressions import EXPRESSIONS
from tf_facegan.sources.toy_faces import expression_aus, random_aus, sequence_aus

INDEX = {int(name[2:4]): number for number, name in enumerate(AUS)}
CORE = {
    "Surprise": (1, 2, 26),
    "Fear": (1, 4, 20),
    "Disgust": (9,),
    "Happiness": (6, 12),
    "Sadness": (1, 4, 15),
    "Anger": (4,),
}


def drawn(expression, count=40, strength=1.0):
    random = np.random.default_rng(0)
    return np.stack([expression_aus(expression, strength, random) for _ in range(count)])


@pytest.mark.parametrize("name", CORE)
def test_expressions_have_their_action_units(name):
    aus = drawn(name)
    assert aus.dtype == np.float32 and aus.shape == (40, 17)
    assert aus.min() >= 0 and aus.max() <= 5
    core = [INDEX[number] for number in CORE[name]]
    assert (aus[:, core] > 1.5).all()
    assert aus.std(axis=0)[core].min() > 0.2  # with variation
    np.testing.assert_array_equal(aus, drawn(EXPRESSIONS.index(name)))


def test_strength_and_neutral():
    assert drawn("Neutral").mean() < 0.15
    core = [INDEX[12], INDEX[6]]
    np.testing.assert_allclose(
        drawn("Happiness", strength=0.5)[:, core], drawn("Happiness")[:, core] / 2, rtol=1e-6
    )


def test_expressions_are_told_apart_by_their_means():
    means = np.stack([drawn(name).mean(axis=0) for name in EXPRESSIONS])
    for number, name in enumerate(EXPRESSIONS):
        distances = ((drawn(name)[:, None] - means) ** 2).sum(axis=2)
        assert (distances.argmin(axis=1) == number).mean() > 0.9


def test_sequences_begin_neutral_and_never_fall():
    aus = sequence_aus("Surprise", 9, np.random.default_rng(3))
    assert aus.shape == (9, 17) and aus.dtype == np.float32
    assert not aus[0].any()
    assert (np.diff(aus, axis=0) >= 0).all()
    assert aus[-1, INDEX[26]] > 2 and aus[4, INDEX[26]] < aus[-1, INDEX[26]]


def test_random_action_units():
    random = np.random.default_rng(0)
    aus = np.stack([random_aus(random) for _ in range(400)])
    active = (aus > 0).mean(axis=0)
    assert aus.min() == 0 and aus.max() <= 5 and active.min() > 0.1 and active.max() < 0.4
    assert not ((aus[:, INDEX[12]] > 0) & (aus[:, INDEX[15]] > 0)).any()


def test_wrong_arguments():
    random = np.random.default_rng(0)
    for wrong in ("Joy", 7, -1):
        with pytest.raises(ValueError, match="expression is .*, 0 to 6 or one of Surprise"):
            expression_aus(wrong, 1, random)
    with pytest.raises(ValueError, match="a sequence has 1 frames, at least 2 expected"):
        sequence_aus(0, 1, random)
