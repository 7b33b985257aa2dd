import importlib

import numpy as np
import pytest
import tensorflow as tf

from tf_facegan import export

SIGNATURE = {"images": tf.TensorSpec([None, 8, 8, 3]), "shift": tf.TensorSpec([None, 2])}


@pytest.fixture(scope="module")
def network():
    """A function of two inputs and two outputs over a Keras layer."""
    layer = tf.keras.layers.Conv2D(2, 3, 2, "same")

    def function(images, shift):
        maps = layer(images) + shift[:, None, None]
        wide = tf.nn.conv2d_transpose(maps, layer.kernel, [tf.shape(maps)[0], 8, 8, 3], 2, "SAME")
        return {"maps": tf.nn.relu(maps), "wide": wide}

    function(tf.zeros([1, 8, 8, 3]), tf.zeros([1, 2]))
    return function


def inputs(batch):
    random = np.random.RandomState(batch)
    return {
        "images": random.randn(batch, 8, 8, 3).astype(np.float32),
        "shift": random.randn(batch, 2).astype(np.float32),
    }


def names(format):
    return "network" + (export.SUFFIXES[format] or "")


def run(format, path, values):
    if format == "onnx":
        return export._run_onnx(path.read_bytes(), values)
    if format == "tflite":
        return export._run_tflite(path.read_bytes(), values)
    return export._run_saved_model(path, values)


@pytest.mark.parametrize("format", export.FORMATS)
def test_files_give_what_the_network_gives(format, network, tmp_path):
    if format == "onnx":
        pytest.importorskip("tf2onnx")
        pytest.importorskip("onnxruntime")
    out = tmp_path / names(format)
    differences = export.export(network, SIGNATURE, out, format)
    assert differences.keys() == {"maps", "wide"} and max(differences.values()) < 1e-5
    for batch in (1, 3):
        found = run(format, out, inputs(batch))
        for name, value in network(**inputs(batch)).items():
            np.testing.assert_allclose(found[name], value, atol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    with pytest.raises(ValueError, match="exists already; remove it or give --overwrite"):
        export.export(network, SIGNATURE, out, format)
    export.export(network, SIGNATURE, out, format, overwrite=True)


def test_a_file_that_differs_is_not_written(network, tmp_path, monkeypatch):
    right = export._run_tflite

    def wrong(content, values):
        return {name: value + 1 for name, value in right(content, values).items()}

    monkeypatch.setattr(export, "_run_tflite", wrong)
    out = tmp_path / "network.tflite"
    out.write_bytes(b"before")
    with pytest.raises(ValueError, match="network.tflite: not written, maps differs .* by 1"):
        export.export(network, SIGNATURE, out, "tflite", overwrite=True)
    assert out.read_bytes() == b"before"


def test_a_folder_of_other_things_is_not_replaced(network, tmp_path):
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(ValueError, match="holds more than what is made there: notes"):
        export.export(network, SIGNATURE, tmp_path, "savedmodel", overwrite=True)
    assert (tmp_path / "notes").read_text() == "mine"


@pytest.mark.parametrize(
    ("out", "format", "message"),
    [
        ("a.tflite", "coreml", "--format is 'coreml', expected one of savedmodel, tflite, onnx"),
        ("a.pb", "tflite", "a.pb: a .tflite file expected"),
        ("no/a.onnx", "onnx", "no folder"),
        ("a.onnx", "savedmodel", "makes a folder"),
    ],
)
def test_destinations(out, format, message, tmp_path):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        export.check_destination(tmp_path / out, format)


def test_onnx_says_what_to_install(tmp_path, monkeypatch):
    def missing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ImportError, match=r"No module named 'onnx'.*pip install '.*\[export\]'"):
        export.check_destination(tmp_path / "a.onnx", "onnx")
