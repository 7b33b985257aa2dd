import gzip
import struct

import numpy as np
import pytest

from tests.sources import small_folders
from tests.sources.small_folders import random_bytes, write_idx, write_pickle
from tf_facegan.records.reader import RecordSet
from tf_facegan.sources.small_sets import (
    create_cifar10,
    create_cifar100,
    create_mnist,
    create_mnistrgb,
    create_svhn,
)

ORDER = [1, 3, 4, 0, 2]  # the published order of five


@pytest.fixture
def mnist(tmp_path):
    return small_folders.mnist(tmp_path / "mnist")


@pytest.fixture
def cifar10(tmp_path):
    return small_folders.cifar10(tmp_path / "cifar10")


@pytest.fixture
def cifar100(tmp_path):
    return small_folders.cifar100(tmp_path / "cifar100")


@pytest.fixture
def svhn(tmp_path):
    return small_folders.svhn(tmp_path / "svhn")


def check(path, images, numbers, names):
    found = RecordSet(path)
    np.testing.assert_array_equal(found.read(range(5)), images[ORDER])
    labels = np.zeros((5, len(names)), np.float32)
    labels[range(5), np.asarray(numbers)[ORDER]] = 1
    assert found.labels.dtype == np.float32
    np.testing.assert_array_equal(found.labels, labels)
    assert found.info.labels == {"size": len(names), "kind": "class", "names": names}


DIGITS = [str(number) for number in range(10)]


def test_mnist(tmp_path, mnist, caplog):
    create_mnist(tmp_path / "set", mnist, workers=1)
    images = np.pad(random_bytes(5, 1, 28, 28), [(0, 0), (0, 0), (2, 2), (2, 2)])
    check(tmp_path / "set", images, [7, 0, 9, 3, 3], DIGITS)
    assert "train-labels-idx1-ubyte.gz: 5 images, the published set has 60000" in caplog.text


def test_mnistrgb(tmp_path, mnist):
    info = create_mnistrgb(tmp_path / "set", mnist, num_images=40, random_seed=5, workers=1)
    assert (info.labels, info.shape, info.count) == (None, [3, 32, 32], 40)
    digits = np.pad(random_bytes(5, 28, 28), [(0, 0), (2, 2), (2, 2)])
    random = np.random.RandomState(5)
    expected = [digits[random.randint(5, size=3)] for _ in range(40)]
    np.testing.assert_array_equal(RecordSet(tmp_path / "set").read(range(40)), expected)


def test_workers_make_the_same_set(tmp_path, mnist):
    written = []
    for workers in (1, 3):
        path = tmp_path / str(workers) / "set"
        path.parent.mkdir()
        create_mnistrgb(path, mnist, num_images=200, workers=workers)
        written.append({file.name: file.read_bytes() for file in path.iterdir()})
    assert written[0] == written[1]


def test_cifar10(tmp_path, cifar10, caplog):
    create_cifar10(tmp_path / "set", cifar10, workers=1)
    images = random_bytes(5, 3072).reshape(5, 3, 32, 32)
    check(tmp_path / "set", images, [0, 2, 4, 6, 8], DIGITS)
    assert "data_batch_1: 5 images, the published set has 50000" in caplog.text


def test_cifar10_with_names(tmp_path, cifar10):
    names = "airplane automobile bird cat deer dog frog horse ship truck".split()
    write_pickle(cifar10 / "batches.meta", {"num_cases_per_batch": 1, "label_names": names})
    info = create_cifar10(tmp_path / "set", cifar10, workers=1)
    assert info.labels["names"] == names


def test_cifar100(tmp_path, cifar100):
    create_cifar100(tmp_path / "set", cifar100, workers=1)
    images = random_bytes(5, 3072).reshape(5, 3, 32, 32)
    names = [f"class {number}" for number in range(100)]
    check(tmp_path / "set", images, [7, 0, 99, 3, 3], names)


def test_svhn(tmp_path, svhn):
    create_svhn(tmp_path / "set", svhn, workers=1)
    check(tmp_path / "set", random_bytes(5, 3, 32, 32), [7, 0, 9, 3, 3], DIGITS)


@pytest.mark.parametrize(
    ("create", "folder", "file"),
    [
        (create_mnist, "mnist", "train-images-idx3-ubyte.gz"),
        (create_mnist, "mnist", "train-labels-idx1-ubyte.gz"),
        (create_mnistrgb, "mnist", "train-images-idx3-ubyte.gz"),
        (create_cifar10, "cifar10", "data_batch_5"),
        (create_cifar100, "cifar100", "train"),
        (create_svhn, "svhn", "train_3.pkl"),
    ],
)
def test_missing_and_damaged_files(tmp_path, request, create, folder, file):
    path = request.getfixturevalue(folder) / file
    content = path.read_bytes()
    for damaged in (b"", b"x" * 100, content[:-50]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=f"{file}: not a"):
            create(tmp_path / "set", path.parent, workers=1)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=f"{folder}/{file}: missing"):
        create(tmp_path / "set", path.parent, workers=1)
    assert not (tmp_path / "set").exists()


