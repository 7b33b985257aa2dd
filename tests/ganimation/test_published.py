import numpy as np
import pytest

from tests import torch_writer
from tests.ganimation import tiny
from tf_facegan.engine import run_folder
from tf_facegan.ganimation import published, reference
from tf_facegan.ganimation.inference import GANimationPipeline
from tf_facegan.ganimation.networks import Discriminator, Generator

NAMES = ("G", "D", "G_optim", "D_optim")
CHANGES = {"train.batch_size": 4}


@pytest.fixture(scope="module")
def models():
    return {"G": Generator(**tiny.G, seed=1), "D": Discriminator(**tiny.D, seed=2)}


def write(folder, models, stem="3-1-", names=NAMES, ending=".ckpt", container="legacy"):
    folder.mkdir(exist_ok=True)
    for name in names:
        model = models[name[0]]
        content = reference.extract(model, duplicates=True)
        if "optim" in name:
            content = tiny.optimizer_content(model)
        torch_writer.save(folder / f"{stem}{name}{ending}", content, container)
    return folder


def assert_same(run, models):
    for name, model in models.items():
        arrays = run.load_network(run.snapshot(), name)
        for key, array in reference.extract(model).items():
            np.testing.assert_array_equal(arrays[key], array)


@pytest.mark.parametrize("container", ["zip", "legacy"])
def test_checkpoints_become_a_run(models, container, tmp_path):
    folder = write(tmp_path / "published", models, container=container)
    run = published.import_checkpoints(folder, tmp_path / "run")
    assert_same(run, models)
    config = run.load_config()
    assert config.networks.g_conv_dim == 4 and config.networks.d_repeat_num == 2
    assert not config.networks.condition_after_norm and not run.checkpoints.exists()
    pipeline = GANimationPipeline.from_run(run.path)
    assert pipeline.image_size == tiny.SIDE and len(pipeline.au_names) == 17
    direct = GANimationPipeline.from_checkpoint(folder)
    face = np.random.RandomState(0).randint(0, 256, (1, tiny.SIDE, tiny.SIDE, 3)).astype(np.uint8)
    aus = np.full(17, 2.0)
    np.testing.assert_array_equal(
        pipeline.generate(face, aus).images, direct.generate(face, aus).images
    )
    np.testing.assert_array_equal(pipeline.read_aus(face), direct.read_aus(face))
    with pytest.raises(ValueError, match="run: exists"):
        published.import_checkpoints(folder, tmp_path / "run")


def test_training_goes_on_with_the_optimizers(models, au_faces, tmp_path):
    from tf_facegan.engine.checkpoints import Checkpoints
    from tf_facegan.engine.devices import make_strategy
    from tf_facegan.ganimation.trainer import Trainer

    folder = write(tmp_path / "published", models)
    with pytest.raises(ValueError, match="train.batch_size=16 makes 1 steps an epoch"):
        published.import_checkpoints(folder, tmp_path / "run", dataset=au_faces)
    assert not (tmp_path / "run").exists()
    run = published.import_checkpoints(
        folder / "3-1-G.ckpt", tmp_path / "run", dataset=au_faces, changes=CHANGES
    )
    assert_same(run, models)
    trainer = Trainer(run.load_config(), make_strategy(1))
    progress = Checkpoints(run.checkpoints, trainer.checkpoint_items()).restore()
    assert progress.iteration == 6 + 3 and progress.images == 36  # in the second epoch
    entries = reference.load_optimizer(folder / "3-1-D_optim.ckpt")
    np.testing.assert_array_equal(trainer.D_opt.m[1], entries[1]["exp_avg"])
    np.testing.assert_allclose(trainer.G_opt.beta1_power, 0.5**8, rtol=1e-6)


def test_the_generator_alone(models, tmp_path):
    folder = write(tmp_path / "published", models, names=["G"])
    run = published.import_checkpoints(folder, tmp_path / "run")
    assert run_folder.network_names(run.snapshot()) == ["G"]
    assert GANimationPipeline.from_run(run.path).D is None


def test_names_of_the_authors_code(models, tmp_path):
    folder = write(tmp_path / "net", models, "net_epoch_3_id_", ["G", "D"], ".pth")
    state = tiny.optimizer_content(models["G"])
    torch_writer.save(folder / "opt_epoch_3_id_G.pth", state)
    found, critic = published.find(folder)
    assert (found.name, critic.name) == ("net_epoch_3_id_G.pth", "net_epoch_3_id_D.pth")
    assert published._sibling(found, "G_optim") == folder / "opt_epoch_3_id_G.pth"
    assert_same(published.import_checkpoints(folder, tmp_path / "run"), models)


def test_a_subset_of_the_action_units(tmp_path):
    few = {"G": Generator(**tiny.G, c_dim=2, seed=1), "D": Discriminator(**tiny.D, c_dim=2, seed=2)}
    folder = write(tmp_path / "published", few, names=["G", "D"])
    run = published.import_checkpoints(folder, tmp_path / "run", aus=("AU06", "AU12"))
    assert GANimationPipeline.from_run(run.path).au_names == ["AU06_r", "AU12_r"]
    run = published.import_checkpoints(folder, tmp_path / "first")
    assert GANimationPipeline.from_run(run.path).au_names == ["AU01_r", "AU02_r"]
    with pytest.raises(ValueError, match="knows 2 action units, --aus has to name as many"):
        published.import_checkpoints(folder, tmp_path / "no", aus=("AU06",))
    with pytest.raises(ValueError, match="data.aus is"):
        published.import_checkpoints(folder, tmp_path / "no", aus=("AU06", "AU99"))
    assert not (tmp_path / "no").exists()


def test_what_can_be_wrong(models, au_faces, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(FileNotFoundError, match=r"empty: no \*G.ckpt or \*G.pth in it"):
        published.find(empty)
    with pytest.raises(FileNotFoundError, match="1-0-G.ckpt: no such file"):
        published.find(empty / "1-0-G.ckpt")
    with pytest.raises(ValueError, match="called …G.ckpt or …G.pth expected"):
        published.find(empty / "weights.ckpt")
    two = write(write(tmp_path / "two", models, "1-0-", ["G"]), models, "2-0-", ["G"])
    with pytest.raises(ValueError, match=r"several generators \(1-0-G.ckpt, 2-0-G.ckpt\)"):
        published.find(two)
    with pytest.raises(ValueError, match="1-0-D.ckpt: no such file; the critic is needed"):
        published.import_checkpoints(two / "1-0-G.ckpt", tmp_path / "run", None, au_faces, CHANGES)
    swapped = tmp_path / "swapped"
    write(swapped, {"G": models["D"]}, names=["G"])
    with pytest.raises(ValueError, match="3-1-G.ckpt: not a generator of GANimation"):
        published.import_checkpoints(swapped, tmp_path / "run")
    cut = write(tmp_path / "cut", models, names=["G"]) / "3-1-G.ckpt"
    cut.write_bytes(cut.read_bytes()[:-100])
    with pytest.raises(ValueError, match="3-1-G.ckpt"):
        published.import_checkpoints(cut, tmp_path / "run")
    other = write(tmp_path / "other", {**models, "D": Discriminator(**tiny.D, c_dim=3)}, names="GD")
    with pytest.raises(ValueError, match="a critic of 3 action units, the generator .* has 17"):
        published.import_checkpoints(other, tmp_path / "run")
    assert not (tmp_path / "run").exists()
