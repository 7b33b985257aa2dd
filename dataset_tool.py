"""Builds, shows, extracts and compares data sets: `python dataset_tool.py -h`.

A sub-command is one entry of `COMMANDS`; what it needs is imported when it runs, so that `-h`
answers at once.
"""

import argparse
import dataclasses
import signal
from pathlib import Path

from absl import app

from tf_facegan import command_line


@dataclasses.dataclass(frozen=True)
class Argument:
    """One argument of a sub-command.

    `shown` replaces the default in the help where the value itself says little.
    """

    name: str
    help: str
    default: object = None
    shown: str = None
    options: dict = dataclasses.field(default_factory=dict)

    def add_to(self, parser):
        if not self.name.startswith("-"):
            parser.add_argument(self.name, help=self.help, **self.options)
            return
        shown = self.default if self.shown is None else self.shown
        help_text = f"{self.help} (default: {shown})"
        parser.add_argument(self.name, default=self.default, help=help_text, **self.options)


@dataclasses.dataclass(frozen=True)
class Command:
    """A sub-command: what it is called, what it takes, and the function that does it."""

    name: str
    summary: str
    example: str
    arguments: tuple
    function: object


def create_from_images(args):
    from tf_facegan.sources import image_folder

    image_folder.create_set(
        args.tfrecord_dir,
        args.image_dir,
        resolution=args.resolution,
        kind=args.kind,
        **crop_options(args),
        **label_options(args),
    )


def create_uv_set(args):
    from tf_facegan.sources import uv_maps

    folders = {
        name: getattr(args, f"{name}_dir")
        for name in ("texture", "shape", "normals")
        if hasattr(args, f"{name}_dir")
    }
    uv_maps.create_set(args.tfrecord_dir, folders, **label_options(args))


def create_mnist(args):
    from tf_facegan.sources import small_sets

    small_sets.create_mnist(args.tfrecord_dir, args.mnist_dir, **write_options(args))


def create_mnistrgb(args):
    from tf_facegan.sources import small_sets

    small_sets.create_mnistrgb(
        args.tfrecord_dir,
        args.mnist_dir,
        num_images=args.num_images,
        random_seed=args.random_seed,
        **write_options(args),
    )


def create_cifar10(args):
    from tf_facegan.sources import small_sets

    small_sets.create_cifar10(args.tfrecord_dir, args.cifar10_dir, **write_options(args))


def create_cifar100(args):
    from tf_facegan.sources import small_sets

    small_sets.create_cifar100(args.tfrecord_dir, args.cifar100_dir, **write_options(args))


def create_svhn(args):
    from tf_facegan.sources import small_sets

    small_sets.create_svhn(args.tfrecord_dir, args.svhn_dir, **write_options(args))


def create_lsun(args):
    from tf_facegan.sources import lsun

    lsun.create_set(
        args.tfrecord_dir, args.lmdb_dir, resolution=args.resolution, **write_options(args)
    )


def create_celeba(args):
    from tf_facegan.sources import celeba

    celeba.create_set(
        args.tfrecord_dir, args.celeba_dir, cx=args.cx, cy=args.cy, **write_options(args)
    )


def create_celebahq(args):
    raise ValueError(
        "create_celebahq is left out: its published reconstruction works only with versions of "
        "image libraries that no longer exist; give a copy of CelebA-HQ to create_from_images"
    )


def create_from_hdf5(args):
    from tf_facegan.sources import hdf5

    hdf5.create_set(
        args.tfrecord_dir, args.hdf5_filename, shuffle=bool(args.shuffle), **write_options(args)
    )


def create_from_openface(args):
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


def create_raf_db(args):
    from tf_facegan.sources import raf_db

    raf_db.create_set(args.tfrecord_dir, args.raf_dir, gray=args.gray, **picture_options(args))


def create_toy_faces(args):
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
    )


def create_ck(args):
    from tf_facegan.sources import cohn_kanade

    cohn_kanade.create_set(
        args.tfrecord_dir,
        args.ck_dir,
        frames=args.frames,
        peak_frames=args.peak_frames,
        **picture_options(args),
    )


