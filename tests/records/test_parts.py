"""Sets with shards, companion images, and examples that were left out."""

import functools
import operator

import numpy as np
import pytest

from tests.records import sets
from tf_facegan.records import schema, work, writer
from tf_facegan.records.reader import RecordSet
from tf_facegan.records.writer import Companion

COUNT = 11
IMAGES = sets.arrays(COUNT, 3, 16)
MASKS = (np.random.RandomState(1).rand(COUNT, 1, 16, 16) < 0.5).astype(np.uint8)
LABELS = np.arange(2 * COUNT, dtype=np.float32).reshape(COUNT, 2)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(work, "_CHUNK_EXAMPLES", 2)


def load_except(bad, images, number):
    if number in bad:
        raise ValueError(f"face{number:02d}.png: not a readable image")
    return images[number]


def write(path, bad=(), **options):
    options = {
        "modalities": [["image", 3]],
        "value_range": [-1, 1],
        "labels": LABELS,
        "fields": {"frame": np.arange(COUNT)},
        "companions": {"mask": Companion(MASKS.__getitem__, [["mask", 1]], [0, 1])},
        "workers": 1,
        **options,
    }
    load = functools.partial(load_except, bad, IMAGES)
    return writer.write_set(path, range(COUNT), load, **options)


def masks(number):
    return MASKS[number]


@pytest.mark.parametrize("kind", schema.KINDS)
@pytest.mark.parametrize("shards", [1, 4])
@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_written_is_read(tmp_path, kind, shards, workers):
    companions = {"mask": Companion(masks, [["mask", 1]], [0, 1])}
    info = write(
        tmp_path / "faces", kind=kind, shards=shards, workers=workers, companions=companions
    )
    assert schema.load(tmp_path / "faces" / "faces.json") == info
    found = RecordSet(tmp_path / "faces")
    numbers = [7, 0, 10, 3]
    np.testing.assert_array_equal(found.read(numbers), IMAGES[numbers])
    np.testing.assert_array_equal(found.read(numbers, companion="mask"), MASKS[numbers])
    for batch, _ in zip(found.iterate(4, seed=3), range(3)):
        index = batch["index"].numpy()
        np.testing.assert_array_equal(batch["images"], IMAGES[index])
        np.testing.assert_array_equal(batch["mask"], MASKS[index])
        np.testing.assert_array_equal(batch["labels"], LABELS[index])
        np.testing.assert_array_equal(batch["frame"], index)


def test_names_of_the_files(tmp_path):
    write(tmp_path / "faces", shards=2, kind="single-size")
    assert sorted(path.name for path in (tmp_path / "faces").glob("*.tfrecords")) == [
        "faces-mask-s16x16-00000-of-00002.tfrecords",
        "faces-mask-s16x16-00001-of-00002.tfrecords",
        "faces-s16x16-00000-of-00002.tfrecords",
        "faces-s16x16-00001-of-00002.tfrecords",
    ]


def test_companions_at_lower_levels(tmp_path):
    write(tmp_path / "faces")
    batch = next(iter(RecordSet(tmp_path / "faces").iterate(2, resolution=4, shuffle=False)))
    assert batch["images"].shape == (2, 3, 4, 4) and batch["mask"].shape == (2, 1, 4, 4)


def test_parts_together_are_the_set(tmp_path):
    write(tmp_path / "faces", shards=4)
    parts = [RecordSet(tmp_path / "faces", part=(number, 3)) for number in range(3)]
    assert [part.count for part in parts] == [2 + 3, 3, 3]
    frames = np.concatenate([part.fields["frame"] for part in parts])
    assert sorted(frames) == list(range(COUNT))
    for part in parts:
        frames = part.fields["frame"]
        np.testing.assert_array_equal(part.read(range(part.count)), IMAGES[frames])
        np.testing.assert_array_equal(part.labels, LABELS[frames])
        assert part.info.count == part.count


def test_a_part_needs_only_its_own_files(tmp_path):
    write(tmp_path / "faces", shards=2)
    for file in (tmp_path / "faces").glob("*-00001-of-*"):
        file.unlink()
    assert RecordSet(tmp_path / "faces", part=(0, 2)).count == 5
    with pytest.raises(ValueError, match="00001-of-00002.tfrecords: missing"):
        RecordSet(tmp_path / "faces")


@pytest.mark.parametrize("part", [(2, 2), (0, 3), (-1, 2)])
def test_parts_that_are_not_there(tmp_path, part):
    write(tmp_path / "faces", shards=2)
    with pytest.raises(ValueError, match="asked for, but a level is 2 files; build the set with"):
        RecordSet(tmp_path / "faces", part=part)


