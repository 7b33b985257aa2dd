import pytest


@pytest.fixture(scope="session")
def au_faces(tmp_path_factory):
    """Folder of a set of random faces with AUs, see `tiny`."""
    from tests.ganimation.tiny import write_faces

    return write_faces(tmp_path_factory.mktemp("sets") / "au_faces")


@pytest.fixture(scope="session")
def results(au_faces, tmp_path_factory):
    """A result folder with an untrained run whose masks are half open."""
    from tests.ganimation import tiny
    from tf_facegan.engine import run_folder
    from tf_facegan.engine.devices import make_strategy
    from tf_facegan.ganimation.trainer import Trainer

    folder = tmp_path_factory.mktemp("results")
    trainer = Trainer(tiny.config_for(au_faces), make_strategy(1))
    for network, factor in ((trainer.G, 8.0), (trainer.D, 3.0)):
        for variable in network.trainable_variables:
            if variable.shape.rank == 4:
                variable.assign(variable * factor)
    run = run_folder.create(folder, "ganimation")
    run.save_config(trainer.config)
    trainer.prepare_run(run)
    run.save_snapshot("network-snapshot-000001.npz", trainer.networks())
    return folder
