"""MNIST, CIFAR and SVHN as PGGAN's dataset tool makes them: 32x32 pixels, one-hot labels."""

from __future__ import annotations

import functools
import gzip
import math
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import logging

from tf_facegan import pickles
from tf_facegan.records import writer
from tf_facegan.sources import pictures

if TYPE_CHECKING:
    from tf_facegan.records import schema


SIZE = 32
_DIGIT_SIZE = 28
_LARGEST_FILE = 256 << 20  # of MNIST it is 45 MB
_MNIST_IMAGES = "train-images-idx3-ubyte.gz"
_MNIST_LABELS = "train-labels-idx1-ubyte.gz"
_DIGITS = [str(digit) for digit in range(10)]


def create_mnist(path: str | Path, mnist_dir: str | Path, **options: Any) -> schema.SetInfo:
    """Builds a set of the digits of MNIST (LeCun et al. 1998), in the published shuffled order.

    Args:
      path: folder to make.
      mnist_dir: folder with the gzipped images and labels of the training set.
      **options: as in `writer.write_set`: workers, overwrite, max_images, shards, on_error.

    Returns:
      schema.SetInfo: uint8 [1, 32, 32], the digits with two black pixels around them.

    Raises:
      FileNotFoundError, ValueError: a file is missing or holds something else; names it.
    """
    digits = _pad(_read_digits(mnist_dir))[:, np.newaxis]
    file = _existing(mnist_dir, _MNIST_LABELS)
    numbers = _read_idx(file, 1)
    return _write(path, file, digits, numbers, _DIGITS, 60000, options)


def create_mnistrgb(
    path: str | Path,
    mnist_dir: str | Path,
    num_images: int = 1000000,
    random_seed: int = 123,
    **options: Any,
) -> schema.SetInfo:
    """Builds a set of three random digits as the channels of a picture, without labels.

    Args:
      path: folder to make.
      mnist_dir: folder with the gzipped images of the training set.
      num_images: int, pictures to make.
      random_seed: int, of the choice of digits.
      **options: as in `create_mnist`.

    Returns:
      schema.SetInfo: uint8 [3, 32, 32].

    Raises:
      As `create_mnist`.
    """
    if num_images < 1:
        raise ValueError(f"--num_images is {num_images}, a positive number expected")
    if not 0 <= random_seed < 2**32:
        raise ValueError(f"--random_seed is {random_seed}, 0 to 2**32 - 1 expected")
    digits = _read_digits(mnist_dir)
    _check_count(_existing(mnist_dir, _MNIST_IMAGES), len(digits), 60000)
    # One call draws what the published loop draws with a call for every image.
    chosen = np.random.RandomState(random_seed).randint(len(digits), size=(num_images, 3))
    return writer.write_set(
        path,
        chosen,
        functools.partial(_superposed, digits),
        modalities=[["image", 3]],
        value_range=pictures.VALUE_RANGE,
        **options,
    )


def create_cifar10(path: str | Path, cifar10_dir: str | Path, **options: Any) -> schema.SetInfo:
    """Builds a set of the training images of CIFAR-10 (Krizhevsky 2009, the Python version).

    Args:
      path: folder to make.
      cifar10_dir: folder with `data_batch_1` to `data_batch_5`; the names of the classes are taken
        from `batches.meta` if it is there.
      **options: as in `create_mnist`.

    Returns:
      schema.SetInfo: uint8 [3, 32, 32], shuffled.

    Raises:
      As `create_mnist`.
    """
    files = [_existing(cifar10_dir, f"data_batch_{number}") for number in range(1, 6)]
    names = _class_names(cifar10_dir, "batches.meta", "label_names", 10)
    return _create_cifar(path, files, "labels", names, options)


def create_cifar100(path: str | Path, cifar100_dir: str | Path, **options: Any) -> schema.SetInfo:
    """Builds a set of the training images of CIFAR-100 with its 100 fine labels.

    Args:
      path: folder to make.
      cifar100_dir: folder with `train`, and with `meta` for the names of the classes.
      **options: as in `create_mnist`.

    Returns:
      schema.SetInfo: uint8 [3, 32, 32], shuffled.

    Raises:
      As `create_mnist`.
    """
    files = [_existing(cifar100_dir, "train")]
    names = _class_names(cifar100_dir, "meta", "fine_label_names", 100)
    return _create_cifar(path, files, "fine_labels", names, options)


def create_svhn(path: str | Path, svhn_dir: str | Path, **options: Any) -> schema.SetInfo:
    """Builds a set of the training digits of SVHN (Netzer et al. 2011).

    Args:
      path: folder to make.
      svhn_dir: folder with `train_1.pkl` to `train_3.pkl`, each a pair of uint8 arrays: images
        [N, 3, 32, 32] and numbers [N], 0 to 9.
      **options: as in `create_mnist`.

    Returns:
      schema.SetInfo: uint8 [3, 32, 32], shuffled.

    Raises:
      As `create_mnist`.
    """
    files = [_existing(svhn_dir, f"train_{number}.pkl") for number in range(1, 4)]
    parts = []
    for file in files:
        content = pickles.load(file)
        if not isinstance(content, (list, tuple)) or len(content) < 2:
            raise ValueError(f"{file}: a pair of images and labels expected")
        parts.append(_checked(file, *content[:2]))
    return _write(path, files[0], *_joined(parts), _DIGITS, 73257, options)


