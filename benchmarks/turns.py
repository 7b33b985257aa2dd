"""Compares ways of writing a set: each measurement in a process of its own, in turns.

A process of its own has a peak memory of its own. The ways take turns, round by round, and each is
compared with its neighbour of the same round, since the speed of a shared machine drifts from one
minute to the next; the median of the rounds' ratios counts. Two counts are written, so that the
start of the workers, which weighs on small sets, can be told from the rate at which a large set is
written. Ratios mean something only while the machine has nothing else to do: the load average is
printed with them.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def main(description, ways, make_inputs, resolutions, pixels):
    """The command line of a benchmark.

    Args:
      description: str, for the help.
      ways: {name: function(folder of the inputs, folder to write, count) giving seconds}, from the
        slowest to the fastest; each is compared with the one before.
      make_inputs: function(folder, resolution, count) that makes what the ways read.
      resolutions: default list of int, sides of the images.
      pixels: default int, pixels to write in all: decides the number of examples.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sides = " ".join(map(str, resolutions))
    parser.add_argument(
        "--resolution", type=int, nargs="+", default=resolutions, help=f"sides (default: {sides})"
    )
    parser.add_argument("--count", type=int, help="examples (default: as many pixels at each size)")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions (default: 3)")
    parser.add_argument("--folder", type=Path, help="for inputs and outputs (default: temporary)")
    parser.add_argument("--measure", choices=ways, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        _measure(ways[args.measure], args.folder, args.count)
        return
    for resolution in args.resolution:
        count = args.count or max(8, pixels // resolution**2)
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            make_inputs(Path(folder), resolution, count)
            _compare(list(ways), Path(folder), resolution, count, args.rounds)


def _measure(way, folder, count):
    """Runs in a process of its own; prints seconds and peak memory as json."""
    seconds = way(folder, folder / "written", count)
    kilobytes = [
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    print(json.dumps({"seconds": seconds, "self": kilobytes[0], "largest_child": kilobytes[1]}))


def _measured(way, folder, count):
    shutil.rmtree(folder / "written", ignore_errors=True)
    os.sync()  # nobody pays for what the one before left to be written
    command = [sys.executable, sys.argv[0], "--measure", way, "--folder", folder, "--count", count]
    environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3")
    output = subprocess.run(
        list(map(str, command)), env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    return json.loads(output.splitlines()[-1])


def _compare(ways, folder, resolution, count, rounds):
    few, many = count // 4, count
    results = [
        {number: {way: _measured(way, folder, number) for way in ways} for number in (few, many)}
        for _ in range(rounds)
    ]
    print(
        f"{resolution}x{resolution} pixels, {rounds} rounds, {os.cpu_count()} cores, load average "
        f"{os.getloadavg()[1]:.1f}"
    )
    for way in ways:
        for number in (few, many):
            _print_medians(way, number, [result[number][way] for result in results])
    for number in (few, many):
        seconds = [{way: result[number][way]["seconds"] for way in ways} for result in results]
        _print_ratios(f"{number} examples", seconds)
    # What lies between the two counts holds no start: the rate at which a large set is written.
    running = [
        {way: result[many][way]["seconds"] - result[few][way]["seconds"] for way in ways}
        for result in results
    ]
    _print_ratios("once running", running)


def _print_medians(way, number, found):
    rate = number / statistics.median(entry["seconds"] for entry in found)
    own, child = (max(entry[key] for entry in found) / 1024 for key in ("self", "largest_child"))
    print(
        f"{way:11} {number:6d} examples: {rate:7.1f} examples/s, peak memory {own:.0f} MB, largest "
        f"worker {child:.0f} MB"
    )


def _print_ratios(title, rounds):
    """Prints how much faster each way is than the one before: the median of all rounds, and all."""
    names = list(rounds[0])
    for slower, faster in reversed(list(zip(names, names[1:]))):
        ratios = [seconds[slower] / seconds[faster] for seconds in rounds]
        each = " ".join(f"{ratio:.2f}" for ratio in ratios)
        median = statistics.median(ratios)
        print(f"{title}: {faster} / {slower} {median:.2f} (rounds: {each})", flush=True)
