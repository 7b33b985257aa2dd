"""Sub-commands of `dataset_tool.py`: folders of images, and the small sets of PGGAN."""

from __future__ import annotations

import argparse

from tf_facegan.dataset_commands.arguments import (
    CROP_OPTIONS,
    LABELS,
    NEW_SET,
    SHUFFLE,
    WRITE_OPTIONS,
    Argument,
    Command,
    crop_options,
    label_options,
    write_options,
)


def create_from_images(args: argparse.Namespace) -> None:
    from tf_facegan.sources import image_folder

    image_folder.create_set(
        args.tfrecord_dir,
        args.image_dir,
        resolution=args.resolution,
        kind=args.kind,
        **crop_options(args),
        **label_options(args),
    )


def create_from_hdf5(args: argparse.Namespace) -> None:
    from tf_facegan.sources import hdf5

    hdf5.create_set(
        args.tfrecord_dir, args.hdf5_filename, shuffle=bool(args.shuffle), **write_options(args)
    )


def create_mnist(args: argparse.Namespace) -> None:
    from tf_facegan.sources import small_sets

    small_sets.create_mnist(args.tfrecord_dir, args.mnist_dir, **write_options(args))


def create_mnistrgb(args: argparse.Namespace) -> None:
    from tf_facegan.sources import small_sets

    small_sets.create_mnistrgb(
        args.tfrecord_dir,
        args.mnist_dir,
        num_images=args.num_images,
        random_seed=args.random_seed,
        **write_options(args),
    )


def create_cifar10(args: argparse.Namespace) -> None:
    from tf_facegan.sources import small_sets

    small_sets.create_cifar10(args.tfrecord_dir, args.cifar10_dir, **write_options(args))


def create_cifar100(args: argparse.Namespace) -> None:
    from tf_facegan.sources import small_sets

    small_sets.create_cifar100(args.tfrecord_dir, args.cifar100_dir, **write_options(args))


def create_svhn(args: argparse.Namespace) -> None:
    from tf_facegan.sources import small_sets

    small_sets.create_svhn(args.tfrecord_dir, args.svhn_dir, **write_options(args))


def create_lsun(args: argparse.Namespace) -> None:
    from tf_facegan.sources import lsun

    lsun.create_set(
        args.tfrecord_dir, args.lmdb_dir, resolution=args.resolution, **write_options(args)
    )


def create_celeba(args: argparse.Namespace) -> None:
    from tf_facegan.sources import celeba

    celeba.create_set(
        args.tfrecord_dir, args.celeba_dir, cx=args.cx, cy=args.cy, **write_options(args)
    )


def create_celebahq(args: argparse.Namespace) -> None:
    raise ValueError(
        "create_celebahq is left out: its published reconstruction works only with versions of "
        "image libraries that no longer exist; give a copy of CelebA-HQ to create_from_images"
    )


MNIST = Argument("mnist_dir", "folder with the gzipped files of the training set")

