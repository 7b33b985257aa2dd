"""One table of what training and using the systems costs, all of it as ratios within one run.

    python benchmarks/overview.py [--only QUESTION ...] [--cases CASE ...] [--repeats 3]

Questions: input (is the input pipeline faster than the step it feeds), files (records against
reading the same pictures from PNG and JPEG files), step (share of the machine's convolution peak,
measured in turn with the step), images (cost of an image against resolution and batch), devices (1
device against 2 logical ones), start (seconds from the command to the first step), inference
(pictures a second). Every measurement is made in a process of its own; medians are printed. Speeds
of the same machine in one run can be compared; on a busy machine only their ratios say anything.
"""

import argparse
import functools
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from prepared import CASES, ROOT, SMALL, Prepared, flags_of, rows_of, step_of

LEVELS = {"sides": (4, 8, 16, 32, 64), "batches": (4, 16, 64)}
FILES = {"sides": (64, 128, 256), "batch": 16, "count": 256}
ON_DEVICES = ("tbgan, small", "ganimation, small")
STARTS = 2  # of each case
TIMEOUT = 1200

_prepared = functools.cache(Prepared)  # several questions are asked of one


def _pictures_a_second(batches, least=64, seconds=0.5):
    """Rate of an iterator over batches, after its first ones."""
    for _ in range(4):
        next(batches)
    began, count = time.perf_counter(), 0
    while count < least or time.perf_counter() - began < seconds:
        count += rows_of(next(batches))
    return count / (time.perf_counter() - began)


def measure_step(case, folder, repeats):
    """Share of the convolution peak, and whether the input keeps up."""
    import calibration

    prepared = _prepared(case, folder)
    step, batches, rows, operations = step_of(prepared)
    elapsed, speed, normal = calibration.measure(step, calibration.make_convolution(), repeats)
    rate, used = _pictures_a_second(prepared.open()), batches * rows / elapsed
    preset, side, _ = CASES[case]
    what = f"{case}: {preset}, {side} px, batch {rows}"
    yield (
        "step",
        what,
        f"{elapsed:.3f} s ({normal:.3f} s at 520 GFLOP/s), {operations / 1e9:.1f} GFLOP",
        f"convolution {speed:.0f} GFLOP/s",
        f"{operations / elapsed / 1e9 / speed:.0%} of the peak",
    )
    yield "input", what, f"{rate:.0f} pictures/s", f"step {used:.0f}/s", f"{rate / used:.0f}"


def measure_input(case, folder, repeats):
    """The input of TBGAN against its steps, and the cost of an image, at every level and batch."""
    import calibration

    costs = {}
    for batch in LEVELS["batches"]:
        changes = [f"--set=schedule.minibatch_base={batch}", "--set=schedule.minibatch_dict={}"]
        changes += ["--set=schedule.lod_initial_resolution=4"]
        changes += [f"--set={name}=0.32" for name in ("schedule.lod_training_kimg",)]
        prepared = Prepared(case, folder, changes)
        for side in LEVELS["sides"]:
            prepared.at_side(side)
            step, batches, rows, _ = step_of(prepared)
            elapsed = min(calibration.seconds(step) for _ in range(2 + repeats))
            rate, used = _pictures_a_second(prepared.open()), batches * rows / elapsed
            what = f"{case}: level of {side} px, batch {rows}"
            ratio = f"{rate / used:.0f}"
            yield "input", what, f"{rate:.0f} pictures/s", f"step {used:.0f}/s", ratio
            costs[side, batch] = 1000 / used
    small = LEVELS["batches"][0]
    larger = {key: cost for key, cost in costs.items() if key[1] != small}
    for (side, batch), cost in larger.items():
        base = f"batch {small}: {costs[side, small]:.2f} ms"
        ratio = f"{costs[side, small] / cost:.2f}"
        yield "images", f"{case}: {side} px, batch {batch}", f"{cost:.2f} ms/picture", base, ratio
    last = LEVELS["batches"][-1]
    for low, high in itertools.pairwise(LEVELS["sides"]):
        ratio = costs[high, last] / costs[low, last]
        yield (
            "images",
            f"{case}: {high} px against {low} px, batch {last}",
            f"{costs[high, last]:.2f} ms/picture",
            f"{costs[low, last]:.2f} ms",
            f"{ratio:.2f} (pixels: 4)",
        )


