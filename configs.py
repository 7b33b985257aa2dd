"""The named presets: the file to read and edit.

A preset is (system, {dotted field: value}); it differs from the system's defaults, and so from any
other preset, only in values. A modifier (`--mod`, repeatable) changes a preset the same way.
`python train.py --preset NAME --dry_run` prints the whole configuration with the meaning of every
field.
"""

from tf_facegan.rdgan.config import PUBLISHED as RDGAN_PUBLISHED

# What `python train.py` and `python train.py --preset P` use when they are not told.
DEFAULT_PRESET = "v2-4gpus"
DATASET = None  # folder of a record set, or None: `--dataset` must be given


def _tbgan(num_gpus, minibatch_base, minibatch_dict, lrate_dict, total_kimg=12000, **more):
    return "tbgan", {
        "runtime.num_gpus": num_gpus,
        "schedule.minibatch_base": minibatch_base,
        "schedule.minibatch_dict": minibatch_dict,
        "schedule.G_lrate_dict": lrate_dict,
        "schedule.D_lrate_dict": lrate_dict,
        "train.total_kimg": total_kimg,
        "desc": "pgan",
        **more,
    }


PRESETS = {
    # The published presets of TBGAN (ECCV 2020), for 512-pixel sets. Those of 12000 kimg end before
    # the full resolution is reached, as published; training says so when it starts.
    "v1-1gpu": _tbgan(
        1,
        16,
        {256: 14, 512: 6, 1024: 3},
        {},
        total_kimg=19000,
        **{
            "schedule.lod_training_kimg": 800,
            "schedule.lod_transition_kimg": 800,
            "D.mbstd_group_size": 16,
        },
    ),
    "v2-1gpu": _tbgan(
        1, 4, {4: 128, 8: 128, 16: 128, 32: 64, 64: 32, 128: 16, 256: 8, 512: 4}, {1024: 0.0015}
    ),
    "v2-2gpus": _tbgan(
        2,
        8,
        {4: 256, 8: 256, 16: 128, 32: 64, 64: 32, 128: 16, 256: 8, 512: 4},
        {512: 0.0015, 1024: 0.002},
    ),
    "v2-4gpus": _tbgan(
        4,
        16,
        {4: 512, 8: 256, 16: 128, 32: 64, 64: 32, 128: 16},
        {256: 0.0015, 512: 0.002, 1024: 0.003},
        total_kimg=16000,
    ),
    "v2-8gpus": _tbgan(
        8,
        32,
        {4: 512, 8: 256, 16: 128, 32: 64, 64: 32},
        {128: 0.0015, 256: 0.002, 512: 0.003, 1024: 0.003},
    ),
    # A small network that learns 64-pixel UV maps on two CPU cores in minutes; `make demo` runs it.
    # Rates above the published ones: it sees 32 thousand images, not 16 million. The finest details
    # of shape, a tenth of those of texture and normals, are enlarged before they are judged.
    "demo": _tbgan(
        1,
        8,
        {},
        {64: 0.0015},
        total_kimg=32,
        **{
            "G.fmap_base": 256,
            "G.fmap_max": 32,
            "G.lod_sep": 5,
            "D.fmap_base": 256,
            "D.fmap_max": 32,
            "D.lod_sep": 5,
            "loss.detail": {"shape": 24.0},
            "schedule.lod_initial_resolution": 8,
            "schedule.lod_training_kimg": 1.6,
            "schedule.lod_transition_kimg": 1.6,
            "schedule.G_lrate_base": 0.003,
            "schedule.D_lrate_base": 0.003,
            "schedule.tick_kimg_base": 0.8,
            "schedule.tick_kimg_dict": {},
            "train.G_smoothing": 0.995,
            "train.image_snapshot_ticks": 4,
            "train.network_snapshot_ticks": 10,
            "grid.size": "6x4",
        },
    ),
}

