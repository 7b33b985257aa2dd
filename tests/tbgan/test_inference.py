import dataclasses

import numpy as np
import pytest

from tests import tiny
from tf_facegan.engine import run_folder
from tf_facegan.engine.devices import make_strategy
from tf_facegan.tbgan import __main__ as command
from tf_facegan.tbgan.inference import TBGANPipeline, generate_full_size
from tf_facegan.tbgan.trainer import Trainer


@pytest.fixture(scope="module")
def results(faces, tmp_path_factory):
    """A result folder with a run at level of detail 0.5, untrained."""
    folder = tmp_path_factory.mktemp("results")
    trainer = Trainer(tiny.config_for(faces), make_strategy(1))
    trainer._lod = 0.5
    for variable in trainer.Gs.named_variables.values():
        variable.assign(variable * 1.5)
    run = run_folder.create(folder, "pgan")
    run.save_config(trainer.config)
    trainer.prepare_run(run)
    run.save_snapshot("network-snapshot-000001.npz", trainer.networks())
    return folder, trainer


def test_a_run_is_loaded_with_its_average_and_level(results):
    folder, trainer = results
    pipeline = TBGANPipeline.from_run("latest", result_dir=folder)
    assert pipeline.lod == 0.5 and pipeline.uv_layout is None
    assert pipeline.label_names == list("abcdefg")
    for name, variable in pipeline.generator.named_variables.items():
        np.testing.assert_array_equal(variable, trainer.Gs.named_variables[name])
    plain = TBGANPipeline.from_run(0, snapshot=1, result_dir=folder, network="G")
    name = "4x4/Conv/weight"
    np.testing.assert_array_equal(
        plain.generator.named_variables[name], trainer.G.named_variables[name]
    )


def test_a_call_gives_images_by_modality_and_a_seed_repeats_them(results):
    pipeline = TBGANPipeline.from_run(0, result_dir=results[0])
    output = pipeline(5, seed=3, minibatch=2)
    assert output.images.shape == (5, 9, 8, 8) and output.images.dtype == np.float32
    assert list(output.modalities) == ["texture", "shape", "normals"]
    np.testing.assert_array_equal(output.modalities["shape"], output.images[:, 3:6])
    np.testing.assert_array_equal(pipeline(5, seed=3, minibatch=2).images, output.images)
    assert not np.allclose(pipeline(5, seed=4).images, output.images)
    singles = [pipeline.generate(output.latents[[i]], output.labels[[i]]).images for i in range(5)]
    np.testing.assert_allclose(np.concatenate(singles), output.images, atol=1e-5)


def test_labels(results):
    pipeline = TBGANPipeline.from_run(0, result_dir=results[0])
    row = pipeline.label("c")
    assert row.argmax() == 2 and 0.85 < row[2] < 0.95
    np.testing.assert_allclose(row.sum(), 1, rtol=1e-6)
    np.testing.assert_array_equal(pipeline.label(9), row)
    noise = pipeline.labels_from_noise(np.random.RandomState(0).randn(4, 2, 7))
    np.testing.assert_allclose(noise.sum(axis=-1), 1)
    with pytest.raises(ValueError, match="unknown expression 'smile'; the network knows a, b"):
        pipeline.label("smile")


def test_labels_of_intensities(results):
    pipeline = TBGANPipeline.from_run(0, result_dir=results[0])
    labels = {**pipeline.info.labels, "kind": "intensity"}
    pipeline.info = dataclasses.replace(pipeline.info, labels=labels)
    assert pipeline.label("c").tolist() == [0, 0, 1, 0, 0, 0, 0]
    assert not pipeline.label(2).any()
    noise = pipeline.labels_from_noise(np.array([[-1.0, 0.3, 2.0]]))
    np.testing.assert_allclose(noise, [[0, 0.3, 1]])


def test_images_are_enlarged_to_the_full_size(results):
    generator = results[1].Gs
    latents = np.random.RandomState(0).randn(3, generator.latent_size).astype(np.float32)
    labels = np.full([3, 7], 1 / 7, np.float32)
    small = generator(latents, labels, lod=1.0).numpy()
    images = generate_full_size(generator, latents, labels, 1.0, minibatch=2)
    assert images.shape == (3, 8, 8, 9)
    np.testing.assert_allclose(images[:, ::2, ::2], small, atol=1e-6)
    np.testing.assert_array_equal(images[:, ::2, ::2], images[:, 1::2, 1::2])


def test_command_line(results, tmp_path, capsys):
    folder, _ = results
    common = ["generate", "latest", "--result_dir", str(folder), "--out", str(tmp_path)]
    assert command.main([*common, "--count", "4", "--expression", "b"]) == 0
    written = capsys.readouterr().out.split()
    assert [path.rsplit("/")[-1] for path in written] == [
        f"000-pgan-network-snapshot-000001{ending}.png" for ending in ("", "_shp", "_nor")
    ]
    assert command.main([*common, "--expression", "smile"]) == 1
    assert "unknown expression 'smile'" in capsys.readouterr().err
    assert command.main([*common, "--count", "0"]) == 1
