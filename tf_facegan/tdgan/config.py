"""Every hyper-parameter of TDGAN with its published default (Xie, Hu and Chen, IEEE TCSVT 2021).

Names in parentheses are those of the published dictionary. Imports no TensorFlow.
"""

import dataclasses
from typing import Optional

from tf_facegan.config import Runtime, option, section

VALIDATION_SOURCES = ("split", "test", "none")
ALL_FOLDS = -1
GAP_COUNTERS = ("epoch", "run")


@dataclasses.dataclass(frozen=True)
class Data:
    sets: dict[str, str] = option(
        {}, "record folders by role: `faces` (identities), `expressions` and, optional, `test`"
    )
    num_identities: Optional[int] = option(
        20, "only faces of the first so many identities are used; None: of all (FR_cls_num)"
    )
    repair: bool = option(
        False, "pair faces and expressions anew every epoch; published: pairs are fixed"
    )
    folds: int = option(
        0, "divide the subjects of `expressions` into so many groups, one of them the test set"
    )
    fold: int = option(
        0, "which of the groups is the test set, counted from 0; -1: each in a run of its own"
    )


@dataclasses.dataclass(frozen=True)
class Networks:
    grayscale: bool = option(True, "gray images instead of RGB (FLAG_GEN_GRAYIMG)")
    image_size: int = option(128, "side of an image, pixels; a multiple of 16")
    noise_dim: int = option(256, "channels of the decoder's noise map (Nz)")
    num_blocks: int = option(6, "residual blocks of the embedding module (Nb)")
    dropout: float = option(0.5, "dropout rate of the classification heads")
    width: float = option(1.0, "factor of all numbers of feature maps")


@dataclasses.dataclass(frozen=True)
class Optimizer:
    lr_D_FR: float = option(1e-4, "learning rate of the face discriminator (LR_D_FR)")
    lr_D_ER: float = option(
        1e-4, "learning rate of expression discriminator and classification module (LR_D_ER)"
    )
    lr_G_FR: float = option(1e-4, "learning rate of the face encoder (LR_G_FR)")
    lr_G_ER: float = option(1e-4, "learning rate of expression encoder and decoder (LR_G_ER)")
    beta1: float = option(0.9, "decay of Adam's first moment")
    beta2: float = option(0.999, "decay of Adam's second moment")
    epsilon: float = option(1e-8, "added to the corrected root of Adam's second moment")


@dataclasses.dataclass(frozen=True)
class Loss:
    G_FR_f: float = option(0.2, "weight of the identity of generated faces (H_G_FR_f)")
    G_ER_f: float = option(0.8, "weight of their expression (H_G_ER_f)")
    G_FR_PER: float = option(1.0, "weight of the perceptual distance to the face (H_G_FR_PER)")
    G_ER_PER: float = option(0.0, "weight of the distance of expression codes (H_G_ER_PER)")
    G_ER_INV: float = option(
        0.0,
        "weight of the distance of expression codes relative to their spread, from which the "
        "expression encoder alone learns; not published",
    )
    G_CON_FR: float = option(5.0, "weight of the consistency of the face (H_G_CON_FR)")
    G_CON_ER: float = option(5.0, "weight of the consistency of the expression (H_G_CON_ER)")
    D_FR_r: float = option(1.0, "weight of real faces, face discriminator (H_D_FR_r)")
    D_FR_f: float = option(1.0, "weight of generated faces, face discriminator (H_D_FR_f)")
    D_ER_r: float = option(1.0, "weight of real faces, expression discriminator (H_D_ER_r)")
    expression_perceptual_gradient: bool = option(
        False, "let G_ER_PER have a gradient; published: both its sides are constants"
    )
    image_code_gradient: bool = option(
        True,
        "let the losses of images have a gradient to the expression codes that these are decoded "
        "from, as published; without it joint_expression_loss has to teach the expression encoder",
    )
    joint_expression_loss: bool = option(
        False,
        "let the expression encoder learn from the classification module's loss; "
        "published: it does not",
    )


@dataclasses.dataclass(frozen=True)
class Train:
    epochs: int = option(100, "passes over the pairs (epoch)")
    batch_size: int = option(32, "pairs of a step over all devices (BS)")
    D_gap_FR: int = option(5, "steps between updates of the face discriminator (D_GAP_FR)")
    D_gap_ER: int = option(10, "the same of the expression discriminator (D_GAP_ER)")
    gap_counter: str = option(
        "epoch", "what these steps are counted from: the start of the epoch, as published, or run"
    )
    invariance_start: int = option(
        0, "epochs before G_ER_INV begins: it needs transferred faces that show the expression"
    )
    tick_kimg: float = option(3.2, "thousand pairs between log lines (IMG_SAVE_GAP steps of 32)")
    image_snapshot_ticks: int = option(1, "ticks between sample sheets")
    network_snapshot_ticks: int = option(50, "ticks between network snapshots")


@dataclasses.dataclass(frozen=True)
class Validation:
    source: str = option(
        "split",
        "what the best network is chosen by: split (of the training subjects), test or none",
    )
    groups: int = option(10, "of so many groups of subjects one is the validation split")
    gap: int = option(1, "epochs between validations (VAL_GAP)")
    start: int = option(0, "epochs before networks can be the best one, as the last always can")
    batch_size: int = option(32, "images of an evaluation step")


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything needed to repeat a TDGAN run; `configs.py` names the presets."""

    system: str = option("tdgan", "which system this configures")
    desc: str = option("tdgan", "first part of the run folder's name")
    random_seed: int = option(1000, "seed of weights, order of pairs and every random draw")
    data: Data = section(Data)
    networks: Networks = section(Networks)
    optimizer: Optimizer = section(Optimizer)
    loss: Loss = section(Loss)
    train: Train = section(Train)
    validation: Validation = section(Validation)
    runtime: Runtime = section(Runtime)
