from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import tensorflow as tf

from tests.ganimation import tiny
from tests.records import sets
from tf_facegan.engine.devices import make_strategy
from tf_facegan.engine.progress import Progress
from tf_facegan.ganimation import losses, reference, showing
from tf_facegan.ganimation.trainer import Trainer

pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config")
D_TERMS = "loss loss_real loss_fake loss_cls loss_gp skipped_steps".split()
G_TERMS = "loss loss_fake loss_rec loss_cls attention_loss loss_smooth1 loss_smooth2".split()
G_TERMS += "loss_sat1 loss_sat2 alpha attention_mean skipped_steps".split()


def make(faces, **changes):
    return Trainer(tiny.config_for(faces, **changes), make_strategy(1))


@pytest.fixture(autouse=True)
def eager():
    """Runs steps without tracing them, which takes longer than the few steps of a test."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def trainer(au_faces):
    """A trainer that no test trains."""
    return make(au_faces)


def iterate(trainer, number=0):
    images = number * trainer.config.train.batch_size
    progress = Progress(images=images, iteration=number)
    phase = trainer.phase(progress)
    return trainer.iteration(phase, trainer.batches(phase, progress.images), progress)


def example(trainer):
    """Returns (batch, draws) of the first iteration."""
    phase = trainer.phase(Progress())
    batch = next(trainer.batches(phase, 0))
    labels = tf.constant(trainer.labels[batch["index"].numpy()])
    return {"images": batch["images"], "labels": labels}, trainer.draws(0, tiny.BATCH)


def weights(trainer):
    return {
        f"{network}/{name}": value
        for network, named in trainer.networks().items()
        for name, value in named.items()
    }


def changed(before, trainer):
    return {
        name for name, value in weights(trainer).items() if not np.array_equal(value, before[name])
    }


def test_length_of_training(trainer):
    assert trainer.total_images == 3 * 6 * 4  # the incomplete batch is left out
    assert trainer.labels.shape == (26, 17) and 0.9 < trainer.labels.max() <= 1


def test_every_epoch_is_whole_batches_of_a_new_permutation(trainer):
    epochs = []
    for epoch in range(2):
        phase = trainer.phase(Progress(images=epoch * 24))
        assert (phase.epoch, phase.step) == (epoch, 0)
        batches = trainer.batches(phase, epoch * 24)
        epochs.append(np.concatenate([next(batches)["index"] for _ in range(6)]))
    for indices in epochs:
        assert len(set(indices)) == 24
    assert not np.array_equal(*epochs)
    phase = trainer.phase(Progress(images=32))
    (later,) = (next(trainer.batches(phase, 32))["index"] for _ in range(1))
    np.testing.assert_array_equal(later, epochs[1][8:12])


def test_draws_are_functions_of_seed_step_and_name(trainer, au_faces):
    first, again, later = trainer.draws(3, 4), trainer.draws(3, 4), trainer.draws(4, 4)
    tf.nest.map_structure(np.testing.assert_array_equal, first, again)
    assert set(first) == {"targets", "mixing"}
    assert first["targets"].shape == (4, 17) and first["mixing"].shape == (4, 1, 1, 1)
    assert not np.allclose(first["targets"], later["targets"])
    assert not np.allclose(first["mixing"], later["mixing"])
    other = make(au_faces, random_seed=7, **{"loss.use_virtual": True, "data.flip": 0.5})
    drawn = other.draws(3, 4)
    assert set(drawn) == {"targets", "mixing", "virtual_targets", "flip"}
    assert not np.allclose(first["targets"], drawn["targets"])
    assert not np.allclose(drawn["targets"], drawn["virtual_targets"])


def test_targets_are_rows_of_the_set_with_noise(trainer, au_faces):
    drawn = [trainer.draws(step, 8)["targets"].numpy() for step in range(40)]
    drawn = np.concatenate(drawn)
    distance = np.abs(drawn[:, None] - trainer.labels[None]).max(axis=2)
    assert distance.min(axis=1).max() <= 0.1 and set(distance.argmin(axis=1)) == set(range(26))
    assert drawn.min() == 0 and drawn.max() == 1
    noise = np.take_along_axis(
        drawn[:, None] - trainer.labels, distance.argmin(axis=1)[:, None, None], axis=1
    )
    inside = (drawn > 0) & (drawn < 1)
    assert abs(noise[:, 0][inside].mean()) < 0.01 and np.abs(noise[:, 0][inside]).max() > 0.09
    free = make(au_faces, **{"train.clamp_targets": False, "train.target_noise": 0.5})
    loose = free.draws(0, 8)["targets"].numpy()
    assert loose.min() < 0 and loose.max() > 1


def test_one_iteration_in_n_critic_trains_the_generator(au_faces):
    one = make(au_faces)
    before = weights(one)
    scalars = iterate(one, 0)
    assert set(scalars) == {f"D/{name}" for name in D_TERMS}
    names = changed(before, one)
    # The critic step's edits move the running statistics, as published, and no weight of G.
    assert names == {n for n in before if n.startswith("D/") or "running" in n}
    before = weights(one)
    scalars = iterate(one, 1)
    assert set(scalars) == {f"D/{n}" for n in D_TERMS} | {f"G/{n}" for n in G_TERMS}
    assert changed(before, one) == set(before)
    assert all(np.isfinite(float(value)) for value in scalars.values())


def test_first_epochs_in_which_the_critic_only_reads(au_faces):
    one = make(au_faces, **{"train.reading_epochs": 1})
    batch, _ = example(one)
    images = tf.cast(tf.transpose(batch["images"], [0, 2, 3, 1]), tf.float32) / 127.5 - 1
    expected = 160 * tf.reduce_mean(tf.square(one.D(images)[1] - batch["labels"]))
    before = weights(one)
    scalars = iterate(one, 1)  # would be the generator's
    assert set(scalars) == {"D/loss", "D/loss_cls", "D/skipped_steps"}
    assert changed(before, one) == {n for n in before if n.startswith("D/") and "conv1" not in n}
    np.testing.assert_allclose(
        make(au_faces, **{"train.reading_epochs": 1}).reading_step(*example(one))["D/loss_cls"],
        expected,
        rtol=1e-4,
    )
    assert "G/loss" in iterate(one, 7)  # the second epoch


def test_what_the_critic_is_shown(au_faces):
    changes = {"train.critic_noise": 0.5, "train.critic_shift": 2, "loss.distrust": 0.5}
    one = make(au_faces, **changes)
    batch, draws = example(one)
    G, D = one.G, one.D
    images = tf.cast(tf.transpose(batch["images"], [0, 2, 3, 1]), tf.float32) / 127.5 - 1
    targets = draws["targets"]
    fakes, _, _ = losses.edit(G, images, targets)
    seen = [
        showing.show(*shown, draws, kind) for *shown, kind in ((images, "real"), (fakes, "fake"))
    ]
    assert np.abs(seen[0] - images).max() > 0.1 and np.abs(seen[1] - fakes).max() > 0.1
    _, expected = losses.critic_loss(D, *seen, batch["labels"], distrust=0.5)
    penalty = losses.gradient_penalty(D, *seen, draws["mixing"])
    (_, real_aus), (_, fake_aus) = D(seen[0]), D(seen[1])
    scalars = one.critic_step(batch, draws, tf.constant(0.0))
    for name, value in {**expected, "D/loss_gp": penalty}.items():
        np.testing.assert_allclose(scalars[name], value, rtol=1e-4, err_msg=name)
    scalars = one.generator_step(batch, draws, tf.constant(0.0))
    wanted = 160 * losses.au_error(fake_aus, targets)
    np.testing.assert_allclose(scalars["G/loss_cls"], wanted, rtol=1e-4)
    wanted = 160 * losses.au_error(real_aus, batch["labels"])
    scalars = one.reading_step(batch, draws, tf.constant(0.0))
    np.testing.assert_allclose(scalars["D/loss_cls"], wanted, rtol=1e-4)


def test_steps_are_the_losses_of_batch_and_draws(au_faces):
    one, twin = make(au_faces), make(au_faces)
    batch, draws = example(one)
    rate = tf.constant(1e-4)
    G, D = twin.G, twin.D
    images = tf.cast(tf.transpose(batch["images"], [0, 2, 3, 1]), tf.float32) / 127.5 - 1
    fakes, _, _ = losses.edit(G, images, draws["targets"])
    _, terms = losses.critic_loss(D, images, fakes, batch["labels"])
    penalty = losses.gradient_penalty(D, images, fakes, draws["mixing"])
    scalars = one.critic_step(batch, draws, rate)
    for name, value in {**terms, "D/loss_gp": penalty}.items():
        np.testing.assert_allclose(scalars[name], value, rtol=1e-4, err_msg=name)
    reference.assign(D, reference.extract(one.D))  # the generator step sees the updated critic
    _, terms = losses.generator_loss(G, D, images, batch["labels"], draws["targets"])
    scalars = one.generator_step(batch, draws, rate)
    for name, value in terms.items():
        np.testing.assert_allclose(scalars[name], value, rtol=1e-4, err_msg=name)


def test_rates_fall_with_the_epochs(au_faces):
    one = make(au_faces)
    batch, draws = example(one)
    before = weights(one)
    one.critic_step(batch, draws, tf.constant(0.0))
    assert all("running" in name for name in changed(before, one))
    assert one.phase(Progress(images=2 * 24)).d_lr == pytest.approx(0.9e-4)


def test_steps_of_batch_and_draws_alone_take_the_first_rates(au_faces):
    changes = {"train.d_lr": 2e-3, "train.g_lr": 3e-3}
    one, other = make(au_faces, **changes), make(au_faces, **changes)
    batch, draws = example(one)
    one.critic_step(batch, draws)
    one.generator_step(batch, draws)
    other.critic_step(batch, draws, tf.constant(2e-3))
    other.generator_step(batch, draws, tf.constant(3e-3))
    assert not changed(weights(one), other)


def test_a_penalty_step_of_its_own(au_faces):
    one = make(au_faces, **{"train.separate_gp_step": True})
    together = make(au_faces)
    batch, draws = example(one)
    before = one.D.named_variables["main.0.bias"].numpy()
    apart, scalars = (t.critic_step(batch, draws, tf.constant(1e-4)) for t in (one, together))
    np.testing.assert_allclose(one.D_opt.beta2_power, 0.999**3, rtol=1e-6)
    np.testing.assert_allclose(together.D_opt.beta2_power, 0.999**2, rtol=1e-6)
    assert set(apart) == set(scalars)
    np.testing.assert_allclose(apart["D/loss_real"], scalars["D/loss_real"], rtol=1e-5)
    moved = np.abs(one.D.named_variables["main.0.bias"].numpy() - before)
    assert 1e-4 < moved.max() < 2.1e-4  # two steps
    # Its penalty is that of the critic that the first step has changed.
    assert abs(apart["D/loss_gp"] - scalars["D/loss_gp"]) > 1e-6


def test_options_of_the_authors_code(au_faces):
    plain, batch_wise, summed = (
        make(au_faces, **changes)
        for changes in (
            {},
            {"loss.cls_per_batch": True},
            {"loss.smooth_reduction": "sum"},
        )
    )
    batch, draws = example(plain)
    first, second, third = (
        {
            **t.critic_step(batch, draws, tf.constant(0.0)),
            **t.generator_step(batch, draws, tf.constant(0.0)),
        }
        for t in (plain, batch_wise, summed)
    )
    for name in ("D/loss_cls", "G/loss_cls"):
        np.testing.assert_allclose(second[name], first[name] / tiny.BATCH, rtol=1e-5)
    terms = tiny.BATCH * tiny.SIDE * (tiny.SIDE - 1)
    for name in ("G/loss_smooth1", "G/loss_smooth2"):
        np.testing.assert_allclose(third[name], first[name] * terms, rtol=1e-5)
    with pytest.raises(
        ValueError, match="loss.smooth_reduction is 'max', expected one of mean, sum"
    ):
        make(au_faces, **{"loss.smooth_reduction": "max"})


def test_mirror_images(au_faces):
    one = make(au_faces, **{"data.flip": 0.5})
    images = tf.random.stateless_uniform([2, 4, 4, 3], [1, 2])
    draws = {"flip": tf.constant([0.4, 0.5], shape=[2, 1, 1, 1])}
    shown = one._mirrored(images, draws)
    np.testing.assert_array_equal(shown[0], images[0, :, ::-1])
    np.testing.assert_array_equal(shown[1], images[1])
    assert np.isfinite(float(iterate(one)["D/loss"]))


def test_chosen_action_units_and_a_smaller_level(au_faces):
    changes = {"data.aus": ["AU12", "AU06"], "data.image_size": 8}
    one = make(au_faces, **changes)
    np.testing.assert_allclose(one.labels * 5, one.set.fields["aus"][:, [8, 4]], rtol=1e-6)
    assert one.D.c_dim == one.G.c_dim == 2
    scalars = iterate(one, 1)
    assert np.isfinite(float(scalars["G/loss"]))


def test_saturated_masks_are_logged(au_faces):
    one = make(au_faces, **{"train.n_critic": 1})
    norm, head = one.G.named_layers["main.14"], one.G.named_layers["im_att.0"]
    norm.bias.assign(tf.fill(norm.bias.shape, 5.0))
    head.weight.assign(tf.ones_like(head.weight))
    lines = []
    for number in range(20):
        iterate(one, number)
        one.end_iteration(None, None, None, lines.append)
    (line,) = lines
    assert "the attention masks' mean is 1.000" in line and "loss.lambda_sat=0.1" in line


def test_virtual_cycle(au_faces, tmp_path):
    one = make(au_faces, **{"loss.use_virtual": True, "loss.alpha_rec": 0.5})
    scalars = iterate(one, 1)
    assert float(scalars["G/alpha"]) == 0.5 and np.isfinite(float(scalars["G/loss"]))
    one.write_samples(SimpleNamespace(path=tmp_path), 2)
    assert cv2.imread(str(tmp_path / "fakes000002.png")).shape == (10 * 16, 3 * 16, 3)


def test_sample_sheets(trainer, tmp_path):
    run = SimpleNamespace(path=tmp_path)
    before = weights(trainer)
    trainer.write_reals(run)
    trainer.write_samples(run, 7)
    assert not changed(before, trainer)
    reals = cv2.imread(str(tmp_path / "reals.png"))
    sheet = cv2.imread(str(tmp_path / "fakes000007.png"))
    assert reals.shape == (16, 48, 3) and sheet.shape == (7 * 16, 48, 3)
    np.testing.assert_array_equal(sheet[:16], reals)
    stored = trainer.set.read(range(26)).transpose(0, 2, 3, 1)[..., ::-1]
    assert any(np.array_equal(reals[:, :16], image) for image in stored)
    attention, color, result = (sheet[16 * i : 16 * i + 16].astype(float) for i in (1, 2, 3))
    assert np.ptp(attention, axis=2).max() == 0
    mask = attention / 255
    np.testing.assert_allclose(result, (1 - mask) * color + mask * reals, atol=2)


def test_histograms_where_they_are_asked_for(trainer, au_faces):
    assert trainer.histograms() == {}
    config = tiny.config_for(au_faces, **{"train.save_weight_histograms": True})
    found = Trainer(config, make_strategy(1)).histograms()
    assert {"attention", "G/main.0.weight", "D/conv2.weight"} <= set(found)


def test_runs_keep_the_description_of_the_set(trainer, tmp_path):
    from tf_facegan.engine.run_folder import DATASET, RunFolder
    from tf_facegan.records import schema

    trainer.prepare_run(RunFolder(tmp_path))
    assert schema.load(tmp_path / DATASET) == trainer.set.info


@pytest.mark.slow
def test_both_networks_learn_action_units(tmp_path):
    """Faces whose lower half is as bright as AU12 says, read by the critic at every edit."""
    random = np.random.RandomState(0)
    values = random.uniform(0, 5, 64).astype(np.float32)
    images = np.full([64, 3, 8, 8], 128.0) + random.uniform(-20, 20, [64, 3, 8, 8])
    images[:, :, 4:] += 40 * values[:, None, None, None] - 100
    fields = {"fields": {"aus": values[:, None]}, "field_names": {"aus": ["AU12_r"]}}
    sets.write(tmp_path / "set", np.clip(images, 0, 255).astype(np.uint8), **fields)
    changes = {"data.c_dim": 1, "train.batch_size": 16, "train.num_epochs_decay": 1000}
    changes.update({"train.g_lr": 1e-3, "train.d_lr": 1e-3, "networks.norm_scale_init": "ones"})
    changes.update({"networks.g_conv_dim": 16, "networks.d_conv_dim": 16})
    tf.config.run_functions_eagerly(False)
    one = make(tmp_path / "set", **changes)
    logged = [iterate(one, number) for number in range(300)]
    errors = {
        name: np.mean([float(s[name]) for s in logged[-40:] if name in s])
        for name in ("D/loss_cls", "G/loss_cls")
    }
    # What is left to whoever does not look at the image, or at what was asked.
    blind = 160 * np.var(one.labels)
    assert errors["D/loss_cls"] < blind / 10 and errors["G/loss_cls"] < blind / 2


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"data.sets": {}}, "expected a folder for the role `faces`"),
        ({"train.batch_size": 16}, "1 steps an epoch of 26 images"),
        ({"data.image_size": 12}, "no level of 12 pixels; there are 4, 8, 16"),
        ({"data.c_dim": 20}, "data.c_dim is 20"),
    ],
)
def test_configurations_that_do_not_fit(changes, message, au_faces):
    with pytest.raises(ValueError, match=message):
        make(au_faces, **changes)
