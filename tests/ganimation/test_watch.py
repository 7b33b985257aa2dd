import pytest

from tf_facegan.ganimation.watch import WINDOW, MaskWatch


def feed(watch, mean, count=WINDOW):
    for _ in range(count):
        watch.add(mean)
    return watch.warning()


@pytest.mark.parametrize(
    "mean, words",
    [(0.99, ["is 0.990", "hardly changed", "raise"]), (0.01, ["is 0.010", "repainted", "lower"])],
)
def test_saturated_masks_are_reported_once(mean, words):
    watch = MaskWatch(lambda_sat=0.1)
    assert feed(watch, mean, WINDOW - 1) is None
    warning = feed(watch, mean, 1)
    assert "\n" not in warning and "loss.lambda_sat=0.1" in warning
    assert all(word in warning for word in words)
    assert feed(watch, mean) is None
    assert feed(watch, 0.5) is None
    assert feed(watch, mean) == warning
    assert feed(watch, 1 - mean) not in (None, warning)


def test_healthy_masks_are_not():
    watch = MaskWatch(lambda_sat=0.1)
    assert [feed(watch, mean) for mean in (0.03, 0.5, 0.97)] == [None] * 3
