"""Every hyper-parameter of RD-GAN with its default; names in capitals are those of the published
code (AuroraWJJ/RD-GAN).

Defaults are published, except where the published code defeats its own purpose: `PUBLISHED` has
what it does there. Imports no TensorFlow, so that `train.py -h` answers at once.
"""

from __future__ import annotations

import dataclasses
from typing import Optional

from tf_facegan.config import Runtime, option, section

# Dotted field: published value, wherever it is not the default.
PUBLISHED = {
    "data.validation_share": 0.0,
    "loss.adversarial": "original",
    "loss.adversarial_weight": 1.0,
    "loss.mend_aeb": False,
    "loss.train_boundary_extractor": False,
    "train.clip_norms": True,
    "train.quantise_coarse": True,
    "inference.dropout": True,
}


@dataclasses.dataclass(frozen=True)
class Data:
    sets: dict[str, str] = option(
        {}, "record folders by role; RD-GAN's only role is `faces` (NAME_DATA_SET)"
    )
    image_size: Optional[int] = option(
        None, "side of the images, pixels: a level of the set; None: the largest (IMAGE_SIZE: 128)"
    )
    max_pairs: int = option(1_000_000, "most pairs FaceGAN is trained on, a random choice")
    small_data_size: Optional[int] = option(
        None, "train on so many pairs only (SMALL_DATA_SIZE: 64000); None: on all"
    )
    validation_share: float = option(
        0.1, "share of the subjects that is never trained on (published: 0)"
    )


@dataclasses.dataclass(frozen=True)
class Networks:
    dropout_keep: float = option(0.6, "share of the features that dropout keeps (DROP_OUT)")
    kernel_size: int = option(3, "side of the kernels; some are one smaller (CONV_KERNEL_SIZE)")
    init_stddev: Optional[float] = option(
        0.02,
        "standard deviation of the first weights; None: sqrt(2 / inputs) of a layer, not the last",
    )
    width: float = option(1.0, "channels of every hidden layer, times the published ones")
    discriminator_width: Optional[float] = option(
        None, "the same of the discriminators; None: `width`"
    )


@dataclasses.dataclass(frozen=True)
class Loss:
    adversarial: str = option(
        "standard",
        "FaceGAN's discriminator wants standard: 1 for real, 0 for generated faces; or original: 0 "
        "and 1, which helps the generator (published)",
    )
    adversarial_weight: float = option(
        0.01,
        "weight of the discriminators' scores in the generators' losses (published: 1, of "
        "discriminators that are all but silent)",
    )
    ssim_weight: float = option(0.1, "weight of 1 - SSIM in FaceGAN's generator loss")
    fine_ssim_weight: float = option(0.0, "the same in FineGAN's, which has no such term published")
    ssim_range: float = option(1.5, "value range in SSIM's constants; images span 2")
    weight_decay: float = option(5e-4, "half of it weighs the kernels' mean squares (WEIGHT_DECAY)")
    mend_aeb: bool = option(
        True, "two-way model: the term `Aeb` judges the crossed image (published: no)"
    )
    train_boundary_extractor: bool = option(
        True, "two-way model: train the extractor of boundaries, too (published: no)"
    )


@dataclasses.dataclass(frozen=True)
class Optimizer:
    decay: float = option(0.9, "of RMSProp's mean square (published two-way model: 0.8)")
    epsilon: float = option(1e-10, "added to RMSProp's mean square, within the root")


@dataclasses.dataclass(frozen=True)
class LearningRate:
    init: float = option(1e-4, "learning rate at a stage's first iteration (G_LR, D_LR)")
    rate: float = option(0.9, "what it is multiplied by, continuously, every `step` iterations")
    step: float = option(2000.0, "iterations after which it is multiplied by `rate`")


@dataclasses.dataclass(frozen=True)
class FaceStage:
    max_iter: int = option(200_000, "iterations: one generator step each (MAX_ITER)")
    d_steps: int = option(2, "discriminator steps before each generator step")
    burst_steps: int = option(100, "the same in every iteration that begins a burst")
    burst_every: int = option(200, "iterations from a burst to the next; the first is a burst")


@dataclasses.dataclass(frozen=True)
class FineStage(FaceStage):
    d_steps: int = option(5, "discriminator steps before each generator step")
    burst_every: int = option(500, "iterations from a burst to the next; the first is a burst")


@dataclasses.dataclass(frozen=True)
class TwoWayStage(FaceStage):
    d_steps: int = option(1, "discriminator steps before each generator step")
    burst_every: int = option(500, "iterations from a burst to the next; the first is a burst")


@dataclasses.dataclass(frozen=True)
class Train:
    stages: tuple[str, ...] = option(
        ("face", "fine"), "what is trained, in turn: face; face, fine; or two_way"
    )
    batch_size: int = option(32, "pairs of a step over all devices (BATCH_SIZE)")
    clip: float = option(0.01, "largest magnitude of the discriminators' weights")
    clip_norms: bool = option(
        False, "clip batch norms and biases, too, which all but silences them (published)"
    )
    quantise_coarse: bool = option(
        False, "FineGAN sees FaceGAN's images rounded down to 8 bits, as from files (published)"
    )
    summary_iterations: int = option(100, "iterations between log lines and summaries")
    times_to_save: int = option(
        500, "iterations between sample sheets and network snapshots (TIMES_TO_SAVE)"
    )
    sample_images: int = option(5, "pairs on the sample sheet")
    validation_pairs: int = option(64, "pairs of held-out subjects that are scored with each sheet")

    @property
    def image_snapshot_ticks(self) -> int:
        """int, log lines between sample sheets."""
        return max(1, round(self.times_to_save / self.summary_iterations))

    @property
    def network_snapshot_ticks(self) -> int:
        """int, log lines between network snapshots."""
        return self.image_snapshot_ticks


@dataclasses.dataclass(frozen=True)
class Inference:
    dropout: bool = option(False, "keep dropout at prediction, so that results vary (published)")
    predict_batch_size: int = option(64, "images of a call of the network (PREDICT_BATCH_SIZE)")
    real_time_reenact_batch_size: int = option(
        1, "the same for a live picture (REAL_TIME_REENACT_BATCH_SIZE)"
    )
    crop: str = option(
        "box",
        "how photos are cropped, as the set's frames were: `box` around the landmarks (create_ck), "
        "or `square` around the nose (create_mmi)",
    )
    source_frame: int = option(190, "frame that is reenacted, in the order of names")
    fps: float = option(20.0, "frames a second of videos (FPS)")


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything needed to repeat an RD-GAN run; `configs.py` names the presets."""

    system: str = option("rdgan", "which system this configures")
    desc: str = option("rdgan", "first part of the run folder's name")
    random_seed: int = option(1234, "seed of weights, order of pairs and every random draw")
    data: Data = section(Data)
    networks: Networks = section(Networks)
    loss: Loss = section(Loss)
    G_opt: Optimizer = section(Optimizer)
    D_opt: Optimizer = section(Optimizer)
    G_lr: LearningRate = section(LearningRate)
    D_lr: LearningRate = section(LearningRate)
    face: FaceStage = section(FaceStage)
    fine: FineStage = section(FineStage)
    two_way: TwoWayStage = section(TwoWayStage)
    train: Train = section(Train)
    inference: Inference = section(Inference)
    runtime: Runtime = section(Runtime)
