"""TBGAN against results of the published code, at native resolution (see `golden.py`)."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.tbgan import golden
from tests.tbgan.golden import FORWARD, GRADIENT, Vectors, assert_close, cases, nhwc
from tf_facegan.engine.optimizers import Adam, ema_update
from tf_facegan.layers import downscale2d
from tf_facegan.tbgan import losses

RATE = 0.001
_vectors = functools.cache(Vectors)


@functools.cache
def _network(file, name):
    return _vectors(file).network(name)


def _condition(vectors):
    return losses.label_condition(vectors.labels("labels"))


def _discriminator_loss(vectors, G, D, lod, round_name=""):
    reals = vectors.images(f"reals{round_name}/{vectors.side(lod)}", vectors.side(lod))
    return losses.discriminator_loss(
        G,
        D,
        losses.process_reals(reals, lod - int(lod)),
        vectors.labels(f"labels_d{round_name}"),
        vectors.latents(f"latents_d{round_name}"),
        vectors.mixing(f"mixing{round_name}"),
        lod,
    )


def _generator_loss(vectors, G, D, lod, round_name=""):
    latents = vectors.latents(f"latents_g{round_name}")
    return losses.generator_loss(G, D, latents, vectors.labels(f"labels_g{round_name}"), lod)


def _pair(lod):
    return int(lod), tf.constant(lod - int(lod), tf.float32)


@pytest.mark.parametrize("as_pair", [False, True])
@pytest.mark.parametrize("file, lod", cases("lods"))
def test_generator_images(file, lod, as_pair):
    vectors = _vectors(file)
    argument = _pair(lod) if as_pair else lod
    images = _network(file, "G")(vectors.latents("latents"), _condition(vectors), argument)
    images = images.numpy().transpose(0, 3, 1, 2)
    assert_close(images[:2], vectors.expected(lod, "G/images_native"), FORWARD)
    actual = golden.fingerprint_vector(images)
    assert_close(actual, vectors.expected(lod, "G/images_native_fp"), FORWARD)


@pytest.mark.parametrize("as_pair", [False, True])
@pytest.mark.parametrize("file, lod", cases("lods"))
def test_discriminator_outputs(file, lod, as_pair):
    vectors, D = _vectors(file), _network(file, "D")
    argument = _pair(lod) if as_pair else lod
    side, full = vectors.side(lod), vectors.side(0)
    whole = nhwc(vectors.images("images_full", full))
    for _ in range(int(lod)):
        whole = downscale2d(whole)
    inputs = {"D": nhwc(vectors.images(f"images/{side}", side)), "D_full": whole}
    for key, images in inputs.items():
        scores, labels = D(images, argument)
        assert_close(scores, vectors.expected(lod, f"{key}/scores"), FORWARD)
        assert labels.shape == (vectors.batch, vectors.label_size)
        if vectors.label_size:
            assert_close(labels, vectors.expected(lod, f"{key}/labels"), FORWARD)


def _assert_terms(vectors, lod, network, terms):
    for name, term in terms.items():
        key = name.split("/")[1]
        key = key if key.startswith(f"{network}_") else f"{network}_{key}"
        assert_close(term, vectors.expected(lod, key).ravel(), FORWARD, name)


def _assert_gradients(vectors, lod, network, model, gradients):
    for name, gradient in zip(model.named_variables, gradients):
        expected = vectors.expected(lod, f"{network}_grad/{name}")
        assert_close(golden.fingerprint_vector(gradient.numpy()), expected, GRADIENT, name)


@pytest.mark.parametrize("file, lod", cases("loss_lods"))
def test_reals(file, lod):
    vectors, side = _vectors(file), _vectors(file).side(lod)
    reals = losses.process_reals(vectors.images(f"reals/{side}", side), lod - int(lod))
    expected = nhwc(vectors.expected(lod, "reals_processed_native"))
    assert_close(reals[:2], expected, FORWARD)


@pytest.mark.parametrize("file, lod", cases("loss_lods"))
def test_discriminator_loss_and_gradients(file, lod):
    vectors, G, D = _vectors(file), _network(file, "G"), _network(file, "D")
    variables = list(D.named_variables.values())
    with tf.GradientTape() as tape:
        loss, terms = _discriminator_loss(vectors, G, D, lod)
    gradients = tape.gradient(loss, variables, unconnected_gradients="zero")
    assert_close(loss, vectors.expected(lod, "D_loss_mean"), FORWARD)
    assert len(terms) == (7 if vectors.label_size else 5)
    _assert_terms(vectors, lod, "D", terms)
    _assert_gradients(vectors, lod, "D", D, gradients)


@pytest.mark.parametrize("file, lod", cases("loss_lods"))
def test_generator_loss_and_gradients(file, lod):
    vectors, G, D = _vectors(file), _network(file, "G"), _network(file, "D")
    variables = list(G.named_variables.values())
    with tf.GradientTape() as tape:
        loss, terms = _generator_loss(vectors, G, D, lod)
    gradients = tape.gradient(loss, variables, unconnected_gradients="zero")
    assert_close(loss, vectors.expected(lod, "G_loss_mean"), FORWARD)
    assert len(terms) == (2 if vectors.label_size else 1)
    _assert_terms(vectors, lod, "G", terms)
    _assert_gradients(vectors, lod, "G", G, gradients)


class _Changes:
    """Collects first entries minus the recipe's, ours and the published ones, of one network."""

    def __init__(self, vectors, network):
        self.vectors, self.network, self.errors, self.sizes = vectors, network, [], []

    def compare(self, model, prefix):
        for name, variable in model.named_variables.items():
            value = variable.numpy()
            before = self.vectors.weight(self.network, name, value.shape).ravel()[:16]
            published = self.vectors.arrays[f"{prefix}/{self.network}/{name}"][2:] - before
            self.errors.append(value.ravel()[:16].astype(np.float64) - before - published)
            self.sizes.append(np.abs(published))

    def check(self):
        errors = np.abs(np.concatenate(self.errors))
        assert np.concatenate(self.sizes).max() > RATE / 2, "the vectors take no step"
        excepted = np.mean(errors > 0.05 * RATE)
        assert excepted <= 0.02, f"{self.network}: {excepted:.1%} of the changes differ"


