from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import tensorflow as tf

import configs
from tests import tiny
from tf_facegan.engine.devices import make_strategy
from tf_facegan.engine.progress import Progress
from tf_facegan.tbgan.grid import grid_size, make_grid
from tf_facegan.tbgan.trainer import Trainer


@pytest.fixture(scope="module")
def trainer(faces):
    changes = {"train.minibatch_repeats": 1}
    return Trainer(tiny.config_for(faces, **changes), make_strategy(1))


def iterate(trainer, images, iteration=0):
    progress = Progress(images=images, iteration=iteration)
    phase = trainer.phase(progress)
    return trainer.iteration(phase, trainer.batches(phase, images), progress)


def test_draws_are_functions_of_seed_step_and_name(trainer, faces):
    first, again, later = trainer.draws(3, 8), trainer.draws(3, 8), trainer.draws(4, 8)
    tf.nest.map_structure(np.testing.assert_array_equal, first, again)
    drawn, others = first["D"][0], later["D"][0]
    assert drawn["latents"].shape == (8, trainer.G.latent_size)
    assert drawn["mixing"].shape == (8, 1, 1, 1)
    assert not np.allclose(drawn["latents"], others["latents"])
    assert not np.allclose(drawn["latents"], first["G"]["latents"])
    assert not np.allclose(drawn["mixing"], drawn["mirror"])
    rows = {row.tobytes() for row in trainer.set.labels}
    assert all(row.tobytes() in rows for row in first["G"]["labels"].numpy())


def test_seeds_differ_in_weights_and_draws(trainer, faces):
    other = Trainer(tiny.config_for(faces, random_seed=7), trainer.strategy)
    same = Trainer(tiny.config_for(faces), trainer.strategy)
    name = "4x4/Conv/weight"
    mine = Trainer(tiny.config_for(faces), trainer.strategy).G.named_variables[name].numpy()
    np.testing.assert_array_equal(mine, same.G.named_variables[name])
    assert not np.allclose(mine, other.G.named_variables[name])
    assert not np.allclose(mine, same.D.named_variables[name][:, :, : mine.shape[2]])
    np.testing.assert_array_equal(mine, same.Gs.named_variables[name])
    assert not np.allclose(trainer.draws(0, 8)["G"]["latents"], other.draws(0, 8)["G"]["latents"])


def test_the_average_lags_one_generator_step_behind(faces, trainer):
    one = Trainer(trainer.config, trainer.strategy)
    start = one.G.named_variables["4x4/Conv/weight"].numpy()
    iterate(one, 0)
    after = one.G.named_variables["4x4/Conv/weight"].numpy()
    assert not np.allclose(after, start)
    np.testing.assert_allclose(one.Gs.named_variables["4x4/Conv/weight"], start, atol=1e-7)
    iterate(one, 0, iteration=1)
    average = start + (after - start) * 0.1
    np.testing.assert_allclose(one.Gs.named_variables["4x4/Conv/weight"], average, atol=1e-6)


def test_only_the_layers_of_the_level_learn(faces, trainer):
    one = Trainer(trainer.config, trainer.strategy)
    before = {n: v.numpy() for n, v in one.D.named_variables.items()}
    iterate(one, 0)
    changed = {n for n, v in one.D.named_variables.items() if not np.array_equal(v, before[n])}
    assert {"FromRGB_lod1/tex/weight", "4x4/Conv/weight"} <= changed
    assert not any(n.startswith(("8x8", "FromRGB_lod0")) for n in changed)
    iterate(one, 96)
    changed = {n for n, v in one.D.named_variables.items() if not np.array_equal(v, before[n])}
    assert {n for n in before if n.endswith("weight")} <= changed


def test_optimizers_are_reset_where_a_fade_starts_or_ends(faces, trainer):
    one = Trainer(trainer.config, trainer.strategy)
    powers = []
    for iteration, images in enumerate((0, 8, 96, 104, 192, 200)):
        iterate(one, images, iteration)
        powers.append(float(one.D_opt.beta2_power))
    once, twice = 0.99**2, 0.99**3  # TensorFlow's power is one ahead
    np.testing.assert_allclose(powers, [once, twice] * 3, rtol=1e-6)


def test_summaries_have_the_published_names(trainer):
    scalars = iterate(trainer, 0)
    names = "real_scores fake_scores mixed_scores mixed_norms epsilon_penalty"
    names += " label_penalty_reals label_penalty_fakes"
    expected = {f"Loss/{name}" for name in names.split()}
    expected |= {f"Train{n}/{s}" for n in "GD" for s in ("learning_rate", "overflow_frequency")}
    assert set(scalars) == expected
    assert all(np.isfinite(float(value)) for value in scalars.values())
    for name in ("TrainG", "TrainD"):
        assert float(scalars[f"{name}/learning_rate"]) == pytest.approx(0.001)
        assert float(scalars[f"{name}/overflow_frequency"]) == 0