def _create_cifar(path, files, key, names, options):
    parts = []
    for file in files:
        content = pickles.load(file)
        if not isinstance(content, dict) or not {"data", key} <= set(content):
            raise ValueError(f"{file}: a dictionary with 'data' and '{key}' expected")
        parts.append(_checked(file, content["data"], content[key]))
    return _write(path, files[0], *_joined(parts), names, 50000, options)


def _checked(file, images, numbers):
    """Images [N, 3, 32, 32] and class numbers [N] of one file."""
    images, numbers = np.asarray(images), np.asarray(numbers)
    shape = (3, SIZE, SIZE)
    if images.dtype != np.uint8 or images.shape[1:] not in (shape, (3 * SIZE**2,)):
        raise ValueError(
            f"{file}: images are {images.dtype} {list(images.shape)}, uint8 [N, 3, {SIZE}, {SIZE}] "
            "expected"
        )
    if numbers.dtype.kind not in "iu" or numbers.shape != images.shape[:1]:
        raise ValueError(
            f"{file}: labels are {numbers.dtype} {list(numbers.shape)}, {len(images)} class "
            "numbers expected"
        )
    return images.reshape(-1, *shape), numbers


def _joined(parts):
    images, numbers = zip(*parts)
    return np.concatenate(images), np.concatenate(numbers)


def _class_names(folder, file, key, count):
    """The names of the classes, or their numbers where the file with the names is missing."""
    path = Path(folder) / file
    if not path.is_file():
        return [str(number) for number in range(count)]
    content = pickles.load(path)
    names = content.get(key) if isinstance(content, dict) else None
    if not isinstance(names, list) or len(names) != count:
        raise ValueError(f"{path}: a dictionary with a list of {count} '{key}' expected")
    return [str(name) for name in names]


def _write(path, file, images, numbers, names, published, options):
    """Writes images [N, C, 32, 32] with one-hot labels; `file` names the source in messages."""
    if len(numbers) != len(images):
        raise ValueError(f"{file}: {len(numbers)} labels for {len(images)} images")
    if numbers.min() < 0 or numbers.max() >= len(names):
        raise ValueError(
            f"{file}: labels are {numbers.min()} to {numbers.max()}, 0 to {len(names) - 1} expected"
        )
    _check_count(file, len(images), published)
    order = writer.shuffled(len(images))
    return writer.write_set(
        path,
        images[order],
        _itself,
        modalities=[["image", images.shape[1]]],
        value_range=pictures.VALUE_RANGE,
        labels=np.eye(len(names), dtype=np.float32)[numbers[order]],
        label_names=names,
        **options,
    )


def _check_count(file, count, published):
    if count != published:
        logging.warning("%s: %d images, the published set has %d", file, count, published)


def _read_digits(mnist_dir):
    """uint8 [N, 28, 28]."""
    file = _existing(mnist_dir, _MNIST_IMAGES)
    digits = _read_idx(file, 3)
    if digits.shape[1:] != (_DIGIT_SIZE, _DIGIT_SIZE):
        raise ValueError(f"{file}: images of {list(digits.shape[1:])}, [28, 28] expected")
    return digits


def _read_idx(path, rank):
    """Reads an array of bytes from a gzipped IDX file: zeros, type 8, rank, sides, the bytes."""
    try:
        with gzip.open(path) as file:
            content = file.read(_LARGEST_FILE + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: not a readable gzip file ({error})") from None
    if len(content) > _LARGEST_FILE:
        raise ValueError(f"{path}: more than {_LARGEST_FILE >> 20} MB, unpacked")
    header = 4 + 4 * rank
    if content[:4] != bytes([0, 0, 8, rank]) or len(content) < header:
        raise ValueError(f"{path}: not an IDX file of bytes with {rank} dimensions")
    shape = np.frombuffer(content, ">u4", rank, 4)
    values = np.frombuffer(content, np.uint8)[header:]
    if not values.size or values.size != math.prod(shape.tolist()):
        raise ValueError(f"{path}: holds {values.size} values, its header says {shape.tolist()}")
    return values.reshape(shape.tolist())


def _existing(folder, name):
    file = Path(folder) / name
    if not file.is_file():
        raise FileNotFoundError(f"{file}: missing")
    return file


def _pad(digits):
    margin = (SIZE - _DIGIT_SIZE) // 2
    return np.pad(digits, [(0, 0)] * (digits.ndim - 2) + [(margin, margin)] * 2)


def _superposed(digits, numbers):
    return _pad(digits[numbers])


def _itself(image):
    return image
