"""Published names, layouts and files in and out of GANimation's networks."""

import numpy as np
import pytest

from tests import torch_writer
from tests.ganimation import tiny
from tf_facegan.engine.optimizers import Adam
from tf_facegan.ganimation import reference
from tf_facegan.ganimation.networks import Discriminator, Generator

NETWORKS = [(Generator, tiny.G), (Discriminator, tiny.D)]


def assert_equal(one, other):
    assert list(one) == list(other)
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


@pytest.mark.parametrize("network, sizes", NETWORKS)
def test_extract_is_the_inverse_of_assign(network, sizes):
    arrays = reference.extract(network(**sizes, seed=1))
    other = network(**sizes, seed=2)
    reference.assign(other, arrays)
    assert_equal(reference.extract(other), arrays)


def test_published_layouts():
    arrays = reference.extract(Generator())
    assert arrays["main.0.weight"].shape == (64, 20, 7, 7)
    assert arrays["main.15.weight"].shape == (256, 128, 4, 4)  # transposed: inputs first
    assert arrays["im_att.0.weight"].shape == (1, 64, 7, 7)
    assert arrays["main.14.main.4.running_var"].shape == (256,)
    assert len(arrays) == 53 + 34
    names = ["main.0.weight", "main.0.bias", "main.2.weight", "main.2.bias"]
    assert list(reference.extract(Discriminator(**tiny.D))) == [
        *names,
        "conv1.weight",
        "conv2.weight",
    ]


def test_complete_files_of_the_published_code():
    G = Generator(conv_dim=4, seed=1)
    arrays = reference.extract(G, duplicates=True)
    assert len(arrays) == 320
    counts = {"main": 102, "debug1": 6, "debug2": 18, "debug3": 90, "debug4": 102}
    for prefix, count in counts.items():
        assert sum(name.startswith(prefix + ".") for name in arrays) == count
    assert arrays["debug3.14.main.4.num_batches_tracked"] == 0
    other = Generator(conv_dim=4, seed=2)
    reference.assign(other, arrays)
    assert_equal(reference.extract(other), reference.extract(G))


def test_duplicates_that_differ_are_refused():
    G = Generator(**tiny.G, seed=1)
    before = reference.extract(G)
    arrays = reference.extract(Generator(**tiny.G, seed=2), duplicates=True)
    arrays["debug2.4.bias"] = arrays["debug2.4.bias"] + 1
    with pytest.raises(ValueError, match="of another value than main: debug2.4.bias$"):
        reference.assign(G, arrays)
    assert_equal(reference.extract(G), before)


def test_running_statistics_may_be_missing():
    G = Generator(**tiny.G, seed=1)
    arrays = {n: a for n, a in reference.extract(G).items() if "running" not in n}
    other = Generator(**tiny.G, seed=2)
    other.named_layers["main.1"].running_var.assign([5.0] * 4)
    reference.assign(other, arrays)
    assert_equal(reference.extract(other), reference.extract(G))


def test_names_of_the_authors_code():
    arrays = reference.extract(Generator(**tiny.G, seed=1))
    theirs = {}
    for name, array in arrays.items():
        name = name.replace("im_reg", "img_reg").replace("im_att", "attetion_reg")
        theirs[f"module.{name}"] = array
    other = Generator(**tiny.G, seed=2)
    reference.assign(other, theirs)
    assert_equal(reference.extract(other), arrays)


def test_every_problem_is_listed_and_nothing_is_touched():
    G = Generator(**tiny.G, seed=1)
    before = reference.extract(G)
    arrays = {name: array + 1 for name, array in before.items()}
    del arrays["main.1.bias"], arrays["im_att.0.weight"]
    arrays["debug1.99.weight"] = arrays["main.99.bias"] = np.zeros(3)
    arrays["main.3.weight"] = np.zeros([4, 4, 4, 8])
    with pytest.raises(ValueError) as error:
        reference.assign(G, arrays)
    for part in (
        "missing: main.1.bias, im_att.0.weight",
        "unexpected: debug1.99.weight, main.99.bias",
        "of another shape: main.3.weight (4, 4, 4, 8) instead of (8, 4, 4, 4)",
    ):
        assert part in str(error.value)
    assert_equal(reference.extract(G), before)


