"""Trainers of all systems on sets of random pictures, ready for an iteration."""

import itertools
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

# Preset, side of the pictures, changes: of small networks that learn on a CPU, and of the published
# ones. Every iteration takes each of its steps once, so that what was traced is what is run.
_ONCE = {
    "ganimation": {"train.reading_epochs": 0, "train.n_critic": 1},
    "rdgan": {
        **{f"{stage}.d_steps": 1 for stage in ("face", "fine")},
        **{f"{stage}.burst_steps": 1 for stage in ("face", "fine")},
        "data.validation_share": 0.0,
    },
    "tdgan": {
        "train.D_gap_FR": 1,
        "train.D_gap_ER": 1,
        "data.num_identities": 10,
        "validation.source": "'none'",
    },
    "cwgan": {"train.critic_iterations": 1},
    "tbgan": {"train.minibatch_repeats": 1},
}
_EIGHT = {"train.batch_size": 8}
CASES = {
    "tbgan, small": ("demo", 64, _ONCE["tbgan"]),
    "ganimation, small": ("ganimation-toy", 64, _ONCE["ganimation"]),
    "tdgan, small": ("tdgan-toy", 64, _ONCE["tdgan"]),
    "rdgan face, small": ("rdgan-toy", 32, _ONCE["rdgan"]),
    "rdgan fine, small": ("rdgan-toy", 32, {**_ONCE["rdgan"], "face.max_iter": 1}),
    "autoencoder, small": ("expression-autoencoder-toy", 48, {}),
    "cwgan, small": ("expression-cwgan-toy", 32, _ONCE["cwgan"]),
    "vgg16, small": ("expression-vgg16-toy", 48, {}),
    "ganimation": ("ganimation-celeba", 128, {**_ONCE["ganimation"], **_EIGHT}),
    "tdgan": ("tdgan-raf", 128, {**_ONCE["tdgan"], **_EIGHT}),
    "rdgan face": ("rdgan-ck", 128, {**_ONCE["rdgan"], **_EIGHT}),
    "autoencoder": ("expression-autoencoder-raf", 100, {"train.batch_size": 64}),
    "cwgan": ("expression-cwgan-raf", 100, _ONCE["cwgan"]),
    "vgg16": ("expression-vgg16-raf", 160, {"network.weights": None}),
}
SMALL = [name for name in CASES if "small" in name]


def flags_of(case, folder):
    """Words with which train.py trains a case on a set below a folder, which is made here."""
    import made_sets

    preset, side, changes = CASES[case]
    write = made_sets.write_uv_maps if case.startswith("tbgan") else made_sets.write_faces
    path = Path(folder) / "set"
    if not path.exists():
        write(path, side)
    roles = ("faces", "expressions") if case.startswith("tdgan") else ("faces",)
    words = ["--preset", preset, *(f"--dataset={role}={path}" for role in roles)]
    return words + [f"--set={name}={value}" for name, value in changes.items()]


class Prepared:
    """A trainer of a case, and what an iteration needs.

    Args:
      case: out of CASES.
      folder: for its set.
      changes: further words of train.py.
    """

    def __init__(self, case, folder, changes=(), logical_cpus=0):
        import train
        from tf_facegan import systems
        from tf_facegan.engine import devices
        from tf_facegan.engine.progress import Progress

        words = [*flags_of(case, folder), *changes]
        self.config = train.new_config(train.parse(words))
        strategy = devices.make_strategy(1, logical_cpus)
        self.trainer = systems.get(self.config.system).part("trainer")(self.config, strategy)
        self.progress = Progress(iteration=2)
        if self.config.system == "tbgan":
            self.at_side(CASES[case][1])

    def at_side(self, side):
        """Goes to where TBGAN trains at a resolution without fading."""
        self.progress.images = 0
        while True:
            now = self.trainer.phase(self.progress).now
            if now.resolution == side and not now.fade:
                return self
            self.progress.images += 40

    @property
    def phase(self):
        return self.trainer.phase(self.progress)

    def open(self):
        """Returns an iterator over batches of the phase."""
        position = getattr(self.phase, "first_image", self.progress.images)
        return iter(self.trainer.batches(self.phase, position))

    def iterate(self, batches):
        return self.trainer.iteration(self.phase, batches, self.progress)


class _Counted:
    """An iterator that says how often it was asked."""

    def __init__(self, items):
        self._items, self.count = items, 0

    def __next__(self):
        self.count += 1
        return next(self._items)


def rows_of(batch):
    """Pictures of a batch."""
    import tensorflow as tf

    return int(tf.nest.flatten(batch)[0].shape[0])


def step_of(prepared):
    """Returns (function that takes an iteration on one batch, batches it takes, pictures of one,
    floating-point operations)."""
    import operations

    batch = next(prepared.open())
    counter = _Counted(itertools.repeat(batch))
    with operations.counted() as traced:
        prepared.iterate(counter)
    return lambda: prepared.iterate(counter), counter.count, rows_of(batch), traced.operations
