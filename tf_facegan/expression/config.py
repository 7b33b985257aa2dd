"""Every hyper-parameter of the expression models with its default (Shaowen1994, 2019).

There are three models, each with a configuration and a trainer of its own: the autoencoder, the
conditional WGAN-GP and the VGG16 classifier. Where the published value defeats its purpose, the
default is another and the field names the published one. Imports no TensorFlow, so that
`train.py -h` answers at once.
"""

import dataclasses
from typing import Optional

from tf_facegan.config import Runtime, option, section


@dataclasses.dataclass(frozen=True)
class Data:
    sets: dict[str, str] = option(
        {}, "record folders by role: `faces`, and `test` for validation, where there is one"
    )


@dataclasses.dataclass(frozen=True)
class AutoencoderData(Data):
    channel_order: str = option("rgb", "order of colours: rgb, or bgr as in the published arrays")


@dataclasses.dataclass(frozen=True)
class CWGANData(AutoencoderData):
    sets: dict[str, str] = option({}, "record folders by role; the GAN's only role is `faces`")
    layout: str = option(
        "nhwc",
        "nhwc, or scrambled: numbers of channels-last images read as channels-first (published)",
    )
    representations: Optional[str] = option(
        None, "file or folder of representations, the conditions; None: a one-hot of the expression"
    )


@dataclasses.dataclass(frozen=True)
class Adam:
    learning_rate: float = option(1e-3, "learning rate")
    beta1: float = option(0.9, "decay of Adam's first moment")
    beta2: float = option(0.999, "decay of Adam's second moment")
    epsilon: float = option(1e-7, "added to the root of Adam's second moment")


@dataclasses.dataclass(frozen=True)
class CWGANAdam(Adam):
    learning_rate: float = option(1e-4, "learning rate")
    beta1: float = option(0.5, "decay of Adam's first moment")
    beta2: float = option(0.9, "decay of Adam's second moment")
    epsilon: float = option(1e-8, "added to the root of Adam's second moment")


@dataclasses.dataclass(frozen=True)
class ClassifierAdam(Adam):
    epsilon: float = option(1e-8, "added to the root of Adam's second moment")
    fine_tune_learning_rate: float = option(1e-5, "learning rate while blocks are fine-tuned")


@dataclasses.dataclass(frozen=True)
class AutoencoderNetwork:
    code_activation: str = option(
        "linear", "activation of the code, a Keras name (published: softmax, which hardly learns)"
    )
    output_activation: str = option("sigmoid", "activation of the reconstruction, a Keras name")
    dim: int = option(64, "width of the first layer")
    code_gain: float = option(
        16.0, "factor between code and decoder (published: 1, with which the decoder often dies)"
    )
    norm_decay: float = option(
        0.9, "decay of batch norm's moving statistics (published: 0.99, slow to leave its start)"
    )
    target_range: str = option(
        "unit",
        "what is reconstructed: unit, 0 to 1, or symmetric, -0.5 to 0.5, out of a sigmoid's reach "
        "(published)",
    )


@dataclasses.dataclass(frozen=True)
class CWGANNetworks:
    kind: str = option("concat", "noise and condition: concat, or add, of equal lengths")
    noise_dim: int = option(128, "numbers of noise; with kind=add those of a condition (20)")
    dim: int = option(64, "width of the critic's first layer and the generator's last")
    condition_gain: float = option(
        8.0, "factor of the condition in both networks (published: 1, hardly seen beside the noise)"
    )
    statistics: str = option(
        "moving",
        "batch norm of the generator when sampling: moving, or batch, which takes the condition "
        "away from a batch of one expression (published)",
    )


@dataclasses.dataclass(frozen=True)
class ClassifierNetwork:
    weights: Optional[str] = option(
        "imagenet", "VGG16's: a Keras .h5 file, imagenet (downloaded once), or None: random"
    )
    pooling: Optional[str] = option("avg", "after the last block: avg, max or None (flatten)")
    include_top: bool = option(False, "VGG16's two dense layers of 4096 before the last one")
    image_size: int = option(160, "side that images are resized to")
    preprocessing: str = option(
        "caffe", "what VGG16 sees: caffe, as its weights expect, or tf, -1 to 1 (published)"
    )
    resizing: str = option(
        "legacy", "bilinear sampling: legacy, of TensorFlow 1, or half_pixel (centres)"
    )


