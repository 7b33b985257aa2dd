import csv

import cv2
import numpy as np
import pytest

from tests import tiny
from tf_facegan.records.reader import RecordSet
from tf_facegan.utilities import nearest_reals
from tf_facegan.utilities.nearest_reals import Options


def test_records_are_found_again(faces, monkeypatch):
    monkeypatch.setattr(nearest_reals, "_CHUNK", 7)
    records = RecordSet(faces)
    wanted = np.array([20, 3, 11])
    queries = records.read(wanted, 4) + np.float32(0.01)
    distances, numbers = nearest_reals.nearest(records, queries, 4, 5)
    np.testing.assert_array_equal(numbers[:, 0], wanted)
    np.testing.assert_allclose(distances[:, 0], 0.01, rtol=1e-3)
    assert (np.diff(distances, axis=1) > 0).all() and distances.shape == (3, 5)
    every = records.read(np.arange(tiny.COUNT), 4).astype(np.float64)
    expected = np.sqrt(np.mean(np.square(every - queries[0]), axis=(1, 2, 3)))
    np.testing.assert_array_equal(numbers[0], np.argsort(expected)[:5])
    np.testing.assert_allclose(distances[0], np.sort(expected)[:5], rtol=1e-5)


def test_a_sheet_and_a_table(run, tmp_path, capsys):
    options = Options(count=3, neighbours=2, resolution=8)
    *pictures, table = nearest_reals.run(run, tmp_path, options, snapshot=1)
    assert [path.name for path in pictures] == [f"nearest{e}.png" for e in ("", "_shp", "_nor")]
    assert all(cv2.imread(str(path)).shape == (24, 24, 3) for path in pictures)
    with open(table, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"].split()[0] for row in rows] == ["sample"] * 3 + ["record"] * 3
    assert all(row["nearest"] != row["image"].split()[1] for row in rows[3:])
    samples = np.median([float(row["distance"]) for row in rows[:3]])
    expected = f"median distance of samples from the nearest example: {samples:.4f}"
    assert expected in capsys.readouterr().out
    # The second column of the first row is the nearest record.
    record = RecordSet(run.load_config().data.sets["faces"]).read([int(rows[0]["nearest"])])[0]
    shown = cv2.imread(str(pictures[0]))[:8, 8:16, ::-1].transpose(2, 0, 1)
    np.testing.assert_allclose(shown, record[:3] * 127.5 + 127.5, atol=0.51)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "count=0, neighbours=5"),
        ({"neighbours": 24}, "fewer than the 24 examples"),
        ({"resolution": 16}, r"resolution=16: one of \[4, 8\] expected"),
    ],
)
def test_wrong_options(run, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        nearest_reals.run(run, tmp_path, Options(**{"resolution": 8, **options}))