@pytest.mark.parametrize("file, lod", cases("step_lods"))
def test_weights_after_two_rounds(file, lod):
    vectors = _vectors(file)
    models = {name: vectors.network(name) for name in ("G", "D", "Gs")}
    G, D, Gs = models["G"], models["D"], models["Gs"]
    G_opt = Adam(G.trainable_variables, beta1=0.0, beta2=0.99, epsilon=1e-8)
    D_opt = Adam(D.trainable_variables, beta1=0.0, beta2=0.99, epsilon=1e-8)
    changes = {name: _Changes(vectors, name) for name in models}
    for number, round_name in (1, ""), (2, "2"):
        with tf.GradientTape() as tape:
            loss, _ = _discriminator_loss(vectors, G, D, lod, round_name)
        gradients = tape.gradient(loss, D.trainable_variables)
        assert D_opt.apply(gradients, D.trainable_variables, RATE) == 0
        ema_update(Gs.trainable_variables, G.trainable_variables, 0.999)
        with tf.GradientTape() as tape:
            loss, _ = _generator_loss(vectors, G, D, lod, round_name)
        gradients = tape.gradient(loss, G.trainable_variables)
        assert G_opt.apply(gradients, G.trainable_variables, RATE) == 0
        for name, model in models.items():
            changes[name].compare(model, f"step{number}/lod{lod:g}")
    for change in changes.values():
        change.check()


def _layer_input(name, shape, **kwargs):
    return golden.tensor(name, shape, golden.load("layers")[1]["seed"], **kwargs)


@pytest.mark.parametrize("lod", [0, 0.25, 1.5])
def test_process_reals_with_range_mirror_and_fade(lod):
    records = _layer_input("in/reals_u8", (4, 3, 8, 8), kind="uniform", scale=256).astype(np.uint8)
    draw = tf.constant(_layer_input("in/mirror_mask", (4, 1, 1, 1), kind="uniform"))
    assert 0 < np.mean(draw.numpy() < 0.5) < 1
    images = losses.process_reals(records, lod - int(lod), draw, drange_data=(0, 255))
    images = images.numpy().repeat(2 ** int(lod), axis=1).repeat(2 ** int(lod), axis=2)
    expected = golden.load("layers")[0][f"process_reals/lod{lod:g}"]
    assert_close(images, nhwc(expected), 1e-6)
