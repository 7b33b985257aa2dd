"""Inception networks whose activations FID, KID and inception score compare.

Only the graph published in 2015 gives values that can be compared with published ones; it is read
from a local file. Keras's InceptionV3 has other weights and another preparation of the images, so
its values go by other names.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import h5py
import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from tf_facegan import hdf5_files

GRAPH_NAME = "classify_image_graph_def.pb"
_IMAGES, _POOL, _LOGITS = "ExpandDims:0", "pool_3:0", "softmax/logits/MatMul"
# A graph is a program. Those of a classifier of images neither need files nor processes nor loops.
_OPERATIONS = set(
    "Add AddN AddV2 AvgPool BatchNormWithGlobalNormalization BiasAdd Cast CheckNumerics Concat "
    "ConcatV2 Const Conv2D DecodeJpeg DepthwiseConv2dNative Div ExpandDims FusedBatchNorm "
    "FusedBatchNormV3 Identity LRN MatMul MaxPool Maximum Mean Minimum Mul NoOp Pack Pad "
    "Placeholder PlaceholderWithDefault RealDiv Relu Relu6 Reshape ResizeBilinear Rsqrt Shape "
    "Slice Softmax Split Squeeze StridedSlice Sub Sum Transpose".split()
)


class PublishedInception:
    """The Inception graph of 2015-12-05 (`classify_image_graph_def.pb`).

    Args:
      path: the graph, or a folder with it.

    Attributes:
      identity: str, name and hash of the file, to be written beside every value.

    Raises:
      FileNotFoundError: no such file; says where it comes from.
      ValueError: another file.
    """

    def __init__(self, path: str | Path):
        path = Path(path)
        path = path / GRAPH_NAME if path.is_dir() else path
        if not path.is_file():
            raise FileNotFoundError(
                f"{path}: no such file; FID and IS need {GRAPH_NAME} out of "
                "inception-2015-12-05.tgz (download.tensorflow.org/models/image/imagenet)"
            )
        content = path.read_bytes()
        self.identity = _identity(path, content)
        graph = tf.compat.v1.GraphDef()
        try:
            graph.ParseFromString(content)
            _check_operations(graph)
            self._run, weights = _wrapped(graph)
        except (DecodeError, ValueError, KeyError, TypeError) as error:
            detail = str(error).splitlines()[0]
            raise ValueError(f"{path}: not the Inception graph of 2015 ({detail})") from None
        self._weights = weights.numpy()

    def activations(self, images: np.ndarray) -> np.ndarray:
        """Activations of the last pooling layer.

        Args:
          images: uint8 [N, H, W, 3], 0 to 255; the graph resizes them itself.

        Returns:
          float32 [N, 2048].
        """
        return self._run(tf.cast(images, tf.float32)).numpy().reshape(len(images), -1)

    def probabilities(self, activations: np.ndarray) -> np.ndarray:
        """Class probabilities as the published score has them: without the bias of the logits.

        Args:
          activations: float32 [N, 2048].

        Returns:
          float32 [N, 1008], rows summing to 1.
        """
        logits = np.matmul(activations, self._weights)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)


class KerasInception:
    """Keras's InceptionV3 trained on ImageNet, 299 pixels.

    Args:
      weights: file of weights without the top, or "imagenet" for Keras's usual download.

    Attributes:
      identity: str, to be written beside every value.
    """

    SIDE = 299

    def __init__(self, weights: str | Path = "imagenet"):
        weights = weights if weights == "imagenet" else Path(weights)
        if weights != "imagenet" and not weights.is_file():
            raise FileNotFoundError(f"{weights}: no such file; weights of InceptionV3 expected")
        try:
            if weights != "imagenet":
                with h5py.File(weights, "r") as file:
                    hdf5_files.check_members(file)
            self._network = tf.keras.applications.InceptionV3(
                include_top=False, weights=str(weights), pooling="avg"
            )
        except (ValueError, OSError, LookupError, RuntimeError, TypeError) as error:
            detail = str(error).splitlines()[0]
            raise ValueError(f"{weights}: not the weights of InceptionV3 ({detail})") from None
        name = "imagenet" if weights == "imagenet" else _identity(weights, weights.read_bytes())
        self.identity = f"keras InceptionV3 {name}"

    def activations(self, images: np.ndarray) -> np.ndarray:
        """Activations of the last pooling layer: uint8 [N, H, W, 3] -> float32 [N, 2048]."""
        images = tf.image.resize(tf.cast(images, tf.float32), (self.SIDE, self.SIDE))
        return self._network(images / 127.5 - 1, training=False).numpy()


def _identity(path, content):
    return f"{path.name} sha256:{hashlib.sha256(content).hexdigest()[:16]}"


def _check_operations(graph):
    kinds = {node.op for node in graph.node} - _OPERATIONS
    if graph.library.function:
        kinds.add("functions")
    if kinds:
        raise ValueError(f"it holds {', '.join(sorted(kinds))[:100]}, which that one does not")


def _wrapped(graph):
    """A function of images, and the weights of the logits, out of a graph."""

    def imported(images):
        found = tf.graph_util.import_graph_def(
            graph, {_IMAGES: images}, [_POOL, _LOGITS], name="inception"
        )
        pool, logits = found
        return pool, logits.inputs[1]

    wrapped = tf.compat.v1.wrap_function(imported, [tf.TensorSpec([None, None, None, 3])])
    pool, weights = wrapped.outputs
    feed = wrapped.inputs[0]
    constant = wrapped.prune([], [weights])()[0]
    run = wrapped.prune([feed], [pool])
    return (lambda images: run(images)[0]), constant
