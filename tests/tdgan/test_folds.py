import numpy as np
import pytest

from tf_facegan.tdgan.folds import make_folds


def test_no_subject_is_in_two_folds_and_sizes_are_balanced():
    subjects = np.random.RandomState(0).randint(0, 106, 1236)
    folds = make_folds(subjects, 10, seed=1)
    for subject in np.unique(subjects):
        assert len(set(folds[subjects == subject])) == 1
    sizes = np.bincount(folds, minlength=10)
    assert sizes.sum() == 1236 and sizes.max() - sizes.min() <= 8


def test_folds_are_a_function_of_the_seed():
    subjects = np.repeat(np.arange(40), 5)
    first, again, other = (make_folds(subjects, 10, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_too_few_subjects_are_refused():
    with pytest.raises(ValueError, match="10 folds of 3 subjects; expected 2 to 3"):
        make_folds([5, 6, 7, 7], 10)
