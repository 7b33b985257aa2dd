import h5py
import numpy as np
import pytest

from tf_facegan.records.reader import RecordSet
from tf_facegan.sources import hdf5

ORDER = [1, 3, 4, 0, 2]  # the published order of five


def random_images(size, channels=3, count=5):
    shape = (count, channels, size, size)
    return np.random.RandomState(size).randint(0, 256, shape).astype(np.uint8)


def write(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array)
    return path


@pytest.fixture
def file(tmp_path):
    levels = {f"data{size}x{size}": random_images(size) for size in (4, 8, 16)}
    return write(tmp_path / "faces-v1.h5", attributes=np.zeros((5, 3)), **levels)


def create(file, **options):
    info = hdf5.create_set(file.parent / "set", file, **{"workers": 1, **options})
    return info, RecordSet(file.parent / "set")


def test_the_largest_images_in_the_published_order(file):
    info, found = create(file)
    assert (info.labels, info.shape, info.dtype) == (None, [3, 16, 16], "uint8")
    np.testing.assert_array_equal(found.read(range(5)), random_images(16)[ORDER])
    _, found = create(file, shuffle=False, overwrite=True)
    np.testing.assert_array_equal(found.read(range(5)), random_images(16))


def test_grey_images(tmp_path):
    file = write(tmp_path / "faces.h5", data=random_images(8, 1))
    info, found = create(file)
    assert info.modalities == [["image", 1]]
    np.testing.assert_array_equal(found.read(range(5)), random_images(8, 1)[ORDER])


def test_labels_beside_the_file(file):
    labels = np.arange(10.0).reshape(5, 2)
    np.save(file.parent / "faces-v1-labels.npy", labels)
    _, found = create(file)
    assert found.labels.dtype == np.float32
    np.testing.assert_array_equal(found.labels, labels[ORDER])


def test_workers_make_the_same_set(tmp_path):
    file = write(tmp_path / "faces.h5", data=random_images(16, count=150))
    written = []
    for workers in (1, 3):
        path = tmp_path / str(workers) / "set"
        path.parent.mkdir()
        hdf5.create_set(path, file, workers=workers)
        written.append({entry.name: entry.read_bytes() for entry in path.iterdir()})
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((4, 2)), r"float64 \[4, 2\], numbers \[5, L\] expected"),
        (np.zeros(5), r"float64 \[5\], numbers \[5, L\] expected"),
        (np.full((5, 1), np.nan), "holds NaN or infinite values"),
        (np.array([["a"]] * 5), r"<U1 \[5, 1\], numbers \[5, L\] expected"),
        (np.array([[{}]] * 5), r"not an array file"),
    ],
)
def test_bad_labels(file, labels, message):
    np.save(file.parent / "faces-v1-labels.npy", labels, allow_pickle=True)
    with pytest.raises(ValueError, match=rf"faces-v1-labels\.npy: {message}"):
        create(file)


@pytest.mark.parametrize(
    ("arrays", "found"),
    [
        ({"images": random_images(8)}, r"images uint8 \[5, 3, 8, 8\]"),
        ({"data": random_images(8).transpose(0, 2, 3, 1)}, r"data uint8 \[5, 8, 8, 3\]"),
        ({"data": random_images(8).astype(np.float32)}, r"data float32 \[5, 3, 8, 8\]"),
        ({"data": random_images(8, count=0)}, r"data uint8 \[0, 3, 8, 8\]"),
        ({"data": random_images(8)[0]}, r"data uint8 \[3, 8, 8\]"),
        ({}, "nothing"),
    ],
)
def test_files_of_another_shape(tmp_path, arrays, found):
    file = write(tmp_path / "faces.h5", **arrays)
    message = rf"faces\.h5: no arrays data\*, uint8 \[N, 1 or 3, S, S\], but {found}"
    with pytest.raises(ValueError, match=message):
        create(file)


def test_groups_are_no_arrays(tmp_path):
    with h5py.File(tmp_path / "faces.h5", "w") as file:
        file.create_group("data")
    with pytest.raises(ValueError, match=r"but data \(a group\)"):
        create(tmp_path / "faces.h5")


def test_sizes_that_are_no_power_of_two(tmp_path):
    file = write(tmp_path / "faces.h5", data=random_images(12))
    with pytest.raises(ValueError, match=r"faces\.h5: data\[1\]: the size is 12x12; a multi-res"):
        create(file)


def test_no_hdf5_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"faces\.h5: no such HDF5 file"):
        create(tmp_path / "faces.h5")
    (tmp_path / "faces.h5").write_bytes(b"x" * 1000)
    with pytest.raises(ValueError, match=r"faces\.h5: not a readable HDF5 file"):
        create(tmp_path / "faces.h5")


def test_a_truncated_file(file):
    content = file.read_bytes()
    file.write_bytes(content[:-1000])
    with pytest.raises(ValueError, match=r"faces-v1\.h5: not a readable HDF5 file"):
        create(file)