def create_mmi(args):
    from tf_facegan.sources import mmi

    mmi.create_set(
        args.tfrecord_dir,
        args.mmi_dir,
        rotate=args.rotate,
        every=args.every,
        emotions=args.emotions,
        **picture_options(args),
    )


def create_casia(args):
    from tf_facegan.sources import casia

    casia.create_set(
        args.tfrecord_dir,
        args.casia_dir,
        gray=args.gray,
        max_identities=args.max_identities,
        **picture_options(args),
    )


def create_from_folds(args):
    from tf_facegan.sources import folds

    options = {"gray": args.gray, **picture_options(args)}
    if args.classes is not None:
        options["classes"] = args.classes.split(",")
    folds.create_sets(args.tfrecord_dir, args.folds, **options)


def create_uv_maps(args):
    from tf_facegan.uv.build import create_uv_maps

    create_uv_maps(
        args.out_dir,
        args.mesh_dir,
        resolution=args.resolution,
        workers=args.workers,
        overwrite=args.overwrite,
    )


def create_sample_scans(args):
    from tf_facegan.uv.samples import create_sample_scans

    create_sample_scans(
        args.out_dir,
        count=args.count,
        seed=args.seed,
        workers=args.workers,
        overwrite=args.overwrite,
    )


def display(args):
    from tf_facegan.records import inspection

    inspection.display(args.tfrecord_dir, args.out, args.count, args.level)


def extract(args):
    from tf_facegan.records import inspection

    inspection.extract(args.tfrecord_dir, args.out_dir)


def compare(args):
    from tf_facegan.records import inspection

    inspection.compare(args.tfrecord_dir_a, args.tfrecord_dir_b, bool(args.ignore_labels))


def check(args):
    from tf_facegan.records.check import check

    return 0 if check(args.tfrecord_dir) else 1


def write_options(args):
    """What WRITE_OPTIONS say, as keyword arguments of `records.writer.write_set`."""
    return {name: getattr(args, name) for name in map(_attribute, WRITE_OPTIONS)}


def label_options(args):
    """What SHUFFLE, LABELS and WRITE_OPTIONS say, as keyword arguments of a `create_set`."""
    names = ("labels", "label_names", "label_kind")
    chosen = {name: getattr(args, name) for name in names}
    return {"shuffle": bool(args.shuffle), **chosen, **write_options(args)}


def picture_options(args):
    """What a resolution, KIND and WRITE_OPTIONS say, as keyword arguments of a `create_set`."""
    return {"resolution": args.resolution, "kind": args.kind, **write_options(args)}


def crop_options(args):
    """What CROP_OPTIONS say, as keyword arguments of a `create_set`."""
    from tf_facegan.sources.faces import CropOptions

    names = [field.name for field in dataclasses.fields(CropOptions)]
    chosen = {name: getattr(args, name) for name in names}
    return {"crop": CropOptions(**{**chosen, "align": bool(args.align)}), "preview": args.preview}


def _attribute(argument):
    return argument.name.lstrip("-")


