"""One training step of TDGAN: five losses, five optimizers, in the published order."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tf_facegan.engine.optimizers import Adam
from tf_facegan.tdgan import losses

if TYPE_CHECKING:
    from tf_facegan.tdgan.config import Config
    from tf_facegan.tdgan.networks import Network

# Passes with dropout, each with draws of its own.
DROPOUT_PASSES = ("M_ER", "D_FR/real", "D_FR/fake", "D_ER/real", "G/D_FR", "G/D_ER")
# Optimizers: (network, its parts, learning rate). The published optimizer of the generator has
# groups of two rates; as two optimizers they take the same steps.
_OPTIMIZERS = {
    "M_ER": ("G", ("fc_ER",), "lr_D_ER"),
    "D_FR": ("D_FR", ("enc", "fc"), "lr_D_FR"),
    "D_ER": ("D_ER", ("enc", "fc"), "lr_D_ER"),
    "G_ER": ("G", ("dec", "enc_ER"), "lr_G_ER"),
    "G_FR": ("G", ("enc_FR",), "lr_G_FR"),
}


class Step:
    """The step as a function of (batch, draws); `tf.function` and devices are the trainer's.

    Args:
      networks: {"G": `Generator`, "D_FR": `Discriminator`, "D_ER": `Discriminator`}.
      config: `tdgan.config.Config`, of which `loss` and `optimizer` are read.

    Attributes:
      optimizers: {"M_ER", "D_FR", "D_ER", "G_ER", "G_FR": `Adam`}.
    """

    def __init__(self, networks: Mapping[str, Network], config: Config):
        self._G, self._D_FR, self._D_ER = (networks[name] for name in ("G", "D_FR", "D_ER"))
        self._weights, settings = config.loss, config.optimizer
        self._variables = {
            name: networks[network].variables_of(*parts)
            for name, (network, parts, _) in _OPTIMIZERS.items()
        }
        self._rates = {name: getattr(settings, rate) for name, (_, _, rate) in _OPTIMIZERS.items()}
        self.optimizers = {
            name: Adam(
                variables, settings.beta1, settings.beta2, settings.epsilon, torch_epsilon=True
            )
            for name, variables in self._variables.items()
        }

    def __call__(
        self,
        batch: Mapping[str, tf.Tensor],
        draws: Mapping[str, Any],
        update_FR: bool,
        update_ER: bool,
        invariance: bool = True,
    ) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        """Takes a step.

        Args:
          batch: {`faces`, `expressions`: [N, S, S, C] in [0, 1]; `identities`, `labels`: int [N]}.
          draws: {`noise`: [3, N, S / 16, S / 16, noise_dim] uniform in [0, 1), or a list of three;
            `dropout`: {one of `DROPOUT_PASSES`: int64 [N, 2]}, empty for no dropout}.
          update_FR, update_ER: bool, whether the discriminators are updated.
          invariance: bool, whether G_ER_INV is among the losses, if it has a weight.

        Returns:
          ({summary name: scalar}, {"fake", "con_FR", "con_ER": generated images}). Losses of a
          discriminator are among the scalars only if it is updated.
        """
        names, G = ("G_ER", "G_FR"), self._G
        variables = [self._variables[name] for name in names]
        with _taped(variables) as tape:
            # Both kinds of pictures, since both codes of each are needed.
            pictures = tf.concat([batch["faces"], batch["expressions"]], axis=0)
            face_codes = tf.split(G.encode_face(pictures), 2)
            expression_codes = tf.split(G.encode_expression(pictures), 2)
            code = expression_codes[1]
            fakes = G.decode(face_codes[0], self._to_decode(code), draws["noise"][0])
            joint = self._joint_loss(code, batch, draws)
            with tape.stop_recording():
                scalars = self._update_head(code, batch["labels"], draws)
                # Of the discriminator before its update, as published.
                target, more = self._judge_faces(batch, fakes, draws, update_FR)
                scalars.update(more)
                if update_ER:
                    scalars.update(self._update_expression_discriminator(batch, draws))
            codes = face_codes, expression_codes
            terms, images = self._generator_terms(batch, codes, fakes, target, draws)
            if invariance and self._weights.G_ER_INV:
                terms["G_ER_INV"] = self._invariance(fakes, code)
            loss = self._weighted(terms) + joint
        for name, gradients in zip(names, tape.gradient(loss, variables)):
            scalars[f"Train/skipped_{name}"] = self._apply(name, gradients)
        scalars.update({f"Loss/{name}": term for name, term in terms.items()})
        scalars["Loss/G"] = loss
        return scalars, images

    def _update_head(self, code, labels, draws):
        """The classification module learns on codes that it does not change."""
        with _taped(self._variables["M_ER"]) as tape:
            logits = self._G.fc_ER(tf.stop_gradient(code), seed=draws["dropout"].get("M_ER"))
            loss = losses.cross_entropy(logits, labels)
        self._minimise("M_ER", tape, loss)
        return {"Loss/M_ER": loss}

    def _judge_faces(self, batch, fakes, draws, update):
        """Returns (features of the real faces, scalars), and updates the face discriminator.

        Generated faces are the class after the last identity.
        """
        if not update:
            return self._D_FR.enc(batch["faces"]), {}
        reals = tf.cast(batch["faces"], fakes.dtype)
        with _taped(self._variables["D_FR"]) as tape:
            # One call for both: nothing in the network connects samples.
            features, logits = self._D_FR(
                tf.concat([reals, fakes], axis=0), seed=_joined(draws, "D_FR/real", "D_FR/fake")
            )
            real_logits, fake_logits = tf.split(logits, 2)
            fake_class = tf.fill(tf.shape(batch["identities"]), logits.shape[1] - 1)
            real = losses.cross_entropy(real_logits, batch["identities"])
            fake = losses.cross_entropy(fake_logits, fake_class)
            loss = self._weights.D_FR_r * real + self._weights.D_FR_f * fake
        self._minimise("D_FR", tape, loss)
        scalars = {"Loss/D_FR": loss, "Loss/D_FR_r": real, "Loss/D_FR_f": fake}
        return tf.split(features, 2)[0], scalars

    def _update_expression_discriminator(self, batch, draws):
        """Of real pictures only, as published."""
        with _taped(self._variables["D_ER"]) as tape:
            _, logits = self._D_ER(batch["expressions"], seed=draws["dropout"].get("D_ER/real"))
            real = losses.cross_entropy(logits, batch["labels"])
            loss = self._weights.D_ER_r * real
        self._minimise("D_ER", tape, loss)
        return {"Loss/D_ER": loss, "Loss/D_ER_r": real}

    def _joint_loss(self, code, batch, draws):
        if not self._weights.joint_expression_loss:
            return 0.0
        logits = self._G.fc_ER(code, seed=draws["dropout"].get("M_ER"))
        return losses.cross_entropy(logits, batch["labels"])

    def _generator_terms(self, batch, codes, fakes, target, draws):
        """Returns ({term: scalar, unweighted}, images) of the generator's loss.

        codes: the face codes and the expression codes of (faces, expressions).
        """
        G, seeds, noise = self._G, draws["dropout"], draws["noise"]
        features, identity_logits = self._D_FR(fakes, seed=seeds.get("G/D_FR"))
        _, expression_logits = self._D_ER(fakes, seed=seeds.get("G/D_ER"))
        faces, expressions = (
            tf.cast(batch[name], fakes.dtype) for name in ("faces", "expressions")
        )
        # The fake with the face's own expression, and the expression's own face with the fake's.
        face_codes, expression_codes = codes
        fake_code = G.encode_expression(fakes)
        both = G.decode(
            tf.concat([G.encode_face(fakes), face_codes[1]], axis=0),
            self._to_decode(tf.concat([expression_codes[0], fake_code], axis=0)),
            tf.concat([noise[1], noise[2]], axis=0),
        )
        con_FR, con_ER = tf.split(both, 2)
        if not self._weights.expression_perceptual_gradient:
            fake_code = tf.stop_gradient(fake_code)
        terms = {
            "G_FR_f": losses.cross_entropy(identity_logits, batch["identities"]),
            "G_ER_f": losses.cross_entropy(expression_logits, batch["labels"]),
            "G_FR_PER": losses.squared_distance(features, tf.stop_gradient(target)),
            "G_ER_PER": losses.squared_distance(fake_code, tf.stop_gradient(expression_codes[1])),
            "G_CON_FR": losses.consistency(con_FR, faces),
            "G_CON_ER": losses.consistency(con_ER, expressions),
        }
        return terms, {"fake": fakes, "con_FR": con_FR, "con_ER": con_ER}

    def _invariance(self, fakes, expression_code):
        """The face differs and the expression does not. The picture stays as it is: it is not to
        carry anything over that the face does not have."""
        seen = self._G.encode_expression(tf.stop_gradient(fakes))
        return losses.relative_distance(seen, expression_code)

    def _to_decode(self, expression_codes):
        """Expression codes as the decoder gets them."""
        if self._weights.image_code_gradient:
            return expression_codes
        return tf.stop_gradient(expression_codes)

    def _weighted(self, terms):
        return tf.add_n([getattr(self._weights, name) * term for name, term in terms.items()])

    def _minimise(self, name, tape, loss):
        self._apply(name, tape.gradient(loss, self._variables[name]))

    def _apply(self, name, gradients):
        return self.optimizers[name].apply(gradients, self._variables[name], self._rates[name])


@contextlib.contextmanager
def _taped(variables):
    """A tape that watches these variables and nothing else."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(variables)
        yield tape


def _joined(draws, *names):
    """The dropout seeds of several passes, one batch after the other; None without dropout."""
    seeds = [draws["dropout"].get(name) for name in names]
    return None if seeds[0] is None else tf.concat(seeds, axis=0)
