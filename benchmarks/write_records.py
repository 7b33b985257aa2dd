"""How fast a 9-channel set is written: a plain loop, one worker, all cores.

    python benchmarks/write_records.py [--resolution 512] [--count 400] [--rounds 3]

Inputs are made first: PNG textures and pickled shapes and normals, as `create_uv_maps` writes them.
The plain loop is what one would write by hand: load, levels, tf.train.Example, TFRecordWriter, one
example after the other. Each measurement is a process of its own, so that its peak memory is its
own; times begin after its imports and include everything after that: also the start of the workers,
a third of a second that weighs on small sets.
The ways take turns, round by round, and the best rounds are compared. Ratios mean something only
while the machine has nothing else to do: the load average is printed with them.
"""

import argparse
import functools
import json
import os
import pickle
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
WAYS = ("plain loop", "1 worker", "all cores")
MODALITIES = ("texture", "shape", "normals")
DISTINCT = 16  # examples on disk; they are read again and again


def make_inputs(folder, resolution):
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


def plain_loop(out, faces):
    """The straightforward way, with TensorFlow's own writer."""
    import numpy as np
    import tensorflow as tf

    from tf_facegan.sources import uv_maps

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


def our_writer(out, faces, workers):
    from tf_facegan.records import writer
    from tf_facegan.sources import uv_maps

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


def measure(way, folder, count):
    """Runs in a process of its own; prints seconds and peak memory as json."""
    from tf_facegan.sources import uv_maps

    distinct = uv_maps.find_faces({name: folder / name for name in MODALITIES})
    faces = [distinct[number % DISTINCT] for number in range(count)]
    out = folder / "written"
    if way == "plain loop":
        seconds = plain_loop(out, faces)
    else:
        seconds = our_writer(out, faces, 1 if way == "1 worker" else None)
    kilobytes = [
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    print(json.dumps({"seconds": seconds, "self": kilobytes[0], "largest_child": kilobytes[1]}))


def measured(way, folder, count):
    shutil.rmtree(folder / "written", ignore_errors=True)
    os.sync()  # nobody pays for what the one before left to be written
    command = [sys.executable, __file__, "--measure", way, "--folder", folder, "--count", count]
    environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3")
    output = subprocess.run(
        list(map(str, command)), env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    return json.loads(output.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--resolution", type=int, default=512, help="side (default: 512)")
    parser.add_argument("--count", type=int, default=400, help="examples (default: 400)")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions (default: 3)")
    parser.add_argument("--folder", type=Path, help="for inputs and outputs (default: temporary)")
    parser.add_argument("--measure", choices=WAYS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        measure(args.measure, args.folder, args.count)
        return
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        compare(Path(folder), args)


def compare(folder, args):
    make_inputs(folder, args.resolution)
    counts = (args.count // 4, args.count)
    results = {(way, count): [] for way in WAYS for count in counts}
    for _ in range(args.rounds):
        for (way, count), found in results.items():
            found.append(measured(way, folder, count))
    print(
        f"9x{args.resolution}x{args.resolution}, best of {args.rounds} rounds, {os.cpu_count()} "
        f"cores, load average {os.getloadavg()[1]:.1f}"
    )
    best = {key: min(entry["seconds"] for entry in found) for key, found in results.items()}
    for (way, count), found in results.items():
        own, child = (
            max(entry[key] for entry in found) / 1024 for key in ("self", "largest_child")
        )
        print(
            f"{way:11} {count:5d} examples: {count / best[way, count]:6.1f} examples/s, "
            f"peak memory {own:.0f} MB, largest worker {child:.0f} MB"
        )
    few, many = counts
    print_ratios(f"{few} examples", {way: few / best[way, few] for way in WAYS})
    print_ratios(f"{many} examples", {way: many / best[way, many] for way in WAYS})
    # What lies between the two counts holds no start: the rate at which a large set is written.
    rates = {way: (many - few) / (best[way, many] - best[way, few]) for way in WAYS}
    print_ratios("once running", rates)


def print_ratios(title, rates):
    plain, one, every = (rates[way] for way in WAYS)
    print(
        f"{title}: all cores / 1 worker {every / one:.2f}, 1 worker / plain loop {one / plain:.2f}"
    )


if __name__ == "__main__":
    main()
