"""Sub-commands of `dataset_tool.py`: faces with action units, expressions or identities."""

from __future__ import annotations

import argparse

from tf_facegan.dataset_commands.arguments import (
    CROP_OPTIONS,
    KIND,
    NEW_FOLDER,
    NEW_SET,
    OVERWRITE,
    WORKERS,
    WRITE_OPTIONS,
    Argument,
    Command,
    crop_options,
    picture_options,
)


def create_from_openface(args: argparse.Namespace) -> None:
    from tf_facegan.sources import openface

    openface.create_set(
        args.tfrecord_dir,
        args.image_dir,
        args.annotations,
        min_confidence=args.min_confidence,
        test_count=args.test_count,
        **crop_options(args),
        **picture_options(args),
    )


def create_raf_db(args: argparse.Namespace) -> None:
    from tf_facegan.sources import raf_db

    raf_db.create_set(args.tfrecord_dir, args.raf_dir, gray=args.gray, **picture_options(args))


def create_ck(args: argparse.Namespace) -> None:
    from tf_facegan.sources import cohn_kanade

    cohn_kanade.create_set(
        args.tfrecord_dir,
        args.ck_dir,
        frames=args.frames,
        peak_frames=args.peak_frames,
        **picture_options(args),
    )


def create_mmi(args: argparse.Namespace) -> None:
    from tf_facegan.sources import mmi

    mmi.create_set(
        args.tfrecord_dir,
        args.mmi_dir,
        rotate=args.rotate,
        every=args.every,
        emotions=args.emotions,
        **picture_options(args),
    )


def create_casia(args: argparse.Namespace) -> None:
    from tf_facegan.sources import casia

    casia.create_set(
        args.tfrecord_dir,
        args.casia_dir,
        gray=args.gray,
        max_identities=args.max_identities,
        **picture_options(args),
    )


def create_from_folds(args: argparse.Namespace) -> None:
    from tf_facegan.sources import folds

    options = {"gray": args.gray, **picture_options(args)}
    if args.classes is not None:
        options["classes"] = args.classes.split(",")
    folds.create_sets(args.tfrecord_dir, args.folds, **options)


def create_toy_faces(args: argparse.Namespace) -> None:
    from tf_facegan.sources.toy_faces import layouts

    layouts.create(
        args.out_dir,
        layout=args.layout,
        count=args.count,
        resolution=args.resolution,
        seed=args.seed,
        identities=args.identities,
        test_share=args.test_share,
        frames=args.frames,
        flat=args.flat,
        variation=args.variation,
        kind=args.kind,
        workers=args.workers,
        overwrite=args.overwrite,
        alone=args.alone,
    )


GRAY = Argument(
    "--gray",
    "convert to grey before resizing, in TDGAN's order; still stored as three channels",
    default=False,
    shown="off",
    options={"action": "store_true"},
)
SETS = Argument("tfrecord_dir", "folder to make, with the sets train and test in it")
CROP_SIDE = Argument(
    "--resolution", "side of the crops in pixels", default=128, options={"type": int}
)
SHORTER_SIDE = Argument(
    "--resolution",
    "length of the shorter side in pixels to resize to (TDGAN: 144)",
    shown="as they are",
    options={"type": int},
)

