import numpy as np
import pytest

from tf_facegan.metrics.editing import editing_report
from tf_facegan.sources.toy_faces import REGIONS


def test_values_worked_out_by_hand():
    asked = np.full((2, 17), 3.0)
    judged_before, judged_after = np.zeros((2, 17)), np.full((2, 17), 2.0)
    judged_after[:, 0] = 3.0
    before = np.zeros((2, 2, 2, 3))
    after = before.copy()
    after[:, 0, 0] = 0.1  # background
    after[:, 1, 0] = 1.0  # skin
    regions = np.array([[[0, 2], [1, 3]]] * 2)
    attention = np.full((2, 2, 2), 0.25)
    found = editing_report(
        asked, judged_before, judged_after, before, after, attention, regions, REGIONS
    )
    assert found["au_error_before"] == pytest.approx(3)
    assert found["au_error_after"] == pytest.approx(16 / 17)
    assert found["au_error_ratio"] == pytest.approx(16 / 17 / 3)
    assert found["kept_change"] == pytest.approx(0.025)  # of background and hair, of a range of 2
    assert found["background_change"] == pytest.approx(0.05)
    assert found["skin_change"] == pytest.approx(0.5) and found["hair_change"] == 0
    assert found["attention_mean"] == 0.25
    assert found["aus"]["AU01_r"] == {"before": 3.0, "after": 0.0}


def test_some_action_units():
    images, asked = np.zeros((2, 2, 2, 3)), np.ones((2, 2))
    masks, names = images[..., 0], ["AU12_r", "AU25_r"]
    found = editing_report(
        asked, 0 * asked, asked / 2, images, images, masks, masks, REGIONS, names
    )
    assert found["au_error_ratio"] == 0.5 and list(found["aus"]) == names


def test_arrays_that_do_not_fit():
    images, aus = np.zeros((2, 2, 2, 3)), np.zeros((3, 17))
    with pytest.raises(ValueError, match=r"arrays of \[2, 3\] examples"):
        editing_report(aus, aus, aus, images, images, images[..., 0], images[..., 0], REGIONS)