SET = Argument("tfrecord_dir", "folder of the set")
NEW_SET = Argument("tfrecord_dir", "folder to make; its name becomes the name of the set")
NEW_FOLDER = Argument("out_dir", "folder to make")
SHUFFLE = Argument(
    "--shuffle",
    "1: shuffle the examples with a fixed seed, 0: keep them sorted by name",
    default=1,
    options={"type": int, "choices": (0, 1)},
)
WORKERS = Argument(
    "--workers", "processes that do the work", shown="one for every core", options={"type": int}
)
OVERWRITE = Argument(
    "--overwrite",
    "replace the output if it exists",
    default=False,
    shown="off: an output that exists is an error",
    options={"action": "store_true"},
)
WRITE_OPTIONS = (
    WORKERS,
    OVERWRITE,
    Argument("--max_images", "write only the first so many", shown="all", options={"type": int}),
    Argument(
        "--shards",
        "files that every level is divided into, so that machines can read parts",
        default=1,
        options={"type": int},
    ),
    Argument(
        "--on_error",
        "stop at a file that cannot be used (the same command goes on from there), or skip and "
        "report it",
        default="stop",
        options={"choices": ("stop", "skip")},
    ),
)
CROP_OPTIONS = (
    Argument(
        "--crop",
        "face: find the face and cut it out; center: cut the largest square out of the middle",
        default="none",
        options={"choices": ("none", "center", "face")},
    ),
    Argument(
        "--margin",
        "--crop face: what is added on each side of the square from the brows to the chin, in "
        "units of its side",
        default=0.1,
        options={"type": float},
    ),
    Argument(
        "--align",
        "--crop face: 1 turns the picture so that the eyes are level, 0 does not",
        default=1,
        options={"type": int, "choices": (0, 1)},
    ),
    Argument(
        "--faces",
        "--crop face: of several, the largest or the most confident one; one demands a single face",
        default="largest",
        options={"choices": ("largest", "confident", "one")},
    ),
    Argument(
        "--min_face",
        "--crop face: the square must be larger than this, in pixels",
        default=0.0,
        options={"type": float},
    ),
    Argument(
        "--detector",
        "--crop face: OpenCV's cascade, or MediaPipe, which is an extra",
        default="cascade",
        options={"choices": ("cascade", "mediapipe")},
    ),
    Argument(
        "--preview",
        "write a sheet of up to 16 pictures before and after the crop to this .png file first",
        shown="no sheet",
    ),
)
LABELS = (
    Argument(
        "--labels",
        "labels by stem: a .csv file (OpenFace's too), a folder of OpenFace's .csv files, a .pkl "
        "dictionary, or a .npy array with a .txt file of stems beside it",
        shown="no labels",
    ),
    Argument(
        "--label_names",
        "text file with a name for each label component, one a line",
        shown="the columns of a .csv file, else none",
    ),
    Argument(
        "--label_kind",
        "class: scores of expressions; intensity: action units from 0 to 5",
        shown="intensity for OpenFace's AUnn_r columns, else class",
        options={"choices": ("class", "intensity")},
    ),
)