def test_several_discriminator_steps_consume_as_many_batches(faces, trainer):
    config = tiny.config_for(faces, **{"train.D_repeats": 3, "train.minibatch_repeats": 1})
    one = Trainer(config, trainer.strategy)
    phase = one.phase(Progress())
    assert phase.images == 24
    iterate(one, 0)
    np.testing.assert_allclose(float(one.D_opt.beta2_power), 0.99**4, rtol=1e-6)
    np.testing.assert_allclose(float(one.G_opt.beta2_power), 0.99**2, rtol=1e-6)
    batches = [next(one.batches(phase, 0)) for _ in range(3)]
    batches[0] = {**batches[0], "images": batches[0]["images"] * np.nan}
    scalars = one.iteration(phase, iter(batches), Progress())
    assert not np.isfinite(float(scalars["Loss/real_scores"]))
    np.testing.assert_allclose(float(scalars["TrainD/overflow_frequency"]), 1 / 3, rtol=1e-6)


def test_a_minibatch_in_parts_steps_like_a_whole_one(faces, trainer):
    whole = {"schedule.minibatch_base": 16, "train.minibatch_repeats": 1}
    limit = {"schedule.max_minibatch_per_gpu": {4: 8, 8: 8}, "schedule.accumulate": True}
    results = []
    for changes in (whole, {**whole, **limit}):
        one = Trainer(tiny.config_for(faces, **changes), trainer.strategy)
        phase = one.phase(Progress(images=96))
        assert (phase.now.minibatch, phase.now.parts) == (16, 2 if changes != whole else 1)
        scalars = iterate(one, 96)
        # With beta1 = 0 the first moment is the gradient.
        slots = {f"G{i}": m for i, m in enumerate(one.G_opt.m)}
        slots.update({f"D{i}": m for i, m in enumerate(one.D_opt.m)})
        results.append({name: value.numpy() for name, value in {**scalars, **slots}.items()})
    undivided, parted = results
    assert undivided.keys() == parted.keys()
    for name, value in undivided.items():
        tolerance = max(2e-5 * np.abs(value).max(), 1e-6)
        np.testing.assert_allclose(parted[name], value, atol=tolerance, err_msg=name)
    assert max(np.abs(value).max() for name, value in undivided.items() if name[0] == "D") > 1e-3


def test_intensities_reach_the_networks_between_0_and_1(tmp_path, trainer):
    path = tiny.write_faces(tmp_path / "aus", label_kind="intensity")
    one = Trainer(tiny.config_for(path), trainer.strategy)
    assert one.set.labels.max() > 4
    seen = []
    generator = one.G
    call = generator.call
    generator.call = lambda latents, labels, lod: seen.append(labels) or call(latents, labels, lod)
    phase = one.phase(Progress())
    batch = one._example(next(one.batches(phase, 0)))
    drawn = one.draws(0, phase.now.minibatch)
    one._discriminator_step(batch, drawn["D"][0], (1, 0), 0.001)
    one._generator_step(drawn["G"], (1, 0), 0.001)
    np.testing.assert_allclose(seen[0], batch["labels"] / 5.0, rtol=1e-6)
    np.testing.assert_allclose(seen[1], drawn["G"]["labels"] / 5.0, rtol=1e-6)


def test_the_generator_learns_the_colours_of_the_set(tmp_path, trainer):
    colours = np.linspace(-0.9, 0.9, 9, dtype=np.float32)
    path = tiny.write_faces(
        tmp_path / "flat", load=lambda number: np.tile(colours[:, None, None], (1, 8, 8))
    )
    rates = {"schedule.G_lrate_base": 0.01, "schedule.D_lrate_base": 0.01}
    config = tiny.config_for(path, **rates, **{"schedule.lod_training_kimg": 100})
    one = Trainer(config, trainer.strategy)

    def error():
        latents = one.draws(0, 32)["G"]["latents"]
        images = one.G(latents, np.full([32, 7], 1 / 7, np.float32), lod=1.0)
        return np.abs(images - colours).mean()

    before = error()
    for iteration in range(100):
        iterate(one, 0, iteration)
    assert error() < before / 3


