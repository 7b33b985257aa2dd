import json

import numpy as np
import pytest
import tensorflow as tf

from tests.expression import golden
from tf_facegan.engine.optimizers import Adam
from tf_facegan.expression import imports, reference
from tf_facegan.expression.networks import Critic, Generator

SIZES = {"condition_dim": 5, "image_size": 16, "dim": 4}


def scoped(name):
    """Returns the name a variable has in a published checkpoint."""
    if "/" in name or ".BN" in name:
        return name
    return f"{name.rpartition('.')[0]}/{name}"


def write_checkpoint(folder, G, D, step=3):
    """Writes what the published code saves, with slots after `step` steps; returns its path."""
    arrays = {}
    for number, model in enumerate((G, D)):
        for name, array in reference.extract(model).items():
            arrays[scoped(name)] = array
            if "fully" not in name and "moving" not in name:
                for place, slot in enumerate(("Adam", "Adam_1"), 1):
                    arrays[f"{scoped(name)}/{slot}"] = np.full_like(array, number + place / 4)
        ending = "_1" if number else ""
        arrays[f"beta1_power{ending}"] = np.float32(0.5 ** (step + 1 + number))
        arrays[f"beta2_power{ending}"] = np.float32(0.9 ** (step + 1 + number))
    for moment in ("moving_mean", "moving_variance"):
        arrays[f"Generator.BN2.{moment}"] = np.zeros(4, np.float32)
    graph = tf.Graph()
    with graph.as_default(), tf.compat.v1.Session() as session:
        variables = {
            name: tf.compat.v1.get_variable(name.replace("/", "_"), initializer=array)
            for name, array in arrays.items()
        }
        session.run(tf.compat.v1.global_variables_initializer())
        saver = tf.compat.v1.train.Saver(variables)
        return saver.save(session, str(folder / "model_3_95.ckpt"))


@pytest.fixture(scope="module", params=["concat", "add"])
def saved(request, tmp_path_factory):
    noise = 5 if request.param == "add" else 8
    G = Generator(kind=request.param, noise_dim=noise, **SIZES, seed=1)
    D = Critic(**SIZES, seed=2)
    return G, D, write_checkpoint(tmp_path_factory.mktemp("checkpoints"), G, D)


@pytest.mark.parametrize("ending", ["", ".index", "..."])
def test_networks_of_a_checkpoint_make_the_same_images(ending, saved):
    G, D, path = saved
    checkpoint = imports.load_checkpoint(path + ending)
    random = np.random.RandomState(0)
    noise = random.randn(3, G.noise_dim).astype(np.float32)
    condition = random.randn(3, 5).astype(np.float32)
    mine, images = checkpoint.generator(), G(noise, condition)
    assert mine.kind == G.kind
    np.testing.assert_array_equal(mine(noise, condition), images)
    scores = checkpoint.critic(image_size=16)(images, condition)
    np.testing.assert_array_equal(scores, D(images, condition))


def test_optimizers_of_a_checkpoint(saved):
    _, _, path = saved
    checkpoint = imports.load_checkpoint(path)
    assert set(checkpoint.optimizers) == {"G", "D"}
    for number, (key, model) in enumerate(
        {"G": checkpoint.generator(), "D": checkpoint.critic(16)}.items()
    ):
        named = {n: v for n, v in model.named_trainable_variables.items() if "fully" not in n}
        optimizer = Adam(list(named.values()), 0.5, 0.9)
        imports.assign_optimizer(optimizer, model, list(named), checkpoint.optimizers[key])
        assert all(np.all(slot == number + 0.25) for slot in optimizer.m)
        assert all(np.all(slot == number + 0.5) for slot in optimizer.v)
        assert float(optimizer.beta1_power) == pytest.approx(0.5 ** (4 + number))
        assert float(optimizer.beta2_power) == pytest.approx(0.9 ** (4 + number))
        names = list(model.named_trainable_variables)
        optimizer = Adam(list(model.named_trainable_variables.values()))
        if key == "D":
            with pytest.raises(ValueError, match="missing: Discriminator.fully/weights m"):
                imports.assign_optimizer(optimizer, model, names, checkpoint.optimizers[key])


def test_slots_are_in_the_layout_of_their_variables():
    model = Critic(**SIZES, seed=2)
    name = "Discriminator.reduction.W"
    published = reference.extract(model)[name]
    optimizer = Adam([model.named_variables[name]])
    state = {"m": {name: published}, "v": {name: published}, "beta1_power": 1, "beta2_power": 1}
    imports.assign_optimizer(optimizer, model, [name], state)
    np.testing.assert_array_equal(optimizer.m[0], model.named_variables[name])