@pytest.mark.parametrize("container", ["zip", "legacy"])
@pytest.mark.parametrize("network, sizes", NETWORKS)
def test_checkpoints_in_both_containers(network, sizes, container, tmp_path):
    model = network(**sizes, seed=1)
    arrays = reference.extract(model, duplicates=True)
    path = torch_writer.save(tmp_path / "37-1000-G.ckpt", arrays, container)
    other = network(**sizes, seed=2)
    reference.assign(other, reference.load_checkpoint(path))
    assert_equal(reference.extract(other), reference.extract(model))


def adam(model):
    return Adam(list(model.named_trainable_variables.values()), 0.5, 0.999)


@pytest.mark.parametrize("container", ["zip", "legacy"])
def test_optimizer_files(container, tmp_path):
    model = Generator(**tiny.G, seed=1)
    content = tiny.optimizer_content(model)
    path = torch_writer.save(tmp_path / "1-0-G_optim.ckpt", content, container)
    optimizer = adam(model)
    reference.assign_optimizer(optimizer, model, reference.load_optimizer(path))
    np.testing.assert_allclose(optimizer.beta1_power, 0.5**8, rtol=1e-6)
    np.testing.assert_allclose(optimizer.beta2_power, 0.999**8, rtol=1e-6)
    keys = content["param_groups"][0]["params"]
    for i, key in enumerate(keys):
        for slots, kind in ((optimizer.m, "exp_avg"), (optimizer.v, "exp_avg_sq")):
            expected = content["state"][key][kind]
            if expected.ndim == 4:
                expected = expected.transpose(2, 3, 1, 0)
            np.testing.assert_array_equal(slots[i], expected)


def test_an_optimizer_file_without_steps_resets(tmp_path):
    model = Discriminator(**tiny.D, seed=1)
    optimizer = adam(model)
    variables = list(model.named_trainable_variables.values())
    optimizer.apply([variable + 1 for variable in variables], variables, 0.1)
    content = {**tiny.optimizer_content(model), "state": {}}
    path = torch_writer.save(tmp_path / "1-0-D_optim.ckpt", content)
    reference.assign_optimizer(optimizer, model, reference.load_optimizer(path))
    assert not any(np.any(slot) for slot in optimizer.m + optimizer.v)
    np.testing.assert_allclose(optimizer.beta2_power, 0.999)


def test_optimizers_that_do_not_fit(tmp_path):
    model = Discriminator(**tiny.D, seed=1)
    path = torch_writer.save(tmp_path / "D_optim.ckpt", tiny.optimizer_content(model))
    entries = reference.load_optimizer(path)
    optimizer = adam(model)
    with pytest.raises(ValueError, match="optimizer of 5 parameters, the network has 6"):
        reference.assign_optimizer(optimizer, model, entries[1:])
    uneven = [{**entries[0], "step": 3}, *entries[1:]]
    with pytest.raises(ValueError, match=r"step counts \[3, 7\], one expected"):
        reference.assign_optimizer(optimizer, model, uneven)
    misshaped = [{**entries[0], "exp_avg": np.zeros(3)}, *entries[1:]]
    with pytest.raises(ValueError, match=r"main.0.weight exp_avg \(3,\) instead of \(4, 3, 4, 4\)"):
        reference.assign_optimizer(optimizer, model, misshaped)
    assert not any(np.any(slot) for slot in optimizer.m + optimizer.v)


def test_files_of_something_else(tmp_path):
    weights = torch_writer.save(tmp_path / "G.ckpt", {"main.0.weight": np.zeros(3, np.float32)})
    with pytest.raises(ValueError, match="G.ckpt: not the state of an Adam optimizer"):
        reference.load_optimizer(weights)
    numbers = torch_writer.save(tmp_path / "other.ckpt", {"epoch": 3})
    with pytest.raises(ValueError, match="other.ckpt: not the weights of a network"):
        reference.load_checkpoint(numbers)
