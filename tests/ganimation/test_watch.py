import pytest

from tf_facegan.ganimation.watch import WINDOW, Watch


def feed(watch, mean, skipped=0.0, count=WINDOW):
    for number in range(count):
        scalars = {"D/skipped_steps": skipped}
        if number % 5 == 4:
            scalars.update({"G/attention_mean": mean, "G/skipped_steps": 0.0})
        watch.add(scalars)


@pytest.mark.parametrize(
    "mean, words", [(0.99, ["0.990", "hardly changed", "raise it"]), (0.01, ["0.010", "lower it"])]
)
def test_saturated_masks_are_reported_once(mean, words, capsys):
    watch = Watch(lambda_sat=0.1)
    feed(watch, mean, count=WINDOW - 1)
    assert capsys.readouterr().err == ""
    feed(watch, mean, count=1)
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and "loss.lambda_sat=0.1" in message
    assert all(word in message for word in words)
    feed(watch, mean)
    assert capsys.readouterr().err == ""
    feed(watch, 0.5)
    feed(watch, mean)
    assert "warning" in capsys.readouterr().err


def test_healthy_masks_are_not(capsys):
    watch = Watch(lambda_sat=0.1)
    for mean in (0.03, 0.5, 0.97):
        feed(watch, mean)
    assert capsys.readouterr().err == ""


def test_training_stops_when_no_step_is_finite():
    watch = Watch(lambda_sat=0.1)
    feed(watch, 0.5, skipped=0.5)
    with pytest.raises(ValueError, match="no gradient of D was finite over 50 .* lower train.d_lr"):
        feed(watch, 0.5, skipped=1.0)
