import collections
import contextlib
import io
import os
import pickle
import resource
import struct

import numpy as np
import pytest

from tf_facegan import pickle_stand_ins, pickles

PROTOCOLS = range(6)


def write(tmp_path, value, protocol=4):
    path = tmp_path / "data.pkl"
    path.write_bytes(value if isinstance(value, bytes) else pickle.dumps(value, protocol))
    return path


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "array",
    [
        np.arange(24, dtype=np.float32).reshape(2, 3, 4),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(5, dtype=">i4"),
        np.array([True, False]),
        np.array(["neutral", "joy"]),
        np.zeros((0, 3)),
        np.array(2.5),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_arrays(tmp_path, array, protocol):
    found = pickles.load_array(write(tmp_path, array, protocol))
    assert type(found) is np.ndarray
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nested_data(tmp_path, protocol):
    shared = np.arange(3.0)
    value = collections.OrderedDict(
        face00=shared, face01=[shared, (shared, b"\xff\x00", b"")], lod=np.float32(0.25), n=None
    )
    found = pickles.load(write(tmp_path, value, protocol))
    assert list(found) == list(value)
    np.testing.assert_array_equal(found["face00"], shared)
    assert found["face01"][0] is found["face00"] is found["face01"][1][0]
    assert found["face01"][1][1:] == (b"\xff\x00", b"")
    assert found["lod"] == np.float32(0.25)
    assert found["lod"].dtype == np.float32


def test_a_cycle(tmp_path):
    value = [np.zeros(2)]
    value.append(value)
    found = pickles.load(write(tmp_path, value))
    assert found[1] is found
    assert isinstance(found[0], np.ndarray)


def test_numpy_2_names(tmp_path):
    content = pickle.dumps(np.arange(3.0), 2).replace(b"numpy.core.", b"numpy._core.")
    assert b"numpy._core." in content
    np.testing.assert_array_equal(pickles.load_array(write(tmp_path, content)), [0, 1, 2])


def test_a_pickle_of_python_2(tmp_path):
    # What Python 2's cPickle wrote at protocol 2 for {"N_1": numpy.array([0.5, 2.0])}: its bytes
    # are text to Python 3.
    data = struct.pack("<2d", 0.5, 2.0)
    content = (
        b"\x80\x02}q\x01U\x03N_1q\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\n"
        b"q\x04K\x00\x85U\x01b\x87Rq\x05(K\x01K\x02\x85cnumpy\ndtype\nq\x06U\x02f8K\x00K\x01\x87R"
        b"q\x07(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x10" + data + b"tbs."
    )
    found = pickles.load(write(tmp_path, content))
    np.testing.assert_array_equal(found["N_1"], [0.5, 2.0])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_menpo_containers_keep_their_state(tmp_path, protocol):
    from menpo.image import BooleanImage, Image, MaskedImage
    from menpo.shape import PointCloud

    image = Image(np.random.RandomState(0).uniform(size=(3, 4, 5)))
    image.landmarks["face"] = PointCloud(np.arange(6.0).reshape(3, 2))
    image.path = tmp_path / "face.png"
    value = {
        "tcoords": PointCloud(np.arange(8.0).reshape(4, 2)),
        "tmask": BooleanImage(np.eye(4, dtype=bool)),
        "masked": MaskedImage(np.ones((1, 4, 4))),
        "image": image,
    }
    path = write(tmp_path, value, protocol)
    found = pickles.load(path)
    assert all(isinstance(entry, pickles.State) for entry in found.values())
    np.testing.assert_array_equal(found["tcoords"].points, value["tcoords"].points)
    np.testing.assert_array_equal(found["tmask"].pixels, value["tmask"].pixels)
    np.testing.assert_array_equal(found["masked"].mask.pixels, value["masked"].mask.pixels)
    np.testing.assert_array_equal(found["image"].pixels, image.pixels)
    assert found["image"].pickled_class == "menpo.image.base.Image"
    np.testing.assert_array_equal(
        pickles.load_array(write(tmp_path, image, protocol)), image.pixels
    )


def test_npy_files(tmp_path):
    path = tmp_path / "shape.npy"
    np.save(path, np.arange(3.0))
    np.testing.assert_array_equal(pickles.load_array(path), [0, 1, 2])
    np.save(path, np.array([{}], dtype=object))
    with pytest.raises(ValueError, match=r"shape\.npy: not an array file"):
        pickles.load_array(path)


@pytest.mark.parametrize("value", [{"train_y": np.eye(7, 3), "names": ["a"]}, [1, {"b": 2}]])
def test_npy_files_of_objects(tmp_path, value):
    path = tmp_path / "labels.npy"
    np.save(path, np.array(value, dtype=object))
    found = pickles.load_objects(path)
    assert repr(found) == repr(value)
    if isinstance(value, dict):
        found["train_y"].sum()


def test_npy_files_of_objects_that_are_none(tmp_path):
    path = tmp_path / "labels.npy"
    np.save(path, np.arange(3))
    with pytest.raises(ValueError, match=r"labels\.npy: holds an array of int64, an object"):
        pickles.load_objects(path)
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"labels\.npy: not a readable \.npy file"):
        pickles.load_objects(path)
    np.save(path, np.array({"a": Payload(os.system, "true")}, dtype=object))
    with pytest.raises(ValueError, match=r"labels\.npy: refused, it asks for posix\.system"):
        pickles.load_objects(path)
    np.save(path, np.array([[{}, {}]], dtype=object))
    with pytest.raises(ValueError, match=r"labels\.npy: refused, it holds objects in an array"):
        pickles.load_objects(path)
    np.save(path, np.array({"a": 1}, dtype=object))
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ValueError, match=r"labels\.npy: not a readable pickle"):
        pickles.load_objects(path)


