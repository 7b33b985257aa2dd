"""Generator and critic against results of the published code (see `golden.py`)."""

import numpy as np
import pytest
import tensorflow as tf

from tests.expression import golden
from tf_facegan.engine.optimizers import Adam
from tf_facegan.expression import images, losses, reference, sampling
from tf_facegan.expression.networks import Generator

VECTORS = golden.load("cwgan")
RATE, DECAYS = 1e-4, (0.5, 0.9, 1e-8)
# Biases before a batch norm: their gradients are rounding noise.
NOISE = ("Generator.Input.b", "Generator.2.Biases")


@pytest.fixture(scope="module")
def pair():
    return golden.networks()


@pytest.fixture(scope="module")
def fakes(pair):
    return pair[0](golden.noise(0), golden.condition())


def test_generator_images(fakes):
    golden.assert_fingerprint(golden.chw(fakes), VECTORS, "gen/out")
    crop = golden.chw(fakes)[0, :, 48:52, 48:52]
    np.testing.assert_allclose(crop, VECTORS["gen/chw_crop"], atol=golden.FORWARD)
    shown = images.unscrambled(fakes)[0, 48:52, 48:52]
    np.testing.assert_allclose(shown, VECTORS["gen/hwc_crop"], atol=golden.FORWARD)
    np.testing.assert_allclose(images.scrambled(images.unscrambled(fakes)), fakes)


def test_sampled_numbers(fakes):
    numbers = sampling.to_numbers(fakes, layout="scrambled")
    assert numbers.dtype == np.int32 and numbers.shape == (4, 100, 100, 3)
    # A number on the edge of two may fall to either side.
    difference = numbers.ravel()[:16] - VECTORS["gen/int32/first16"]
    assert np.abs(difference).max() <= 1 and np.mean(difference != 0) < 0.1
    np.testing.assert_allclose(numbers.mean(), VECTORS["gen/int32/mean"], atol=1e-3)


def test_add_takes_the_sum_of_noise_and_condition():
    G = golden.network(Generator, kind="add", noise_dim=20)
    fakes = G(golden.noise("add", 20), golden.condition())
    golden.assert_fingerprint(golden.chw(fakes), VECTORS, "gen_add/out")
    crop = golden.chw(fakes)[0, :, 48:52, 48:52]
    np.testing.assert_allclose(crop, VECTORS["gen_add/chw_crop"], atol=golden.FORWARD)


def test_one_condition_for_a_batch_has_no_effect_as_published(pair):
    rows = [tf.repeat(golden.condition()[i : i + 1], golden.BATCH, axis=0) for i in (0, 1)]
    first, second = (pair[0](golden.noise(0), row) for row in rows)
    golden.assert_fingerprint(golden.chw(first), VECTORS, "same_condition/out")
    assert np.abs(first - second).max() < 10 * VECTORS["same_condition/max_abs_diff"]


def test_critic_scores(pair, fakes):
    reals = golden.reals()
    golden.assert_fingerprint(reals, VECTORS, "critic/real_data")
    for name, batch in (("real", golden.nhwc(reals)), ("fake", fakes)):
        scores = pair[1](batch, golden.condition())
        np.testing.assert_allclose(scores, VECTORS[f"critic/{name}"], atol=golden.FORWARD)


def test_slopes(pair, fakes):
    reals, condition = golden.nhwc(golden.reals()), golden.condition()
    mixed = losses.losses.mix(reals, fakes, golden.mixing(0))
    golden.assert_fingerprint(golden.chw(mixed), VECTORS, "gp/interpolates")
    gradients, slopes = losses.slopes_between(pair[1], reals, fakes, condition, golden.mixing(0))
    golden.assert_fingerprint(golden.chw(gradients), VECTORS, "gp/gradients")
    np.testing.assert_allclose(slopes, VECTORS["gp/slopes"], atol=golden.FORWARD)


