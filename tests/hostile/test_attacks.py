"""Files made to do harm: each is one line, and nothing is run, read elsewhere or filled up."""

import copy
import fnmatch
import gzip
import io
import json
import pickle
import struct
import zipfile

import google_crc32c
import h5py
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tests import tiny
from tests.hostile import changes, guard
from tests.hostile.guard import refused
from tests.hostile.readers import READERS
from tests.records import sets
from tf_facegan import array_files, config, files, hdf5_files, pickles, pipelines
from tf_facegan.demo.models import Models
from tf_facegan.engine.run_folder import RunFolder
from tf_facegan.expression import keras_files, representation
from tf_facegan.metrics.inception_network import KerasInception, PublishedInception
from tf_facegan.rdgan import reference
from tf_facegan.records import example, schema
from tf_facegan.records.reader import RecordSet
from tf_facegan.sources import small_sets

HUGE = 1 << 40


# Arrays


def npy_header(shape, descr="<f4"):
    file = io.BytesIO()
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()


@pytest.mark.parametrize("shape", [(HUGE,), (2, 3, HUGE), (-1, 4), (1 << 62, 1 << 62), (5,)])
@pytest.mark.parametrize("descr", ["<f4", "|S0", "|V1000000", "<U100000"])
def test_arrays_larger_than_their_file(shape, descr, tmp_path):
    path = tmp_path / "a.npy"
    path.write_bytes(npy_header(shape, descr) + bytes(16))
    refused(tmp_path, "a.npy: not an array file", array_files.read_npy, path)


