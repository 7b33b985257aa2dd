"""Every hyper-parameter of TBGAN with its published default (Gecer et al., ECCV 2020).

Imports no TensorFlow, so that `train.py -h` answers at once.
"""

import dataclasses
from typing import Optional, Union

from tf_facegan.config import Runtime, option, section

TICK_KIMG = {4: 160, 8: 140, 16: 120, 32: 100, 64: 80, 128: 60, 256: 40, 512: 20, 1024: 10}


@dataclasses.dataclass(frozen=True)
class Data:
    sets: dict[str, str] = option({}, "record folders by role; TBGAN's only role is `faces`")
    synthetic: Optional[tuple[int, int]] = option(
        None, "(channels, side) of black images in place of a set, to measure speed"
    )
    dtype: Optional[str] = option(None, "uint8 or float32; None: found from the records")
    dynamic_range: Optional[tuple[float, float]] = option(
        None, "values of black and white in the records; None: as the set says"
    )
    max_label_size: Union[int, str] = option(
        "full", "label components used: 'full', 0 (none) or the first n"
    )
    mirror_augment: bool = option(
        False, "flip half of the images (x of shapes and normals negated)"
    )


@dataclasses.dataclass(frozen=True)
class _Network:
    fmap_base: int = option(
        8192, "feature maps: base / 2**(stage * decay), at most max, times mult"
    )
    fmap_decay: float = option(1.0, "how fast the number of feature maps falls with resolution")
    fmap_max: int = option(512, "most feature maps of a stage, before fmap_mult")
    fmap_mult: int = option(3, "widening of every stage; 3 is TBGAN, 1 is PGGAN")
    lod_sep: int = option(7, "log2 of the resolution at which the trunk becomes branches")
    branches: Optional[tuple[tuple[str, int], ...]] = option(
        None, "(name, channels) of each branch; None: thirds, as published"
    )
    fused_scale: bool = option(True, "one strided convolution instead of scaling + convolution")
    use_wscale: bool = option(True, "equalized learning rate")
    dtype: str = option(
        "float32", "of the convolutions: float32, float16 or bfloat16; weights stay float32"
    )


@dataclasses.dataclass(frozen=True)
class Generator(_Network):
    latent_size: Optional[int] = option(None, "width of the latents; None: feature maps of stage 0")
    normalize_latents: bool = option(
        True, "pixel norm of latents and labels before the first layer"
    )
    use_pixelnorm: bool = option(True, "pixel norm after every convolution")
    pixelnorm_epsilon: float = option(1e-8, "added to the mean square in pixel norm")
    use_leakyrelu: bool = option(True, "leaky ReLU (0.2) instead of ReLU")


@dataclasses.dataclass(frozen=True)
class Discriminator(_Network):
    mbstd_group_size: int = option(4, "samples in a group of the minibatch statistics; 0: no layer")


@dataclasses.dataclass(frozen=True)
class Optimizer:
    beta1: float = option(0.0, "decay of Adam's first moment")
    beta2: float = option(0.99, "decay of Adam's second moment")
    epsilon: float = option(1e-8, "added to the root of Adam's second moment")
    use_loss_scaling: bool = option(False, "dynamic loss scaling, for float16")
    loss_scaling_init: float = option(64.0, "log2 of the first loss scale")
    loss_scaling_inc: float = option(0.0005, "added to its log2 after a finite step")
    loss_scaling_dec: float = option(1.0, "taken from its log2 after an overflow")


@dataclasses.dataclass(frozen=True)
class Loss:
    wgan_lambda: float = option(10.0, "weight of the gradient penalty")
    wgan_epsilon: float = option(0.001, "weight of the squared real scores (drift)")
    wgan_target: float = option(1.0, "gradient norm that the penalty pulls towards")
    cond_weight: float = option(1.0, "weight of the auxiliary label loss, in both networks")
    detail: dict[str, float] = option(
        {},
        "how many times what differs from its surroundings is added to images before they are "
        "judged, by modality: for maps as smooth as those of shape",
    )


@dataclasses.dataclass(frozen=True)
class Schedule:
    lod_initial_resolution: int = option(4, "resolution at the start of training, pixels")
    lod_training_kimg: float = option(
        1000.0, "thousand images shown at a resolution before the fade"
    )
    lod_transition_kimg: float = option(1000.0, "thousand images shown while a resolution fades in")
    minibatch_base: int = option(16, "images of a step over all devices")
    minibatch_dict: dict[int, int] = option({}, "minibatch by resolution, in place of the base")
    max_minibatch_per_gpu: dict[int, int] = option({}, "most images a device takes, by resolution")
    accumulate: bool = option(
        False, "take more than that in equal parts, one step for all, instead of cutting the rest"
    )
    G_lrate_base: float = option(0.001, "learning rate of the generator")
    G_lrate_dict: dict[int, float] = option({}, "learning rate of the generator by resolution")
    D_lrate_base: float = option(0.001, "learning rate of the discriminator")
    D_lrate_dict: dict[int, float] = option({}, "learning rate of the discriminator by resolution")
    tick_kimg_base: float = option(160.0, "thousand images between log lines")
    tick_kimg_dict: dict[int, float] = option(TICK_KIMG, "the same by resolution")


@dataclasses.dataclass(frozen=True)
class Train:
    total_kimg: float = option(15000.0, "thousand images after which training ends")
    G_smoothing: float = option(0.999, "decay of the moving average of the generator")
    D_repeats: int = option(1, "discriminator steps for each generator step")
    minibatch_repeats: int = option(4, "steps for each evaluation of the schedule")
    reset_opt_for_new_lod: bool = option(True, "reset the optimizers when a fade starts or ends")
    drange_net: tuple[float, float] = option((-1.0, 1.0), "value range of the networks' images")
    image_snapshot_ticks: int = option(1, "ticks between sample sheets")
    network_snapshot_ticks: int = option(10, "ticks between network snapshots")
    save_tf_graph: bool = option(False, "the graph of a step in the TensorBoard events")
    save_weight_histograms: bool = option(
        False, "histograms of all weights in the TensorBoard events, every tick"
    )


@dataclasses.dataclass(frozen=True)
class Grid:
    size: str = option("4k", "sample sheet: 1080p, 4k or COLUMNSxROWS")
    layout: str = option(
        "row_per_class", "real images and labels of the sheet: random or row_per_class"
    )
    raw_labels: bool = option(
        False, "give the network the label rows as they are, without softmax, as published"
    )


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything needed to repeat a TBGAN run; `configs.py` names the presets."""

    system: str = option("tbgan", "which system this configures")
    desc: str = option("pgan", "first part of the run folder's name")
    random_seed: int = option(1000, "seed of weights, order of images and every random draw")
    data: Data = section(Data)
    G: Generator = section(Generator)
    D: Discriminator = section(Discriminator)
    G_opt: Optimizer = section(Optimizer)
    D_opt: Optimizer = section(Optimizer)
    loss: Loss = section(Loss)
    schedule: Schedule = section(Schedule)
    train: Train = section(Train)
    grid: Grid = section(Grid)
    runtime: Runtime = section(Runtime)
