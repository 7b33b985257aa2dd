"""GANimation against results of the published code (see `golden.py`)."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.ganimation import golden
from tests.ganimation.golden import vectors
from tf_facegan.engine.optimizers import Adam
from tf_facegan.ganimation import losses, reference

RATE = 1e-4
network = functools.cache(lambda file, name: vectors(file).network(name))


@pytest.mark.parametrize("statistics", ["train", "eval"])
def test_generator_images(statistics):
    tiny, G = vectors("tiny"), network("tiny", "G")
    running = statistics == "eval"
    attention, color = G(tiny.images, tiny.targets(), use_running_stats=running)
    outputs = {"att": attention, "reg": color}
    outputs["fake"] = losses.fuse(attention, color, tiny.images)
    expected = tiny.group(statistics)
    for name, images in outputs.items():
        np.testing.assert_allclose(golden.nchw(images), expected[name], atol=golden.IMAGES)


@pytest.mark.parametrize("in_graph", [False, True])
@pytest.mark.parametrize("statistics", ["train", "eval"])
def test_generator_images_at_the_published_size(statistics, in_graph):
    full, G = vectors("default"), network("default", "G")
    call = functools.partial(G, use_running_stats=statistics == "eval")
    attention, color = (tf.function(call) if in_graph else call)(full.images, full.targets())
    outputs = {"att": attention, "reg": color}
    outputs["fake"] = losses.fuse(attention, color, full.images)
    expected = full.group(statistics)
    for name, images in outputs.items():
        images = golden.nchw(images)
        crop = images[:, :, 60:68, 60:68]
        np.testing.assert_allclose(crop, expected[f"{name}/crop"], atol=golden.IMAGES)
        norm, *rest = golden.fingerprint_vector(images)
        wanted_norm, *wanted = expected[f"{name}/fp"]
        np.testing.assert_allclose(norm, wanted_norm, rtol=golden.NORMS)
        np.testing.assert_allclose(rest, wanted, atol=golden.IMAGES)


def test_running_statistics_after_one_pass():
    tiny = vectors("tiny")
    G = tiny.network("G")
    G(tiny.images, tiny.targets(), training=True)
    arrays = reference.extract(G)
    expected = tiny.group("train/stats")
    assert len(expected) == 8
    for name, value in expected.items():
        np.testing.assert_allclose(arrays[name], value, atol=golden.STATISTICS, err_msg=name)


@pytest.mark.parametrize("file", ["tiny", "default"])
@pytest.mark.parametrize("kind", ["real", "fake"])
def test_critic_outputs(file, kind):
    recipe, images = vectors(file), vectors(file).images
    if kind == "fake":
        images, _, _ = losses.edit(network(file, "G"), images, recipe.targets())
    scores, aus = network(file, "D")(images)
    expected = recipe.group(f"disc_{kind}")
    for output, name in ((scores[..., 0], "src"), (aus, "cls")):
        actual = np.reshape(output, expected[name].shape)
        np.testing.assert_allclose(actual, expected[name], atol=golden.SCORES)


def critic_step(recipe, G, D, step=None):
    """Returns (terms, gradients of their sum in published order)."""
    variables = list(D.named_trainable_variables.values())
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(variables)
        fakes, _, _ = losses.edit(G, recipe.images, recipe.targets(step), training=True)
        loss, terms = losses.critic_loss(D, recipe.images, fakes, recipe.labels)
        penalty = losses.gradient_penalty(D, recipe.images, fakes, recipe.mixing(step))
        loss += penalty
    terms = {"D/loss": loss, **terms, "D/loss_gp": penalty}
    return terms, tape.gradient(loss, variables)


def generator_step(recipe, G, D, step=None, **options):
    variables = list(G.named_trainable_variables.values())
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(variables)
        targets = recipe.targets(step)
        loss, terms = losses.generator_loss(G, D, recipe.images, recipe.labels, targets, **options)
    return terms, tape.gradient(loss, variables)


def assert_gradients(model, gradients, expected, tolerance):
    names = list(model.named_trainable_variables)
    assert set(names) == set(expected)
    for name, gradient in zip(names, gradients):
        actual = golden.fingerprint_vector(golden.published(gradient))
        error = np.abs(actual - expected[name]).max() / expected[name][0]
        assert error <= tolerance, f"{name}: {error:.1e} of the norm"


def test_critic_loss_and_gradients():
    tiny, D = vectors("tiny"), network("tiny", "D")
    terms, gradients = critic_step(tiny, tiny.network("G"), D)
    golden.assert_losses(terms, "D", tiny.group("d_loss"))
    assert_gradients(D, gradients, tiny.group("d_grad"), golden.GRADIENTS)


@pytest.mark.parametrize("prefix, share", [("g", None), ("gv", 1.0), ("gv_mix", 0.25)])
def test_generator_loss_and_gradients(prefix, share):
    tiny = vectors("tiny")
    G, options = tiny.network("G"), {}
    if share is not None:
        options = {"virtual_targets": tiny.virtual_targets, "alpha_rec": share}
    terms, gradients = generator_step(tiny, G, network("tiny", "D"), **options)
    golden.assert_losses(terms, "G", tiny.group(f"{prefix}_loss"))
    tolerance = golden.GRADIENTS if share is None else golden.VIRTUAL_GRADIENTS
    assert_gradients(G, gradients, tiny.group(f"{prefix}_grad"), tolerance)


class _Pair:
    """G and D of the recipe with new optimizers."""

    def __init__(self, recipe):
        self.recipe = recipe
        self.models = {name: recipe.network(name) for name in ("G", "D")}
        self.optimizers = {
            name: Adam(list(m.named_trainable_variables.values()), 0.5, 0.999, 1e-8)
            for name, m in self.models.items()
        }

    def step(self, name, function, step=None):
        G, D = self.models["G"], self.models["D"]
        terms, gradients = function(self.recipe, G, D, step)
        variables = list(self.models[name].named_trainable_variables.values())
        assert self.optimizers[name].apply(gradients, variables, RATE) == 0
        return terms

    def compare(self, prefix):
        """Checks weights by what changed, entry by entry, and running statistics."""
        for network_name, model in self.models.items():
            arrays = reference.extract(model)
            expected = self.recipe.group(f"{prefix}/{network_name}")
            assert set(expected) == set(arrays)
            for name, wanted in expected.items():
                actual = golden.fingerprint_vector(arrays[name])
                is_statistic = "running" in name
                tolerance = golden.STATISTICS if is_statistic else golden.PARAMETERS
                np.testing.assert_allclose(actual[0], wanted[0], rtol=golden.NORMS, err_msg=name)
                np.testing.assert_allclose(actual[2:], wanted[2:], atol=tolerance, err_msg=name)
                before = self.recipe.weight(network_name, name, arrays[name].shape)
                change = wanted[2:] - before.ravel()[:16]
                assert np.abs(change).max() > RATE / 2, f"{name}: the vectors take no step"


def test_weights_and_statistics_after_one_step_each():
    tiny = vectors("tiny")
    pair = _Pair(tiny)
    terms = pair.step("D", critic_step)
    golden.assert_losses(terms, "D", tiny.group("step/loss/D"))
    terms = pair.step("G", generator_step)
    golden.assert_losses(terms, "G", tiny.group("step/loss/G"))
    pair.compare("step")


def test_five_critic_steps_and_a_generator_step():
    tiny = vectors("tiny")
    pair = _Pair(tiny)
    names = ["loss", "loss_real", "loss_fake", "loss_cls", "loss_gp"]
    for step, expected in enumerate(tiny.arrays["traj/d_losses"]):
        terms = pair.step("D", critic_step, step)
        golden.assert_losses(terms, "D", dict(zip(names, expected)))
    terms = pair.step("G", generator_step, 4)
    names = ["loss", "loss_fake", "loss_rec", "loss_cls", "attention_loss"]
    names += ["loss_smooth1", "loss_smooth2", "loss_sat1", "loss_sat2"]
    golden.assert_losses(terms, "G", dict(zip(names, tiny.arrays["traj/g_losses"])))
    pair.compare("traj")
