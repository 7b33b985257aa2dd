"""Keeps an eye on training: saturated attention masks, steps that are not finite."""

import sys

import numpy as np

WINDOW = 50  # iterations whose mean is judged; fetching less often does not hold the devices up
LOW, HIGH = 0.02, 0.98


class Watch:
    """Judges the scalars of training, a window of iterations at a time.

    Args:
      lambda_sat: float, the weight to name in the warnings.
    """

    def __init__(self, lambda_sat):
        self._lambda_sat = lambda_sat
        self._scalars, self._warned = [], None

    def add(self, scalars):
        """Takes the scalars of one iteration; at the end of a window warns of saturated masks, once
        for each side.

        Raises:
          ValueError: no step of the window was finite; the weights are those before it.
        """
        self._scalars.append(scalars)
        if len(self._scalars) < WINDOW:
            return
        window, self._scalars = self._scalars, []
        for network in "DG":
            skipped = _mean(window, f"{network}/skipped_steps")
            if skipped == 1.0:
                raise ValueError(
                    f"training stopped: no gradient of {network} was finite over {WINDOW} "
                    "iterations, so its weights stayed as they were; look for broken images, or "
                    f"lower train.{network.lower()}_lr"
                )
        self._judge_masks(_mean(window, "G/attention_mean"))

    def _judge_masks(self, mean):
        side = None if mean is None or LOW <= mean <= HIGH else mean > HIGH
        if side is not None and side != self._warned:
            effect, advice = (
                ("photos are hardly changed", "raise it")
                if side
                else ("photos are repainted as a whole", "lower it")
            )
            print(
                f"warning: the attention masks are {mean:.3f} in the mean of {WINDOW} iterations: "
                f"{effect}. loss.lambda_sat={self._lambda_sat:g} sets the balance, {advice}; first "
                "check that the action units belong to the images",
                file=sys.stderr,
            )
        self._warned = side


def _mean(window, name):
    values = [float(scalars[name]) for scalars in window if name in scalars]
    return float(np.mean(values)) if values else None