def test_checkpoints_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.ckpt: no such checkpoint"):
        imports.load_checkpoint(tmp_path / "nothing.ckpt")
    (tmp_path / "broken.ckpt.index").write_bytes(b"text")
    with pytest.raises(ValueError, match="broken.ckpt: not a readable checkpoint"):
        imports.load_checkpoint(tmp_path / "broken.ckpt")
    path = tf.train.Checkpoint(v=tf.Variable(1.0)).write(str(tmp_path / "other.ckpt"))
    with pytest.raises(ValueError, match=r"no variables Generator\.\* and Discriminator\.\*"):
        imports.load_checkpoint(path)


def keras_autoencoder(code="softmax", size=24, dim=8):
    """Returns the published autoencoder as Keras would make it in another session."""
    layers = tf.keras.layers
    x = image = layers.Input((size, size, 3))
    for width in (dim, dim // 2, dim // 4):
        x = layers.Conv2D(width, 3, activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Dense((size // 4) ** 2, activation=code)(layers.Flatten()(x))
    x = layers.Reshape((size // 4, size // 4, 1))(x)
    for width in (dim, dim):
        x = layers.Conv2DTranspose(width, 3, strides=2, activation="relu", padding="same")(x)
        x = layers.BatchNormalization()(x)
    x = layers.Conv2DTranspose(dim // 2, 3, activation="relu", padding="same")(x)
    x = layers.Conv2D(3, 3, activation="sigmoid", padding="same")(x)
    model = tf.keras.Model(image, x)
    random = np.random.RandomState(0)
    model.set_weights([random.rand(*w.shape).astype(np.float32) for w in model.get_weights()])
    return model


@pytest.mark.parametrize("whole", [False, True])
def test_the_autoencoder_of_keras_files(whole, tmp_path):
    model = keras_autoencoder(code="tanh")
    text = model.to_json().replace('"Functional"', '"Model"')
    (tmp_path / "ae.json").write_text(text, encoding="utf-8")
    (model.save if whole else model.save_weights)(str(tmp_path / "ae.h5"))
    mine = imports.load_autoencoder(tmp_path / "ae.json", tmp_path / "ae.h5")
    images = np.random.RandomState(1).rand(2, 24, 24, 3).astype(np.float32) - 0.5
    np.testing.assert_allclose(mine(images), model(images), atol=1e-6)


def test_the_published_sizes_are_found(tmp_path):
    own = golden.autoencoder()
    model = keras_autoencoder(size=100, dim=64)
    model.set_weights([variable.numpy() for variable in own.named_variables.values()])
    (tmp_path / "ae.json").write_text(model.to_json(), encoding="utf-8")
    model.save_weights(str(tmp_path / "ae.h5"))
    mine = imports.load_autoencoder(tmp_path / "ae.json", tmp_path / "ae.h5")
    for name, array in reference.extract(own).items():
        np.testing.assert_array_equal(array, mine.named_variables[name], err_msg=name)


def test_autoencoder_files_that_are_none(tmp_path):
    model = keras_autoencoder()
    good, weights = tmp_path / "ae.json", tmp_path / "ae.h5"
    good.write_text(model.to_json(), encoding="utf-8")
    keras_autoencoder(dim=12).save_weights(str(weights))
    with pytest.raises(
        ValueError, match="ae.h5: weights do not fit the network; missing: conv2d_14"
    ):
        imports.load_autoencoder(good, weights)
    weights.write_bytes(b"text")
    with pytest.raises(ValueError, match="ae.h5: not a file of Keras weights"):
        imports.load_autoencoder(good, weights)
    with pytest.raises(FileNotFoundError, match="no.h5: no such file"):
        imports.load_autoencoder(good, tmp_path / "no.h5")
    with pytest.raises(FileNotFoundError, match="no.json: no such file"):
        imports.load_autoencoder(tmp_path / "no.json", weights)
    for text, message in (("{", "not a Keras model"), ('{"config": []}', "not a Keras model")):
        (tmp_path / "bad.json").write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=f"bad.json: {message}"):
            imports.load_autoencoder(tmp_path / "bad.json", weights)
    content = json.loads(model.to_json())
    del content["config"]["layers"][3]
    (tmp_path / "bad.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match="bad.json: layers InputLayer, Conv2D, MaxPooling2D, MaxP"):
        imports.load_autoencoder(tmp_path / "bad.json", weights)
