"""Published parameters: mapping, and checkpoints read without torch."""

import numpy as np
import pytest

from tests import torch_writer
from tf_facegan.tdgan import reference
from tf_facegan.tdgan.networks import Discriminator, Generator

SMALL = {"image_size": 32, "width": 0.25}
GENERATOR = {"num_expressions": 5, "noise_dim": 3, "num_blocks": 2, "grayscale": False, **SMALL}
DISCRIMINATOR = {"num_classes": 9, "grayscale": True, **SMALL}
FILES = {"enc_FR": "Enc_FR_G", "enc_ER": "Enc_ER_G", "fc_ER": "fc_ER_G", "dec": "dec"}


def write_checkpoint(folder, networks, container="zip"):
    """Writes networks as published, with the statistics that old versions stored."""
    folder.mkdir(exist_ok=True)
    for name, model in networks.items():
        for part, stem in FILES.items() if name == "G" else [("", name.replace("D", "Dis"))]:
            prefix = f"{part}." if part else ""
            arrays = {
                key[len(prefix) :]: array
                for key, array in reference.extract(model).items()
                if key.startswith(prefix)
            }
            for key in [key for key in arrays if key.endswith("bn.bias")]:
                for ending in ("running_mean", "running_var"):
                    arrays[key.replace("bias", ending)] = np.ones_like(arrays[key])
                arrays[key.replace("bias", "num_batches_tracked")] = np.array(7)
            torch_writer.save(folder / f"{stem}.pkl", arrays, container)


@pytest.mark.parametrize("container", ("zip", "legacy"))
def test_a_published_checkpoint_gives_the_same_outputs(container, tmp_path):
    networks = {"G": Generator(**GENERATOR), "D_FR": Discriminator(**DISCRIMINATOR)}
    write_checkpoint(tmp_path, networks, container)
    found = reference.load_checkpoint(tmp_path)
    assert list(found) == ["G", "D_FR"]
    random = np.random.RandomState(0)
    images = random.rand(2, 32, 32, 3).astype(np.float32)
    noise = random.rand(2, 2, 2, 3).astype(np.float32)
    for name, kind in (("G", Generator), ("D_FR", Discriminator)):
        model = kind(**reference.arguments(found[name]))
        reference.assign(model, found[name])
        if name == "G":
            np.testing.assert_array_equal(
                model(images, images[::-1], noise), networks["G"](images, images[::-1], noise)
            )
            np.testing.assert_array_equal(model.classify(images), networks["G"].classify(images))
        else:
            gray = images[..., :1]
            np.testing.assert_array_equal(model(gray)[1], networks["D_FR"](gray)[1])


def test_arguments_of_networks():
    assert reference.arguments(reference.extract(Generator(**GENERATOR))) == GENERATOR
    found = reference.arguments(reference.extract(Discriminator(**DISCRIMINATOR)))
    assert found == DISCRIMINATOR
    with pytest.raises(ValueError, match="not the weights of a TDGAN network"):
        reference.arguments({"conv.weight": np.zeros(3)})


def test_published_layouts():
    arrays = reference.extract(Generator(**GENERATOR))
    shapes = {
        "enc_FR.conv1.0.conv.weight": (8, 3, 5, 5),
        "enc_ER.repeat.3.branch2.1.conv.weight": (4, 4, 3, 3),
        "dec.us1.0.weight": (32, 128, 4, 4),
        "dec.us5.0.weight": (16, 3, 3, 3),
        "fc_ER.fc1.weight": (256, 128),
        "fc_ER.fc3.weight": (5, 256),
    }
    assert {name: arrays[name].shape for name in shapes} == shapes
    assert len(arrays) == 92 + 92 + 6 + 11


def test_extract_is_the_inverse_of_assign():
    for kind, arguments in ((Generator, GENERATOR), (Discriminator, DISCRIMINATOR)):
        one, other = kind(**arguments, seed=0), kind(**arguments, seed=1)
        arrays = reference.extract(one)
        reference.assign(other, {**arrays, f"{list(arrays)[0]}.running_mean": np.zeros(3)})
        for name, array in reference.extract(other).items():
            np.testing.assert_array_equal(array, arrays[name], err_msg=name)


def test_wrong_weights_are_listed_and_change_nothing():
    model = Discriminator(**DISCRIMINATOR)
    before = reference.extract(model)
    arrays = {name: array + 1 for name, array in before.items()}
    del arrays["fc.fc2.bias"]
    arrays["enc.conv5.weight"] = np.zeros(3)
    arrays["fc.fc1.weight"] = arrays["fc.fc1.weight"].T
    message = (
        r"missing: fc\.fc2\.bias; unexpected: enc\.conv5\.weight; of another shape: "
        r"fc\.fc1\.weight \(128, 256\) instead of \(256, 128\)"
    )
    with pytest.raises(ValueError, match=message):
        reference.assign(model, arrays)
    for name, array in reference.extract(model).items():
        np.testing.assert_array_equal(array, before[name])


def test_files_of_a_checkpoint_that_are_not_there_or_not_one(tmp_path):
    with pytest.raises(FileNotFoundError, match="Enc_FR_G.pkl: no such file; a published"):
        reference.load_checkpoint(tmp_path)
    torch_writer.save(tmp_path / "Enc_FR_G.pkl", {"epoch": 3})
    with pytest.raises(ValueError, match="Enc_FR_G.pkl: holds no named tensors"):
        reference.load_checkpoint(tmp_path)