def measure_files(case, folder, repeats):
    """Records against the same pictures read from files with `tf.data`, decoded in parallel."""
    import cv2
    import made_sets
    import tensorflow as tf

    from tf_facegan.records.reader import RecordSet

    for side in FILES["sides"]:
        path = Path(folder) / f"files{side}"
        made_sets.write_faces(path / "set", side)
        rates = {"records": []}
        pipelines = {"records": lambda: RecordSet(path / "set").iterate(FILES["batch"], seed=0)}  # noqa: B023
        for kind, decode in (("png", tf.io.decode_png), ("jpg", tf.io.decode_jpeg)):
            for number in range(FILES["count"]):
                image = made_sets.picture(number, side).transpose(1, 2, 0)
                cv2.imwrite(str(path / f"{number:03d}.{kind}"), cv2.GaussianBlur(image, (0, 0), 2))
            pipelines[kind] = _file_pipeline(sorted(map(str, path.glob(f"*.{kind}"))), decode)
            rates[kind] = []
        for _ in range(repeats):
            for kind, make in pipelines.items():
                rates[kind].append(_pictures_a_second(iter(make())))
        rates = {kind: statistics.median(found) for kind, found in rates.items()}
        for kind in ("png", "jpg"):
            ratio = f"{rates['records'] / rates[kind]:.1f}"
            what = f"records against {kind} files, {side} px, batch {FILES['batch']}"
            measured = f"{rates['records']:.0f} pictures/s"
            yield "files", what, measured, f"{rates[kind]:.0f}/s", ratio


def _file_pipeline(paths, decode):
    import tensorflow as tf

    def load(path):
        return tf.transpose(decode(tf.io.read_file(path), 3), [2, 0, 1])

    def make():
        files = tf.data.Dataset.from_tensor_slices(paths).shuffle(len(paths), seed=0).repeat()
        images = files.map(load, num_parallel_calls=tf.data.AUTOTUNE)
        return images.batch(FILES["batch"], drop_remainder=True).prefetch(2)

    return make


def measure_devices(case, folder, repeats, logical_cpus=0):
    """Seconds of an iteration, to be compared between numbers of devices."""
    import calibration

    step, batches, rows, _ = step_of(Prepared(case, folder, logical_cpus=logical_cpus))
    for _ in range(2):
        calibration.seconds(step)
    yield statistics.median(calibration.seconds(step) for _ in range(repeats)), rows


def measure_inference(case, folder, repeats):
    """Pictures a second of the network that a pipeline uses, one at a time and eight."""
    import calibration
    import tensorflow as tf

    prepared = _prepared(case, folder)
    function, inputs = _network(prepared, Path(folder))
    for batch in (1, 8):
        shapes = [[batch, *spec.shape[1:]] for spec in inputs.values()]
        arguments = [tf.random.stateless_uniform(shape, [1, 2]) for shape in shapes]
        compiled = tf.function(function)
        for _ in range(3):
            calibration.seconds(lambda: compiled(*arguments))  # noqa: B023
        count = max(10, 4 * repeats)
        elapsed = statistics.median(
            calibration.seconds(lambda: compiled(*arguments))  # noqa: B023
            for _ in range(count)
        )
        what = f"{case}: {CASES[case][1]} px, {batch} at a time"
        frames = f"{batch / elapsed:.0f} pictures/s"
        yield "inference", what, frames, "25 frames/s", f"{batch / elapsed / 25:.1f}"


def _network(prepared, folder):
    """(function, {input: spec}) of a case's pipeline; of TDGAN the transfer, which is no export."""
    import tensorflow as tf

    import tf_facegan
    from tf_facegan.engine import run_folder

    trainer = prepared.trainer
    run = run_folder.create(folder / "results", "run")
    run.save_config(trainer.prepare_run(run) or prepared.config)
    run.save_snapshot(run_folder.FINAL_SNAPSHOT, trainer.networks())
    pipeline = tf_facegan.load(run.path)
    if prepared.config.system != "tdgan":
        return pipeline.signature()
    spec = tf.TensorSpec([None, *pipeline.image_shape], tf.float32)
    noise = tf.TensorSpec([None, *pipeline.generator.noise_shape], tf.float32)
    return pipeline.generator, {"faces": spec, "expressions": spec, "noise": noise}


