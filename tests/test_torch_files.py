"""Files of torch.save, read without torch."""

import collections
import contextlib
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests import torch_writer
from tests.torch_writer import Call, Parameter, View
from tf_facegan import pickles

GOLDEN = Path(__file__).parent / "golden" / "tdgan"
CONTAINERS = ("zip", "legacy")


@pytest.fixture(params=CONTAINERS)
def container(request):
    return request.param


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.pkl"


def expected():
    with np.load(GOLDEN / "ckpt_expected.npz") as file:
        return {name: file[name] for name in file.files}


def assert_same(found, wanted):
    assert list(found) == list(wanted)
    for name, value in wanted.items():
        assert type(found[name]) is np.ndarray
        assert found[name].dtype == value.dtype and found[name].shape == value.shape
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_what_torch_wrote(container):
    assert_same(pickles.load_torch(GOLDEN / f"ckpt_{container}.pkl"), expected())


def test_what_the_test_writes(container, path):
    state = collections.OrderedDict(expected())
    state._metadata = collections.OrderedDict(version=1)
    value = {"epoch": 3, "lr": [1e-4, None], "state": state, "w": Parameter(np.eye(2))}
    found = pickles.load_torch(torch_writer.save(path, value, container))
    assert found["epoch"] == 3 and found["lr"] == [1e-4, None]
    assert_same(found["state"], expected())
    assert not hasattr(found["state"], "_metadata")
    np.testing.assert_array_equal(found["w"], np.eye(2))


@pytest.mark.parametrize("dtype", torch_writer.NAMES, ids=str)
def test_element_types(dtype, container, path):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    assert_same(pickles.load_torch(torch_writer.save(path, {"a": array}, container)), {"a": array})


def test_strides_offsets_and_shared_storages(container, path):
    storage = np.arange(24, dtype=np.float32)
    value = {
        "transposed": View(storage, 0, (4, 6), (1, 4)),
        "every second": View(storage, 3, (5,), (2,), rebuild="_rebuild_tensor"),
        "repeated": View(storage, 7, (3, 2), (0, 1)),
        "scalar": View(storage, 23, (), ()),
        "empty": View(storage, 0, (0, 3), (3, 1)),
    }
    found = pickles.load_torch(torch_writer.save(path, value, container))
    wanted = {
        "transposed": storage.reshape(6, 4).T,
        "every second": storage[3:13:2],
        "repeated": np.array([[7, 8]] * 3, np.float32),
        "scalar": storage[23],
        "empty": np.zeros((0, 3), np.float32),
    }
    assert_same(found, {name: np.asarray(array) for name, array in wanted.items()})
    assert np.shares_memory(found["transposed"], found["every second"])
    with pytest.raises(ValueError, match="read-only"):
        found["transposed"][0, 0] = 1


def test_views_of_files_of_old(path):
    # Before 0.4, a storage could be a stretch of another: the sixth part of its reference.
    storage = np.arange(8, dtype=np.float32)
    torch_writer.save(path, {"a": View(storage, 1, (2,), (1,))}, "legacy")
    content = path.read_bytes()
    plain = b"K\x08Ntq"
    assert content.count(plain) == 1
    path.write_bytes(content.replace(plain, b"K\x08(X\x01\x00\x00\x007K\x03K\x04ttq"))
    np.testing.assert_array_equal(pickles.load_torch(path)["a"], [4, 5])


@pytest.mark.parametrize(
    "call, name",
    [
        (Call("os", "mkdir", "it_ran"), "os.mkdir"),
        (Call("torch.nn.modules.linear", "Linear", 1, 2), "torch.nn.modules.linear.Linear"),
        (Call("torch._utils", "_import_dotted_name", "os"), "torch._utils._import_dotted_name"),
        (Call("torch.storage", "_load_from_bytes", b"x"), "torch.storage._load_from_bytes"),
    ],
)
def test_code_is_refused(call, name, container, path, monkeypatch):
    monkeypatch.chdir(path.parent)
    torch_writer.save(path, {"a": call}, container)
    with pytest.raises(ValueError, match=f"net.pkl: refused, it asks for {name}, which is not"):
        pickles.load_torch(path)
    assert not (path.parent / "it_ran").exists()


