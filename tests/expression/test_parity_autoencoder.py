"""Autoencoder, class means and principal axes against published results (see `golden.py`)."""

import numpy as np
import pytest
import tensorflow as tf

from tests.expression import golden
from tests.golden.recipe import tensor
from tf_facegan.engine.optimizers import Adam
from tf_facegan.expression import losses, representation

VECTORS = golden.load("autoencoder")
# The batch statistics of the published float32 run are off by so much: ours in float64 differ from
# them as much as ours in float32.
TRAINING, TRAINING_GRADIENTS, TRAINING_CHANGES = 2e-5, 6e-4, 1e-3
IMAGES = tensor("in/image", (2, 100, 100, 3), golden.SEED, scale=0.5, kind="signed")


@pytest.mark.parametrize("mode", ["infer", "train"])
def test_outputs_of_every_layer(mode):
    model = golden.autoencoder()
    outputs = model.activations(IMAGES, training=mode == "train")
    published = {key.split("/")[1] for key in VECTORS if key.startswith(f"{mode}/")}
    assert set(outputs) == published - {"out", "mse", "code"}
    for name, output in outputs.items():
        tolerance = golden.FORWARD if mode == "infer" else TRAINING
        golden.assert_fingerprint(output, VECTORS, f"{mode}/{name}", tolerance)
    crop = outputs["conv2d_17"][0, 48:52, 48:52]
    np.testing.assert_allclose(crop, VECTORS[f"{mode}/out/crop"], atol=golden.FORWARD)
    error = losses.reconstruction_error(outputs["conv2d_17"], IMAGES)
    np.testing.assert_allclose(error, VECTORS[f"{mode}/mse"], atol=golden.FORWARD)


def test_call_and_code():
    model = golden.autoencoder()
    code = model.encode(IMAGES)
    np.testing.assert_allclose(code, VECTORS["infer/code"], atol=1e-6)
    images = model(IMAGES)
    np.testing.assert_array_equal(images, model.decode(code))
    np.testing.assert_allclose(
        images[0, 48:52, 48:52], VECTORS["infer/out/crop"], atol=golden.FORWARD
    )


def test_gradients_statistics_and_a_step():
    model = golden.autoencoder()
    named = model.named_trainable_variables
    variables = list(named.values())
    before = {name: variable.numpy() for name, variable in named.items()}
    with tf.GradientTape() as tape:
        loss = losses.reconstruction_error(model(IMAGES, training=True), IMAGES)
    gradients = tape.gradient(loss, variables)
    arrays = {name: gradient.numpy() for name, gradient in zip(named, gradients)}
    golden.assert_group(arrays, VECTORS, "grad", TRAINING_GRADIENTS)
    moving = {n: v.numpy() for n, v in model.named_variables.items() if n not in named}
    golden.assert_group(moving, VECTORS, "bn_update", golden.FORWARD)
    Adam(variables, 0.9, 0.999, 1e-7).apply(gradients, variables, 1e-3)
    changes = {name: variable.numpy() - before[name] for name, variable in named.items()}
    golden.assert_group(changes, VECTORS, "adam/delta", TRAINING_CHANGES)


@pytest.mark.parametrize("kind", ["original", "true"])
def test_class_mean(kind):
    draw = tensor("in/class_images", (300, 4, 4, 3), golden.SEED, scale=256, kind="uniform")
    images = np.clip(np.floor(draw), 0, 255).astype(np.uint8)
    mean = representation.mean_image(images, integer=kind == "original")
    np.testing.assert_allclose(mean, VECTORS[f"class_mean/{kind}"], rtol=1e-12)


@pytest.mark.parametrize("projection, key", [("rows", "original"), ("columns", "columns")])
def test_principal_axes(projection, key):
    codes = tensor("in/codes", (40, 12), golden.SEED, kind="uniform").astype(np.float64)
    codes /= codes.sum(axis=1, keepdims=True)
    query = tensor("in/query", (12,), golden.SEED, kind="uniform")
    published = VECTORS["pca/eigenvalues"], VECTORS["pca/eigenvectors"]
    assert VECTORS["pca/selected_index"].tolist() == np.argsort(-published[0])[:5].tolist()
    axes = representation.select_axes(*published, 5, projection)
    np.testing.assert_allclose(axes @ query, VECTORS[f"pca/{key}"], atol=1e-10)
    # From the codes: the same but for the sign of each eigenvector, which is arbitrary.
    values, vectors = representation.eigenvectors(codes, projection)
    order, wanted = np.argsort(-values), np.argsort(-published[0])
    np.testing.assert_allclose(values[order], published[0][wanted], rtol=1e-6)
    products = np.sum(vectors[:, order] * published[1][:, wanted], axis=0)
    np.testing.assert_allclose(np.abs(products), 1, atol=1e-6)
