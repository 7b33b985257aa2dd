"""Files made to do harm: each is one line, and nothing is run, read elsewhere or filled up."""

import copy
import fnmatch
import gzip
import http.server
import io
import json
import pickle
import struct
import threading
import time
import zipfile
import zlib

import google_crc32c
import h5py
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tests import tiny
from tests.hostile import changes, guard
from tests.hostile.readers import READERS
from tests.records import sets
from tests.uv import meshes
from tf_facegan import array_files, config, files, hdf5_files, pickles, pipelines
from tf_facegan.demo import uploads
from tf_facegan.demo.models import Models
from tf_facegan.engine.run_folder import RunFolder
from tf_facegan.expression import keras_files, representation
from tf_facegan.metrics.inception_network import KerasInception, PublishedInception
from tf_facegan.rdgan import reference
from tf_facegan.records import example, schema
from tf_facegan.records.reader import RecordSet
from tf_facegan.sources import images, photos, small_sets
from tf_facegan.utilities import video
from tf_facegan.uv import isolation, scan

HUGE = 1 << 40


def refused(folder, message, function, *args):
    with guard.watched(folder), pytest.raises(ValueError, match=message) as caught:
        function(*args)
    assert "\n" not in str(caught.value)


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


# Pictures


def png(width, height):
    """A picture whose header announces its size, with some zeros for its content."""

    def chunk(kind, data):
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1 << 20))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in chunks)


@pytest.mark.parametrize("read", [images.read_rgb, photos.read_photo, images.read_grey_or_rgb])
def test_pictures_of_a_few_bytes_that_are_enormous(read, tmp_path):
    path = tmp_path / "a.png"
    for size in ((30_000, 30_000), (2**31 - 1, 2**31 - 1), (200_000, 2000)):
        path.write_bytes(png(*size))
        refused(tmp_path, "a.png: not a readable image", read, path)


@pytest.mark.parametrize("read", [images.read_rgb, photos.read_photo, images.open_rgb])
def test_pictures_that_point_beyond_every_file(read, tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"II+\0\x08\0\0\0" + (2**63 - 1).to_bytes(8, "little") + bytes(100))
    refused(tmp_path, "a.tif: not a readable image", read, path)


def test_pictures_that_are_programs_are_not_run(tmp_path):
    path = tmp_path / "a.png"
    header = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"
    path.write_bytes(header + b"(%pipe%touch x) (w) file\n")
    for read in (photos.read_photo, images.read_rgb):
        refused(tmp_path, "a.png: not a readable image", read, path)
    with pytest.raises(ValueError, match="a.png is no picture that can be read"):
        uploads.Limits().check_photo(path, "a.png")


# Videos


@pytest.fixture
def server():
    """Counts the requests to a server on this machine."""

    class Handler(http.server.BaseHTTPRequestHandler):
        seen = []

        def do_GET(self):
            self.seen.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    running = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}", Handler.seen
    running.shutdown()


@pytest.mark.parametrize("name", ["a.mp4", "a.m3u8", "a.mkv"])
def test_playlists_are_no_videos(name, server, tmp_path):
    address, seen = server
    other = tmp_path / "elsewhere"
    other.mkdir()
    good = READERS["mp4"].make(other)
    folder = tmp_path / "given"
    folder.mkdir()
    head = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n"
    for text in (
        f"{head}{address}/a.ts\n#EXT-X-ENDLIST\n",
        f"{head}{good}\n#EXT-X-ENDLIST\n",
        f"{head}file://{good}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile {address}/a.mp4\n",
        "ffconcat version 1.0\nfile ../elsewhere/a.mp4\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    ):
        (folder / name).write_text(text)
        with pytest.raises(ValueError, match=f"{name}: not a readable video"):
            list(video.read_frames(folder / name))
        if name.endswith(uploads.VIDEOS):
            with pytest.raises(ValueError, match=f"{name} is no video that can be read"):
                uploads.Limits().check_drive(folder / name)
    assert not seen


def test_names_that_look_like_addresses_or_patterns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("http:a.mp4", "concat:a.mp4|b.mp4", "img_%03d.png"):
        (tmp_path / name).write_bytes(b"no video")
        with pytest.raises(ValueError, match="not a readable video"):
            list(video.read_frames(name))


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


# Meshes


@pytest.mark.parametrize(
    "name",
    [
        "../secret.png",
        "/etc/hostname",
        "..\\secret.png",
        "sub/../../secret.png",
        "a" * 5000 + ".png",
        "a\0.png",
        ".",
    ],
)
@pytest.mark.parametrize("keyword", ["mtllib", "map_Kd"])
def test_names_in_meshes_lead_nowhere_else(keyword, name, tmp_path):
    folder = tmp_path / "given"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(b"secret")
    meshes.write_textured(folder, "a", meshes.bowl(5))
    path = folder / ("a.obj" if keyword == "mtllib" else "a.mtl")
    lines = [
        f"{keyword} {name}" if line.startswith(keyword) else line
        for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(lines))
    with guard.watched(folder):
        try:
            found = scan.read_scan(folder / "a.obj")
            assert found.texture_path == folder / "a.png"  # beside the mesh, by its stem
        except (ValueError, FileNotFoundError) as error:
            assert str(folder / "a.obj") in str(error) or str(folder) in str(error)
            assert "\n" not in str(error)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    folder = tmp_path / "given"
    folder.mkdir()
    meshes.write_textured(folder, "a", meshes.bowl(5))
    (folder / "a.png").rename(tmp_path / "secret.png")
    (folder / "a.png").symlink_to(tmp_path / "secret.png")
    refused(folder, "outside its own folder", scan.read_scan, folder / "a.obj")


def test_long_lines_of_materials_are_quick(tmp_path):
    meshes.write_textured(tmp_path, "a", meshes.bowl(5))
    (tmp_path / "a.mtl").write_text(
        "map_Kd -o 1 1 1 a" + " " * 300_000 + "b\n" + "map_Kd -s 1 " * 30_000
    )
    began = time.monotonic()
    with pytest.raises((ValueError, FileNotFoundError)):
        scan.find_texture(tmp_path / "a.obj")
    assert time.monotonic() - began < 5


def test_options_of_textures_are_not_their_names(tmp_path):
    meshes.write_textured(tmp_path, "a", meshes.bowl(5))
    (tmp_path / "a.png").rename(tmp_path / "my face.png")
    (tmp_path / "a.mtl").write_text("newmtl m\n\tMAP_KD  -bm 1.0 -o 0 0 0 my face.png \n")
    assert scan.find_texture(tmp_path / "a.obj") == tmp_path / "my face.png"


def crash(_):
    import ctypes

    ctypes.string_at(0)


def devour(_):
    return {"a": np.ones(1 << 36)}


def test_readers_that_crash_are_an_error(tmp_path):
    path = tmp_path / "a.ply"
    path.write_bytes(b"x")
    with pytest.raises(isolation.ReaderCrashed, match=r"its reader crashed \(SIGSEGV\)"):
        isolation.arrays_of(crash, path)
    with pytest.raises(ValueError, match="Unable to allocate"):
        isolation.arrays_of(devour, path)
    with pytest.raises(ValueError, match="invalid literal"):
        isolation.arrays_of(lambda path: int(path.read_text()), path)
    found = isolation.arrays_of(lambda path: {"a": np.arange(3)}, path)
    np.testing.assert_array_equal(found["a"], [0, 1, 2])


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
