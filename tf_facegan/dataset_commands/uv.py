"""Sub-commands of `dataset_tool.py`: UV maps and sets of them."""

from __future__ import annotations

import argparse

from tf_facegan.dataset_commands.arguments import (
    LABELS,
    NEW_FOLDER,
    NEW_SET,
    OVERWRITE,
    SHUFFLE,
    WORKERS,
    WRITE_OPTIONS,
    Argument,
    Command,
    label_options,
)


def create_sample_scans(args: argparse.Namespace) -> None:
    from tf_facegan.uv.samples import create_sample_scans

    create_sample_scans(
        args.out_dir,
        count=args.count,
        seed=args.seed,
        workers=args.workers,
        overwrite=args.overwrite,
    )


def create_uv_maps(args: argparse.Namespace) -> None:
    from tf_facegan.uv.build import create_uv_maps

    create_uv_maps(
        args.out_dir,
        args.mesh_dir,
        resolution=args.resolution,
        workers=args.workers,
        overwrite=args.overwrite,
    )


def create_uv_set(args: argparse.Namespace) -> None:
    from tf_facegan.sources import uv_maps

    folders = {
        name: getattr(args, f"{name}_dir")
        for name in ("texture", "shape", "normals")
        if hasattr(args, f"{name}_dir")
    }
    uv_maps.create_set(args.tfrecord_dir, folders, **label_options(args))


TEXTURES = Argument("texture_dir", "folder of 8-bit RGB .png files")
SHAPES = Argument("shape_dir", "folder of .pkl or .npy arrays [3, S, S] in [-1, 1]")
NORMALS = Argument("normals_dir", "folder of .pkl or .npy arrays [3, S, S] in [-1, 1]")

COMMANDS = (
    Command(
        "create_sample_scans",
        "Makes textured meshes to start from: smooth variations of the scan that menpo3d ships, "
        "with expression labels beside them.",
        (
            "data/scans --count 64",
            "data/more --count 500 --seed 1 --workers 4",
        ),
        (
            NEW_FOLDER,
            Argument("--count", "meshes to make", default=64, options={"type": int}),
            Argument("--seed", "of the variations", default=0, options={"type": int}),
            WORKERS,
            OVERWRITE,
        ),
        create_sample_scans,
    ),
    Command(
        "create_uv_maps",
        "Turns meshes (OBJ, PLY, whatever menpo3d reads) into aligned texture, shape and normal "
        "UV maps.",
        (
            "data/uv data/scans --resolution 512",
            "data/uv_small data/scans --resolution 64 --overwrite",
        ),
        (
            NEW_FOLDER,
            Argument("mesh_dir", "folder of meshes; landmark files beside a mesh align it"),
            Argument(
                "--resolution",
                "side of the maps in pixels, a power of two",
                default=512,
                options={"type": int},
            ),
            WORKERS,
            OVERWRITE,
        ),
        create_uv_maps,
    ),
    Command(
        "create_from_pkl",
        "Builds a set of 3 channels from shape arrays.",
        (
            "datasets/shapes data/uv/shape",
            "datasets/shapes data/uv/shape --labels data/scans/labels.csv --shuffle 0",
        ),
        (NEW_SET, SHAPES, SHUFFLE, *LABELS, *WRITE_OPTIONS),
        create_uv_set,
    ),
    Command(
        "create_from_pkl_img",
        "Builds a set of 6 channels from texture images and shape arrays, matched by file name.",
        (
            "datasets/faces data/uv/texture data/uv/shape",
            "datasets/faces data/uv/texture data/uv/shape --labels data/openface "
            "--label_kind intensity",
        ),
        (NEW_SET, TEXTURES, SHAPES, SHUFFLE, *LABELS, *WRITE_OPTIONS),
        create_uv_set,
    ),
    Command(
        "create_from_pkl_img_norm",
        "Builds a set of 9 channels from texture images and shape and normal arrays, matched by "
        "file name.",
        (
            "datasets/faces data/uv/texture data/uv/shape data/uv/normals --labels "
            "data/scans/labels.csv",
            "datasets/faces data/uv/texture data/uv/shape data/uv/normals --max_images "
            "1000 --shards 4",
        ),
        (NEW_SET, TEXTURES, SHAPES, NORMALS, SHUFFLE, *LABELS, *WRITE_OPTIONS),
        create_uv_set,
    ),
)