@pytest.mark.parametrize("shards", [0, COUNT + 1])
def test_a_wrong_number_of_shards(tmp_path, shards):
    with pytest.raises(ValueError, match=f"--shards is {shards}, 1 to 11"):
        write(tmp_path / "faces", shards=shards)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("shards", [1, 4])
@pytest.mark.parametrize("bad", [(0,), (2, 3, 9), (10,), (0, 1)])
def test_bad_examples_are_left_out(tmp_path, workers, shards, bad):
    companions = {"mask": Companion(masks, [["mask", 1]], [0, 1])}
    info = write(
        tmp_path / "faces",
        bad,
        shards=shards,
        workers=workers,
        companions=companions,
        on_error="skip",
        skipped=[("image7.png", "no row of labels")],
    )
    good = [number for number in range(COUNT) if number not in bad]
    assert info.count == len(good)
    found = RecordSet(tmp_path / "faces")
    np.testing.assert_array_equal(found.read(range(info.count)), IMAGES[good])
    np.testing.assert_array_equal(found.read(range(info.count), companion="mask"), MASKS[good])
    np.testing.assert_array_equal(found.labels, LABELS[good])
    np.testing.assert_array_equal(found.fields["frame"], good)
    report = (tmp_path / "faces" / "faces-skipped.csv").read_text().splitlines()
    assert report == ["example,reason", "image7.png,no row of labels"] + [
        f"{number},face{number:02d}.png: not a readable image" for number in bad
    ]


def test_examples_with_a_bad_companion_are_left_out(tmp_path):
    load = functools.partial(load_except, (0, 4), MASKS)
    companions = {"mask": Companion(load, [["mask", 1]], [0, 1])}
    assert write(tmp_path / "faces", companions=companions, on_error="skip").count == COUNT - 2
    good = np.delete(np.arange(COUNT), [0, 4])
    found = RecordSet(tmp_path / "faces")
    np.testing.assert_array_equal(found.read(range(COUNT - 2)), IMAGES[good])
    np.testing.assert_array_equal(found.read(range(COUNT - 2), companion="mask"), MASKS[good])


def test_all_examples_bad(tmp_path):
    with pytest.raises(ValueError, match="none of the 11 examples can be loaded; face10.png"):
        write(tmp_path / "faces", range(COUNT), on_error="skip")
    assert list(tmp_path.iterdir()) == []


def test_a_shard_without_a_good_example(tmp_path):
    write(tmp_path / "faces", (0, 1), shards=5, on_error="skip")
    found = RecordSet(tmp_path / "faces")
    assert found.info.shards == [0, 2, 2, 2, 3]
    np.testing.assert_array_equal(found.read(range(9)), IMAGES[2:])


def test_only_the_first_images(tmp_path):
    assert write(tmp_path / "faces", max_images=4).count == 4
    found = RecordSet(tmp_path / "faces")
    np.testing.assert_array_equal(found.read(range(4)), IMAGES[:4])
    np.testing.assert_array_equal(found.labels, LABELS[:4])


def test_names_of_fields(tmp_path):
    fields = {"aus": LABELS, "frame": np.arange(COUNT)}
    info = write(tmp_path / "faces", fields=fields, field_names={"aus": ["AU01_r", "AU02_r"]})
    assert info.fields["aus"] == {
        "shape": [2],
        "dtype": "float32",
        "names": ["AU01_r", "AU02_r"],
    }
    assert "names" not in info.fields["frame"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_images": 0}, "--max_images is 0"),
        ({"on_error": "ignore"}, "--on_error is ignore, stop or skip expected"),
        ({"fields": {"name": [None] * COUNT}}, r"field name is object \[11\], numbers or texts"),
        ({"fields": {"frame": [1, 2]}}, r"field frame is int64 \[2\], .* for 11 examples expected"),
        (
            {"companions": {"frame": Companion(MASKS.__getitem__, [["mask", 1]], [0, 1])}},
            "frame is a name that batches use already",
        ),
        (
            {"companions": {"mask": Companion(MASKS.__getitem__, [["mask", 3]], [0, 1])}},
            "do not add up to 1 channels",
        ),
    ],
)
def test_bad_options(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        write(tmp_path / "faces", **options)


def test_a_companion_of_another_size(tmp_path):
    load = functools.partial(operator.getitem, np.zeros((COUNT, 1, 8, 8), np.uint8))
    companions = {"mask": Companion(load, [["mask", 1]], [0, 1])}
    with pytest.raises(ValueError, match=r"0: uint8 \[1, 8, 8\], but .* uint8 \[1, 16, 16\]"):
        write(tmp_path / "faces", companions=companions)