COMMANDS = (
    Command(
        "create_from_images",
        "Builds a set from a folder of images, grey or RGB as the first one.",
        (
            "datasets/photos data/photos --crop center --resolution 256",
            "datasets/faces data/photos --crop face --resolution 128 --preview crops.png",
        ),
        (
            NEW_SET,
            Argument("image_dir", "folder of 8-bit images without transparency; see --kind"),
            *CROP_OPTIONS,
            Argument(
                "--resolution",
                "side in pixels to resize square images or cut faces to (--crop face needs it)",
                shown="as they are",
                options={"type": int},
            ),
            Argument(
                "--kind",
                "multi-resolution: square images whose side is a power of two, for progressive "
                "training; single-size: any size, the same for all",
                default="multi-resolution",
                options={"choices": ("multi-resolution", "single-size")},
            ),
            SHUFFLE,
            *LABELS,
            *WRITE_OPTIONS,
        ),
        create_from_images,
    ),
    Command(
        "create_from_hdf5",
        "Builds a set of the largest images in an HDF5 file of PGGAN's first version.",
        (
            "datasets/celebahq data/celebahq.h5",
            "datasets/celebahq data/celebahq.h5 --shuffle 0 --max_images 1000",
        ),
        (
            NEW_SET,
            Argument(
                "hdf5_filename",
                "file with arrays data*, uint8 [N, C, S, S]; <name>-labels.npy beside it is used",
            ),
            SHUFFLE,
            *WRITE_OPTIONS,
        ),
        create_from_hdf5,
    ),
    Command(
        "create_mnist",
        "Builds a set of MNIST: 32x32 pixels, grey, with labels.",
        (
            "datasets/mnist data/mnist",
            "datasets/mnist data/mnist --max_images 10000 --overwrite",
        ),
        (NEW_SET, MNIST, *WRITE_OPTIONS),
        create_mnist,
    ),
    Command(
        "create_mnistrgb",
        "Builds a set of pictures whose channels are three random digits of MNIST.",
        (
            "datasets/mnistrgb data/mnist --num_images 100000",
            "datasets/mnistrgb data/mnist --num_images 1000 --random_seed 1",
        ),
        (
            NEW_SET,
            MNIST,
            Argument("--num_images", "pictures to make", default=1000000, options={"type": int}),
            Argument(
                "--random_seed", "of the choice of digits", default=123, options={"type": int}
            ),
            *WRITE_OPTIONS,
        ),
        create_mnistrgb,
    ),
    Command(
        "create_cifar10",
        "Builds a set of the training images of CIFAR-10, with labels.",
        (
            "datasets/cifar10 data/cifar-10-batches-py",
            "datasets/cifar10 data/cifar-10-batches-py --max_images 10000",
        ),
        (
            NEW_SET,
            Argument("cifar10_dir", "folder with data_batch_1 to data_batch_5 (Python version)"),
            *WRITE_OPTIONS,
        ),
        create_cifar10,
    ),
    Command(
        "create_cifar100",
        "Builds a set of the training images of CIFAR-100, with the fine labels.",
        (
            "datasets/cifar100 data/cifar-100-python",
            "datasets/cifar100 data/cifar-100-python --workers 2",
        ),
        (
            NEW_SET,
            Argument("cifar100_dir", "folder with the file train (Python version)"),
            *WRITE_OPTIONS,
        ),
        create_cifar100,
    ),
    Command(
        "create_svhn",
        "Builds a set of the training digits of SVHN, with labels.",
        (
            "datasets/svhn data/svhn",
            "datasets/svhn data/svhn --shards 4",
        ),
        (
            NEW_SET,
            Argument("svhn_dir", "folder with train_1.pkl to train_3.pkl, pairs of arrays"),
            *WRITE_OPTIONS,
        ),
        create_svhn,
    ),
    Command(
        "create_lsun",
        "Builds a set of a category of LSUN: squares out of the middle, in the order of the data "
        "base.",
        (
            "datasets/lsun-bedroom data/bedroom_train_lmdb --max_images 100000",
            "datasets/lsun-cat data/cat_lmdb --resolution 128 --on_error skip",
        ),
        (
            NEW_SET,
            Argument("lmdb_dir", "folder of the LMDB data base (needs the package lmdb)"),
            Argument("--resolution", "side in pixels", default=256, options={"type": int}),
            *WRITE_OPTIONS,
        ),
        create_lsun,
    ),
    Command(
        "create_celeba",
        "Builds a set of 128x128 crops of CelebA's aligned faces.",
        (
            "datasets/celeba data/img_align_celeba_png",
            "datasets/celeba data/img_align_celeba_png --cx 89 --cy 110 --shards 8",
        ),
        (
            NEW_SET,
            Argument("celeba_dir", "folder of .png files of 178x218 pixels"),
            Argument("--cx", "centre of the crop from the left", default=89, options={"type": int}),
            Argument("--cy", "centre of the crop from the top", default=121, options={"type": int}),
            *WRITE_OPTIONS,
        ),
        create_celeba,
    ),
    Command(
        "create_celebahq",
        "Left out: the published reconstruction needs image libraries that no longer exist.",
        (
            "datasets/celebahq data/celeba data/deltas",
            "datasets/celebahq data/celeba data/deltas --num_threads 4 --num_tasks 100",
        ),
        (
            NEW_SET,
            Argument("celeba_dir", "folder of CelebA"),
            Argument("delta_dir", "folder of the deltas"),
            Argument("--num_threads", "without effect", default=4, options={"type": int}),
            Argument("--num_tasks", "without effect", default=100, options={"type": int}),
        ),
        create_celebahq,
    ),
)
