"""What is left of a damaged record file: where its intact records are, and which are lost."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import numpy as np

from tf_facegan.records import example

LOST = -1
_WINDOW = 1 << 20


def salvage(record_file: str | Path, count: int | None = None) -> np.ndarray:
    """Finds the records of a file in which bytes are altered, missing or too many.

    The length of a record is looked for anew behind every place that makes no sense. How many
    records are lost there follows from its size, since almost all records of a file are equally
    long, and from their number.

    Args:
      record_file: path.
      count: int, records there have to be; None where it is not known.

    Returns:
      int64 [n, 2]: where each record begins and ends, LOST for those that are not there. Their
      content is not checked where their place is certain.

    Raises:
      ValueError: no record is left, or it cannot be told which are; names the file.
    """
    if not os.path.getsize(record_file):
        raise ValueError(f"{record_file}: holds no records")
    with open(record_file, "rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            spans, gaps = _walk(content)
            size = len(content)
    if not spans:
        raise ValueError(f"{record_file}: no intact record is left in it")
    usual = int(np.median([end - begin for begin, end in spans]))
    lost = [round((end - begin) / usual) for _, begin, end in gaps]
    missing = 0 if count is None else count - len(spans) - sum(lost)
    if missing and gaps:
        # What is cut off at the end can be any number; so can what a single gap held.
        place = -1 if gaps[-1][2] == size else 0
        if place == 0 and len(gaps) > 1:
            missing = None
        else:
            lost[place] += missing
    elif missing > 0:  # cut off between two records
        gaps, lost = [(len(spans), size, size)], [missing]
    if missing is None or min(lost, default=0) < 0 or (missing and not gaps):
        raise ValueError(
            f"{record_file}: {len(spans)} intact records found, {count} expected, and it cannot be "
            "told which are lost"
        )
    result = list(spans)
    for (before, _, _), number in reversed(list(zip(gaps, lost))):
        result[before:before] = [(LOST, LOST)] * number
    return np.array(result, np.int64)


def _walk(content):
    """Returns ([(begin, end)] of records, [(records before it, begin, end)] of gaps)."""
    spans, gaps, position, size = [], [], 0, len(content)
    while position < size:
        end = _end_at(content, position)
        if end and (end == size or _end_at(content, end) or _is_intact(content, position, end)):
            spans.append((position, end))
            position = end
            continue
        found = _next_record(content, position + 1)
        gaps.append((len(spans), position, found))
        position = found
    return spans, gaps


def _end_at(content, position):
    """Where a record that begins at a position ends; 0 if none begins there."""
    header = content[position : position + example.HEADER_SIZE]
    if len(header) < example.HEADER_SIZE:
        return 0
    try:
        length = example.payload_size(header)
    except example.CorruptRecord:
        return 0
    end = position + example.HEADER_SIZE + length + example.FOOTER_SIZE
    return end if end <= len(content) else 0


def _is_intact(content, begin, end):
    payload = content[begin + example.HEADER_SIZE : end - example.FOOTER_SIZE]
    try:
        example.check_payload(payload, content[end - example.FOOTER_SIZE : end])
    except example.CorruptRecord:
        return False
    return True


def _next_record(content, position):
    """The next position at which a record begins, or the end of the content."""
    while position < len(content):
        window = np.frombuffer(content[position : position + _WINDOW + 8], np.uint8)
        if len(window) < 8:
            break
        # Lengths are below 2**32: the upper half of their eight bytes is 0.
        zero = window == 0
        here = zero[4:-3] & zero[5:-2] & zero[6:-1] & zero[7:]
        for place in np.flatnonzero(here).tolist():
            if _end_at(content, position + place):
                return position + place
        position += len(window) - 7
    return len(content)
