"""How fast a 9-channel set is written: a plain loop, one worker, all cores.

    python benchmarks/write_records.py [--resolution 512] [--count 1200] [--rounds 3]

Inputs are made first: PNG textures and pickled shapes and normals, as `create_uv_maps` writes them.
The plain loop is what one would write by hand: load, levels, tf.train.Example, TFRecordWriter, one
example after the other. Times begin after the imports and include everything after that, also the
start of the workers. `turns.py` says how the three are compared.
"""

import functools
import pickle
import time

import turns

MODALITIES = ("texture", "shape", "normals")
DISTINCT = 16  # examples on disk; they are read again and again


def make_inputs(folder, resolution, count):
    import cv2
    import numpy as np

    for number in range(DISTINCT):
        random = np.random.RandomState(number)

        def smooth(low, high, random=random):
            coarse = random.uniform(low, high, (resolution // 16, resolution // 16, 3))
            return cv2.resize(coarse, (resolution, resolution), interpolation=cv2.INTER_LINEAR)

        texture = smooth(0, 255) + random.normal(0, 3, (resolution, resolution, 3))
        maps = {"shape": smooth(-1, 1), "normals": smooth(-1, 1)}
        for name in ("texture", *maps):
            (folder / name).mkdir(exist_ok=True)
        png = np.clip(np.rint(texture), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / "texture" / f"face{number:02d}.png"), png)
        for name, values in maps.items():
            array = np.ascontiguousarray(values.transpose(2, 0, 1), np.float32)
            (folder / name / f"face{number:02d}.pkl").write_bytes(pickle.dumps(array, protocol=4))


def find_faces(folder, count):
    from tf_facegan.sources import uv_maps

    distinct = uv_maps.find_faces({name: folder / name for name in MODALITIES})
    return [distinct[number % DISTINCT] for number in range(count)]


def plain_loop(folder, out, count):
    """The straightforward way, with TensorFlow's own writer."""
    import numpy as np
    import tensorflow as tf

    from tf_facegan.sources import uv_maps

    faces = find_faces(folder, count)
    out.mkdir()
    started = time.perf_counter()
    writers = {}
    for face in faces:
        image = uv_maps.load_maps(face, MODALITIES)
        while image.shape[1] >= 4:
            if image.shape[1] not in writers:
                name = f"{out.name}-r{image.shape[1].bit_length() - 1:02d}.tfrecords"
                writers[image.shape[1]] = tf.io.TFRecordWriter(str(out / name))
            shape = tf.train.Int64List(value=image.shape)
            data = tf.train.BytesList(value=[image.tobytes()])
            features = {
                "shape": tf.train.Feature(int64_list=shape),
                "data": tf.train.Feature(bytes_list=data),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writers[image.shape[1]].write(example.SerializeToString())
            phases = [image[:, y::2, x::2] for y in (0, 1) for x in (0, 1)]
            image = (phases[0] + phases[1] + phases[2] + phases[3]) * np.float32(0.25)
    for writer in writers.values():
        writer.close()
    return time.perf_counter() - started


def with_workers(workers):
    def write(folder, out, count):
        from tf_facegan.records import writer
        from tf_facegan.sources import uv_maps

        faces = find_faces(folder, count)
        started = time.perf_counter()
        writer.write_set(
            out,
            faces,
            functools.partial(uv_maps.load_maps, modalities=MODALITIES),
            modalities=[[name, 3] for name in MODALITIES],
            value_range=uv_maps.RANGE,
            workers=workers,
        )
        return time.perf_counter() - started

    return write


WAYS = {"plain loop": plain_loop, "1 worker": with_workers(1), "all cores": with_workers(None)}

if __name__ == "__main__":
    turns.main(__doc__, WAYS, make_inputs, [512], pixels=1200 * 512**2)
