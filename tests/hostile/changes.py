"""Hypothesis strategies: damage to the bytes of a file, and to values read from JSON."""

import copy
import os

from hypothesis import settings
from hypothesis import strategies as st

# A short, repeatable run by default; `TF_FACEGAN_FUZZ` is the number of random examples each.
COUNT = int(os.environ.get("TF_FACEGAN_FUZZ", 0))
PROFILE = settings(
    max_examples=COUNT or 20,
    derandomize=not COUNT,
    database=None,
    deadline=None,
    print_blob=True,
)

_NUMBERS = [0, 1, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**32 - 1, 2**63, 2**64 - 1]
_TEXTS = [b"../", b"/etc/passwd", b"\0", b"%d", b"NaN", b"1e999", b"-1", b"[" * 5000, b'"', b"\n"]


@st.composite
def damaged(draw, content):
    """The bytes of a file with one to four changes."""
    for _ in range(draw(st.integers(1, 4))):
        content = _changed(draw, content)
    return content


def _changed(draw, content):
    place = draw(st.integers(0, max(0, len(content) - 1)))
    kind = draw(st.sampled_from(("flip", "flip", "set", "cut", "drop", "insert", "number", "swap")))
    if kind == "cut":
        return content[:place]
    if kind == "flip":
        bit = 1 << draw(st.integers(0, 7))
        flipped = bytes(byte ^ bit for byte in content[place : place + 1])
        return content[:place] + flipped + content[place + 1 :]
    if kind == "set":
        new = draw(st.binary(min_size=1, max_size=8))
        return content[:place] + new + content[place + len(new) :]
    if kind == "drop":
        return content[:place] + content[place + draw(st.integers(1, 64)) :]
    if kind == "insert":
        new = draw(st.sampled_from(_TEXTS) | st.binary(min_size=1, max_size=64))
        return content[:place] + new + content[place:]
    if kind == "number":
        size = draw(st.sampled_from((2, 4, 8)))
        order = draw(st.sampled_from(("little", "big")))
        number = draw(st.sampled_from(_NUMBERS)) % (1 << 8 * size)
        return content[:place] + number.to_bytes(size, order) + content[place + size :]
    other = draw(st.integers(0, max(0, len(content) - 1)))
    length = draw(st.integers(1, 32))
    part = content[other : other + length]
    return content[:place] + part + content[place + length :]


_KEYS = st.text(max_size=4)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["../../etc/passwd", "/etc/passwd", "\0", "a/b", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=4,
)


@st.composite
def altered(draw, value):
    """A value of JSON with one to three of its parts replaced, taken out or put in."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        value = _altered(draw, value)
    return value


def _altered(draw, value):
    if not isinstance(value, (dict, list)) or not value or draw(st.integers(0, 5)) == 0:
        return draw(VALUES)
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = draw(st.sampled_from(keys))
    action = draw(st.sampled_from(("inside", "inside", "remove", "add")))
    if action == "remove":
        del value[key]
    elif action == "add" and isinstance(value, dict):
        value[draw(st.text(max_size=6))] = draw(VALUES)
    else:
        value[key] = _altered(draw, value[key])
    return value
