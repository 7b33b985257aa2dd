"""Where the time of a training step goes: kinds of operations, and the single slowest ones.

    python benchmarks/profile_step.py [CASE ...] [--repeats 5] [--top 6]

A case is one of `prepared.CASES`; without one all small ones are profiled, in turn. TensorFlow's
profiler times every operation; pinned to one core (`taskset -c 0`), those times add up to the
iteration's. What is in no operation is Python, scheduling and waiting.
"""

import argparse
import collections
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from prepared import CASES, SMALL

# Operations are events called "layer/of/the/model/name:Kind".
_OPERATION = re.compile(r"^([^:]+):(?:_Mkl(?:Native)?|_)?([A-Z][A-Za-z0-9]*)$")
# They wait for others, whose times are counted.
_CALLS = {"PartitionedCall", "StatefulPartitionedCall", "While", "If", "StatelessWhile", "Case"}
_ALL_EVENTS = 3


def operation_seconds(folder):
    """Reads what the profiler wrote below a folder.

    Returns:
      {(name of an operation, kind): seconds}.
    """
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    seconds = collections.Counter()
    for path in Path(folder).rglob("*.xplane.pb"):
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
        for plane in space.planes:
            for event in (event for line in plane.lines for event in line.events):
                found = _OPERATION.match(plane.event_metadata[event.metadata_id].name)
                if found and found[2] not in _CALLS:
                    seconds[found[1], found[2]] += event.duration_ps / 1e12
    return seconds


def profile(case, repeats):
    """Profiles some iterations of a case.

    Returns:
      seconds: of an iteration while it is profiled.
      operations: {(name, kind): seconds of an iteration}.
    """
    import calibration
    import tensorflow as tf
    from prepared import Prepared, step_of

    with tempfile.TemporaryDirectory() as folder:
        step, *_ = step_of(Prepared(case, folder))
        for _ in range(3):
            calibration.seconds(step)
        options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=_ALL_EVENTS)
        with tf.profiler.experimental.Profile(folder, options):
            began = time.perf_counter()
            for _ in range(repeats):
                calibration.seconds(step)
            elapsed = (time.perf_counter() - began) / repeats
        found = operation_seconds(folder)
    return elapsed, {key: value / repeats for key, value in found.items()}


def lines_of(case, elapsed, operations, top):
    """Returns the report of a case: shares of all the time that operations take."""
    total = sum(operations.values())
    kinds = collections.Counter()
    for (_, kind), value in operations.items():
        kinds[kind] += value
    return [
        f"{case}: {elapsed:.4f} s an iteration, {total:.4f} s of them in operations",
        *(f"  {value / total:5.1%}  {kind}" for kind, value in kinds.most_common(top)),
        *(
            f"    {value / total:5.1%}  {name} ({kind})"
            for (name, kind), value in collections.Counter(operations).most_common(top)
        ),
    ]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", default=SMALL)
    parser.add_argument("--repeats", type=int, default=5, help="iterations (default: 5)")
    parser.add_argument("--top", type=int, default=6, help="of each list (default: 6)")
    args = parser.parse_args()
    wrong = set(args.cases) - set(CASES)
    if wrong:
        parser.error(f"{', '.join(sorted(wrong))}: no case; there are: {', '.join(CASES)}")
    if len(args.cases) == 1:
        print("\n".join(lines_of(args.cases[0], *profile(args.cases[0], args.repeats), args.top)))
        return 0
    options = ["--repeats", str(args.repeats), "--top", str(args.top)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return max(
        subprocess.call([sys.executable, __file__, case, *options], env=environment)
        for case in args.cases
    )


if __name__ == "__main__":
    sys.exit(main())
