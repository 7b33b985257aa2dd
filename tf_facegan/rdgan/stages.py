"""What RD-GAN trains, one stage after the other: networks, optimizers and one replica's steps.

A stage takes `batch`, images as `pairs.read` names them, [N, S, S, 3] in [-1, 1], and `draws`,
{name out of its `seeds`: int64 [N, 2]}, seeds of dropout. All moving statistics move in every
step: of the generator once, of a discriminator in the order real, then generated.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tf_facegan.engine.optimizers import RMSProp, clip_weights
from tf_facegan.rdgan import losses
from tf_facegan.rdgan.images import quantised
from tf_facegan.rdgan.networks import (
    FaceDiscriminator,
    FaceGenerator,
    FineDiscriminator,
    FineGenerator,
    TwoWayGenerator,
)

if TYPE_CHECKING:
    from tf_facegan.rdgan.config import Config
    from tf_facegan.rdgan.layers import Network


BOUNDARY_SCOPE = "G_l_extracter/"


class Stage:
    """What the stages share. Make it in the scope of the strategy.

    Args:
      config: `config.Config`.
      G: the generator; discriminators: {name: network}.

    Attributes:
      networks: {name ("face_G"): network}; optimizers: {name ("face_G_opt"): RMSProp}.
    """

    seeds = ()
    source_boundaries = False

    def __init__(self, config: Config, G: Network, discriminators: dict[str, Network]):
        self.config, self.G = config, G
        self.networks = {f"{self.name}_G": G}
        self.networks.update({f"{self.name}_{name}": D for name, D in discriminators.items()})
        self._G_named = self._optimised(G)
        self._D_named = {}
        for D in discriminators.values():
            self._D_named.update(D.named_trainable_variables)
        self._kernels = [v for name, v in self._G_named.items() if name.endswith("/W")]
        self._clipped = [
            variable
            for name, variable in self._D_named.items()
            if config.train.clip_norms or name.endswith("/W")
        ]
        self._G_opt = RMSProp(list(self._G_named.values()), **dataclasses.asdict(config.G_opt))
        self._D_opt = RMSProp(list(self._D_named.values()), **dataclasses.asdict(config.D_opt))
        self.optimizers = {f"{self.name}_G_opt": self._G_opt, f"{self.name}_D_opt": self._D_opt}

    def discriminator_step(
        self,
        batch: dict[str, tf.Tensor],
        draws: dict[str, tf.Tensor],
        learning_rate: float | tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """Takes one step of the discriminators, then clips their weights.

        Returns:
          {"D_steps/<published name>": scalar} of the losses on this batch, before the step, and
          "D_skipped_steps", 1 if the gradients were not finite.
        """
        batch = self.prepare(batch, draws)
        made = self.generate(batch, draws)
        variables = list(self._D_named.values())
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            loss, terms = self.discriminator_loss(self.judge(batch, made, draws))
        skipped = self._D_opt.apply(tape.gradient(loss, variables), variables, learning_rate)
        clip_weights(self._clipped, self.config.train.clip)
        terms = {f"D_steps/{name}": value for name, value in terms.items()}
        return {**terms, "D_skipped_steps": skipped}

    def generator_step(
        self,
        batch: dict[str, tf.Tensor],
        draws: dict[str, tf.Tensor],
        learning_rate: float | tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """Takes one step of the generator.

        Returns:
          {published name: scalar} of all losses on this batch, before the step.
        """
        batch = self.prepare(batch, draws)
        variables = list(self._G_named.values())
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            made = self.generate(batch, draws)
            scores = self.judge(batch, made, draws)
            loss, terms = self.generator_loss(batch, made, scores)
        skipped = self._G_opt.apply(tape.gradient(loss, variables), variables, learning_rate)
        _, D_terms = self.discriminator_loss(scores)
        return {**terms, **D_terms, "G_skipped_steps": skipped}

    def prepare(
        self, batch: dict[str, tf.Tensor], draws: dict[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """Returns the batch with what no network of this stage makes."""
        return batch

    def _optimised(self, G):
        return G.named_trainable_variables

    def _loss_options(self, *own):
        names = ("adversarial_weight", "weight_decay", *own)
        return {name: getattr(self.config.loss, name) for name in names}


class FaceStage(Stage):
    """FaceGAN: the source with the boundary of the target gives the target."""

    name = "face"
    seeds = ("G",)

    def __init__(self, config: Config, image_size: int):
        arguments, seed = network_arguments(config), config.random_seed * 8
        judging = _discriminator_arguments(config)
        super().__init__(
            config,
            FaceGenerator(config.networks.dropout_keep, **arguments, seed=seed),
            {"D": FaceDiscriminator(image_size, **judging, seed=seed + 1)},
        )
        self.D = self.networks["face_D"]

    def generate(self, batch: dict[str, tf.Tensor], draws: dict[str, tf.Tensor]) -> tf.Tensor:
        return self.G(batch["sources"], batch["boundaries"], training=True, seed=draws["G"])

    def judge(
        self, batch: dict[str, tf.Tensor], made: tf.Tensor, draws: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the scores [N, 1] of (real, generated) images."""
        return self.D(batch["targets"], training=True), self.D(made, training=True)

    def generator_loss(
        self, batch: dict[str, tf.Tensor], made: tf.Tensor, scores: tuple
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        options = self._loss_options("ssim_weight", "ssim_range")
        return losses.face_generator_loss(
            made, batch["targets"], scores[1], self._kernels, **options
        )

    def discriminator_loss(self, scores: tuple) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        return losses.face_discriminator_loss(*scores, self.config.loss.adversarial)

    def predict(self, batch: dict[str, tf.Tensor], seed: tf.Tensor | None = None) -> tf.Tensor:
        """Returns the images [N, S, S, 3] of a batch without `targets`; `seed` of dropout."""
        return self.G(batch["sources"], batch["boundaries"], seed=seed)


class FineStage(Stage):
    """FineGAN: the source and FaceGAN's image give the target; FaceGAN is frozen.

    Args:
      config, image_size: as of the others.
      face: the trained `FaceStage`.
    """

    name = "fine"

    def __init__(self, config: Config, image_size: int, face: FaceStage):
        arguments, seed = network_arguments(config), config.random_seed * 8
        judging = _discriminator_arguments(config)
        keep = config.networks.dropout_keep
        super().__init__(
            config,
            FineGenerator(keep, **arguments, seed=seed + 2),
            {"D": FineDiscriminator(keep, image_size, **judging, seed=seed + 3)},
        )
        self.D, self._face = self.networks["fine_D"], face

    @property
    def seeds(self) -> tuple[str, ...]:
        own = ("G", "D/real", "D/made")
        return (*own, "face") if self.config.inference.dropout else own

    def prepare(
        self, batch: dict[str, tf.Tensor], draws: dict[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        return {**batch, "coarse": self._coarse(batch, draws.get("face"))}

    def generate(self, batch: dict[str, tf.Tensor], draws: dict[str, tf.Tensor]) -> tf.Tensor:
        return self.G(batch["sources"], batch["coarse"], training=True, seed=draws["G"])

    def judge(
        self, batch: dict[str, tf.Tensor], made: tf.Tensor, draws: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the scores [N, 1] of (real, generated) images."""
        real = self.D(batch["targets"], training=True, seed=draws["D/real"])
        return real, self.D(made, training=True, seed=draws["D/made"])

    def generator_loss(
        self, batch: dict[str, tf.Tensor], made: tf.Tensor, scores: tuple
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        options = self._loss_options("ssim_range")
        options["ssim_weight"] = self.config.loss.fine_ssim_weight
        return losses.fine_generator_loss(
            made, batch["targets"], scores[1], self._kernels, **options
        )

    def discriminator_loss(self, scores: tuple) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        return losses.fine_discriminator_loss(*scores)

    def predict(self, batch: dict[str, tf.Tensor], seed: tf.Tensor | None = None) -> tf.Tensor:
        return self.G(batch["sources"], self._coarse(batch, seed), seed=seed)

    def _coarse(self, batch, seed):
        coarse = self._face.predict(batch, seed)
        return quantised(coarse) if self.config.train.quantise_coarse else coarse


class TwoWayStage(Stage):
    """The two-way model: two images, two boundaries, all four combinations, two discriminators."""

    name = "two_way"
    source_boundaries = True

    def __init__(self, config: Config, image_size: int):
        arguments, seed = network_arguments(config), config.random_seed * 8
        judging = _discriminator_arguments(config)
        super().__init__(
            config,
            TwoWayGenerator(**arguments, seed=seed),
            {
                f"{side}_D": FaceDiscriminator(
                    image_size, **judging, scope=f"D_{side}", seed=seed + place
                )
                for place, side in enumerate(("left", "right"), 1)
            },
        )
        self.left_D = self.networks["two_way_left_D"]
        self.right_D = self.networks["two_way_right_D"]

    def generate(
        self, batch: dict[str, tf.Tensor], draws: dict[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        names = "sources", "targets", "source_boundaries", "boundaries"
        return self.G.combinations(*(batch[name] for name in names), training=True)

    def judge(
        self, batch: dict[str, tf.Tensor], made: dict[str, tf.Tensor], draws: dict[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """Returns the scores as `losses.two_way_discriminator_loss` takes them."""
        return {
            "left_real": self.left_D(batch["sources"], training=True),
            "left_right_left": self.left_D(made["right_left"], training=True),
            "left_left_left": self.left_D(made["left_left"], training=True),
            "right_real": self.right_D(batch["targets"], training=True),
            "right_left_right": self.right_D(made["left_right"], training=True),
            "right_right_right": self.right_D(made["right_right"], training=True),
        }

    def generator_loss(
        self, batch: dict[str, tf.Tensor], made: dict[str, tf.Tensor], scores: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        options = self._loss_options("mend_aeb")
        sides = batch["sources"], batch["targets"]
        return losses.two_way_generator_loss(made, *sides, scores, self._kernels, **options)

    def discriminator_loss(
        self, scores: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        return losses.two_way_discriminator_loss(scores)

    def predict(self, batch: dict[str, tf.Tensor], seed: tf.Tensor | None = None) -> tf.Tensor:
        return self.G(batch["sources"], batch["boundaries"])

    def _optimised(self, G):
        named = G.named_trainable_variables
        if self.config.loss.train_boundary_extractor:
            return named
        return {name: v for name, v in named.items() if not name.startswith(BOUNDARY_SCOPE)}


def make(config: Config, image_size: int) -> dict[str, Stage]:
    """Returns {name: stage} of all stages of a configuration, in their order."""
    made = {}
    for name in config.train.stages:
        if name == "face":
            made[name] = FaceStage(config, image_size)
        elif name == "fine":
            made[name] = FineStage(config, image_size, made["face"])
        else:
            made[name] = TwoWayStage(config, image_size)
    return made


def network_arguments(config: Config) -> dict[str, Any]:
    """Returns the arguments that all generators of a configuration share."""
    names = ("kernel_size", "width", "init_stddev")
    return {name: getattr(config.networks, name) for name in names}


def _discriminator_arguments(config):
    arguments = network_arguments(config)
    width = config.networks.discriminator_width
    return arguments if width is None else {**arguments, "width": width}
