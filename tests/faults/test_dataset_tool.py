"""dataset_tool.py killed at random moments: there is the old set or the whole new one.

`TF_FACEGAN_KILLS` says how often it is killed (20).
"""

import random
import signal
import time

import cv2
import numpy as np
import pytest

from tests.faults import systems
from tests.faults.test_kills import KILLS, SEED
from tf_facegan.records.reader import RecordSet

COUNT, SIDE = 400, 64

pytestmark = pytest.mark.slow


def write_pictures(folder, shade):
    folder.mkdir()
    noise = np.random.RandomState(shade).randint(0, 60, (COUNT, SIDE, SIDE, 3))
    for number, picture in enumerate(noise + shade):
        cv2.imwrite(str(folder / f"{number:04d}.png"), picture.astype(np.uint8))


def contents(folder):
    """{name: bytes} of a set; None where there is none."""
    if not folder.exists():
        return None
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_set_is_the_old_one_or_the_new_one(tmp_path, capsys):
    chance = random.Random(SEED)
    for shade, name in ((20, "old"), (120, "new")):
        write_pictures(tmp_path / name, shade)

    def build(target, name):
        words = ["create_from_images", target, tmp_path / name, "--overwrite", "--workers", 2]
        return systems.start("dataset_tool.py", words, tmp_path / "output.txt")

    expected = {}
    for name in ("old", "new"):
        began = time.monotonic()
        (tmp_path / f"whole-{name}").mkdir()
        process = build(tmp_path / f"whole-{name}" / "set", name)
        assert process.wait(timeout=300) == 0, (tmp_path / "output.txt").read_text()
        seconds = time.monotonic() - began
        expected[name] = contents(tmp_path / f"whole-{name}" / "set")
    target = tmp_path / "target" / "set"
    states = {"none": 0, "old": 0, "new": 0}
    current = None  # what is at the target
    for _ in range(KILLS):
        name = "new" if current == "old" else "old"
        process = build(target, name)
        time.sleep(chance.uniform(0, seconds * 1.1))
        process.send_signal(chance.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGINT)))
        process.wait(timeout=300)
        found = contents(target)
        same = [key for key, content in expected.items() if content == found]
        assert found is None or same, sorted(found)
        assert found is not None or current is None, "the old set is gone"
        current = same[0] if same else None
        states[current or "none"] += 1
        assert current in (None, name, "old" if name == "new" else "new")
    process = build(target, "new")
    assert process.wait(timeout=300) == 0, (tmp_path / "output.txt").read_text()
    assert contents(target) == expected["new"]
    records = RecordSet(target)
    assert records.count == COUNT and records.read(range(COUNT)).min() >= 100
    with capsys.disabled():
        found = ", ".join(f"{state} {count}" for state, count in states.items())
        print(f"\nkills dataset_tool: {KILLS}, the target was then: {found}")