def test_arrays_of_objects_and_newer_formats(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.array([{}], object), allow_pickle=True)
    refused(tmp_path, "a.npy: .*Python objects", array_files.read_npy, path)
    path.write_bytes(b"\x93NUMPY\x09\x00" + bytes(100))
    refused(tmp_path, "a.npy: .*format version 9.0", array_files.read_npy, path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_archives_that_are_far_larger_inside(compression, tmp_path):
    path, size = tmp_path / "a.npz", 200 << 20
    with zipfile.ZipFile(path, "w", compression) as archive:
        if compression == zipfile.ZIP_DEFLATED:
            archive.writestr("a.npy", npy_header((size // 4,)) + bytes(size))
            refused(tmp_path, "not an archive", array_files.read_npz, path)
        else:
            archive.writestr("a.npy", npy_header((HUGE,)) + bytes(64))
    refused(tmp_path, "a.npz: not an archive of arrays", array_files.read_npz, path)


def test_archives_are_what_numpy_writes_and_reads(tmp_path):
    arrays = {
        "a/b": np.arange(6.0).reshape(2, 3),
        "F": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "zero": np.zeros((0, 3)),
        "one": np.float32(3),
        "flag": np.array([True, False]),
        "text": np.array(["x", "yz"]),
    }
    array_files.write_npz(tmp_path / "a.npz", arrays)
    np.savez(tmp_path / "b.npz", **arrays)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    array_files.write_npz(tmp_path / "c.npz", arrays, compresses=True)
    for name in ("a.npz", "c.npz"):
        with np.load(tmp_path / name) as expected:
            found = array_files.read_npz(tmp_path / name)
            assert list(found) == expected.files == array_files.npz_names(tmp_path / name)
            for key, value in found.items():
                np.testing.assert_array_equal(value, expected[key], strict=True)


# Records


def framed(payload):
    """A record with right checksums around any content."""

    def masked(data):
        checksum = google_crc32c.value(data)
        return struct.pack("<I", (((checksum >> 15) | (checksum << 17)) + 0xA282EAD8) & 0xFFFFFFFF)

    length = struct.pack("<Q", len(payload))
    return length + masked(length) + payload + masked(payload)


def test_records_with_right_checksums_and_wrong_content(tmp_path):
    sets.write(tmp_path / "set", sets.arrays(2, 3, 4, "uint8"))
    file = tmp_path / "set" / "set-r02.tfrecords"
    content = file.read_bytes()
    size = len(content) // 2
    payload = content[12 : size - 4]

    @changes.PROFILE
    @given(st.data())
    def check(data):
        file.write_bytes(framed(data.draw(changes.damaged(payload))) + content[size:])
        with guard.watched(tmp_path):
            for on_corrupt in ("stop", "skip"):
                try:
                    RecordSet(tmp_path / "set", on_corrupt=on_corrupt).read([0, 1])
                except ValueError as error:
                    assert "set-r02.tfrecords" in str(error)

    check()


def test_a_record_that_announces_terabytes(tmp_path):
    sets.write(tmp_path / "set", sets.arrays(2, 3, 4, "uint8"))
    file = tmp_path / "set" / "set-r02.tfrecords"
    length = struct.pack("<Q", HUGE)
    file.write_bytes(framed(b"")[:0] + length + example._masked_crc(length).to_bytes(4, "little"))
    refused(tmp_path, "record 0 is truncated", RecordSet, tmp_path / "set")


@pytest.mark.parametrize("name", ["/etc/hostname", "../set", "a/../../b", "a\\b", "a\0b", "", 3])
def test_names_in_a_set_lead_nowhere_else(name, tmp_path):
    info = sets.write(tmp_path / "set", sets.arrays(2, 3, 4, "uint8"), fields={"n": [1, 2]})
    content = json.loads(json.dumps(vars(info)))
    path = tmp_path / "set" / "set.json"
    for key in ("name", "fields", "companions"):
        changed = copy.deepcopy(content)
        changed[key] = name if key == "name" else {name: {"shape": [], "dtype": "int64"}}
        path.write_text(json.dumps(changed))
        if key == "name" or isinstance(name, str):
            refused(tmp_path, "set.json: .* is called .*, a part of a file name", schema.load, path)


# JSON

DEEP = "[" * 100_000


def test_json_that_is_nested_too_deeply(tmp_path):
    for kind in ("set description", "configuration", "model description", "representations"):
        folder = tmp_path / kind.replace(" ", "-")
        folder.mkdir()
        path = READERS[kind].make(folder)
        path.write_text(DEEP)
        refused(tmp_path, f"{path.name}: not a", READERS[kind].read, path)
    path.write_text('{"a": ' * 5000)
    refused(tmp_path, "r.json: not a", files.read_json, path)
    # A run folder that the page looks at, and a line of a metric that was cut short.
    assert list(tmp_path.glob("configuration/run/config.json"))
    assert not Models(tmp_path / "configuration").names("tbgan")
    lines = tmp_path / "metric-x.jsonl"
    lines.write_text('{"a": 1}\n' + DEEP + '\n[1]\n{"a": 2}\n{"a"')
    assert files.read_json_lines(lines) == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    "kind", ["set description", "configuration", "model description", "representations"]
)
def test_json_with_other_values(kind, tmp_path):
    path = READERS[kind].make(tmp_path)
    good = json.loads(path.read_text())

    @changes.PROFILE
    @given(changes.altered(good))
    def check(value):
        path.write_text(json.dumps(value))
        with guard.watched(tmp_path):
            try:
                READERS[kind].read(path)
            except (ValueError, FileNotFoundError) as error:
                assert path.name in str(error) or str(path.parent) in str(error)

    check()


def test_every_field_of_a_configuration_is_checked(tmp_path):
    run = RunFolder(tmp_path)
    run.save_config(tiny.config_for("somewhere"))
    good = json.loads((tmp_path / "config.json").read_text())
    for section in good.values():
        if not isinstance(section, dict):
            continue
        for name, value in list(section.items()):
            for bad in ([], {}, "x", [["a"]], {"a": []}, None, 1e400):
                section[name] = bad
                (tmp_path / "config.json").write_text(json.dumps(good))
                try:
                    run.load_config()
                except ValueError as error:
                    assert "config.json: not a configuration" in str(error)
            section[name] = value


# HDF5


def test_hdf5_files_that_point_elsewhere(tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["data8"] = np.ones((2, 3, 8, 8), np.uint8)
    (tmp_path / "secret.bin").write_bytes(bytes(2 * 3 * 8 * 8))
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["data_link"] = h5py.ExternalLink("secret.h5", "data8")
    refused(tmp_path, "a.h5: .*link to somewhere else", READERS["hdf5"].read, path)
    with h5py.File(path, "w") as file:
        outside = [(str(tmp_path / "secret.bin"), 0, h5py.h5f.UNLIMITED)]
        file.create_dataset("data8", (2, 3, 8, 8), np.uint8, external=outside)
    refused(tmp_path, "a.h5: .*lies in another file", READERS["hdf5"].read, path)
    with h5py.File(path, "w") as file:
        layout = h5py.VirtualLayout((2, 3, 8, 8), np.uint8)
        layout[:] = h5py.VirtualSource("secret.h5", "data8", (2, 3, 8, 8))
        file.create_virtual_dataset("data8", layout)
    refused(tmp_path, "a.h5: .*lies in another file", READERS["hdf5"].read, path)
    with h5py.File(path, "w") as file:
        file.create_dataset("data8", (1, 3, 1 << 18, 1 << 18), np.uint8, chunks=(1, 3, 64, 64))
    refused(tmp_path, "a.h5: .*is announced with", READERS["hdf5"].read, path)


def test_keras_files_that_point_elsewhere(tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["kernel:0"] = np.ones((2, 3), np.float32)
    path = READERS["keras weights"].make(tmp_path)
    with h5py.File(path, "r+") as file:
        del file["dense/dense/kernel:0"]
        file["dense/dense/kernel:0"] = h5py.ExternalLink("secret.h5", "kernel:0")
    refused(tmp_path, "w.h5: .*link to somewhere else", keras_files.read_weights, path)
    with h5py.File(path, "r") as file, pytest.raises(KeyError):
        hdf5_files.member(file, "dense/nothing")


def test_inception_weights_that_point_elsewhere(tmp_path):
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file.create_group("a")["itself"] = file["/"]
        file["a/b"] = h5py.ExternalLink("/etc/hostname", "x")
    refused(tmp_path, "w.h5: .*b is a link to somewhere else", KerasInception, path)
    with h5py.File(path, "r+") as file:
        del file["a/b"]
        hdf5_files.check_members(file)


# Graphs and checkpoints


@pytest.mark.parametrize("where", ["graph", "function"])
def test_graphs_that_write_files_are_not_run(where, tmp_path):
    def write():
        tf.raw_ops.WriteFile(filename=str(tmp_path / "written"), contents="x")
        return tf.constant(1.0)

    with tf.Graph().as_default() as graph:
        images = tf.compat.v1.placeholder(tf.float32, [1, None, None, 3], name="ExpandDims")
        written = write() if where == "graph" else tf.function(write)()
        with tf.control_dependencies([written]):
            pool = tf.nn.avg_pool2d(images, 8, 8, "VALID", name="pool_3")
            tf.matmul(pool[:, 0, 0], tf.ones([3, 4]), name="softmax/logits/MatMul")
    (tmp_path / "a.pb").write_bytes(graph.as_graph_def().SerializeToString())
    message = "a.pb: not the Inception graph of 2015 .it holds .*(WriteFile|functions)"
    refused(tmp_path, message, PublishedInception, tmp_path / "a.pb")
    assert not (tmp_path / "written").exists()


def test_the_list_of_a_folder_of_checkpoints_leads_nowhere_else(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "given").mkdir()
    index = READERS["tensorflow checkpoint"].make(tmp_path / "elsewhere")
    name = index.with_suffix("")
    for path in (name, f"../elsewhere/{name.name}"):
        (tmp_path / "given" / "checkpoint").write_text(f'model_checkpoint_path: "{path}"\n')
        with pytest.raises(FileNotFoundError, match="given: no checkpoint"):
            reference.load_checkpoint(tmp_path / "given")
    # Where the published code ran does not matter.
    for file in index.parent.iterdir():
        file.rename(tmp_path / "given" / file.name)
    weights, slots = reference.load_checkpoint(tmp_path / "given")
    assert weights["G/w"].shape == (2, 3) and not slots


# Other containers


def test_gzipped_zeros(tmp_path):
    path = tmp_path / "a.gz"
    with gzip.open(path, "wb") as file:
        file.write(bytes([0, 0, 8, 3]) + struct.pack(">3I", 1 << 20, 28, 28))
        for _ in range(300):
            file.write(bytes(1 << 20))
    refused(tmp_path, "a.gz: more than 256 MB", small_sets._read_idx, path, 3)


def named(number):
    return pickle.LONG_BINPUT + struct.pack("<I", 10**6 + number) + pickle.POP


def again(number):
    return pickle.LONG_BINGET + struct.pack("<I", 10**6 + number)


def test_pickles_that_copy_what_they_hold(tmp_path):
    path, start = tmp_path / "a.pkl", pickle.PROTO + b"\x02"
    pairs = pickle.dumps([(number, 0) for number in range(50_000)], 2)[2:-1]
    copy_all = again(1) + again(0) + pickle.TUPLE1 + pickle.REDUCE
    content = start + pairs + named(0) + b"ccollections\nOrderedDict\n" + named(1)
    path.write_bytes(content + pickle.MARK + copy_all * 20_000 + pickle.LIST + pickle.STOP)
    refused(tmp_path, "a.pkl: refused, it copies", pickles.load, path)
    text = pickle.dumps("x" * 1000, 2)[2:-1]
    double = again(1) + again(0) + again(0) + pickle.TUPLE2 + pickle.REDUCE + named(0)
    content = start + text + named(0) + b"cpathlib\nPurePosixPath\n" + named(1)
    path.write_bytes(content + double * 40 + again(0) + pickle.STOP)
    refused(tmp_path, "a.pkl: refused, it copies", pickles.load, path)
    path.write_bytes(pickle.dumps({"a": [np.zeros(1000)] * 1000, "b": list(range(10000))}, 2))
    assert len(pickles.load(path)["a"]) == 1000


def test_torch_files_whose_entries_lie_over_each_other(tmp_path):
    path = READERS["torch file"].make(tmp_path)
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\x01\x02")
    struct.pack_into("<II", content, place + 20, 1 << 30, 1 << 30)  # sizes in the directory
    path.write_bytes(content)
    refused(tmp_path, "net.pth: .*larger than the file", pickles.load_torch, path)


# Model folders


def test_replacing_a_model_folder_deletes_only_what_it_holds(tmp_path):
    path = READERS["model description"].make(tmp_path)
    (tmp_path / "mine.txt").write_text("")
    for listed in (["*"], ["*.txt"], [3, None], "*", {"*": 1}):
        content = {**json.loads(path.read_text()), "files": listed}
        path.write_text(json.dumps(content))
        owned = pipelines._owned(tmp_path)
        assert not any(fnmatch.fnmatch("mine.txt", own) for own in owned), listed


def test_representations_of_other_sizes(tmp_path):
    path = READERS["representations"].make(tmp_path)
    content = json.loads(path.read_text())
    for bad in ([[1, 2], [3]], [], [[float("nan"), 1], [1, 1]], "x", [[{}]]):
        path.write_text(json.dumps({**content, "representations": bad}))
        refused(tmp_path, "r.json: not a file of representations", representation.load, path)


def test_values_of_configurations_stay_what_they_are(tmp_path):
    values = config.to_dict(tiny.config_for("x"))
    assert config.from_dict(type(tiny.config_for("x")), json.loads(json.dumps(values))) == (
        tiny.config_for("x")
    )