KIND = Argument(
    "--kind",
    "single-size: any size, the same for all; multi-resolution: square images whose side is a "
    "power of two, for progressive training",
    default="single-size",
    options={"choices": ("multi-resolution", "single-size")},
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

TEXTURES = Argument("texture_dir", "folder of 8-bit RGB .png files")
SHAPES = Argument("shape_dir", "folder of .pkl or .npy arrays [3, S, S] in [-1, 1]")
NORMALS = Argument("normals_dir", "folder of .pkl or .npy arrays [3, S, S] in [-1, 1]")
MNIST = Argument("mnist_dir", "folder with the gzipped files of the training set")

COMMANDS = (
    Command(
        "create_sample_scans",
        "Makes textured meshes to start from: smooth variations of the scan that menpo3d ships, "
        "with expression labels beside them.",
        "create_sample_scans data/scans --count 64",
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
        "create_uv_maps data/uv data/scans --resolution 512",
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
        "create_from_images",
        "Builds a set from a folder of images, grey or RGB as the first one.",
        "create_from_images datasets/photos data/photos --crop center --resolution 256",
        (
            NEW_SET,
            Argument("image_dir", "folder of 8-bit images without transparency; see --kind"),
            *CROP_OPTIONS,
            Argument(
                "--resolution",
                "side in pixels to resize square images to",
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
        "create_from_pkl",
        "Builds a set of 3 channels from shape arrays.",
        "create_from_pkl datasets/shapes data/uv/shape",
        (NEW_SET, SHAPES, SHUFFLE, *LABELS, *WRITE_OPTIONS),
        create_uv_set,
    ),
    Command(
        "create_from_pkl_img",
        "Builds a set of 6 channels from texture images and shape arrays, matched by file name.",
        "create_from_pkl_img datasets/faces data/uv/texture data/uv/shape",
        (NEW_SET, TEXTURES, SHAPES, SHUFFLE, *LABELS, *WRITE_OPTIONS),
        create_uv_set,
    ),
    Command(
        "create_from_pkl_img_norm",
        "Builds a set of 9 channels from texture images and shape and normal arrays, matched by "
        "file name.",
        "create_from_pkl_img_norm datasets/faces data/uv/texture data/uv/shape data/uv/normals "
        "--labels data/scans/labels.csv",
        (NEW_SET, TEXTURES, SHAPES, NORMALS, SHUFFLE, *LABELS, *WRITE_OPTIONS),
        create_uv_set,
    ),
    Command(
        "create_mnist",
        "Builds a set of MNIST: 32x32 pixels, grey, with labels.",
        "create_mnist datasets/mnist data/mnist",
        (NEW_SET, MNIST, *WRITE_OPTIONS),
        create_mnist,
    ),
    Command(
        "create_mnistrgb",
        "Builds a set of pictures whose channels are three random digits of MNIST.",
        "create_mnistrgb datasets/mnistrgb data/mnist --num_images 100000",
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
        "create_cifar10 datasets/cifar10 data/cifar-10-batches-py",
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
        "create_cifar100 datasets/cifar100 data/cifar-100-python",
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
        "create_svhn datasets/svhn data/svhn",
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
        "create_lsun datasets/lsun-bedroom data/bedroom_train_lmdb --max_images 100000",
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
        "create_celeba datasets/celeba data/img_align_celeba_png",
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
        "create_celebahq datasets/celebahq data/celeba data/deltas",
        (
            NEW_SET,
            Argument("celeba_dir", "folder of CelebA"),
            Argument("delta_dir", "folder of the deltas"),
            Argument("--num_threads", "without effect", default=4, options={"type": int}),
            Argument("--num_tasks", "without effect", default=100, options={"type": int}),
        ),
        create_celebahq,
    ),
    Command(
        "create_from_hdf5",
        "Builds a set of the largest images in an HDF5 file of PGGAN's first version.",
        "create_from_hdf5 datasets/celebahq data/celebahq.h5",
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
        "create_from_openface",
        "Builds a set of face crops with the intensities of 17 action units (0 to 5), joined by "
        "file name.",
        "create_from_openface datasets/celeba data/images_aligned data/list_attr_celeba.txt",
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
        "create_raf_db datasets/raf data/RAF-DB --resolution 144",
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
        "create_ck datasets/ck data/CK+ --frames labelled",
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
        "create_mmi datasets/mmi data/MMI --rotate 270",
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
        "create_casia datasets/casia data/CASIA-WebFace --max_identities 20",
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
        "create_from_folds datasets/tfeid data/tfeid_folds --resolution 144",
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
        "create_toy_faces datasets/toy --count 4000",
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
            KIND,
            WORKERS,
            OVERWRITE,
        ),
        create_toy_faces,
    ),
    Command(
        "check",
        "Checks a set, or the sets in a folder: damage, duplicates (within and across train and "
        "test), empty classes, wrong values; prints statistics.",
        "check datasets/raf",
        (Argument("tfrecord_dir", "folder of a set, or folder with sets in or below it"),),
        check,
    ),
    Command(
        "display",
        "Shows a set as contact sheets (SPACE or ENTER: next, ESC: end) and prints index and "
        "label of each example.",
        "display datasets/faces --out sheet.png",
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
        "extract datasets/faces faces_png",
        (SET, NEW_FOLDER),
        extract,
    ),
    Command(
        "compare",
        "Compares two sets record by record.",
        "compare datasets/faces datasets/faces_again",
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
)


def parse(argv):
    """Parses the command line; `args.command` is the function to call."""
    parser = command_line.ArgumentParser(
        prog=Path(argv[0]).name,
        description="Builds, shows, extracts and compares data sets.",
        epilog="`%(prog)s <command> -h` shows the arguments of a command.",
    )
    commands = parser.add_subparsers(metavar="<command>", required=True)
    for command in COMMANDS:
        sub_parser = commands.add_parser(
            command.name,
            help=command.summary.replace("%", "%%"),
            description=command.summary,
            epilog=f"example:\n  python {parser.prog} {command.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        for argument in command.arguments:
            argument.add_to(sub_parser)
        command_line.add_debug_flag(sub_parser)
        sub_parser.set_defaults(command=command.function)
    return parser.parse_args(argv[1:])


def main(args):
    # Being told to end is no different from Ctrl-C: no half-made set is left.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return command_line.run(args.command, args)


if __name__ == "__main__":
    app.run(main, flags_parser=parse)