COMMANDS = (
    Command(
        "create_from_openface",
        "Builds a set of face crops with the intensities of 17 action units (0 to 5), joined by "
        "file name.",
        (
            "datasets/celeba data/images_aligned data/list_attr_celeba.txt",
            "datasets/mine data/photos data/openface --crop face --test_count 100 --on_error skip",
        ),
        (
            NEW_SET,
            Argument(
                "image_dir",
                "folder of square face crops, OpenFace's output folder, or of photos with --crop",
            ),
            Argument(
                "annotations",
                "OpenFace's .csv file or folder of <name>.csv files, a text list with a name and "
                "17 values in a line, or aus_openface.pkl (with train_ids.csv and test_ids.csv)",
            ),
            Argument(
                "--resolution", "side of the stored pictures", default=128, options={"type": int}
            ),
            Argument(
                "--min_confidence",
                "leave out detections of less confidence",
                default=0.88,
                options={"type": float},
            ),
            Argument(
                "--test_count",
                "put so many shuffled examples apart as test set (OUT/train and OUT/test)",
                shown="100 for a text list of more, else 0",
                options={"type": int},
            ),
            KIND,
            *CROP_OPTIONS,
            *WRITE_OPTIONS,
        ),
        create_from_openface,
    ),
    Command(
        "create_raf_db",
        "Builds the training and the test set of RAF-DB's aligned faces with seven expressions.",
        (
            "datasets/raf data/RAF-DB --resolution 144",
            "datasets/raf data/RAF-DB --gray --on_error skip",
        ),
        (
            SETS,
            Argument("raf_dir", "folder with basic/, or with img/ and RAF_example_label.npy"),
            SHORTER_SIDE,
            GRAY,
            KIND,
            *WRITE_OPTIONS,
        ),
        create_raf_db,
    ),
    Command(
        "create_ck",
        "Builds a set of the CK+ sequences: cropped faces, landmarks, boundary drawings, "
        "expressions.",
        (
            "datasets/ck data/CK+ --frames labelled",
            "datasets/ck data/CK+ --resolution 64 --peak_frames 5",
        ),
        (
            NEW_SET,
            Argument("ck_dir", "folder with the pictures, landmarks and emotions in or below it"),
            CROP_SIDE,
            Argument(
                "--frames",
                "labelled: only the first frame and the peak of sequences with an expression",
                default="all",
                options={"choices": ("all", "labelled")},
            ),
            Argument(
                "--peak_frames",
                "frames at the end of a sequence that carry its expression",
                default=3,
                options={"type": int},
            ),
            KIND,
            *WRITE_OPTIONS,
        ),
        create_ck,
    ),
    Command(
        "create_mmi",
        "Builds a set from videos of faces such as MMI's: cropped faces, landmarks, boundary "
        "drawings.",
        (
            "datasets/mmi data/MMI --rotate 270",
            "datasets/clips data/videos --every 5 --emotions data/emotions.csv",
        ),
        (
            NEW_SET,
            Argument("mmi_dir", "folder with videos in or below it, or frames <video>new/img0.png"),
            CROP_SIDE,
            Argument(
                "--rotate",
                "degrees counter-clockwise by which pictures are turned",
                default=0,
                options={"type": int, "choices": (0, 90, 180, 270)},
            ),
            Argument("--every", "take every so many-th frame", default=1, options={"type": int}),
            Argument(
                "--emotions",
                ".csv file with the columns video, expression and peak (number of a frame)",
                shown="frames without expression",
            ),
            KIND,
            *WRITE_OPTIONS,
        ),
        create_mmi,
    ),
    Command(
        "create_casia",
        "Builds a set of faces with identities, such as CASIA-WebFace.",
        (
            "datasets/casia data/CASIA-WebFace --max_identities 20",
            "datasets/casia data/CASIA-WebFace --resolution 64 --gray",
        ),
        (
            NEW_SET,
            Argument(
                "casia_dir",
                "a folder for each identity in it, or img/ and casia_data_example.npz",
            ),
            Argument(
                "--resolution",
                "side in pixels that pictures are stretched to",
                default=128,
                options={"type": int},
            ),
            GRAY,
            Argument(
                "--max_identities", "take the first so many", shown="all", options={"type": int}
            ),
            KIND,
            *WRITE_OPTIONS,
        ),
        create_casia,
    ),
    Command(
        "create_from_folds",
        "Builds fold0/train, fold0/test, … from .npz files with tr_x, tr_y, tt_x, tt_y.",
        (
            "datasets/tfeid data/tfeid_folds --resolution 144",
            "datasets/folds data/fold0.npz --classes "
            "Anger,Disgust,Fear,Happiness,Neutral,Sadness,Surprise",
        ),
        (
            Argument("tfrecord_dir", "folder to make, with a folder for each fold in it"),
            Argument("folds", "an .npz file, or a folder of them, one a fold"),
            SHORTER_SIDE,
            GRAY,
            Argument(
                "--classes",
                "names of the labels 0, 1, …, separated by commas; others than the seven "
                "expressions are left out",
                shown="Surprise,Fear,Disgust,Happiness,Sadness,Anger,Neutral",
            ),
            KIND,
            *WRITE_OPTIONS,
        ),
        create_from_folds,
    ),
    Command(
        "create_toy_faces",
        "Draws faces with known action units, expressions, identities, landmarks and regions: a "
        "set, or the files of a published data set for its own create_ command.",
        (
            "datasets/toy --count 4000",
            "data/toy_ck --layout ck --count 480 --frames 6 --resolution 96",
        ),
        (
            NEW_FOLDER,
            Argument(
                "--layout",
                "records: sets to train with; celeba: GANimation's pictures and list of action "
                "units; raf: RAF-DB; ck: CK+ sequences; casia: a folder for each identity",
                default="records",
                options={"choices": ("records", "celeba", "raf", "ck", "casia")},
            ),
            Argument("--count", "pictures", default=2000, options={"type": int}),
            Argument(
                "--resolution",
                "side in pixels",
                shown="128; raf: 100, ck: 200, casia: 112",
                options={"type": int},
            ),
            Argument("--seed", "all pictures follow from it", default=0, options={"type": int}),
            Argument("--identities", "different faces", default=40, options={"type": int}),
            Argument(
                "--test_share",
                "share of the identities that is kept for testing (records, raf); 0: one set "
                "(records)",
                default=0.2,
                options={"type": float},
            ),
            Argument("--frames", "pictures in a sequence (ck)", default=12, options={"type": int}),
            Argument(
                "--flat",
                "all files in one folder, as RD-GAN takes them (ck)",
                default=False,
                shown="off: CK+'s own folders",
                options={"action": "store_true"},
            ),
            Argument(
                "--variation",
                "factor of how much pose and light vary",
                default=1.0,
                options={"type": float},
            ),
            Argument(
                "--alone",
                "share of the pictures with action units on their own instead of an expression; "
                "above 0 there is no field of expressions (records)",
                default=0.0,
                options={"type": float},
            ),
            KIND,
            WORKERS,
            OVERWRITE,
        ),
        create_toy_faces,
    ),
)