@pytest.mark.parametrize(
    "modalities, branches, mult",
    [
        ([["shape", 3]], (("shp", 3),), 1),
        ([["texture", 3], ["shape", 3]], (("tex", 3), ("shp", 3)), 2),
        ([["image", 1]], (("image", 1),), 1),
    ],
    ids=("shape alone", "texture and shape", "grey images"),
)
def test_other_modalities_train(modalities, branches, mult, tmp_path, trainer):
    channels = sum(width for _, width in modalities)
    path = tiny.write_faces(
        tmp_path / "set", load=lambda n: tiny.face(n)[:channels], modalities=modalities
    )
    changes = {"G.branches": branches, "D.branches": branches}
    changes.update({"G.fmap_mult": mult, "D.fmap_mult": mult, "train.minibatch_repeats": 1})
    one = Trainer(tiny.config_for(path, **changes), trainer.strategy)
    scalars = iterate(one, 96)
    assert all(np.isfinite(float(value)) for value in scalars.values())
    run = SimpleNamespace(path=tmp_path)
    one.write_samples(run, 3)
    assert len(list(tmp_path.glob("fakes000003*.png"))) == len(modalities)


def test_the_discriminator_sees_enlarged_details_where_asked_for(faces, trainer):
    settings = {"loss.detail": {"shape": 5.0}, "train.minibatch_repeats": 1}
    other = Trainer(tiny.config_for(faces, **settings), trainer.strategy)
    plain = Trainer(trainer.config, trainer.strategy)
    first, second = (iterate(one, 0)["Loss/real_scores"].numpy() for one in (plain, other))
    assert first != second
    with pytest.raises(ValueError, match="loss.detail: modality is 'shap' .did you mean 'shape'"):
        Trainer(tiny.config_for(faces, **{"loss.detail": {"shap": 5.0}}), trainer.strategy)


def test_mirroring_negates_x_of_shapes_and_normals(faces, trainer):
    config = tiny.config_for(faces, **{"data.mirror_augment": True})
    one = Trainer(config, trainer.strategy)
    assert one._mirror_negate == [3, 6]
    scalars = iterate(one, 0)
    assert all(np.isfinite(float(value)) for value in scalars.values())


def test_sheets_show_full_size_at_every_level(trainer, tmp_path):
    run = SimpleNamespace(path=tmp_path)
    trainer.write_reals(run)
    iterate(trainer, 0)
    trainer.write_samples(run, 0)
    for name in ("reals", "fakes000000"):
        for ending in ("", "_shp", "_nor"):
            assert cv2.imread(str(tmp_path / f"{name}{ending}.png")).shape == (16, 16, 3)
    fakes = cv2.imread(str(tmp_path / "fakes000000.png"))
    np.testing.assert_array_equal(fakes[::2, ::2], fakes[1::2, 1::2])


def test_published_sheets_take_labels_as_they_are(faces, trainer, tmp_path):
    config = tiny.config_for(faces, **configs.MODIFIERS["tbgan"]["published"])
    one = Trainer(config, trainer.strategy)
    for name, kept in (("raw", one.config), ("softmax", trainer.config)):
        (tmp_path / name).mkdir()
        one.config = kept
        one.write_samples(SimpleNamespace(path=tmp_path / name), 0)
    raw, softmax = (cv2.imread(str(tmp_path / n / "fakes000000.png")) for n in ("raw", "softmax"))
    assert np.any(raw != softmax)


def test_rows_of_the_sheet_are_classes(trainer):
    from tf_facegan.tbgan.config import Grid

    grid = make_grid(trainer.set, Grid("3x7", "row_per_class"), 1000, 5)
    classes = grid.labels.argmax(axis=1).reshape(7, 3)
    available = set(trainer.set.labels.argmax(axis=1))
    for row, found in enumerate(classes):
        if row in available:
            assert set(found) == {row}
    with pytest.raises(ValueError, match="grid.layout is 'rows'"):
        make_grid(trainer.set, Grid("3x7", "rows"), 1000, 5)


@pytest.mark.parametrize(
    "size, side, expected",
    [
        ("4k", 512, (7, 4)),
        ("4k", 1024, (7, 4)),
        ("4k", 64, (32, 32)),
        ("1080p", 512, (3, 2)),
        ("1080p", 128, (15, 8)),
        ("6x4", 64, (6, 4)),
    ],
)
def test_grid_sizes(size, side, expected):
    assert grid_size(size, (side, side)) == expected


def test_a_grid_size_of_nonsense_is_refused():
    with pytest.raises(ValueError, match="grid.size is '0x4'"):
        grid_size("0x4", (64, 64))
