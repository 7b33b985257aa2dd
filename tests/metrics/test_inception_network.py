"""The published Inception graph is read from a file; here from a small one with its names."""

import numpy as np
import pytest
import tensorflow as tf

from tf_facegan.metrics.inception_network import KerasInception, PublishedInception

KERNEL = np.random.RandomState(0).randn(1, 1, 3, 5).astype(np.float32)
WEIGHTS = np.random.RandomState(1).randn(5, 4).astype(np.float32)


def write_graph(path, pool="pool_3"):
    """Mean colours times KERNEL, then WEIGHTS and a bias, under the names of the graph of 2015."""
    with tf.Graph().as_default() as graph:
        images = tf.compat.v1.placeholder(tf.float32, [1, None, None, 3], name="ExpandDims")
        small = tf.raw_ops.ResizeBilinear(images=images, size=[8, 8])
        means = tf.nn.avg_pool2d(small, 8, 8, "VALID")
        features = tf.nn.conv2d(means, KERNEL, 1, "VALID", name=pool)
        logits = tf.matmul(tf.reshape(features, [-1, 5]), WEIGHTS, name="softmax/logits/MatMul")
        tf.add(logits, [1.0, 2.0, 3.0, 4.0], name="softmax/logits")
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def test_activations_and_probabilities(tmp_path):
    path = write_graph(tmp_path / "classify_image_graph_def.pb")
    network = PublishedInception(tmp_path)
    assert network.identity.startswith("classify_image_graph_def.pb sha256:")
    assert PublishedInception(path).identity == network.identity
    images = np.random.RandomState(2).randint(0, 256, (3, 8, 8, 3)).astype(np.uint8)
    activations = network.activations(images)
    expected = images.mean(axis=(1, 2)) @ KERNEL[0, 0]
    np.testing.assert_allclose(activations, expected, rtol=1e-4)
    odds = np.exp(expected @ WEIGHTS - (expected @ WEIGHTS).max(axis=1, keepdims=True))
    expected = odds / odds.sum(axis=1, keepdims=True)  # without the bias, as published
    np.testing.assert_allclose(network.probabilities(activations), expected, atol=1e-3)


def test_no_graph(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="graph.pb: no such file; FID and IS need classify_"
    ):
        PublishedInception(tmp_path / "graph.pb")


@pytest.mark.parametrize("content", [b"no graph at all", None])
def test_another_file(tmp_path, content):
    path = tmp_path / "graph.pb"
    path.write_bytes(content) if content else write_graph(path, pool="pool_4")
    with pytest.raises(ValueError, match=r"graph.pb: not the Inception graph of 2015 \("):
        PublishedInception(path)


def test_keras_weights_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="weights.h5: no such file; weights of InceptionV3"):
        KerasInception(tmp_path / "weights.h5")
    (tmp_path / "weights.h5").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="weights.h5: not the weights of InceptionV3"):
        KerasInception(tmp_path / "weights.h5")


@pytest.mark.slow
def test_keras_network(tmp_path):
    made = tf.keras.applications.InceptionV3(include_top=False, weights=None, pooling="avg")
    made.save_weights(tmp_path / "weights.h5")
    images = np.random.RandomState(2).randint(0, 256, (2, 299, 299, 3)).astype(np.uint8)
    network = KerasInception(tmp_path / "weights.h5")
    np.testing.assert_allclose(
        network.activations(images), made(images / 127.5 - 1).numpy(), atol=1e-5
    )
    assert network.identity.startswith("keras InceptionV3 weights.h5 sha256:")
