"""Counts the arithmetic of convolutions and matrix products while functions are traced."""

import contextlib

import numpy as np

# TensorFlow has no public way to watch what is traced; its debugger uses this one.
from tensorflow.python.framework import op_callbacks

_FILTER = {"Conv2D": 1, "Conv2DBackpropInput": 1, "Conv2DBackpropFilter": None}
_MATRICES = ("MatMul", "BatchMatMulV2")
_TRANSPOSED = ("transpose_a", "adj_x")  # whether the first matrix is; of either


class Count:
    """Floating-point operations, two for a multiply-add, of everything that was traced."""

    def __init__(self):
        self.operations = 0

    def add(self, kind, inputs, attributes, outputs):
        if kind in _FILTER:
            self.operations += _of_convolution(kind, inputs, outputs)
        elif kind in _MATRICES:
            self.operations += _of_product(inputs, attributes, outputs)


@contextlib.contextmanager
def counted():
    """Yields a `Count` of what the block traces; every function counts once, called or not."""
    count = Count()

    def note(kind, inputs, attributes, outputs, op_name=None, graph=None):
        if graph is not None:
            names, values = attributes[::2], attributes[1::2]
            count.add(kind, inputs, dict(zip(names, values)), outputs)
        return None

    op_callbacks.add_op_callback(note)
    try:
        yield count
    finally:
        op_callbacks.remove_op_callback(note)


def _of_convolution(kind, inputs, outputs):
    """Of a convolution, or of its gradient, which costs the same: each result (or the gradient of
    one) meets kernel side x kernel side x input channels weights."""
    kernel = outputs[0] if kind == "Conv2DBackpropFilter" else inputs[1]
    results = outputs[0] if kind == "Conv2D" else inputs[2]
    height, width, channels, _ = kernel.shape.as_list()
    return 2 * int(np.prod(results.shape.as_list())) * height * width * channels


def _of_product(inputs, attributes, outputs):
    is_transposed = next(attributes[name].b for name in _TRANSPOSED if name in attributes)
    inner = inputs[0].shape[-2 if is_transposed else -1]
    return 2 * int(np.prod(outputs[0].shape.as_list())) * inner