# GANimation (ECCV 2018) as most people train it, and with the values of the authors' own code at
# its batch of 25.
PRESETS["ganimation-celeba"] = ("ganimation", {})
PRESETS["ganimation-emotionet"] = (
    "ganimation",
    {
        "data.flip": 0.5,
        "loss.lambda_cls": 4000.0,
        "loss.cls_per_batch": True,
        "loss.lambda_smooth": 1e-5,
        "loss.smooth_reduction": "sum",
        "train.batch_size": 25,
        "train.lr_decay": "linear",
        "train.separate_gp_step": True,
        "train.clamp_targets": False,
    },
)
# Small networks that learn toy faces of 64 pixels on a CPU in minutes. The generator changes the
# photo instead of painting a new one, and keeps its colours. The critic learns to read action units
# first: until it does, the generator would only learn to close its masks. Noise, shifts and its
# distrust of edited photos keep the generator from what only the critic takes for an expression.
PRESETS["ganimation-toy"] = (
    "ganimation",
    {
        "data.flip": 0.5,
        "networks.g_conv_dim": 16,
        "networks.g_repeat_num": 3,
        "networks.d_conv_dim": 32,
        "networks.d_repeat_num": 5,
        "networks.norm_scale_init": "ones",
        "networks.condition_after_norm": True,
        "networks.condition_blocks": True,
        "networks.g_norm": "affine",
        "networks.g_init_stddev": None,
        "networks.g_skips": True,
        "networks.g_residual_color": True,
        "loss.lambda_cls": 80.0,
        "loss.distrust": 0.3,
        "loss.lambda_smooth": 0.1,
        "train.batch_size": 8,
        "train.num_epochs": 7,
        "train.num_epochs_decay": 3,
        "train.lr_decay": "linear",
        "train.reading_epochs": 2,
        "train.critic_noise": 0.3,
        "train.critic_shift": 3,
        "train.n_critic": 2,
        "train.g_lr": 5e-4,
        "train.d_lr": 5e-4,
        "train.sample_step": 500,
        "train.model_save_step": 2000,
    },
)

# RD-GAN (2019) on CK+ and MMI: FaceGAN, then FineGAN on its outputs; and the earlier two-way model.
PRESETS["rdgan-ck"] = ("rdgan", {})
PRESETS["rdgan-mmi"] = ("rdgan", {"inference.crop": "square"})
PRESETS["rdgan-ck-twoway"] = (
    "rdgan",
    {"train.stages": ["two_way"], "G_opt.decay": 0.8, "D_opt.decay": 0.8},
)
# Both stages on 32-pixel toy sequences, on two CPU cores in minutes: thousands of steps instead of
# hundreds of thousands. Rates above the published ones, no bursts, narrow discriminators, first
# weights that keep the signal's size, no dropout, and SSIM as a loss of both. The batch is large:
# batch norm takes the brightness of a face relative to that of its batch.
PRESETS["rdgan-toy"] = (
    "rdgan",
    {
        "networks.width": 0.75,
        "networks.dropout_keep": 1.0,
        "networks.init_stddev": None,
        "networks.discriminator_width": 0.125,
        "loss.ssim_weight": 2.0,
        "loss.fine_ssim_weight": 2.0,
        "G_lr.init": 2e-3,
        "G_lr.rate": 0.5,
        "G_lr.step": 400.0,
        "face.max_iter": 2400,
        "face.d_steps": 1,
        "face.burst_steps": 1,
        "fine.max_iter": 1200,
        "fine.d_steps": 1,
        "fine.burst_steps": 1,
        "train.times_to_save": 600,
        "train.validation_pairs": 256,
    },
)

# Expressions of RAF-DB: representations, a conditional WGAN-GP, a classifier; and small ones
# that learn toy faces of 32 (the GAN) or 48 pixels on a CPU core in minutes.
PRESETS["expression-autoencoder-raf"] = ("expression-autoencoder", {})
PRESETS["expression-autoencoder-toy"] = (
    "expression-autoencoder",
    {"network.dim": 32, "train.batch_size": 32, "train.epochs": 15},
)
PRESETS["expression-cwgan-raf"] = ("expression-cwgan", {})
PRESETS["expression-cwgan-toy"] = (
    "expression-cwgan",
    {
        "networks.dim": 24,
        "networks.noise_dim": 32,
        "G_opt.learning_rate": 1e-3,
        "D_opt.learning_rate": 1e-3,
        "train.batch_size": 16,
        "train.critic_iterations": 1,
        "train.epochs": 150,
        "train.decay_epochs": 75,
        "train.image_snapshot_ticks": 20,
        "train.network_snapshot_ticks": 100,
    },
)
PRESETS["expression-vgg16-raf"] = ("expression-vgg16", {})
PRESETS["expression-vgg16-toy"] = (
    "expression-vgg16",
    {
        "network.weights": None,
        "network.image_size": 48,
        "opt.learning_rate": 0.005,
        "opt.fine_tune_learning_rate": 1e-4,
        "train.epochs": 4,
        "train.fine_tune_epochs": 2,
    },
)

