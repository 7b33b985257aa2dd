import numpy as np
import pytest
import tensorflow as tf

from tests.golden.recipe import tensor
from tests.tdgan import golden
from tf_facegan.tdgan.config import Networks
from tf_facegan.tdgan.validation import Validation, scores


def test_scores_of_the_published_validation():
    arrays, config = golden.load("metrics")
    labels = np.array(config["val_labels"])
    logits = tensor("in/val_logits", (len(labels), 7), config["seed"])
    accuracy, entropy = scores(logits, labels)
    np.testing.assert_allclose(accuracy, arrays["val_acc"])
    np.testing.assert_allclose(entropy, arrays["val_ce_mean"], rtol=1e-6)
    # The published number is that of the batches, divided by one batch too few.
    sizes = config["val_batches"]
    parts = np.split(np.arange(len(labels)), np.cumsum(sizes)[:-1])
    batches = [scores(logits[part], labels[part])[1] for part in parts]
    np.testing.assert_allclose(batches, arrays["val_ce_batches"], rtol=1e-6)
    expected = arrays["val_ce_original"]
    np.testing.assert_allclose(sum(batches) / (len(sizes) - 1), expected, rtol=1e-6)


class Rows:
    """Six pictures whose brightness, and nothing else, tells their class."""

    labels = np.array([0, 1, 2, 0, 1, 2])

    def __len__(self):
        return len(self.labels)

    def read(self, places):
        return np.tile(self.labels[places, None, None, None].astype(np.uint8), (1, 1, 20, 16))


class Classifier:
    """Reads the class off the brightness, and is wrong about the classes named."""

    def __init__(self, wrong=()):
        self.wrong = list(wrong)

    def classify(self, pictures):
        assert pictures.shape[1:] == (16, 16, 1)
        known = tf.cast(tf.round(pictures[:, 0, 0, 0] * 255), tf.int32)
        fails = tf.reduce_any(known[:, None] == tf.constant([*self.wrong, -1]), axis=1)
        return tf.one_hot(tf.where(fails, (known + 1) % 3, known), 3) * 10.0

    def __call__(self, pictures):
        return None, self.classify(pictures)


@pytest.fixture
def validation():
    settings = Networks(image_size=16)
    return Validation(Rows(), Classifier(wrong=[2]), Classifier(), settings, 4, times=3)


def test_both_classifiers_are_measured_on_all_pictures(validation, tmp_path):
    values, is_best = validation.measure(0)
    np.testing.assert_allclose(values["Validation/accuracy"], 4 / 6)
    assert values["Validation/D_ER_accuracy"] == 1.0 and is_best
    small, large = np.log(1 + 2 * np.exp(-10)), np.log(1 + 2 * np.exp(-10)) + 10
    np.testing.assert_allclose(values["Validation/D_ER_cross_entropy"], small, rtol=1e-3)
    np.testing.assert_allclose(
        values["Validation/cross_entropy"], (4 * small + 2 * large) / 6, rtol=1e-5
    )
    _, is_best = validation.measure(1)
    assert not is_best  # a tie keeps the older one
    validation.save(tmp_path / "val_data.npz")
    with np.load(tmp_path / "val_data.npz") as file:
        assert set(file.files) == {
            "tt_acc_mat",
            "tt_ce_mat",
            "tt_acc_mat_ExpDis",
            "tt_ce_mat_ExpDis",
        }
        np.testing.assert_allclose(file["tt_acc_mat"], [4 / 6] * 2)
        np.testing.assert_allclose(file["tt_acc_mat_ExpDis"], [1, 1])


def test_the_best_network_may_be_looked_for_from_a_later_validation_on():
    networks = Classifier(wrong=[2]), Classifier()
    validation = Validation(Rows(), *networks, Networks(image_size=16), 6, times=3, first=1)
    assert not validation.measure(0)[1]
    history = validation.history.numpy()
    history[0, 0] = 1.0  # better, and does not count
    validation.history.assign(history)
    assert validation.measure(1)[1]
    assert not validation.measure(2)[1]


def test_nothing_below_the_least_accuracy_is_best():
    always_wrong = Classifier(wrong=[0, 1, 2])
    validation = Validation(Rows(), always_wrong, Classifier(), Networks(image_size=16), 6, 1)
    values, is_best = validation.measure(0)
    assert values["Validation/accuracy"] == 0 and not is_best
    assert values["Validation/best_accuracy"] == 0.1
