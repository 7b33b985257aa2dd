"""RD-GAN against results of the published code (see `golden.py`)."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.rdgan import golden
from tests.rdgan.golden import vectors
from tf_facegan.engine.optimizers import RMSProp, clip_weights
from tf_facegan.rdgan import losses
from tf_facegan.rdgan.layers import Pass

D_RATE, G_RATE = 0.05, 5.0  # those fed to the published steps
CLIP = 0.01
MODES = {"train": True, "infer": False}


def kernels(*models, without=()):
    return [
        v
        for model in models
        for n, v in model.named_variables.items()
        if n.endswith("/W") and not n.startswith(without)
    ]


class Face:
    """FaceGAN with the recipe's weights and inputs."""

    file = "facegan"
    image_names = ("gen",)
    not_optimised = ()

    def __init__(self):
        self.G, self.D = golden.FACE["G"](), golden.FACE["D"]()
        self.discriminators = [self.D]
        inputs = ("imgs_leftI", "imgs_rightI", "imgs_rightB")
        self.sources, self.targets, self.boundaries = map(golden.image, inputs)

    def features(self, training):
        run = Pass(self.G, training)
        x, skips = self.G.image_features(run, self.sources)
        y, skip = self.G.boundary_features(run, self.boundaries)
        named = {f"skip_I{i}": value for i, value in enumerate(skips)}
        return {"feat_I": x, "feat_B": y, "skip_B1": skip, **named}

    def images(self, training):
        return {"gen": self.G(self.sources, self.boundaries, training=training)}

    def scores(self, images, training):
        return {
            "d_real": self.D(self.targets, training=training),
            "d_gen": self.D(images["gen"], training=training),
        }

    def generator_loss(self, images, scores):
        return losses.face_generator_loss(
            images["gen"], self.targets, scores["d_gen"], kernels(self.G)
        )

    def discriminator_loss(self, scores):
        return losses.face_discriminator_loss(scores["d_real"], scores["d_gen"])


class Fine(Face):
    """FineGAN with the recipe's weights and inputs."""

    file = "finegan"

    def __init__(self):
        self.G, self.D = golden.FINE["G"](), golden.FINE["D"]()
        self.discriminators = [self.D]
        inputs = ("imgs1", "imgs2", "imgs_real")
        self.sources, self.boundaries, self.targets = map(golden.image, inputs)

    def features(self, training):
        run, named = Pass(self.G, training), {}
        for number, images in ((1, self.sources), (2, self.boundaries)):
            named[f"feat_{number}"], skips = self.G.image_features(run, images, number)
            named.update({f"skip_{number}{i}": value for i, value in enumerate(skips)})
        return named

    def generator_loss(self, images, scores):
        return losses.fine_generator_loss(
            images["gen"], self.targets, scores["d_gen"], kernels(self.G)
        )

    def discriminator_loss(self, scores):
        return losses.fine_discriminator_loss(scores["d_real"], scores["d_gen"])


class TwoWay(Face):
    """The two-way model with the recipe's weights and inputs."""

    file = "twoway"
    image_names = tuple(f"gen_{a}I_{b}B" for a in ("left", "right") for b in ("left", "right"))
    not_optimised = "G_l_extracter/"

    def __init__(self):
        models = (golden.TWO_WAY[name]() for name in ("G", "left", "right"))
        self.G, self.left_D, self.right_D = models
        self.discriminators = [self.left_D, self.right_D]
        inputs = ("imgs_leftI", "imgs_rightI", "imgs_leftB", "imgs_rightB")
        self.inputs = [golden.image(name) for name in inputs]

    def features(self, training):
        run = Pass(self.G, training)
        kinds = {"feat_leftI": "f", "feat_rightI": "f", "feat_leftB": "l", "feat_rightB": "l"}
        return {
            name: self.G.features(run, x, kind)
            for (name, kind), x in zip(kinds.items(), self.inputs)
        }

    def images(self, training):
        made = self.G.combinations(*self.inputs, training=training)
        return {f"gen_{k.replace('_', 'I_')}B": v for k, v in made.items()}

    def scores(self, images, training):
        made = {
            "d_real_left": (self.left_D, self.inputs[0]),
            "d_rightI_leftB": (self.left_D, images["gen_rightI_leftB"]),
            "d_leftI_leftB": (self.left_D, images["gen_leftI_leftB"]),
            "d_real_right": (self.right_D, self.inputs[1]),
            "d_leftI_rightB": (self.right_D, images["gen_leftI_rightB"]),
            "d_rightI_rightB": (self.right_D, images["gen_rightI_rightB"]),
        }
        return {name: D(x, training=training) for name, (D, x) in made.items()}

    def generator_loss(self, images, scores):
        made = {k[len("gen_") : -1].replace("I_", "_"): v for k, v in images.items()}
        return losses.two_way_generator_loss(
            made,
            *self.inputs[:2],
            self._own_names(scores),
            kernels(self.G, without=self.not_optimised),
        )

    def discriminator_loss(self, scores):
        return losses.two_way_discriminator_loss(self._own_names(scores))

    @staticmethod
    def _own_names(scores):
        names = {
            "d_real_left": "left_real",
            "d_rightI_leftB": "left_right_left",
            "d_leftI_leftB": "left_left_left",
            "d_real_right": "right_real",
            "d_leftI_rightB": "right_left_right",
            "d_rightI_rightB": "right_right_right",
        }
        return {names[name]: value for name, value in scores.items()}


