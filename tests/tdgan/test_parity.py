"""TDGAN's training step against results of the published code, in float64 (see `golden.py`).

A step is compared by the change it makes: the size of the weights hides one never taken.
"""

import numpy as np
import pytest
import tensorflow as tf

from tests.golden.recipe import tensor
from tests.tdgan import golden
from tests.tdgan.golden import Vectors, assert_close, assert_statistics, errors, nchw, statistics
from tf_facegan import config as configuration
from tf_facegan.engine.optimizers import Adam
from tf_facegan.tdgan import losses, reference, step
from tf_facegan.tdgan.config import Config

# Published optimizers: ours, in the order of the published parameters.
OPTIMIZERS = {
    "optG_ER_fc": ("M_ER",),
    "optD_FR": ("D_FR",),
    "optD_ER": ("D_ER",),
    "optG_joint": ("G_ER", "G_FR"),
}
SCALARS = {
    "G_FR_f": "G_FR_f",
    "G_ER_f": "G_ER_f",
    "G_FR_PER": "G_FR_PER",
    "G_ER_PER": "G_ER_PER",
    "con_FR": "G_CON_FR",
    "con_ER": "G_CON_ER",
    "G": "G",
    "M_ER": "M_ER",
    "D_FR": "D_FR",
    "D_FR_r": "D_FR_r",
    "D_FR_f": "D_FR_f",
    "D_ER": "D_ER",
    "D_ER_r": "D_ER_r",
}
RATES = ("lr_D_FR", "lr_D_ER", "lr_G_FR", "lr_G_ER")
WEIGHTS = ("G_FR_f", "G_ER_f", "G_FR_PER", "G_ER_PER", "G_CON_FR", "G_CON_ER")
WEIGHTS += ("D_FR_r", "D_FR_f", "D_ER_r")
LOSS, LATE_LOSS, GRADIENT, LATE_GRADIENT, CHANGE = 1e-7, 1e-5, 1e-4, 1e-2, 1e-2


class Recorded:
    """The networks and the step, which note gradients, changes and the order of updates."""

    def __init__(self, vectors, changes):
        self.vectors = vectors
        self.networks = {name: vectors.network(name) for name in ("G", "D_FR", "D_ER")}
        self.step = step.Step(self.networks, configuration.override(Config(), changes))
        self.names = {
            variable.ref(): f"{golden.NETWORKS[network]}.{name}"
            for network, model in self.networks.items()
            for name, variable in model.named_variables.items()
        }
        self.sequence, self.published = [], {}
        for network, model in self.networks.items():
            for name, variable in reference._published(model).items():
                self.published[f"{golden.NETWORKS[network]}.{name}"] = variable
        for name, optimizer in self.step.optimizers.items():
            optimizer.apply = self._recording(name, optimizer.apply)

    def _recording(self, optimizer, apply):
        def recorded(gradients, variables, rate):
            self.sequence.append(optimizer)
            for gradient, variable in zip(gradients, variables):
                self.gradients[self.names[variable.ref()]] = gradient
            return apply(gradients, variables, rate)

        return recorded

    def run(self, number, update_FR, update_ER):
        """Takes step `number` of the vectors; returns (scalars, images)."""
        vectors, config = self.vectors, self.vectors.config
        folder = f"step{number}/"
        batch = {
            "faces": vectors.images(f"{folder}face"),
            "expressions": vectors.images(f"{folder}expr"),
            "identities": tf.constant(config["labels_FR"][number]),
            "labels": tf.constant(config["labels_ER"][number]),
        }
        noise = [vectors.noise(f"{folder}noise{call}") for call in range(3)]
        draws = {"noise": noise, "dropout": {}}
        self.gradients, self.before = {}, {n: v.numpy() for n, v in self.published.items()}
        return self.step(batch, draws, update_FR, update_ER)

    def in_published_layout(self, name, gradient):
        """A gradient as the published parameter's."""
        variable = self.published[name]
        shown = reference._Published(tf.Variable(gradient), variable._code_shape)
        return shown.numpy()


def settings(vectors):
    """Returns the hyper-parameters of a vector file as changes of the configuration."""
    given = {key.upper(): value for key, value in vectors.config["hpar"].items()}
    changes = {f"loss.{name}": float(given[f"H_{name}".upper()]) for name in WEIGHTS}
    return {**changes, **{f"optimizer.{rate}": given[rate.upper()] for rate in RATES}}


def record_logits(monkeypatch):
    """Returns the list that will hold what enters each cross entropy of the step, in order."""
    seen, cross_entropy = [], losses.cross_entropy

    def recorded(logits, labels):
        seen.append(logits)
        return cross_entropy(logits, labels)

    monkeypatch.setattr(losses, "cross_entropy", recorded)
    return seen


def names_of_logits(update_FR, update_ER):
    """Those of a discriminator are needed, and computed, where it is updated."""
    names = ["M_ER"] + ["D_FR_r", "D_FR_f"] * update_FR + ["D_ER_r"] * update_ER
    return [*names, "G_FR_f", "G_ER_f"]


