"""Networks as files for other programs: SavedModel, TensorFlow Lite and ONNX. The only exporter.

A file is checked before it takes its place: it has to give what the Keras network gives.
"""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path
from typing import Callable

import numpy as np
import tensorflow as tf

from tf_facegan.config import check_choice
from tf_facegan.extras import missing
from tf_facegan.files import atomic_file, atomic_folder, check_new_file

SUFFIXES = {"savedmodel": None, "tflite": ".tflite", "onnx": ".onnx"}
FORMATS = tuple(SUFFIXES)
TOLERANCE = 1e-3  # of an output's largest value: what other kernels add up in another order
_OPSET = 17
_CHECKED_BATCH = 2
_SIGNATURE = "serving_default"
_SAVED_MODEL_FILES = ("assets", "fingerprint.pb", "saved_model.pb", "variables")


def export(
    model_fn: Callable[..., dict[str, tf.Tensor]],
    signature: dict[str, tf.TensorSpec],
    out: str | Path,
    format: str,
    overwrite: bool = False,
) -> dict[str, float]:
    """Writes a network as a file that needs nothing of this package.

    Args:
      model_fn: function of tensors, called with the names of `signature`, that gives {name of
        output: tensor}. The variables it uses become part of the file.
      signature: {name of input: tf.TensorSpec}; a first side of None is the batch and stays free.
      out: folder to make for "savedmodel", else a `.tflite` or `.onnx` file.
      format: one of FORMATS.
      overwrite: replace what is there.

    Returns:
      {name of output: largest absolute difference to `model_fn` on the same random input}.

    Raises:
      ValueError: an unknown format, an `out` that does not fit it or is there already, or a file
        whose results differ; `out` is left as it was.
      ImportError: ONNX without the packages it needs.
    """
    check_destination(out, format, overwrite)
    out = Path(out)
    function = _concrete(model_fn, signature)
    inputs = _example_inputs(signature)
    expected = {name: value.numpy() for name, value in function(**_tensors(inputs)).items()}
    if format == "savedmodel":
        with atomic_folder(out, overwrite, _SAVED_MODEL_FILES) as folder:
            _save(function, folder)
            return _compare(out, expected, _run_saved_model(folder, inputs))
    make, run = (_to_tflite, _run_tflite) if format == "tflite" else (_to_onnx, _run_onnx)
    content = make(function, signature)
    differences = _compare(out, expected, run(content, inputs))
    with atomic_file(out) as file:
        file.write(content)
    return differences


def check_destination(out: str | Path, format: str, overwrite: bool = False) -> None:
    """Raises what `export` would for its arguments, before a network is loaded."""
    check_choice("--format", format, FORMATS)
    out = Path(out)
    if format != "savedmodel":
        check_new_file("OUT", out, SUFFIXES[format])
    elif out.suffix.lower() in SUFFIXES.values():
        raise ValueError(f"OUT {out}: --format savedmodel makes a folder, a name without ending")
    if out.exists() and not overwrite:
        raise ValueError(f"{out} exists already; remove it or give --overwrite")
    if format == "onnx":
        _onnx_packages()


def _concrete(model_fn, signature):
    named = {
        name: tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in signature.items()
    }
    return tf.function(lambda **inputs: model_fn(**inputs)).get_concrete_function(**named)


def _example_inputs(signature):
    """Returns {name: array}, drawn from U(-1, 1) (integers: zeros)."""
    random, inputs = np.random.RandomState(0), {}
    for name, spec in signature.items():
        shape = [_CHECKED_BATCH if side is None else side for side in spec.shape]
        dtype = spec.dtype.as_numpy_dtype
        draw = random.uniform(-1, 1, shape) if spec.dtype.is_floating else np.zeros(shape)
        inputs[name] = draw.astype(dtype)
    return inputs


def _tensors(inputs):
    return {name: tf.constant(value) for name, value in inputs.items()}


def _save(function, folder):
    module = tf.Module()
    module.parameters = list(function.graph.variables)  # what is not tracked is not saved
    tf.saved_model.save(module, str(folder), signatures={_SIGNATURE: function})


def _run_saved_model(folder, inputs):
    loaded = tf.saved_model.load(str(folder))
    outputs = loaded.signatures[_SIGNATURE](**_tensors(inputs))
    return {name: value.numpy() for name, value in outputs.items()}


def _to_tflite(function, _):
    with tempfile.TemporaryDirectory() as folder:
        _save(function, folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, [_SIGNATURE])
        return converter.convert()


def _run_tflite(content, inputs):
    interpreter = tf.lite.Interpreter(model_content=content)
    runner = interpreter.get_signature_runner(_SIGNATURE)
    return runner(**inputs)


def _to_onnx(function, signature):
    _, tf2onnx, _ = _onnx_packages()
    names = list(signature)

    def positional(*tensors):
        return function(**dict(zip(names, tensors)))

    specs = [tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in signature.items()]
    model, _ = tf2onnx.convert.from_function(
        tf.function(positional), input_signature=specs, opset=_OPSET
    )
    return model.SerializeToString()


def _run_onnx(content, inputs):
    _, _, onnxruntime = _onnx_packages()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs)))


def _onnx_packages():
    """Returns the modules (onnx, tf2onnx, onnxruntime); ImportError says how to get them."""
    try:
        return tuple(map(importlib.import_module, ("onnx", "tf2onnx", "onnxruntime")))
    except ImportError as error:
        raise ImportError(missing("--format onnx", "export", error)) from None


def _compare(out, expected, found):
    if set(found) != set(expected):
        raise ValueError(
            f"{out}: not written, its outputs are {', '.join(sorted(found))} instead of "
            f"{', '.join(sorted(expected))}"
        )
    differences = {}
    for name, wanted in expected.items():
        wanted, got = (array.astype(np.float64) for array in (wanted, found[name]))
        if wanted.shape != got.shape:
            raise ValueError(
                f"{out}: not written, {name} is {list(got.shape)} instead of {list(wanted.shape)}"
            )
        differences[name] = float(np.abs(wanted - got).max(initial=0.0))
        limit = TOLERANCE * max(1.0, float(np.abs(wanted).max(initial=0.0)))
        if not differences[name] <= limit:  # negated, so that NaN fails too
            raise ValueError(
                f"{out}: not written, {name} differs from the network's by {differences[name]:.2g},"
                f" at most {limit:.2g} expected"
            )
    return differences