def measure_start(case, folder, repeats):
    """Seconds from the command to the first checkpoint after a step; the process is then killed."""
    words = [*flags_of(case, folder), "--set=runtime.checkpoint_minutes=0"]
    found = []
    for number in range(min(repeats, STARTS)):
        results = Path(folder) / f"results{number}"
        command = [sys.executable, str(ROOT / "train.py"), *words, "--result_dir", str(results)]
        began = time.perf_counter()
        with open(Path(folder) / "start.txt", "w", encoding="utf-8") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
            while len(list(results.glob("*/checkpoints/ckpt-*"))) < 2:
                if process.poll() is not None or time.perf_counter() - began > TIMEOUT:
                    raise RuntimeError((Path(folder) / "start.txt").read_text(encoding="utf-8"))
                time.sleep(0.02)
            found.append(time.perf_counter() - began)
            process.send_signal(signal.SIGKILL)
            process.wait()
    seconds = statistics.median(found)
    imported = _import_seconds()
    rest = f"import of TensorFlow {imported:.1f} s"
    yield "start", case, f"{seconds:.1f} s to the first step", rest, f"{seconds / imported:.1f}"


def _import_seconds():
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import tensorflow"], check=True, capture_output=True)
    return time.perf_counter() - began


MEASURES = {
    "step": measure_step,
    "input": measure_input,
    "files": measure_files,
    "devices": measure_devices,
    "start": measure_start,
    "inference": measure_inference,
}


def apart(questions, case, repeats, *more):
    """Asks questions of a case in a process of its own; returns the rows.

    Raises:
      RuntimeError: with the end of what the process said; it holds no rows.
    """
    with tempfile.TemporaryDirectory() as folder:
        words = ["--measure", ",".join(questions), case, folder, str(repeats), *map(str, more)]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        done = subprocess.run(
            [sys.executable, __file__, *words], env=environment, capture_output=True, text=True
        )
    if done.returncode:
        raise RuntimeError(f"{', '.join(questions)} of {case}: {done.stderr[-3000:]}")
    lines = [line for line in done.stdout.splitlines() if line.startswith("row ")]
    return [json.loads(line[4:]) for line in lines]


def _devices_rows(case, repeats):
    """The row of a case on one device and on two."""
    ((one, rows),), ((two, _),) = (apart(["devices"], case, repeats, n) for n in (0, 2))
    what = f"{case}: batch {rows} on two logical devices"
    return [["devices", what, f"{two:.3f} s", f"one device {one:.3f} s", f"{one / two:.2f}"]]


def table(questions, cases, repeats):
    """Yields functions that return rows of the table."""
    of_networks = [question for question in ("step", "inference") if question in questions]
    for case in cases if of_networks else ():
        yield functools.partial(apart, of_networks, case, repeats)
    for question in ("input", "files"):
        if question in questions:
            yield functools.partial(apart, [question], "tbgan, small", repeats)
    for case in ON_DEVICES if "devices" in questions else ():
        yield functools.partial(_devices_rows, case, repeats)
    for case in cases if "start" in questions else ():
        if case in SMALL:
            yield functools.partial(apart, ["start"], case, repeats)


def _measured(words):
    questions, case, folder, repeats, *more = words
    for question in questions.split(","):
        for row in MEASURES[question](case, folder, int(repeats), *map(int, more)):
            print("row " + json.dumps(row), flush=True)


def machine():
    """A line that describes the machine."""
    with open("/proc/cpuinfo", encoding="ascii") as file:
        lines = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    load = os.getloadavg()[0]
    return f"{len(lines)} x {lines[0]}, load average {load:.1f} before"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES))
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--repeats", type=int, default=3, help="turns that count (default: 3)")
    parser.add_argument("--measure", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        _measured(args.measure)
        return 0
    began = time.perf_counter()
    print(f"{machine()}\n\n| question | case | measured | against | ratio |\n|---|---|---|---|---|")
    failed = False
    for measure in table(args.only, args.cases, args.repeats):
        try:
            for row in measure():
                print(f"| {' | '.join(row)} |", flush=True)
        except RuntimeError as error:  # the others are worth having
            failed = True
            print(error, file=sys.stderr, flush=True)
    print(f"\n{time.perf_counter() - began:.0f} s for all of it")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