# TDGAN (IEEE TCSVT 2021): published values, for faces of 128 pixels and expressions of 144.
# `tdgan-raf` has a training and a test set of its own; the small sets are divided into ten folds by
# subject. Epochs and batch for them are not published; these are the code's.
PRESETS["tdgan-raf"] = ("tdgan", {})
for _name in ("ck", "tfeid", "rafd", "baum2i"):
    PRESETS[f"tdgan-{_name}"] = ("tdgan", {"data.folds": 10})
# A small network that learns toy faces of 64 pixels on a CPU core in minutes. It takes thousands of
# steps, not tens of thousands, so the expression encoder learns from the labels directly and not
# from the pictures, and to give the same code to the same expression on another face: with a large
# weight as soon as transferred faces show the expression. Rates and the share of the consistency
# are higher.
PRESETS["tdgan-toy"] = (
    "tdgan",
    {
        "networks.image_size": 64,
        "networks.width": 0.25,
        "networks.noise_dim": 16,
        "networks.num_blocks": 2,
        "networks.dropout": 0.2,
        "optimizer.lr_D_FR": 1e-3,
        "optimizer.lr_D_ER": 1e-3,
        "optimizer.lr_G_FR": 8e-4,
        "optimizer.lr_G_ER": 8e-4,
        "optimizer.beta1": 0.5,
        "loss.G_FR_f": 0.04,
        "loss.G_ER_f": 0.5,
        "loss.G_FR_PER": 0.2,
        "loss.G_ER_PER": 0.5,
        "loss.G_ER_INV": 7.0,
        "loss.G_CON_FR": 4.0,
        "loss.G_CON_ER": 4.0,
        "loss.joint_expression_loss": True,
        "loss.expression_perceptual_gradient": True,
        "loss.image_code_gradient": False,
        "data.repair": True,
        "train.epochs": 14,
        "train.invariance_start": 9,
        "train.batch_size": 8,
        "train.D_gap_FR": 1,
        "train.D_gap_ER": 1,
        "train.tick_kimg": 2.0,
        "validation.start": 11,
        "validation.batch_size": 64,
    },
)

_BENCHMARK_TICKS = {
    "schedule.tick_kimg_base": 1,
    "schedule.tick_kimg_dict": {},
    "train.image_snapshot_ticks": 1000,
    "train.network_snapshot_ticks": 1000,
}

