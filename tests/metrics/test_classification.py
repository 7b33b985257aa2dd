import csv
import json

import cv2
import numpy as np
import pytest

from tf_facegan.metrics import classification

NAMES = ["happy", "sad", "angry"]
LABELS = [0, 0, 0, 0, 1, 1, 2, 2]
PREDICTIONS = [0, 0, 0, 1, 1, 0, 2, 1]
PROTOCOL = {"data": "a test", "resolution": 64}


@pytest.fixture
def report():
    return classification.report(LABELS, PREDICTIONS, NAMES, PROTOCOL)


def test_worked_example(report):
    np.testing.assert_array_equal(report.confusion, [[3, 1, 0], [1, 1, 0], [0, 1, 1]])
    assert report.count == 8
    assert report.accuracy == 5 / 8
    assert report.mean_class_accuracy == pytest.approx((3 / 4 + 1 / 2 + 1 / 2) / 3)
    np.testing.assert_allclose(report.precision, [3 / 4, 1 / 3, 1])
    np.testing.assert_allclose(report.recall, [3 / 4, 1 / 2, 1 / 2])
    np.testing.assert_allclose(report.f1, [3 / 4, 2 / 5, 2 / 3])


def test_scores_count_by_the_highest(report):
    scores = np.eye(3)[PREDICTIONS] * 0.5 + 0.1
    np.testing.assert_array_equal(
        classification.confusion_matrix(LABELS, scores, 3), report.confusion
    )


def test_classes_without_examples():
    report = classification.report([0, 0, 2], [0, 2, 2], NAMES, {})
    assert np.isnan(report.recall[1]) and np.isnan(report.precision[1]) and np.isnan(report.f1[1])
    assert report.mean_class_accuracy == 3 / 4
    described = report.described()["classes"]["sad"]
    assert described == {"count": 0, "precision": None, "recall": None, "f1": None}
    nothing = classification.report([], [], NAMES, {})
    assert np.isnan(nothing.accuracy) and np.isnan(nothing.mean_class_accuracy)


def test_files(tmp_path, report):
    report.save(tmp_path / "new" / "expressions-000100")
    described = json.loads((tmp_path / "new" / "expressions-000100.json").read_text())
    assert described["protocol"] == {**PROTOCOL, "count": 8}
    assert described["accuracy"] == 0.625
    assert described["classes"]["angry"]["precision"] == 1
    with open(tmp_path / "new" / "expressions-000100.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["true \\ predicted", *NAMES],
        ["happy", "3", "1", "0"],
        ["sad", "1", "1", "0"],
        ["angry", "0", "1", "1"],
    ]
    picture = cv2.imread(str(tmp_path / "new" / "expressions-000100.png"))
    np.testing.assert_array_equal(picture, report.picture())
    assert picture[140, 140, 0] < picture[140, 250, 0]  # three of four are darker than none


def test_a_long_protocol_is_wrapped():
    protocol = {"data": "/data/" + 40 * "long/", "split": "test", "network": "network-best.npz"}
    report = classification.report([0, 1, 2], [0, 1, 2], NAMES, protocol)
    short = classification.report([0, 1, 2], [0, 1, 2], NAMES, {"split": "test"})
    picture = report.picture()
    assert picture.shape[1] == short.picture().shape[1]
    assert picture.shape[0] > short.picture().shape[0] + 40  # at least three lines instead of one
    below = picture[130 + 3 * 56 :]
    assert below[:, -6:].min() == 255 and below[:, :6].min() == 255
    assert below[-20:].min() < 100


@pytest.mark.parametrize(
    ("labels", "predictions", "message"),
    [
        ([0, 1], [0], r"labels \[2\] and predictions \[1\] do not fit"),
        ([0, 3], [0, 0], "labels from 0 to 3, 0 to 2 expected"),
        ([0, 1], [-1, 0], "predictions from -1 to 0, 0 to 2 expected"),
        ([0, 1], np.zeros((2, 4)), "scores of 4 classes, 3 expected"),
    ],
)
def test_what_does_not_fit(labels, predictions, message):
    with pytest.raises(ValueError, match=message):
        classification.confusion_matrix(labels, predictions, 3)
