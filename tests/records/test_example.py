import numpy as np
import pytest
import tensorflow as tf

from tests.records import sets
from tf_facegan.records import example


@pytest.mark.parametrize("shape", [(9, 4, 4), (3, 16, 16), (1, 128, 200), (300, 1, 1)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_records_are_byte_for_byte_tensorflows(tmp_path, shape, dtype):
    array = np.random.RandomState(0).uniform(0, 255, shape).astype(dtype)
    features = {
        "shape": tf.train.Feature(int64_list=tf.train.Int64List(value=shape)),
        "data": tf.train.Feature(bytes_list=tf.train.BytesList(value=[array.tobytes()])),
    }
    expected = tf.train.Example(features=tf.train.Features(feature=features))
    path = str(tmp_path / "one.tfrecords")
    with tf.io.TFRecordWriter(path) as writer:
        writer.write(expected.SerializeToString(deterministic=True))

    template = example.RecordTemplate.for_arrays(shape, dtype)
    record = b"".join(template.frame(array))
    with open(path, "rb") as file:
        assert record == file.read()
    assert len(record) == template.size


@pytest.mark.parametrize("keys", [("shape", "data"), ("data", "shape"), ("name", "shape", "data")])
def test_features_are_found_in_any_order(keys):
    data = np.arange(48, dtype=np.uint8).tobytes()
    features = {
        "shape": tf.train.Feature(int64_list=tf.train.Int64List(value=(3, 4, 4))),
        "data": tf.train.Feature(bytes_list=tf.train.BytesList(value=[data])),
        "name": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"data"])),
    }
    # One Example a feature: messages that follow each other are merged when they are parsed, and
    # a map's entries may come in any order.
    entries = b"".join(
        tf.train.Features(feature={key: features[key]}).SerializeToString() for key in keys
    )
    payload = tf.train.Example().SerializeToString() + b"\x0a" + bytes([len(entries)]) + entries
    shape, offset, size = example.parse(payload)
    assert shape == (3, 4, 4)
    assert payload[offset : offset + size] == data


@pytest.mark.parametrize("payload", [b"", b"\x0a\x03abc", b"garbage", b"\xff" * 40])
def test_what_is_no_example_is_refused(payload):
    with pytest.raises(example.CorruptRecord):
        example.parse(payload)


def test_tensorflow_reads_a_written_set(tmp_path):
    images = sets.arrays(3)
    sets.write(tmp_path / "set", images)
    records = tf.data.TFRecordDataset(str(tmp_path / "set" / "set-r03.tfrecords"))
    description = {
        "shape": tf.io.FixedLenFeature([3], tf.int64),
        "data": tf.io.FixedLenFeature([], tf.string),
    }
    parsed = [tf.io.parse_single_example(record, description) for record in records]
    assert [entry["shape"].numpy().tolist() for entry in parsed] == [[9, 8, 8]] * 3
    read = [tf.io.decode_raw(entry["data"], tf.float32).numpy() for entry in parsed]
    np.testing.assert_array_equal(np.stack(read), images.reshape(3, -1))