# system -> {modifier: {dotted field: value}}. `quick` makes a preset for toy faces one that is done
# in a minute or two: to see every step work, not to see anything learned.
MODIFIERS = {
    "tbgan": {
        "quick": {"train.total_kimg": 1.0},
        # float16 needs the gradients scaled, and an epsilon that it can tell from zero.
        "fp16": {
            "G.dtype": "float16",
            "D.dtype": "float16",
            "G.pixelnorm_epsilon": 1e-4,
            "G_opt.use_loss_scaling": True,
            "D_opt.use_loss_scaling": True,
            "schedule.max_minibatch_per_gpu": {512: 16, 1024: 8},
        },
        "bf16": {
            "G.dtype": "bfloat16",
            "D.dtype": "bfloat16",
            "schedule.max_minibatch_per_gpu": {512: 16, 1024: 8},
        },
        "fp32": {"schedule.max_minibatch_per_gpu": {256: 16, 512: 8, 1024: 4}},
        "cond": {"data.max_label_size": "full"},
        "cond1": {"data.max_label_size": 1},
        "g4k": {"grid.size": "4k"},
        "grpc": {"grid.layout": "row_per_class"},
        "nogrowing": {
            "schedule.lod_initial_resolution": 1024,
            "schedule.lod_training_kimg": 0,
            "schedule.lod_transition_kimg": 0,
            "train.total_kimg": 10000,
        },
        "nopixelnorm": {"G.use_pixelnorm": False},
        "nowscale": {"G.use_wscale": False, "D.use_wscale": False},
        "noleakyrelu": {"G.use_leakyrelu": False},
        "nosmoothing": {"train.G_smoothing": 0.0},
        "norepeat": {"train.minibatch_repeats": 1},
        "noreset": {"train.reset_opt_for_new_lod": False},
        "BENCHMARK": {
            "schedule.lod_initial_resolution": 4,
            "schedule.lod_training_kimg": 3,
            "schedule.lod_transition_kimg": 3,
            "train.total_kimg": 51,
            **_BENCHMARK_TICKS,
        },
        "BENCHMARK0": {
            "schedule.lod_initial_resolution": 1024,
            "train.total_kimg": 10,
            **_BENCHMARK_TICKS,
        },
        "VERBOSE": {
            "schedule.tick_kimg_base": 100,
            "schedule.tick_kimg_dict": {},
            "train.image_snapshot_ticks": 2,
            "train.network_snapshot_ticks": 2,
        },
        # Everything else is as published already, or a defect that helps nobody.
        "published": {"grid.raw_labels": True, "loss.detail": {}},
        "GRAPH": {"train.save_tf_graph": True},
        "HIST": {"train.save_weight_histograms": True},
    },
    "ganimation": {
        "quick": {"train.num_epochs": 2, "train.num_epochs_decay": 1, "train.reading_epochs": 1},
        "virtual": {"loss.use_virtual": True},
        "HIST": {"train.save_weight_histograms": True},
        "published": {
            "networks.condition_after_norm": False,
            "networks.condition_blocks": False,
            "networks.norm_scale_init": "uniform",
            "networks.g_norm": "instance",
            "networks.g_init_stddev": 0.02,
            "networks.g_skips": False,
            "networks.g_residual_color": False,
            "loss.distrust": 0.0,
            "train.reading_epochs": 0,
            "train.critic_noise": 0.0,
            "train.critic_shift": 0,
        },
    },
    "rdgan": {
        "quick": {
            "face.max_iter": 40,
            "fine.max_iter": 20,
            "train.summary_iterations": 20,
            "train.times_to_save": 20,
            "train.validation_pairs": 16,
        },
        "published": RDGAN_PUBLISHED,
    },
    # What was published, defects included; `docs/expression.md` lists them.
    "expression-autoencoder": {
        "quick": {"train.epochs": 2},
        "published": {
            "data.channel_order": "bgr",
            "network.code_activation": "softmax",
            "network.code_gain": 1.0,
            "network.norm_decay": 0.99,
            "network.target_range": "symmetric",
        },
    },
    "expression-cwgan": {
        "quick": {"train.epochs": 4, "train.decay_epochs": 2, "train.image_snapshot_ticks": 2},
        "published": {
            "data.channel_order": "bgr",
            "data.layout": "scrambled",
            "networks.condition_gain": 1.0,
            "networks.statistics": "batch",
            "loss.mismatch_weight": 0.0,
            "train.decay_epochs": 0,
            "train.freeze_hidden": True,
        },
    },
    "expression-vgg16": {
        "quick": {"train.epochs": 1, "train.fine_tune_epochs": 1},
        "published": {
            "network.preprocessing": "tf",
            "train.split": "random",
            "train.steps_per_epoch": 2,
            "train.epochs": 100,
            "train.validation_images": 32,
        },
    },
    "tdgan": {
        "quick": {"train.epochs": 1},
        # The best network was chosen, and its accuracy reported, on the test set.
        "published": {"validation.source": "test"},
    },
}


def _pggan(channels=3):
    """PGGAN's network, for images without labels (`--mod cond` takes them)."""
    network = {"fmap_mult": 1, "branches": (("image", channels),)}
    both = {f"{name}.{field}": value for name in "GD" for field, value in network.items()}
    return {"data.max_label_size": 0, **both}


def _images(folder, channels=3, mirror=False):
    data = {"data.sets.faces": f"datasets/{folder}", "data.mirror_augment": mirror}
    return {**data, **_pggan(channels)}


_LSUN = (
    "airplane bedroom bicycle bird boat bottle bridge bus car cat chair churchoutdoor classroom "
    "conferenceroom cow diningroom diningtable dog horse kitchen livingroom motorbike person "
    "pottedplant restaurant sheep sofa tower train tvmonitor"
)

# The published file names the folder itself.
_3DMD = {
    "data.sets.faces": "3dmd_all_newuv_crop_tf",
    "data.dtype": "float32",
    "data.dynamic_range": (-1, 1),
    "data.max_label_size": "full",
}

# system -> {data set of the published files: {dotted field: value}}. They are modifiers too, take
# effect before the others, and name the run; `--dataset` says where the set really is.
DATA_SETS = {
    "tbgan": {
        "3dmd_all_newuv_crop_tf": _3DMD,
        "3dmd": _3DMD,
        "celebahq": _images("celebahq", mirror=True),
        "celeba": _images("celeba", mirror=True),
        "cifar10": _images("cifar10"),
        "cifar100": _images("cifar100"),
        "svhn": _images("svhn"),
        "mnist": _images("mnist", channels=1),
        "mnistrgb": _images("mnistrgb"),
        "syn1024rgb": {**_pggan(), "data.synthetic": (3, 1024)},
        **{f"lsun-{name}": _images(f"lsun-{name}-100k", mirror=True) for name in _LSUN.split()},
    },
}
