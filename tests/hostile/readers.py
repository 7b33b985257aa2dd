"""What reads files from elsewhere: how a good file is made, and how it is read."""

import dataclasses
import json
import pickle
import shutil
from pathlib import Path

import imageio
import numpy as np
import tensorflow as tf
from PIL import Image

from tests import tiny, torch_writer
from tests.metrics.test_inception_network import write_graph
from tests.records import sets
from tests.sources import sequences, small_folders
from tests.uv import meshes
from tf_facegan import array_files, pickles, pipelines
from tf_facegan.demo.uploads import Limits
from tf_facegan.engine.run_folder import RunFolder, load_network
from tf_facegan.expression import keras_files, representation
from tf_facegan.metrics import skill
from tf_facegan.metrics.inception_network import PublishedInception
from tf_facegan.rdgan.reference import load_checkpoint
from tf_facegan.records.reader import RecordSet
from tf_facegan.sources import (
    au_files,
    hdf5,
    images,
    labels,
    landmark_tables,
    landmarks,
    mmi,
    photos,
    raf_db,
    small_sets,
)
from tf_facegan.sources.action_units import AUS
from tf_facegan.tbgan import published
from tf_facegan.utilities import video
from tf_facegan.uv import scan
from tf_facegan.uv.layout import UVLayout

PICKLE = Path(__file__).parents[1] / "golden" / "tbgan" / "network-snapshot-000042.pkl"
STEMS = ["a", "b"]


@dataclasses.dataclass(frozen=True)
class Reader:
    """A kind of file.

    Attributes:
      make: function of an empty folder that writes a good file (and what belongs to it) and returns
        its path.
      read: function of that path.
    """

    make: object
    read: object


def _image(name, mode="RGB"):
    def make(folder):
        array = np.random.RandomState(0).randint(0, 256, (12, 16, 3)).astype(np.uint8)
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(array).convert(mode).save(folder / name, exif=exif.tobytes())
        return folder / name

    return make


def _record_set(file):
    def make(folder):
        numbers = np.arange(3)
        images_ = sets.arrays(3, 3, 4, "uint8")
        options = {"fields": {"number": numbers}, "labels": np.eye(3, dtype=np.float32)}
        sets.write(folder / "set", images_, **options)
        return folder / "set" / file

    return make


def _read_set(path):
    records = RecordSet(path.parent)
    records.read(range(records.count))


def _read_set_skipping(path):
    records = RecordSet(path.parent, on_corrupt="skip")
    records.read(range(records.count))


def _text(name, text):
    def make(folder):
        (folder / name).write_text(text)
        return folder / name

    return make


def _dumped(name, value, protocol=4):
    def make(folder):
        (folder / name).write_bytes(pickle.dumps(value, protocol))
        return folder / name

    return make


def _saved(name, array):
    def make(folder):
        np.save(folder / name, array, allow_pickle=True)
        return folder / name

    return make


def _listed(folder):
    (folder / "l.txt").write_text("a\nb\n")
    np.save(folder / "l.npy", np.zeros((2, 3), np.float32))
    return folder / "l.npy"


def _torch(container):
    def make(folder):
        value = {"epoch": 3, "w": np.arange(6, dtype=np.float32).reshape(2, 3), "n": [1.5, None]}
        return torch_writer.save(folder / "net.pth", value, container)

    return make


def _networks(folder):
    shutil.copyfile(PICKLE, folder / PICKLE.name)
    return folder / PICKLE.name


def _read_networks(path):
    run = published.PublishedRun(path.parent)
    published.read_networks(path)
    run.load_config()
    run.load_dataset()


def _npz(folder):
    arrays = {"G/a": np.zeros((2, 3)), "G/b": np.float32(1.5), "D/a": np.arange(4)}
    array_files.write_npz(folder / "network-final.npz", arrays)
    return folder / "network-final.npz"


def _layout(folder):
    mesh = meshes.bowl(5)
    mask = np.ones((8, 8), bool)
    layout = UVLayout.from_tcoords(8, mesh.tcoords, mesh.trilist, mask, 1.0, np.zeros(3))
    layout.save(folder / "uv_layout.npz")
    return folder / "uv_layout.npz"


def _mesh(file):
    def make(folder):
        points = np.random.RandomState(0).rand(68, 3)
        meshes.write_textured(folder, "a", meshes.bowl(5), points)
        return folder / file

    return make


def _ply(folder):
    mesh = meshes.bowl(5)
    meshes.write_coloured(folder / "a.ply", mesh, np.zeros((len(mesh.points), 3), np.uint8))
    return folder / "a.ply"


def _read_scan(path):
    found = scan.read_scan(path.with_suffix(".ply" if path.suffix == ".ply" else ".obj"))
    if found.texture_path:
        found.texture()


def _points(suffix):
    def make(folder):
        points = sequences.points()
        path = folder / f"a{suffix}"
        if suffix == ".ljson":
            meshes.write_ljson(path, points[:, ::-1])
        elif suffix == ".pts":
            rows = "\n".join(f"{x} {y}" for x, y in points)
            path.write_text(f"version: 1\nn_points: 68\n{{\n{rows}\n}}\n")
        else:
            sequences.write_points(path)
        return path

    return make


