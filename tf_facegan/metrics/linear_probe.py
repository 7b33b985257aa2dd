"""How much features say about a label: the accuracy of a linear classifier that learns from them.

A probe (Alain and Bengio, *Understanding intermediate layers using linear classifier probes*, 2016)
is multinomial logistic regression on the features as they are; nothing else learns.
"""

from __future__ import annotations

import numpy as np
import scipy.optimize
import scipy.special

_PENALTIES = (10.0, 1.0, 1e-1, 1e-2, 1e-3, 1e-4)  # from the strongest on
_FOLDS = 4  # that choose the penalty
_ITERATIONS = 200


def linear_probe(
    features: np.ndarray, labels: np.ndarray, test_features: np.ndarray, test_labels: np.ndarray
) -> float:
    """Trains a probe on some examples and tests it on others.

    Features are standardised by the mean and deviation of the first ones. The weight of the squared
    norm of the probe's weights is chosen among six, from 1e-4 to 10, by cross validation: four
    folds of the first examples, to each of which every label gives its share.

    Args:
      features: [N, …], flattened to [N, D].
      labels: int [N].
      test_features: [M, …]; test_labels: int [M].

    Returns:
      float, share of the test examples whose label is found.

    Raises:
      ValueError: no examples, a single label, or numbers that do not fit.
    """
    features, test_features = (_flat(x) for x in (features, test_features))
    labels, test_labels = np.asarray(labels), np.asarray(test_labels)
    if len(features) != len(labels) or len(test_features) != len(test_labels) or not len(labels):
        raise ValueError(
            f"{len(features)} and {len(test_features)} features, {len(labels)} and "
            f"{len(test_labels)} labels"
        )
    classes, numbers = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError("a single label, at least two expected")
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    varies = deviation > 1e-8 * max(float(deviation.max()), 1e-30)
    features, test_features = (
        (x[:, varies] - mean[varies]) / deviation[varies] for x in (features, test_features)
    )
    penalty = _best_penalty(features, numbers, len(classes))
    predicted = classes[_predicted(test_features, _fit(features, numbers, len(classes), penalty))]
    return float((predicted == test_labels).mean())


def turns(labels: np.ndarray) -> np.ndarray:
    """How many examples of the same label come before each: int [N] -> int64 [N]."""
    order = np.argsort(labels, kind="stable")
    ranked = labels[order]
    places = np.empty(len(ranked), np.int64)
    places[order] = np.arange(len(ranked)) - np.searchsorted(ranked, ranked)
    return places


def _best_penalty(features, labels, classes):
    """The penalty with which most examples are found by probes that have not seen them."""
    # Not every fourth example: where labels take turns, some would never be learned from.
    folds, right = turns(labels) % _FOLDS, np.zeros(len(_PENALTIES))
    for fold in range(folds.max() + 1):
        held = folds == fold
        if held.all():
            return _PENALTIES[len(_PENALTIES) // 2]
        weights = None
        for number, penalty in enumerate(_PENALTIES):
            weights = _fit(features[~held], labels[~held], classes, penalty, weights)
            right[number] += (_predicted(features[held], weights) == labels[held]).sum()
    return _PENALTIES[int(np.argmax(right))]


def _fit(features, labels, classes, penalty, start=None):
    """Returns weights [D + 1, classes], the last row a bias; `start` is where the search begins."""
    inputs = np.concatenate([features, np.ones([len(features), 1])], axis=1)
    targets = np.eye(classes)[labels]

    def objective(flat):
        weights = flat.reshape(-1, classes)
        logits = inputs @ weights
        shrunk = weights * np.r_[np.ones(len(weights) - 1), 0][:, None]
        loss = (scipy.special.logsumexp(logits, axis=1) - (logits * targets).sum(axis=1)).mean()
        gradient = inputs.T @ (scipy.special.softmax(logits, axis=1) - targets) / len(inputs)
        return (
            loss + penalty / 2 * (shrunk**2).sum(),
            (gradient + penalty * shrunk).ravel(),
        )

    start = np.zeros(inputs.shape[1] * classes) if start is None else start.ravel()
    found = scipy.optimize.minimize(
        objective, start, jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS}
    )
    return found.x.reshape(-1, classes)


def _predicted(features, weights):
    """The class of each example."""
    return (features @ weights[:-1] + weights[-1]).argmax(axis=1)


def _flat(features):
    features = np.asarray(features, np.float64)
    return features.reshape(len(features), -1)