def critic_pass(G, D, number, variables):
    """Returns (terms, gradients of the critic's loss) with noise and mixing of a number."""
    with tf.GradientTape() as tape:
        inputs = golden.nhwc(golden.reals()), golden.noise(number), golden.condition()
        loss, terms = losses.critic_loss(G, D, *inputs, golden.mixing(number))
    return terms, tape.gradient(loss, variables)


def generator_pass(G, D, number, variables):
    with tf.GradientTape() as tape:
        loss, terms = losses.generator_loss(G, D, golden.noise(number), golden.condition())
    return terms, tape.gradient(loss, variables)


def in_published_layout(model, names, arrays):
    """Returns {name: array in the published layout} of tensors shaped as the variables."""
    published = {}
    for name, array in zip(names, arrays):
        variable = tf.Variable(array)
        published[name] = reference.in_published_layout(model, name, variable).numpy()
    return published


def test_critic_loss_and_gradients(pair):
    G, D = pair
    named = D.named_trainable_variables
    terms, gradients = critic_pass(G, D, 0, list(named.values()))
    np.testing.assert_allclose(terms["Loss/critic"], VECTORS["loss/disc_cost"], atol=golden.FORWARD)
    penalty = terms["Loss/gradient_penalty"]
    np.testing.assert_allclose(penalty, VECTORS["loss/gradient_penalty"], atol=golden.FORWARD)
    arrays = in_published_layout(D, named, gradients)
    # The gradient of the last bias is exactly zero there, and rounding noise here.
    assert np.abs(arrays["Discriminator.output.b"]).max() < 1e-6
    ignored = ("Discriminator.output.b",)
    golden.assert_group(arrays, VECTORS, "grad_D", golden.GRADIENTS, ignored)


def test_generator_loss_and_gradients(pair):
    G, D = pair
    named = G.named_trainable_variables
    terms, gradients = generator_pass(G, D, 0, list(named.values()))
    cost = terms["Loss/generator"]
    np.testing.assert_allclose(cost, VECTORS["loss/gen_cost"], atol=golden.FORWARD)
    arrays = in_published_layout(G, named, gradients)
    golden.assert_group(arrays, VECTORS, "grad_G", golden.GRADIENTS, NOISE)


def test_weights_after_two_critic_steps_and_a_generator_step():
    G, D = golden.networks()
    learning = {n: v for n, v in D.named_variables.items() if "fully" not in n}
    before = {model: {n: v.numpy() for n, v in model.named_variables.items()} for model in (G, D)}

    def changes(model):
        named = model.named_trainable_variables
        return in_published_layout(
            model, named, [v.numpy() - before[model][n] for n, v in named.items()]
        )

    optimizer = Adam(list(learning.values()), *DECAYS)
    for number in (0, 1):
        _, gradients = critic_pass(G, D, number, list(learning.values()))
        optimizer.apply(gradients, list(learning.values()), RATE)
    ignored = ("Discriminator.output.b",)
    golden.assert_group(changes(D), VECTORS, "critic_steps/delta", golden.CHANGES, ignored)
    cost = critic_pass(G, D, 0, [])[0]["Loss/critic"]
    np.testing.assert_allclose(cost, VECTORS["after_critic/disc_cost"], atol=golden.LATER)
    variables = list(G.named_trainable_variables.values())
    terms, gradients = generator_pass(G, D, 2, variables)
    cost = terms["Loss/generator"]
    np.testing.assert_allclose(cost, VECTORS["after_critic/gen_cost"], atol=golden.LATER)
    Adam(variables, *DECAYS).apply(gradients, variables, RATE)
    golden.assert_group(changes(G), VECTORS, "gen_step/delta", golden.CHANGES, NOISE)
    cost = generator_pass(G, D, 2, variables)[0]["Loss/generator"]
    np.testing.assert_allclose(cost, VECTORS["after_gen/gen_cost"], atol=golden.LATER)