def _video(name):
    def make(folder):
        frames = np.random.RandomState(0).randint(0, 256, (4, 32, 32, 3)).astype(np.uint8)
        if name.endswith(".gif"):
            imageio.mimsave(folder / name, list(frames))
        else:
            with video.video_writer(folder / name, 5) as append:
                for frame in frames:
                    append(frame)
        return folder / name

    return make


def _h5(folder):
    import h5py

    with h5py.File(folder / "a.h5", "w") as file:
        file["data8"] = np.zeros((2, 3, 8, 8), np.uint8)
    return folder / "a.h5"


def _read_h5(path):
    hdf5._open.cache_clear()
    opened = hdf5._open(path)
    try:
        name, (count, *_) = hdf5._largest(path)
        for number in range(count):
            hdf5.load_row(hdf5.Row(path, name, number))
    finally:
        opened.close()


def _keras(folder):
    import h5py

    with h5py.File(folder / "w.h5", "w") as file:
        file.attrs["layer_names"] = [b"dense"]
        group = file.create_group("dense")
        group.attrs["weight_names"] = [b"dense/kernel:0"]
        group["dense/kernel:0"] = np.zeros((3, 4), np.float32)
    return folder / "w.h5"


def _config(folder):
    run = RunFolder(folder / "run")
    run.path.mkdir()
    run.save_config(tiny.config_for("somewhere"))
    return run.path / "config.json"


def _model(folder):
    path = folder / pipelines.MODEL
    path.write_text(json.dumps({"format_version": 1, "system": "tbgan", "files": ["a"]}))
    return path


def _representations(folder):
    content = {
        "format_version": 1,
        "expressions": ["a", "b"],
        "representations": [[0.5, 1.0], [1.0, 0.0]],
        "made": {},
    }
    (folder / "r.json").write_text(json.dumps(content))
    return folder / "r.json"


def _openface(rows):
    header = ["frame", "face", "confidence", "success", *AUS]
    lines = [[name, 0, 0.9, 1, *([1.5] * len(AUS))] for name in rows]
    return "\n".join(", ".join(map(str, line)) for line in [header, *lines]) + "\n"


def _table(folder):
    header = ["filename", "confidence", *AUS]
    lines = [[f"{stem}.png", 0.9, *([1.5] * len(AUS))] for stem in STEMS]
    path = folder / "t.csv"
    path.write_text("\n".join(", ".join(map(str, line)) for line in [header, *lines]) + "\n")
    return path


def _idx(folder):
    small_folders.write_idx(folder / "a.gz", small_folders.random_bytes(5, 28, 28))
    return folder / "a.gz"


def _checkpoint(file):
    """Of TensorFlow 1, with the `checkpoint` file of its folder."""

    def make(folder):
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            for name, value in (("G/w", [[1.0, 2.0, 3.0]] * 2), ("G/n", [5.0] * 40)):
                tf.compat.v1.get_variable(name, initializer=tf.constant(value))
            session.run(tf.compat.v1.global_variables_initializer())
            tf.compat.v1.train.Saver().save(session, str(folder / "model.ckpt"))
        return folder / file

    return make


def _graph(folder):
    write_graph(folder / "graph.pb")
    return folder / "graph.pb"


def _check_drive(path):
    try:
        Limits().check_drive(path)
    except ValueError as error:  # the page says the name only
        raise ValueError(f"{path.parent}: {error}") from None


def _landmark_table(folder):
    landmark_tables.write_table(folder / "a.csv", {0: sequences.points(), 3: sequences.points()})
    return folder / "a.csv"


_AU_PICKLE = {stem: np.full(17, 1.5) for stem in STEMS}

