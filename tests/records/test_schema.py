import json

import pytest

from tf_facegan.records import schema


def info(**changes):
    values = {
        "name": "faces",
        "kind": "multi-resolution",
        "shape": [9, 16, 16],
        "dtype": "float32",
        "count": 5,
        "modalities": [["texture", 3], ["shape", 3], ["normals", 3]],
        "range": [-1, 1],
        "labels": {"size": 2, "kind": "intensity", "names": ["AU01_r", "AU12_r"]},
        "fields": {"frame": {"shape": [], "dtype": "int64"}},
    }
    return schema.SetInfo(**{**values, **changes})


def test_json_round_trip(tmp_path):
    schema.save(info(), tmp_path)
    assert schema.load(tmp_path / "faces.json") == info()


def test_unknown_fields_are_named(tmp_path):
    schema.save(info(), tmp_path)
    path = tmp_path / "faces.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "poses": 3, "albedo": 1}))
    with pytest.raises(ValueError, match=r"faces\.json: unknown fields albedo, poses"):
        schema.load(path)


def test_missing_fields_are_named(tmp_path):
    path = tmp_path / "faces.json"
    path.write_text('{"name": "faces", "kind": "single-size"}')
    with pytest.raises(ValueError, match="fields count, dtype, modalities, range, shape are miss"):
        schema.load(path)


def test_values_of_another_form_are_an_error_that_names_the_file(tmp_path):
    schema.save(info(), tmp_path)
    path = tmp_path / "faces.json"
    for change in ({"companions": [1]}, {"fields": {"frame": 3}}, {"modalities": 3}):
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
        with pytest.raises(ValueError, match=r"faces\.json: "):
            schema.load(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "pyramid"}, "kind is 'pyramid'"),
        ({"dtype": "float64"}, "dtype is 'float64'"),
        ({"shape": [9, 12, 12]}, "12x12.*power of two"),
        ({"shape": [9, 8, 16]}, "16x8.*square"),
        ({"modalities": [["texture", 3]]}, "do not add up to 9"),
        ({"range": [1, -1]}, "range is"),
        ({"labels": {"size": 2, "kind": "soft", "names": None}}, "labels.kind is 'soft'"),
        ({"labels": {"size": 3, "kind": "class", "names": ["a"]}}, "1 names for 3"),
        ({"fields": {"frame": {"dtype": "int64"}}}, "field frame is .* but shape expected too"),
        (
            {"companions": {"mask": {"channels": 1, "dtype": "uint8"}}},
            "companion mask is .* but modalities, range expected too",
        ),
        ({"format_version": 2}, "format_version is 2, this program reads 1"),
    ],
)
def test_contradictions_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        info(**changes)


def test_a_single_size_set_may_have_any_size():
    assert info(kind="single-size", shape=[9, 100, 75]).shape == [9, 100, 75]


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("a/my-set-r09.tfrecords", ("my-set", 9, (512, 512), 0, 1)),
        ("my-set-s100x75.tfrecords", ("my-set", None, (100, 75), 0, 1)),
        ("my-set-r03-00002-of-00012.tfrecords", ("my-set", 3, (8, 8), 2, 12)),
    ],
)
def test_record_file_names(file, expected):
    assert schema.parse_record_file(file) == schema.RecordFile(*expected)


def test_other_files_are_not_record_files():
    assert schema.parse_record_file("my-set-rxx.labels") is None


@pytest.mark.parametrize(
    ("channels", "names"),
    [(9, ["texture", "shape", "normals"]), (6, ["texture", "shape"]), (3, ["image"])],
)
def test_guessed_modalities(channels, names):
    assert [name for name, _ in schema.guess_modalities(channels)] == names
