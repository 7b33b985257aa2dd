"""Sub-commands of `dataset_tool.py`: looking at sets."""

from __future__ import annotations

import argparse

from tf_facegan.dataset_commands.arguments import (
    NEW_FOLDER,
    Argument,
    Command,
)


def display(args: argparse.Namespace) -> None:
    from tf_facegan.records import inspection

    inspection.display(args.tfrecord_dir, args.out, args.count, args.level)


def extract(args: argparse.Namespace) -> None:
    from tf_facegan.records import inspection

    inspection.extract(args.tfrecord_dir, args.out_dir)


def compare(args: argparse.Namespace) -> None:
    from tf_facegan.records import inspection

    inspection.compare(args.tfrecord_dir_a, args.tfrecord_dir_b, bool(args.ignore_labels))


def check(args: argparse.Namespace) -> int:
    from tf_facegan.records.check import check

    return 0 if check(args.tfrecord_dir) else 1


SET = Argument("tfrecord_dir", "folder of the set")

COMMANDS = (
    Command(
        "display",
        "Shows a set as contact sheets (SPACE or ENTER: next, ESC: end) and prints index and "
        "label of each example.",
        (
            "datasets/faces --out sheet.png",
            "datasets/faces --count 64 --level 64 --out sheet.png",
        ),
        (
            SET,
            Argument("--out", "write the first sheet to this .png file", shown="on screen"),
            Argument("--count", "examples on a sheet", default=16, options={"type": int}),
            Argument(
                "--level", "side of the level to show", shown="the largest", options={"type": int}
            ),
        ),
        display,
    ),
    Command(
        "extract",
        "Writes every example as PNG files: img%08d.png, and _shp and _nor for shape and normals.",
        (
            "datasets/faces faces_png",
            "datasets/toy/test toy_png",
        ),
        (SET, NEW_FOLDER),
        extract,
    ),
    Command(
        "compare",
        "Compares two sets record by record.",
        (
            "datasets/faces datasets/faces_again",
            "datasets/faces datasets/unlabelled --ignore_labels 1",
        ),
        (
            Argument("tfrecord_dir_a", "folder of a set"),
            Argument("tfrecord_dir_b", "folder of another set"),
            Argument(
                "--ignore_labels",
                "1: compare the images only",
                default=0,
                options={"type": int, "choices": (0, 1)},
            ),
        ),
        compare,
    ),
    Command(
        "check",
        "Checks a set, or the sets in a folder: damage, duplicates (within and across train and "
        "test), empty classes, wrong values; prints statistics.",
        (
            "datasets/raf",
            "datasets/toy/train",
        ),
        (Argument("tfrecord_dir", "folder of a set, or folder with sets in or below it"),),
        check,
    ),
)