SYSTEMS = {"face": Face, "fine": Fine, "two-way": TwoWay}
system = functools.cache(lambda name: SYSTEMS[name]())
everywhere = pytest.mark.parametrize("name", SYSTEMS)


def evaluate(one, training):
    images = one.images(training)
    scores = one.scores(images, training)
    G_loss, G_terms = one.generator_loss(images, scores)
    D_loss, D_terms = one.discriminator_loss(scores)
    return images, scores, (G_loss, D_loss), {**G_terms, **D_terms}


def optimised(one, side):
    """{name: variable} that the G or D optimizer updates."""
    models = [one.G] if side == "G" else one.discriminators
    return {
        n: v
        for model in models
        for n, v in model.named_trainable_variables.items()
        if side == "D" or not one.not_optimised or not n.startswith(one.not_optimised)
    }


def gradients(one, side):
    variables = optimised(one, side)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(list(variables.values()))
        _, _, (G_loss, D_loss), _ = evaluate(one, training=True)
    found = tape.gradient(G_loss if side == "G" else D_loss, list(variables.values()))
    return dict(zip(variables, found)), G_loss


@everywhere
@pytest.mark.parametrize("mode", MODES)
def test_features_images_scores_and_losses(name, mode):
    one, training = SYSTEMS[name](), MODES[mode]
    expected = vectors(one.file).group(mode)
    for key, value in one.features(training).items():
        golden.assert_map(value, expected, key)
    images, scores, _, terms = evaluate(one, training)
    assert set(images) == set(one.image_names)
    for key, value in images.items():
        golden.assert_map(value, expected, key)
    for key, value in scores.items():
        np.testing.assert_allclose(value, expected[key], atol=golden.OUTPUTS, err_msg=key)
    wanted = {k[len("loss/") :]: v for k, v in expected.items() if k.startswith("loss/")}
    assert set(terms) == set(wanted)
    for key, value in wanted.items():
        tolerance = {"rtol": golden.LOSSES, "atol": golden.OUTPUTS}
        np.testing.assert_allclose(terms[key], value, **tolerance, err_msg=key)


@everywhere
def test_moving_statistics_after_one_training_pass(name):
    one = SYSTEMS[name]()
    evaluate(one, training=True)
    moving = {
        n: v
        for model in (one.G, *one.discriminators)
        for n, v in model.named_variables.items()
        if "/moving_" in n
    }
    golden.assert_rows(moving, vectors(one.file).rows("bn_update"), relative=1e-4)


@everywhere
@pytest.mark.parametrize("side", "GD")
def test_gradients(name, side):
    one = system(name)
    found, _ = gradients(one, side)
    golden.assert_rows(found, vectors(one.file).rows(f"grad_{side}"))


@pytest.mark.slow
@everywhere
def test_a_step_of_each_network(name):
    one = SYSTEMS[name]()
    recorded = vectors(one.file)
    for side, rate in (("D", D_RATE), ("G", G_RATE)):
        variables = optimised(one, side)
        before = {n: v.numpy() for n, v in variables.items()}
        optimizer = RMSProp(list(variables.values()), 0.8 if name == "two-way" else 0.9)
        found, _ = gradients(one, side)
        optimizer.apply(list(found.values()), list(variables.values()), rate)
        changes = {n: v.numpy() - before[n] for n, v in variables.items()}
        golden.assert_rows(changes, recorded.rows(f"{side.lower()}_step/delta"))
        if side == "D":
            clip_weights(variables.values(), CLIP)
            golden.assert_rows(variables, recorded.rows("d_step/clipped"))
        _, _, (G_loss, _), _ = evaluate(one, training=True)
        np.testing.assert_allclose(
            G_loss, recorded.arrays[f"after_{side.lower()}/loss_G"], rtol=1e-4
        )