@pytest.mark.slow
def test_training_as_published(monkeypatch):
    logits = record_logits(monkeypatch)
    vectors = Vectors("train", "float64")
    arrays, config, seed = vectors.arrays, vectors.config, vectors.seed
    run = Recorded(vectors, settings(vectors))
    sequence, compared = [], 0
    for number in range(config["steps"]):
        updates = [number % config[gap] == 0 for gap in ("D_GAP_FR", "D_GAP_ER")]
        scalars, images = run.run(number, *updates)
        for key, name in SCALARS.items():
            expected = arrays.get(f"step{number}/loss/{key}")
            if f"Loss/{name}" in scalars:
                tolerance = LOSS if number == 0 else LATE_LOSS
                np.testing.assert_allclose(scalars[f"Loss/{name}"], expected, tolerance, 1e-12, key)
                compared += 1
        names = names_of_logits(*updates)
        if not updates[1]:  # The published code computes these every time.
            names.append("D_ER_r")
            logits.append(run.networks["D_ER"](vectors.images(f"step{number}/expr"))[1])
        assert len(names) == len(logits)
        for name, found in zip(names, logits):
            tolerance = LOSS if number == 0 else LATE_LOSS
            key = f"step{number}/logits/{name}"
            assert_close(found, arrays[key], tolerance, key)
            compared += 1
        logits.clear()
        for name, image in images.items():
            key = f"step{number}/img/{name}"
            assert_statistics(nchw(image), arrays[key], key, seed, LATE_LOSS)
            crop = nchw(image)[:, :, 56:72, 56:72]
            assert_close(crop, arrays[f"{key}.crop"], LATE_LOSS, key)
        ours = run.sequence.copy()
        run.sequence.clear()
        for published, names in OPTIMIZERS.items():
            if names[0] not in ours:
                continue
            sequence.append((ours.index(names[0]), f"step{number} {published}"))
            for row, name in enumerate(arrays[f"names/{published}"]):
                gradient = run.in_published_layout(name, run.gradients[name])
                after = run.published[name].numpy()
                tolerance = GRADIENT if number == 0 else LATE_GRADIENT
                expected = arrays[f"step{number}/{published}/grad"][row]
                assert_statistics(gradient, expected, name, seed, tolerance)
                expected = arrays[f"step{number}/{published}/after"][row]
                assert_statistics(after, expected, name, seed, GRADIENT)
                expected = arrays[f"step{number}/{published}/delta"][row]
                change = statistics(after - run.before[name], name, seed)
                assert errors(change, expected)[0] <= CHANGE, name
                compared += 1
        assert [name for _, name in sorted(sequence)] == [
            name for name in arrays["sequence"] if name.startswith(f"step{number} ")
        ]
        sequence.clear()
    assert compared == 11 + 23 + 203 * 2 + 6 * 2 + 98 * 3 + 2, compared


@pytest.mark.slow
@pytest.mark.parametrize("term", ("G_FR_f", "G_ER_f", "G_FR_PER", "con_FR", "con_ER"))
def test_the_gradient_of_each_term_alone(term):
    vectors = Vectors("grads", "float64")
    changes = {f"loss.{name}": 0.0 for name in WEIGHTS if name.startswith("G_")}
    changes[f"loss.{SCALARS[term]}"] = 1.0
    changes.update({"optimizer.lr_D_FR": 0.0, "optimizer.lr_D_ER": 0.0})
    run = Recorded(vectors, changes)
    scalars, _ = run.run(0, True, True)
    np.testing.assert_allclose(scalars[f"Loss/{SCALARS[term]}"], vectors.arrays[f"{term}/loss"])
    for row, name in enumerate(vectors.arrays["names"]):
        gradient = run.in_published_layout(name, run.gradients[name])
        expected = vectors.arrays[f"{term}/grad"][row]
        if expected[0] == 0:
            assert not gradient.any(), name
        else:
            assert_statistics(gradient, expected, name, vectors.seed, 1e-9)


def test_three_steps_of_the_optimizer():
    arrays, config = golden.load("ops")
    seed, factors = config["seed"], [1, 1e-3, 1e-5, 1e-7, 1e-9, 0]
    variable = tf.Variable(tensor("w/adam", (6,), seed, 0.1).astype(np.float64))
    optimizer = Adam([variable], torch_epsilon=True)
    for number in range(3):
        gradient = tensor(f"in/adam_grad{number}", (6,), seed).astype(np.float64) * factors
        before = variable.numpy()
        optimizer.apply([tf.constant(gradient)], [variable], config["adam_lr"])
        was = arrays["adam"][number - 1] if number else before
        change = variable.numpy() - before
        np.testing.assert_allclose(change, arrays["adam"][number] - was, rtol=1e-6, atol=1e-14)


def test_losses_by_hand():
    logits = tf.math.log([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])
    expected = -(np.log(0.25) + np.log(0.8)) / 2
    np.testing.assert_allclose(losses.cross_entropy(logits, [1, 1]), expected, rtol=1e-6)
    np.testing.assert_allclose(losses.consistency(tf.constant([0.2, 0.8]), [0.5, 0.5]), 0.3)
    np.testing.assert_allclose(
        losses.squared_distance(tf.constant([[1.0, 2.0]]), tf.constant([[3.0, 1.0]])), 2.5
    )
