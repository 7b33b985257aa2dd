"""Small sets for tests."""

import functools
import operator

import numpy as np

from tf_facegan.records import writer

UV = [["texture", 3], ["shape", 3], ["normals", 3]]


def arrays(count, channels=9, size=8, dtype="float32"):
    """Repeatable random arrays [count, channels, size, size]."""
    values = np.random.RandomState(count).uniform(-1, 1, (count, channels, size, size))
    if dtype == "uint8":
        values = np.rint((values + 1) * 127.5)
    return values.astype(dtype)


def write(path, images, **options):
    """Writes arrays as a set; `options` as for `writer.write_set`."""
    images = list(images)
    channels, is_float = images[0].shape[0], images[0].dtype == np.float32
    options.setdefault("modalities", UV if channels == 9 else [["image", channels]])
    options.setdefault("value_range", [-1, 1] if is_float else [0, 255])
    options.setdefault("workers", 1)
    load = functools.partial(operator.getitem, images)
    return writer.write_set(path, range(len(images)), load, **options)


def write_foreign(path, images, labels=None):
    """Writes a set as the published tools do, with TensorFlow's own writer."""
    import tensorflow as tf

    path.mkdir()
    count, channels, size, _ = images.shape
    levels = images.astype(np.float32)
    for log2 in range(size.bit_length() - 1, 1, -1):
        name = str(path / f"{path.name}-r{log2:02d}.tfrecords")
        with tf.io.TFRecordWriter(name) as records:
            for image in np.rint(levels).astype(np.uint8) if images.dtype == np.uint8 else levels:
                features = {
                    "shape": tf.train.Feature(int64_list=tf.train.Int64List(value=image.shape)),
                    "data": tf.train.Feature(
                        bytes_list=tf.train.BytesList(value=[image.tobytes()])
                    ),
                }
                example = tf.train.Example(features=tf.train.Features(feature=features))
                records.write(example.SerializeToString())
        levels = levels.reshape(count, channels, levels.shape[2] // 2, 2, -1, 2).mean((3, 5))
    if labels is not None:
        with open(path / f"{path.name}-rxx.labels", "wb") as file:
            np.save(file, labels)
