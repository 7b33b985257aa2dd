"""Every hyper-parameter of GANimation with its published default (Pumarola et al., ECCV 2018).

Defaults are those of the PyTorch code of vipermu; where the authors' own code differs, a field says
so. Imports no TensorFlow, so that `train.py -h` answers at once.
"""

from __future__ import annotations

import dataclasses
from typing import Optional

from tf_facegan.config import Runtime, option, section


@dataclasses.dataclass(frozen=True)
class Data:
    sets: dict[str, str] = option({}, "record folders by role; GANimation's only role is `faces`")
    aus: Optional[tuple[str, ...]] = option(
        None, "action units trained on, as AU12 or AU12_r; None: the first c_dim of the set"
    )
    c_dim: int = option(17, "how many action units of the set are used, where `aus` names none")
    image_size: Optional[int] = option(
        None, "side of the images, pixels: a level of the set; None: the largest"
    )
    flip: float = option(0.0, "share of the images shown mirrored (authors' code: 0.5)")


@dataclasses.dataclass(frozen=True)
class Networks:
    g_conv_dim: int = option(64, "width of the generator's first layer")
    d_conv_dim: int = option(64, "width of the critic's first layer")
    g_repeat_num: int = option(6, "residual blocks of the generator")
    d_repeat_num: int = option(6, "strided convolutions of the critic")
    norm_scale_init: str = option(
        "uniform",
        "scales of instance norms at the start: uniform (0 to 1), ones or normal (1, 0.02)",
    )
    condition_after_norm: bool = option(
        False,
        "action units go in behind the first instance norm (published: before it, as constants, of "
        "which the norm leaves only what zero padding makes of them)",
    )
    condition_blocks: bool = option(
        False, "action units go into every residual block, too, behind its first norm"
    )
    g_norm: str = option(
        "instance",
        "norms of the generator: instance, or affine: only their scale and shift, so that colours "
        "and contrast of the photo are not lost",
    )
    g_init_stddev: Optional[float] = option(
        0.02,
        "standard deviation of the generator's first weights; None: what keeps the signal's size "
        "in each layer",
    )
    g_skips: bool = option(
        False, "the way up adds the maps of the same size on the way down, as a U-Net"
    )
    g_residual_color: bool = option(
        False, "colour images start from the photo: the generator gives the difference"
    )
    update_running_stats: bool = option(
        True, "keep the running statistics that published checkpoints hold; results do not use them"
    )


@dataclasses.dataclass(frozen=True)
class Loss:
    lambda_cls: float = option(160.0, "weight of the error of action units, in both networks")
    distrust: float = option(
        0.0,
        "weight, relative to lambda_cls, with which the critic learns to read in edited photos the "
        "action units that they had before: an edit that it sees through is none",
    )
    lambda_rec: float = option(10.0, "weight of the cycle's mean absolute error")
    lambda_gp: float = option(10.0, "weight of the gradient penalty")
    lambda_sat: float = option(0.1, "weight of the attention mask's mean")
    lambda_smooth: float = option(1e-4, "weight of the attention mask's total variation")
    use_virtual: bool = option(False, "virtual cycle consistency (Kaneko et al., 2019)")
    alpha_rec: float = option(
        1.0, "share of the virtual cycle with use_virtual; 1, as published, leaves the real one out"
    )
    uncross_virtual_smooth: bool = option(
        False, "with use_virtual, share the smoothness between the masks as the mean is shared"
    )
    cls_per_batch: bool = option(
        False, "divide the error of action units by the batch size (authors' code, weight 4000)"
    )
    smooth_reduction: str = option(
        "mean",
        "total variation as a mean or a sum over images and pixels (authors' code: sum, 1e-5)",
    )


@dataclasses.dataclass(frozen=True)
class Optimizer:
    beta1: float = option(0.5, "decay of Adam's first moment")
    beta2: float = option(0.999, "decay of Adam's second moment")
    epsilon: float = option(1e-8, "added to the root of Adam's second moment")


@dataclasses.dataclass(frozen=True)
class Train:
    batch_size: int = option(16, "images of a step over all devices")
    num_epochs: int = option(30, "passes over the set")
    num_epochs_decay: int = option(20, "passes after which the learning rates begin to fall")
    lr_decay: str = option(
        "multiply", "how they fall: multiply (by 0.9 an epoch) or linear (to 0; authors' code)"
    )
    g_lr: float = option(1e-4, "learning rate of the generator")
    d_lr: float = option(1e-4, "learning rate of the critic")
    n_critic: int = option(5, "critic steps for each generator step; counted anew every epoch")
    reading_epochs: int = option(
        0, "passes at the beginning in which the critic only learns to read action units"
    )
    critic_noise: float = option(
        0.0,
        "largest standard deviation of the noise on all that the critic sees while training (every "
        "image has one of its own, from 0 on), of images in -1 to 1: it then reads what can be "
        "seen, not textures that only it sees",
    )
    critic_shift: int = option(
        0, "pixels by which all that the critic sees is moved at random while training, at most"
    )
    separate_gp_step: bool = option(
        False, "the gradient penalty in a step of its own, after the other terms (authors' code)"
    )
    target_noise: float = option(0.1, "uniform noise on target action units, at most so much")
    clamp_targets: bool = option(True, "keep noisy targets between 0 and 1 (authors' code: no)")
    sample_step: int = option(200, "steps between log lines, summaries and sample sheets")
    model_save_step: int = option(1000, "steps between network snapshots; rounded to sample_step")
    sample_images: int = option(8, "photos on the sample sheet")
    save_weight_histograms: bool = option(
        False, "histograms of all weights and masks in the TensorBoard events, every log line"
    )

    @property
    def image_snapshot_ticks(self) -> int:
        """int, log lines between sample sheets."""
        return 1

    @property
    def network_snapshot_ticks(self) -> int:
        """int, log lines between network snapshots."""
        return max(1, round(self.model_save_step / self.sample_step))


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything needed to repeat a GANimation run; `configs.py` names the presets."""

    system: str = option("ganimation", "which system this configures")
    desc: str = option("ganimation", "first part of the run folder's name")
    random_seed: int = option(1234, "seed of weights, order of images and every random draw")
    data: Data = section(Data)
    networks: Networks = section(Networks)
    loss: Loss = section(Loss)
    G_opt: Optimizer = section(Optimizer)
    D_opt: Optimizer = section(Optimizer)
    train: Train = section(Train)
    runtime: Runtime = section(Runtime)