@dataclasses.dataclass(frozen=True)
class CWGANLoss:
    gradient_penalty_weight: float = option(10.0, "weight of the gradient penalty")
    mismatch_weight: float = option(
        0.25,
        "share of real faces with the condition of another expression in what the critic scores as "
        "fake, 0 to below 1 (published: 0, with which the expression is often not followed)",
    )


@dataclasses.dataclass(frozen=True)
class Ticks:
    image_snapshot_ticks: int = option(1, "epochs between sample sheets")
    network_snapshot_ticks: int = option(10, "epochs between network snapshots")


@dataclasses.dataclass(frozen=True)
class AutoencoderTrain(Ticks):
    epochs: int = option(10, "passes over the set")
    batch_size: int = option(256, "images of a step over all devices")
    sample_images: int = option(16, "faces on the sheet of reconstructions")


@dataclasses.dataclass(frozen=True)
class CWGANTrain(Ticks):
    epochs: int = option(300, "passes over the set after which training ends")
    iterations: int = option(20000, "iterations after which it ends, if they come first")
    batch_size: int = option(64, "images of a step over all devices")
    critic_iterations: int = option(5, "critic steps for each generator step")
    decay_epochs: int = option(
        0, "last passes, in which both learning rates fall to 0 in a line (published: 0, never)"
    )
    freeze_hidden: bool = option(
        False, "leave the critic's layer after the condition as it was drawn (published)"
    )
    sample_images: int = option(8, "samples of each expression on a sheet")


@dataclasses.dataclass(frozen=True)
class ClassifierTrain(Ticks):
    epochs: int = option(10, "epochs with all of VGG16's blocks frozen (published: 100)")
    steps_per_epoch: Optional[int] = option(
        None, "steps of an epoch; None: a whole pass (published: 2)"
    )
    batch_size: int = option(16, "images of a step over all devices")
    fine_tune_epochs: int = option(0, "epochs after these with the top blocks learning too")
    fine_tune_blocks: int = option(1, "how many of VGG16's five blocks, from the top")
    validation_images: Optional[int] = option(
        None, "images of `test` judged after each epoch; None: all"
    )
    split: str = option(
        "official", "official: learn `faces`, judge `test`; random: pool both (published)"
    )
    validation_share: float = option(0.2, "share of the pool that is judged, with split=random")


@dataclasses.dataclass(frozen=True)
class AutoencoderConfig:
    """Everything needed to repeat an autoencoder run; `configs.py` names the presets."""

    system: str = option("expression-autoencoder", "which system this configures")
    desc: str = option("autoencoder", "first part of the run folder's name")
    random_seed: int = option(1000, "seed of weights and order of images")
    data: AutoencoderData = section(AutoencoderData)
    network: AutoencoderNetwork = section(AutoencoderNetwork)
    opt: Adam = section(Adam)
    train: AutoencoderTrain = section(AutoencoderTrain)
    runtime: Runtime = section(Runtime)


@dataclasses.dataclass(frozen=True)
class CWGANConfig:
    """Everything needed to repeat a run of the conditional WGAN-GP."""

    system: str = option("expression-cwgan", "which system this configures")
    desc: str = option("cwgan", "first part of the run folder's name")
    random_seed: int = option(1000, "seed of weights, order of images and every random draw")
    data: CWGANData = section(CWGANData)
    networks: CWGANNetworks = section(CWGANNetworks)
    loss: CWGANLoss = section(CWGANLoss)
    G_opt: CWGANAdam = section(CWGANAdam)
    D_opt: CWGANAdam = section(CWGANAdam)
    train: CWGANTrain = section(CWGANTrain)
    runtime: Runtime = section(Runtime)


@dataclasses.dataclass(frozen=True)
class ClassifierConfig:
    """Everything needed to repeat a run of the VGG16 classifier."""

    system: str = option("expression-vgg16", "which system this configures")
    desc: str = option("vgg16", "first part of the run folder's name")
    random_seed: int = option(1000, "seed of weights and order of images")
    data: Data = section(Data)
    network: ClassifierNetwork = section(ClassifierNetwork)
    opt: ClassifierAdam = section(ClassifierAdam)
    train: ClassifierTrain = section(ClassifierTrain)
    runtime: Runtime = section(Runtime)