def test_pickles_with_code_are_refused(tmp_path, svhn):
    (svhn / "train_2.pkl").write_bytes(b"cos\nsystem\n(Vfalse\ntR.")
    with pytest.raises(ValueError, match=r"train_2\.pkl: refused, it asks for os\.system"):
        create_svhn(tmp_path / "set", svhn, workers=1)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("images-idx3", np.zeros((5, 20, 20), np.uint8), r"images of \[20, 20\], \[28, 28\] exp"),
        ("images-idx3", np.zeros(5, np.uint8), "not an IDX file of bytes with 3 dimensions"),
        ("images-idx3", np.zeros((0, 28, 28), np.uint8), "holds 0 values, its header says"),
        ("labels-idx1", np.zeros((5, 1), np.uint8), "not an IDX file of bytes with 1 dimensions"),
        ("labels-idx1", np.zeros(4, np.uint8), "4 labels for 5 images"),
        ("labels-idx1", np.full(5, 11, np.uint8), "labels are 11 to 11, 0 to 9 expected"),
    ],
)
def test_other_content_of_mnist(tmp_path, mnist, name, array, message):
    write_idx(mnist / f"train-{name}-ubyte.gz", array)
    with pytest.raises(ValueError, match=rf"train-{name}-ubyte\.gz: {message}"):
        create_mnist(tmp_path / "set", mnist, workers=1)


def test_a_header_that_lies(tmp_path, mnist):
    content = bytes([0, 0, 8, 3]) + struct.pack(">3I", 5, 28, 28) + bytes(100)
    (mnist / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(content))
    with pytest.raises(ValueError, match=r"holds 100 values, its header says \[5, 28, 28\]"):
        create_mnist(tmp_path / "set", mnist, workers=1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1], "a dictionary with 'data' and 'labels' expected"),
        ({"data": random_bytes(1, 3072)}, "a dictionary with 'data' and 'labels' expected"),
        ({"data": random_bytes(1, 3000), "labels": [1]}, r"images are uint8 \[1, 3000\], uint8"),
        ({"data": np.zeros((1, 3072)), "labels": [1]}, r"images are float64 \[1, 3072\], uint8"),
        ({"data": random_bytes(1, 3072), "labels": [1, 2]}, r"labels are int64 \[2\], 1 class"),
        ({"data": random_bytes(1, 3072), "labels": [0.5]}, r"labels are float64 \[1\], 1 class"),
    ],
)
def test_other_content_of_cifar(tmp_path, cifar10, content, message):
    write_pickle(cifar10 / "data_batch_3", content)
    with pytest.raises(ValueError, match=f"data_batch_3: {message}"):
        create_cifar10(tmp_path / "set", cifar10, workers=1)


def test_other_class_names(tmp_path, cifar100):
    write_pickle(cifar100 / "meta", {"fine_label_names": ["one"]})
    with pytest.raises(ValueError, match="meta: a dictionary with a list of 100 'fine_label_name"):
        create_cifar100(tmp_path / "set", cifar100, workers=1)


def test_other_content_of_svhn(tmp_path, svhn):
    write_pickle(svhn / "train_3.pkl", {"X": 1})
    with pytest.raises(ValueError, match=r"train_3\.pkl: a pair of images and labels expected"):
        create_svhn(tmp_path / "set", svhn, workers=1)


def test_images_of_another_layout_are_not_scrambled(tmp_path, svhn):
    images = np.zeros((4, 32, 32, 3), np.uint8)
    write_pickle(svhn / "train_2.pkl", (images, np.arange(4)))
    with pytest.raises(ValueError, match=r"train_2\.pkl: images are uint8 \[4, 32, 32, 3\], uint8"):
        create_svhn(tmp_path / "set", svhn, workers=1)


def test_a_seed_that_cannot_be(tmp_path, mnist):
    with pytest.raises(ValueError, match="--random_seed is -1, 0 to "):
        create_mnistrgb(tmp_path / "set", mnist, num_images=2, random_seed=-1)


def test_a_number_of_images_that_cannot_be(tmp_path, mnist):
    with pytest.raises(ValueError, match="--num_images is 0, a positive number expected"):
        create_mnistrgb(tmp_path / "set", mnist, num_images=0)