def test_torch_names_are_refused_in_other_pickles(path):
    with open(path, "wb") as file:
        torch_writer._Pickler(file, "zip").dump(np.zeros(2))
    with pytest.raises(ValueError, match="refused, it asks for torch._utils._rebuild_tensor_v2"):
        pickles.load(path)


@pytest.mark.parametrize(
    "value, message",
    [
        (View(np.zeros(4), 0, (3, 2), (2, 1)), "reaches element 5 of storage 0, which has 4"),
        (View(np.zeros(4), 5, (1,), (1,)), "reaches element 5 of storage 0"),
        (View(np.zeros(4), -1, (1,), (1,)), r"a tensor of shape \(1,\)"),
        (View(np.zeros(4), 0, (2,), (-1,)), r"strides \(-1,\)"),
        (View(np.zeros(4), 0, (2, 2), (1,)), r"a tensor of shape \(2, 2\) and strides \(1,\)"),
        (View(np.zeros(4), 0, ("x",), (1,)), "not supported"),
        (Call("torch._utils", "_rebuild_tensor", 5, 0, (1,), (1,)), "without a storage"),
    ],
)
def test_tensors_cannot_leave_their_storage(value, message, container, path):
    torch_writer.save(path, [value], container)
    with pytest.raises(ValueError, match=f"net.pkl: not a readable torch file .*{message}"):
        pickles.load_torch(path)


def test_a_tensor_cannot_be_changed_afterwards(path):
    torch_writer.save(path, [View(np.zeros(4), 0, (1,), (1,))])
    with zipfile.ZipFile(path) as archive:
        content = archive.read("archive/data.pkl")
        storage = archive.read("archive/data/0")
    assert content.endswith(b"a.")
    state = b"}X\x07\x00\x00\x00_offsetM\xe8\x03sb"  # its state: {"_offset": 1000}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", content[:-2] + state + content[-2:])
        archive.writestr("archive/data/0", storage)
    with pytest.raises(ValueError, match="it sets the state of a tensor"):
        pickles.load_torch(path)


def test_big_endian_files_are_refused(container, path):
    torch_writer.save(path, {"a": np.zeros(2)}, container, byteorder="big")
    with pytest.raises(ValueError, match="net.pkl: not a readable torch file .byte order is.*big"):
        pickles.load_torch(path)


def test_storages_of_another_length_are_refused(path):
    torch_writer.save(path, {"a": np.zeros(2)})
    with zipfile.ZipFile(path) as archive:
        content = archive.read("archive/data.pkl")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/data/0", bytes(8))
    with pytest.raises(ValueError, match="storage 0 has 8 bytes, 2 elements"):
        pickles.load_torch(path)


def test_compressed_entries_are_refused(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(range(256)))
    with pytest.raises(ValueError, match="archive/data.pkl is compressed"):
        pickles.load_torch(path)


def test_truncated_and_foreign_files_are_named(container, path, tmp_path):
    whole = (GOLDEN / f"ckpt_{container}.pkl").read_bytes()
    lengths = [*range(0, len(whole), 37), len(whole) - 1]
    for length in lengths:
        path.write_bytes(whole[:length])  # refused where a name is cut
        with pytest.raises(ValueError, match="net.pkl: (not a readable torch file|refused)"):
            pickles.load_torch(path)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "no torch file")
    others = [b"", b"garbage", bytes(100), pickle.dumps({"a": 1}), b"\xff\xd8JFIF"]
    for content in (*others, (tmp_path / "other.zip").read_bytes()):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="net.pkl: not a readable torch file"):
            pickles.load_torch(path)
    with pytest.raises(FileNotFoundError):
        pickles.load_torch(tmp_path / "none.pkl")


def test_damaged_files_are_read_or_refused(container, path):
    random = np.random.RandomState(0)
    whole = (GOLDEN / f"ckpt_{container}.pkl").read_bytes()
    for _ in range(400):
        content = bytearray(whole)
        for _ in range(random.randint(1, 6)):
            content[random.randint(len(content))] = random.randint(256)
        path.write_bytes(bytes(content))
        with contextlib.suppress(ValueError):
            pickles.load_torch(path)
