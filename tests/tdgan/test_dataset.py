"""Rows, pairs and batches."""

import numpy as np
import pytest

from tests.tdgan import tiny
from tf_facegan.tdgan import dataset
from tf_facegan.tdgan.schedule import Schedule


@pytest.mark.parametrize(
    "faces, expressions, expected",
    [
        (5, 3, [(0, 0), (1, 1), (2, 2), (3, 0), (4, 1)]),
        (3, 5, [(0, 0), (1, 1), (2, 2), (0, 3), (1, 4)]),
        (2, 2, [(0, 0), (1, 1)]),
    ],
)
def test_pairs_as_published(faces, expressions, expected):
    found = dataset.pair(np.arange(max(faces, expressions)), 3, faces, expressions)
    assert list(zip(*map(list, found))) == expected


def test_pairs_may_change_every_epoch():
    first, again, later = (
        dataset.pair(np.arange(12), epoch, 12, 6, seed=1, repair=True) for epoch in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first[0], later[0])
    assert (first[1] != later[1]).any()
    assert sorted(first[1]) == sorted(list(range(6)) * 2)


def test_rows_of_all_roles(roles):
    data = dataset.load(tiny.config_for(roles))
    assert data.num_identities == 4 and data.num_expressions == 7
    assert data.names[0] == "Surprise"
    assert list(data.faces.labels) == [0, 1, 2, 3, 0, 1, 2, 3]  # the fifth identity is left out
    assert len(data.test) == 5
    everything = np.sort(np.concatenate([data.expressions.rows, data.validation.rows]))
    np.testing.assert_array_equal(everything, np.arange(tiny.EXPRESSION_PICTURES))
    subjects = data.expressions.set.fields["subject"]
    held, kept = (set(subjects[rows.rows]) for rows in (data.validation, data.expressions))
    assert held and not held & kept
    labels = data.expressions.set.fields["expression"]
    np.testing.assert_array_equal(data.validation.labels, labels[data.validation.rows])


def test_validating_on_the_test_set_or_not_at_all(roles):
    data = dataset.load(tiny.config_for(roles, **{"validation.source": "test"}))
    assert data.validation is data.test and len(data.expressions) == tiny.EXPRESSION_PICTURES
    data = dataset.load(tiny.config_for(roles, **{"validation.source": "none"}))
    assert data.validation is None and len(data.expressions) == tiny.EXPRESSION_PICTURES
    data = dataset.load(tiny.config_for(roles, **{"data.num_identities": None}))
    assert data.num_identities == 5 and len(data.faces) == tiny.FACES


def test_folds_hold_subjects_out(roles):
    paths = {role: roles[role] for role in ("faces", "expressions")}
    tested = []
    for fold in range(3):
        changes = {"data.folds": 3, "data.fold": fold, "validation.groups": 2}
        data = dataset.load(tiny.config_for(paths, **changes))
        groups = [set(rows.rows) for rows in (data.expressions, data.validation, data.test)]
        assert sum(map(len, groups)) == len(set.union(*groups)) == tiny.EXPRESSION_PICTURES
        subjects = data.test.set.fields["subject"]
        assert not set(subjects[data.test.rows]) & set(subjects[data.expressions.rows])
        tested += list(data.test.rows)
    assert sorted(tested) == list(range(tiny.EXPRESSION_PICTURES))


def test_who_is_shown_may_be_called_identity(roles, tmp_path):
    people = np.arange(12) % 4
    toy = tiny.write(tmp_path / "toy", "expression", 12, identity=people)
    data = dataset.load(tiny.config_for({**roles, "expressions": toy}, **{"validation.groups": 4}))
    held, kept = (set(people[rows.rows]) for rows in (data.validation, data.expressions))
    assert len(held) == 1 and not held & kept


def test_records_without_an_expression_are_left_out(roles, tmp_path):
    frames = tiny.write(tmp_path / "frames", "expression", 12, values=[-1, 2, 3] * 4)
    data = dataset.load(
        tiny.config_for({**roles, "expressions": frames}, **{"validation.source": "none"})
    )
    assert list(data.expressions.rows) == [1, 2, 4, 5, 7, 8, 10, 11]
    nothing = tiny.write(tmp_path / "nothing", "expression", 3, values=[-1] * 3)
    with pytest.raises(ValueError, match="nothing: no record has a label"):
        dataset.load(tiny.config_for({**roles, "expressions": nothing}))


def test_sets_that_are_divided_into_folds_already(roles, tmp_path):
    for fold in (0, 1):
        for part, count in (("train", 8 + fold), ("test", 3 + fold)):
            tiny.write(tmp_path / f"folds/fold{fold}" / part, "expression", count)
    paths = {"faces": roles["faces"], "expressions": tmp_path / "folds"}
    changes = {"data.folds": 2, "data.fold": 1, "validation.source": "none"}
    data = dataset.load(tiny.config_for(paths, **changes))
    assert (len(data.expressions), len(data.test)) == (9, 4)
    with pytest.raises(ValueError, match="folds: 2 folds, data.folds is 10"):
        dataset.load(tiny.config_for(paths, **{**changes, "data.folds": 10}))