class Payload:
    """A pickle that makes the file `mark` when it is loaded carelessly."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def stack_global(module, name, argument):
    """A pickle that names a function by STACK_GLOBAL and calls it."""
    out = io.BytesIO()
    out.write(b"\x80\x04")
    for text in (module, name):
        out.write(b"\x8c" + bytes([len(text)]) + text.encode())
    out.write(b"\x93\x8c" + bytes([len(argument)]) + argument.encode() + b"\x85R.")
    return out.getvalue()


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda mark: Payload(os.system, f"touch {mark}"), r"\w+\.system"),
        (lambda mark: [1, {"a": Payload(eval, f"open({mark!r}, 'w')")}], r"builtins?(__)?\.eval"),
        (lambda mark: Payload(exec, f"open({mark!r}, 'w')"), r"builtins?(__)?\.exec"),
        (lambda mark: stack_global("os", "mkdir", mark), r"os\.mkdir"),
        (lambda mark: stack_global("numpy", "save", mark), r"numpy\.save"),
        (lambda mark: stack_global("numpy.core.multiarray", "fromfile", mark), r"\.fromfile"),
        (lambda mark: stack_global("pathlib", "os.mkdir", mark), r"pathlib\.os\.mkdir"),
        (lambda mark: stack_global("builtins", "getattr", mark), r"builtins\.getattr"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_code_is_refused_and_does_not_run(tmp_path, make, name, protocol):
    mark = tmp_path / "it_ran"
    path = write(tmp_path, make(str(mark)), protocol)
    with pytest.raises(ValueError, match=rf"data\.pkl: refused, it asks for .*{name}"):
        pickles.load(path)
    assert not mark.exists()


def test_the_payloads_would_have_run(tmp_path):
    mark = tmp_path / "it_ran"
    pickle.loads(pickle.dumps(Payload(os.system, f"touch {mark}")))
    assert mark.exists()


@pytest.mark.parametrize(
    "value",
    [
        np.array([{}, None], dtype=object),
        np.zeros(2, dtype=[("a", "f4")]),
        np.array(["2020-01-01"], "M8[D]"),
        np.ndarray,
        np.dtype,
        collections.OrderedDict,
    ],
    ids=str,
)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_not_plain_data_is_refused(tmp_path, value, protocol):
    with pytest.raises(ValueError, match="data.pkl: refused"):
        pickles.load(write(tmp_path, value, protocol))


def test_a_dtype_cannot_be_made_to_hold_pointers(tmp_path):
    # numpy's own dtype.__setstate__ would believe these flags, and read the bytes as addresses.
    content = pickle.dumps(np.dtype("V8"), 2)
    with pytest.raises(ValueError, match="refused, it holds an array of dtype 'V8'"):
        pickles.load(write(tmp_path, content))


@pytest.mark.parametrize(
    "content",
    [
        b"cnumpy\nndarray\n}(Vx\nI1\nub.",  # state of a class
        b"cnumpy.core.multiarray\n_reconstruct\n}(Vx\nI1\nub.",  # state of a function
        b"cnumpy.core.multiarray\n_reconstruct\n(N}(V_function\nI1\nutb.",  # its slots
        b"ccollections\nOrderedDict\n}(Vx\nI1\nub.",
        b"c__builtin__\nbytes\n(I100000000000\ntR.",  # memory
        b"c_codecs\nencode\n(Vx\nVrot13\ntR.",
        b"ccopy_reg\n_reconstructor\n(ccollections\nOrderedDict\nc__builtin__\nobject\nNtR.",
        b"Vid\nP0\n.",
        b"\x80\x02\x82\x01.",  # extension registry
    ],
)
def test_stand_ins_cannot_be_tampered_with(tmp_path, content):
    before = _attributes_of_classes()
    assert {"State", "_Array", "_Dtype"} <= set(before)
    with pytest.raises(ValueError, match="data.pkl"):
        pickles.load(write(tmp_path, content))
    assert _attributes_of_classes() == before
    np.testing.assert_array_equal(pickles.load_array(write(tmp_path, np.zeros(2))), [0, 0])


def _attributes_of_classes():
    return {
        name: vars(value).copy()
        for name, value in vars(pickle_stand_ins).items()
        if isinstance(value, type) and value.__module__ == pickle_stand_ins.__name__
    }


def test_truncated_and_foreign_files_are_named(tmp_path):
    whole = pickle.dumps({"a": np.arange(100.0), "b": [1, 2]}, 4)
    for length in range(0, len(whole) - 1, 7):
        with pytest.raises(ValueError, match="data.pkl: not a readable pickle"):
            pickles.load(write(tmp_path, whole[:length]))
    for garbage in (b"garbage", b"\xff\xd8JFIF", bytes(100), b"\x80\x05\x95" + b"\xff" * 20, b"("):
        with pytest.raises(ValueError, match="data.pkl: not a readable pickle"):
            pickles.load(write(tmp_path, garbage))


def test_other_content_than_an_array(tmp_path):
    with pytest.raises(ValueError, match="holds a list, an array expected"):
        pickles.load_array(write(tmp_path, [1, 2]))


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        pickles.load(tmp_path / "none.pkl")


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x02Nr\xff\xff\xff\x01.",  # remember under a number of 33 million
        b"\x80\x05\x96" + struct.pack("<Q", 1 << 29) + b"short.",  # bytes that are not there
        b"\x80\x04\x8e" + struct.pack("<Q", 1 << 29) + b"short.",
    ],
)
def test_damaged_numbers_take_no_memory(tmp_path, content):
    path = write(tmp_path, content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with contextlib.suppress(ValueError):
        pickles.load(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_damaged_files_are_read_or_refused(tmp_path):
    random = np.random.RandomState(0)
    value = {"a": np.arange(5.0), "b": [np.float32(2), (1, 2.5, None, "x", b"y")]}
    for number in range(600):
        content = bytearray(pickle.dumps(value, number % 6))
        for _ in range(random.randint(1, 4)):
            content[random.randint(len(content))] = random.randint(256)
        with contextlib.suppress(ValueError):
            pickles.load(write(tmp_path, bytes(content)))
