"""Lists of pairs, to the published ones; batches of them."""

import numpy as np
import pytest

from tests.rdgan import tiny
from tests.rdgan.golden import vectors
from tf_facegan.rdgan import pairs
from tf_facegan.rdgan.pairs import Frames
from tf_facegan.records.reader import RecordSet
from tf_facegan.sources.pictures import numbered


def fields_of(keys):
    """Fields of frames named like S005_001_00000011."""
    split = [key.split("_") for key in keys]
    subjects, _ = numbered([subject for subject, _, _ in split])
    sequences, _ = numbered([f"{subject}_{sequence}" for subject, sequence, _ in split])
    frames = np.array([int(number) for _, _, number in split])
    return {"subject": subjects, "sequence": sequences, "frame": frames}


def published(name, more=()):
    """(keys shuffled, their Frames, the published list as file names)."""
    extras = vectors("extras").arrays
    keys = np.array([*extras["lists/keys"], *more])
    np.random.RandomState(0).shuffle(keys)
    return keys, Frames.of(fields_of(keys)), extras[f"lists/{name}"].tolist()


def names(keys, found):
    """Rows of published lists: both faces, both boundaries."""
    kinds = ("nface", "eface")
    return [[f"{keys[i]}_{kind}.png" for kind in kinds for i in pair] for pair in found]


def test_training_pairs_are_those_published():
    keys, frames, expected = published("train_sorted")
    found = pairs.training_pairs(frames)
    assert sorted(names(keys, found)) == expected
    assert names(keys, found) != expected  # shuffled
    np.testing.assert_array_equal(found, pairs.training_pairs(frames))
    chosen = pairs.training_pairs(frames, limit=5, seed=1).tolist()
    assert len(chosen) == 5 and all(pair in found.tolist() for pair in chosen)


def test_prediction_pairs_are_those_published():
    keys, frames, expected = published("test")
    assert names(keys, pairs.prediction_pairs(frames)) == expected


def test_continuity_pairs_are_those_published():
    keys, frames, expected = published("continuity")
    found = pairs.continuity_pairs(frames)
    assert [[keys[i] for i in pair] for pair in found] == expected


def test_reenactment_pairs_are_those_published():
    more = [f"S020_001_{number:08d}" for number in range(1, 201)]
    keys, frames, expected = published("reenact_first3", more)
    found = pairs.reenactment_pairs(frames)
    assert len(found) == 210
    # In these rows both faces are the source, and so is the first boundary.
    rows = [[keys[i] for i in (s, s, s, t)] for s, t in found[:3]]
    assert rows == [[name.rpartition("_")[0] for name in row] for row in expected]
    with pytest.raises(ValueError, match="source frame 210 asked for, there are 210 frames"):
        pairs.reenactment_pairs(frames, 210)


def test_sequences_of_one_name_are_those_of_their_subject():
    fields = {"subject": [0, 0, 1, 1], "sequence": [0, 0, 0, 0], "frame": [2, 1, 1, 5]}
    assert pairs.prediction_pairs(Frames.of(fields)).tolist() == [[1, 0], [2, 3]]


def test_subjects_are_split():
    subjects = np.repeat(np.arange(10), 3)
    frames = Frames.of({"subject": subjects, "sequence": subjects, "frame": np.arange(30)})
    train, held_out = pairs.split_subjects(frames, 0.2, seed=3)
    assert len(np.unique(held_out.subjects)) == 2 and len(train.numbers) == 24
    assert not set(train.subjects) & set(held_out.subjects)
    assert sorted([*train.numbers, *held_out.numbers]) == list(range(30))
    other = pairs.split_subjects(frames, 0.2, seed=4)[1]
    assert set(other.subjects) != set(held_out.subjects)
    assert len(pairs.split_subjects(frames, 0.0)[1].numbers) == 0
    assert len(np.unique(pairs.split_subjects(frames, 0.01)[1].subjects)) == 1
    with pytest.raises(ValueError, match="data.validation_share=0.99 of 10 subjects leaves none"):
        pairs.split_subjects(frames, 0.99)


def test_batches_hold_the_pairs_of_their_position(sequences):
    records = RecordSet(sequences)
    listed = pairs.training_pairs(Frames.of(records.fields))
    whole = pairs.iterate(records, listed, 4, source_boundaries=True)
    first, second = next(whole), next(whole)
    later = next(pairs.iterate(records, listed, 4, position=4, source_boundaries=True))
    for name, images in second.items():
        assert images.shape == (4, 3, tiny.SIDE, tiny.SIDE)
        np.testing.assert_array_equal(images, later[name])
        assert not np.array_equal(images, first[name])
    every = [next(pairs.iterate(records, listed, len(listed)))[n] for n in ("sources", "targets")]
    seen = {(a.numpy().tobytes(), b.numpy().tobytes()) for a, b in zip(*every)}
    expected = pairs.read(records, listed)
    assert seen == {
        (a.tobytes(), b.tobytes()) for a, b in zip(expected["sources"], expected["targets"])
    }
    one = pairs.read(records, listed[:1], source_boundaries=True)
    source, target = listed[:1].T
    np.testing.assert_array_equal(one["boundaries"], records.read(target, companion="boundary"))
    np.testing.assert_array_equal(
        one["source_boundaries"], records.read(source, companion="boundary")
    )


def test_a_record_that_cannot_be_read_is_named(tmp_path):
    path = tiny.write_sequences(tmp_path / "set")
    records = RecordSet(path)
    listed = pairs.prediction_pairs(Frames.of(records.fields))
    batches = pairs.iterate(records, listed, 4)
    (file,) = path.glob("set-s*.tfrecords")
    with open(file, "r+b") as opened:
        opened.truncate(2000)
    with pytest.raises(ValueError, match="tfrecords"):
        for _ in range(20):
            next(batches)
