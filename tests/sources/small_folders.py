"""Tiny copies of MNIST, CIFAR and SVHN in their published layouts: five images each."""

import gzip
import io
import pickle
import struct

import numpy as np


def random_bytes(*shape):
    return np.random.RandomState(shape[0]).randint(0, 256, shape).astype(np.uint8)


class Python2Pickler(pickle._Pickler):
    """Writes text and bytes as Python 2 did: without saying which."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_python2_string(self, value):
        content = value.encode("latin1") if isinstance(value, str) else value
        self.write(pickle.BINSTRING + struct.pack("<i", len(content)) + content)
        self.memoize(value)

    dispatch[str] = dispatch[bytes] = save_python2_string


def write_pickle(path, value):
    file = io.BytesIO()
    Python2Pickler(file, 2).dump(value)
    path.write_bytes(file.getvalue())


def write_idx(path, array):
    sides = struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(bytes([0, 0, 8, array.ndim]) + sides + array.tobytes()))


def mnist(folder):
    """Writes digits of the classes 7, 0, 9, 3, 3; returns the folder."""
    folder.mkdir()
    write_idx(folder / "train-images-idx3-ubyte.gz", random_bytes(5, 28, 28))
    write_idx(folder / "train-labels-idx1-ubyte.gz", np.uint8([7, 0, 9, 3, 3]))
    return folder


def cifar10(folder):
    """Writes images of the classes 0, 2, 4, 6, 8; returns the folder."""
    folder.mkdir()
    for number in range(5):
        content = {
            "batch_label": f"training batch {number + 1} of 5",
            "data": random_bytes(5, 3072)[number : number + 1],
            "labels": [number * 2],
            "filenames": ["a.png"],
        }
        write_pickle(folder / f"data_batch_{number + 1}", content)
    return folder


def cifar100(folder):
    """Writes images of the classes 7, 0, 99, 3, 3; returns the folder."""
    folder.mkdir()
    content = {"data": random_bytes(5, 3072), "fine_labels": [7, 0, 99, 3, 3], "coarse_labels": [1]}
    write_pickle(folder / "train", content)
    write_pickle(folder / "meta", {"fine_label_names": [f"class {n}" for n in range(100)]})
    return folder


def svhn(folder):
    """Writes digits of the classes 7, 0, 9, 3, 3; returns the folder."""
    folder.mkdir()
    images, numbers = random_bytes(5, 3, 32, 32), np.uint8([7, 0, 9, 3, 3])
    for number, part in enumerate((slice(0, 2), slice(2, 4), slice(4, 5)), 1):
        write_pickle(folder / f"train_{number}.pkl", [images[part], numbers[part]])
    return folder