READERS = {
    "record file": Reader(_record_set("set-r02.tfrecords"), _read_set),
    "record file, skipping": Reader(_record_set("set-r02.tfrecords"), _read_set_skipping),
    "record index": Reader(_record_set("set-r02.idx.npy"), _read_set),
    "set description": Reader(_record_set("set.json"), _read_set),
    "set labels": Reader(_record_set("set-rxx.labels"), _read_set),
    "set field": Reader(_record_set("set-number.npy"), _read_set),
    "labels csv": Reader(
        _text("l.csv", "name,x,y\na,1,2.5\nb,3,-1e3\n"), lambda p: labels.read_labels(p, STEMS)
    ),
    "labels pickle": Reader(
        _dumped("l.pkl", {"a": [1.0, 2.0], "b": np.zeros(2)}),
        lambda p: labels.read_labels(p, STEMS),
    ),
    "labels array": Reader(_listed, lambda p: labels.read_labels(p, STEMS)),
    "openface csv": Reader(
        _text("a.csv", _openface([1, 2])), lambda p: au_files.read(p, ["f1", "f2"], 0.8)
    ),
    "openface table": Reader(_table, lambda p: au_files.read(p, STEMS, 0.8)),
    "action unit list": Reader(
        _text("l.txt", "a.png " + "1.5 " * 17 + "\nb.png " + "0 " * 17 + "\n"),
        lambda p: au_files.read(p, STEMS, 0.8),
    ),
    "action unit pickle": Reader(
        _dumped("l.pkl", _AU_PICKLE), lambda p: au_files.read(p, STEMS, 0.8)
    ),
    "pickle": Reader(
        _dumped("x.pkl", {"a": np.arange(6.0).reshape(2, 3), "b": [(1, "x"), None]}), pickles.load
    ),
    "pickle of protocol 0": Reader(
        _dumped("x.pkl", {"a": np.arange(6.0), "b": [(1, "x"), None]}, 0), pickles.load
    ),
    "pickled map": Reader(_dumped("s.pkl", np.zeros((3, 4, 4), np.float32)), pickles.load_array),
    "array": Reader(_saved("s.npy", np.zeros((3, 4, 4), np.float32)), pickles.load_array),
    "array of objects": Reader(
        _saved("s.npy", np.array({"a": [1, np.zeros(2)]}, object)), pickles.load_objects
    ),
    "torch file": Reader(_torch("zip"), pickles.load_torch),
    "torch file of old": Reader(_torch("legacy"), pickles.load_torch),
    "network pickle": Reader(_networks, _read_networks),
    "network snapshot": Reader(_npz, lambda p: load_network(p, "G")),
    "uv layout": Reader(_layout, UVLayout.load),
    "mesh": Reader(_mesh("a.obj"), _read_scan),
    "material": Reader(_mesh("a.mtl"), _read_scan),
    "texture": Reader(_mesh("a.png"), _read_scan),
    "mesh landmarks": Reader(_mesh("a.ljson"), _read_scan),
    "coloured mesh": Reader(_ply, _read_scan),
    "landmarks txt": Reader(_points(".txt"), landmarks.read_points),
    "landmarks pts": Reader(_points(".pts"), landmarks.read_points),
    "landmarks ljson": Reader(_points(".ljson"), landmarks.read_points),
    "png": Reader(_image("a.png"), images.read_grey_or_rgb),
    "jpeg": Reader(_image("a.jpg"), images.read_grey_or_rgb),
    "bmp": Reader(_image("a.bmp"), images.read_grey_or_rgb),
    "tiff": Reader(_image("a.tif"), images.read_grey_or_rgb),
    "webp": Reader(_image("a.webp"), images.read_grey_or_rgb),
    "png with Pillow": Reader(_image("a.png"), photos.read_photo),
    "palette with Pillow": Reader(_image("a.png", "P"), photos.read_photo),
    "jpeg with Pillow": Reader(_image("a.jpg"), photos.read_photo),
    "bmp with Pillow": Reader(_image("a.bmp"), photos.read_photo),
    "tiff with Pillow": Reader(_image("a.tif"), photos.read_photo),
    "webp with Pillow": Reader(_image("a.webp"), photos.read_photo),
    "mp4": Reader(_video("a.mp4"), lambda p: [video.frame_rate(p), *video.read_frames(p)]),
    "gif": Reader(_video("a.gif"), lambda p: [video.frame_rate(p), *video.read_frames(p)]),
    "hdf5": Reader(_h5, _read_h5),
    "keras weights": Reader(_keras, keras_files.read_weights),
    "tensorflow checkpoint": Reader(
        _checkpoint("model.ckpt.index"), lambda p: load_checkpoint(p.with_suffix(""))
    ),
    "tensorflow checkpoint's data": Reader(
        _checkpoint("model.ckpt.data-00000-of-00001"),
        lambda p: load_checkpoint(p.with_name("model.ckpt")),
    ),
    "list of checkpoints": Reader(_checkpoint("checkpoint"), lambda p: load_checkpoint(p.parent)),
    "inception graph": Reader(_graph, PublishedInception),
    "landmark table": Reader(_landmark_table, landmark_tables.read_table),
    "choices": Reader(
        _text("c.csv", "winner,loser,draw\na,b,0\nb,c,1\n"), lambda p: skill.read_choices(p)
    ),
    "list of RAF-DB": Reader(
        _text("l.txt", "train_00001.jpg 5\ntest_0002.jpg 1\n"),
        lambda p: raf_db._read_list(p, p.parent),
    ),
    "table of emotions": Reader(
        _text("e.csv", "video,expression,peak\na,Happiness,3\nb,Sadness,\n"),
        lambda p: mmi._read_emotions(p, {"a", "b"}),
    ),
    "uploaded picture": Reader(_image("a.png"), lambda p: Limits().check_photo(p, str(p))),
    "uploaded video": Reader(_video("a.mp4"), _check_drive),
    "gzipped digits": Reader(_idx, lambda p: small_sets._read_idx(p, 3)),
    "configuration": Reader(_config, lambda p: RunFolder(p.parent).load_config()),
    "model description": Reader(_model, lambda p: pipelines.read_model(p.parent)),
    "representations": Reader(_representations, representation.load),
}