def pairs_of(roles, **changes):
    config = tiny.config_for(roles, **{"validation.source": "none", **changes})
    data = dataset.load(config)
    schedule = Schedule(config.train, max(len(data.faces), len(data.expressions)))
    return dataset.Pairs(data, schedule, config.random_seed), data


def test_an_epoch_shows_every_pair_once_in_an_order_of_its_own(roles):
    pairs, data = pairs_of(roles)
    epochs = []
    for epoch in range(2):
        batches = [pairs.batch(epoch * 4 + step) for step in range(4)]
        assert [len(batch["faces"]) for batch in batches] == [4, 4, 4, 2]
        epochs.append({key: np.concatenate([b[key] for b in batches]) for key in batches[0]})
    faces, expressions = data.faces.read(np.arange(8)), data.expressions.read(np.arange(14))
    seen = []
    for epoch in epochs:
        places = [
            int(np.flatnonzero((expressions == e).all((1, 2, 3)))) for e in epoch["expressions"]
        ]
        assert sorted(places) == list(range(14))
        for row, place in enumerate(places):  # fixed pairs
            np.testing.assert_array_equal(epoch["faces"][row], faces[place % 8])
            assert epoch["identities"][row] == data.faces.labels[place % 8]
            assert epoch["labels"][row] == data.expressions.labels[place]
        seen.append(places)
    assert seen[0] != seen[1]


def test_iterating_begins_anywhere(roles):
    pairs, _ = pairs_of(roles)
    for number, batch in zip(range(3, 9), pairs.iterate(3)):
        expected = pairs.batch(number)
        for key, value in batch.items():
            np.testing.assert_array_equal(value, expected[key], err_msg=key)


def test_a_damaged_record_is_named(roles, tmp_path):
    paths = {"faces": tiny.write(tmp_path / "faces", "identity", tiny.FACES), **roles}
    paths["faces"] = tmp_path / "faces"
    pairs, _ = pairs_of(paths)
    file = next(paths["faces"].glob("*.tfrecords"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(bytes(content))
    with pytest.raises(ValueError, match="faces-s16x16.tfrecords"):
        for _, _ in zip(range(5), pairs.iterate(0)):
            pass


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"validation.source": "half"}, "validation.source is 'half', expected one of split, test"),
        ({"networks.image_size": 32}, "images of 16x16 pixels, 32x32 expected for faces"),
        ({"networks.grayscale": False}, "gray images; give --set networks.grayscale=True"),
        ({"data.folds": 3}, "data.folds and a set for the role `test`"),
        ({"validation.groups": 8}, "8 folds of 7 subjects; expected 2 to 7"),
    ],
)
def test_what_does_not_fit_is_refused(changes, message, roles):
    with pytest.raises(ValueError, match=message):
        dataset.load(tiny.config_for(roles, **changes))


def test_sets_that_lack_something_are_refused(roles, tmp_path):
    two = {role: roles[role] for role in ("faces", "expressions")}
    for role in two:
        rest = {other: path for other, path in two.items() if other != role}
        with pytest.raises(ValueError, match=f"no folder for the role `{role}`"):
            dataset.load(tiny.config_for(rest))
    swapped = {"faces": roles["test"], "expressions": roles["test"]}
    with pytest.raises(ValueError, match="no field `identity`, which faces need.* expression"):
        dataset.load(tiny.config_for(swapped))
    with pytest.raises(ValueError, match="there is no set for the role `test`"):
        dataset.load(tiny.config_for(two, **{"validation.source": "test"}))
    with pytest.raises(ValueError, match="data.fold is 3, 0 to 2 expected"):
        dataset.load(tiny.config_for(two, **{"data.folds": 3, "data.fold": 3}))
    small = {**two, "expressions": tiny.write(tmp_path / "small", "expression", 3, size=8)}
    with pytest.raises(ValueError, match="images of 8x8 pixels, at least 16x16"):
        dataset.load(tiny.config_for(small))
    nobody = {**two, "expressions": tiny.write(tmp_path / "nobody", "expression", 9)}
    with pytest.raises(ValueError, match="no field `subject`, which data.folds needs"):
        dataset.load(tiny.config_for(nobody, **{"data.folds": 3}))
    data = dataset.load(tiny.config_for(nobody))  # every picture is a subject of its own
    assert len(data.validation) in (1, 2) and data.num_expressions == 5 and data.names is None
    later = {**two, "faces": tiny.write(tmp_path / "later", "identity", 3, values=[7, 8, 9])}
    with pytest.raises(ValueError, match="no identity below data.num_identities=4"):
        dataset.load(tiny.config_for(later))
