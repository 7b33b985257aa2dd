"""What the sub-commands of `python -m tf_facegan.ganimation` do with their parsed arguments.

TensorFlow is imported inside, so that `-h` answers at once.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tf_facegan import export_command


def edit(args: argparse.Namespace) -> None:
    """Writes the edited photo."""
    from tf_facegan.ganimation import targets
    from tf_facegan.ganimation.sheets import parts_sheet
    from tf_facegan.utilities.images import check_image_file, write_image

    for flag, path in (("--out", args.out), ("--parts", args.parts)):
        if path:
            check_image_file(flag, path)
    aus = targets.parse(args.au) or None
    pipeline = _pipeline(args)
    crop, every = _crop(pipeline, args)
    made = pipeline.edit(
        args.photo, aus, args.expression, args.like, args.strength, crop, every=every
    )
    write_image(args.out, made.image)
    print(args.out)
    if args.parts:
        write_image(args.parts, parts_sheet(made))
        print(args.parts)


def animate(args: argparse.Namespace) -> None:
    """Writes a clip, or a picture for every photo and frame (published `animate_image`)."""
    from tf_facegan.ganimation import driving, sheets

    sheets.check_clip(args.out)
    pipeline = _pipeline(args)
    crop, _ = _crop(pipeline, args)
    drive = _drive(pipeline, args, driving, crop)
    frames = pipeline.animate(args.photos, drive.aus, crop)
    stems = [Path(photo).stem for photo in args.photos]
    if len(set(stems)) < len(stems):
        raise ValueError(f"photos {', '.join(args.photos)}: different names expected")
    with sheets.clip_or_folder(args.out, args.fps or drive.fps) as write:
        for pictures, name in zip(frames, drive.names):
            write(pictures, [f"{stem}_{name}" for stem in stems])
    print(args.out)


def random_batch(args: argparse.Namespace) -> None:
    """Writes a clip or pictures of the published grid (`animate_random_batch`)."""
    from tf_facegan.ganimation import driving, sheets

    sheets.check_clip(args.out)
    if args.count < 1:
        raise ValueError(f"--count {args.count}: at least 1 expected")
    pipeline = _pipeline(args)
    drive = _drive(pipeline, args, driving, None)
    shown = driving.pictures(args.drive_images, drive.names)
    faces = pipeline.faces_of_set(args.dataset, args.count, args.seed)
    with sheets.clip_or_folder(args.out, args.fps or drive.fps) as write:
        for aus, name, picture in zip(drive.aus, drive.names, shown):
            write([sheets.published_grid(faces, pipeline.generate(faces, aus), picture)], [name])
    print(args.out)


def sweep(args: argparse.Namespace) -> None:
    """Writes a sheet, a row an AU, a column an intensity."""
    import numpy as np

    from tf_facegan.ganimation.sheets import sweep_sheet
    from tf_facegan.utilities.images import check_image_file, write_image

    check_image_file("--out", args.out)
    if args.steps < 1:
        raise ValueError(f"--steps {args.steps}: at least 1 expected")
    pipeline = _pipeline(args)
    names = args.au or pipeline.au_names
    intensities = np.linspace(*args.range, args.steps)
    images = pipeline.sweep(args.photo, names, intensities, _crop(pipeline, args)[0])
    write_image(args.out, sweep_sheet(images, names, intensities))
    print(args.out)


def export_network(args: argparse.Namespace) -> None:
    """Writes the network and prints how far it is from the Keras one."""
    export_command.carry_out(args, _pipeline)


def import_published(args: argparse.Namespace) -> None:
    """Makes the run folder and prints its path."""
    from tf_facegan.config import parse_assignments
    from tf_facegan.ganimation.published import import_checkpoints

    aus = tuple(args.aus.split(",")) if args.aus else None
    changes = parse_assignments(args.set)
    print(import_checkpoints(args.checkpoint, args.out, aus, args.dataset, changes).path)


def _pipeline(args):
    from tf_facegan.ganimation.inference import GANimationPipeline

    if Path(args.run_id).suffix in (".ckpt", ".pth"):
        return GANimationPipeline.from_checkpoint(args.run_id)
    return GANimationPipeline.from_run(args.run_id, args.snapshot, args.result_dir)


def _crop(pipeline, args):
    """Returns what `GANimationPipeline.find_faces` takes: (crop, whether all faces are meant)."""
    from tf_facegan.ganimation.inference import AUTO
    from tf_facegan.sources.faces import CropOptions

    every = args.faces == "all"
    pipeline.crop_options = CropOptions(
        "face" if args.crop == AUTO else args.crop,
        margin=args.margin,
        align=bool(args.align),
        faces="largest" if every else args.faces,
        detector=args.detector,
    )
    return (AUTO if args.crop == AUTO else pipeline.crop_options), every


def _drive(pipeline, args, driving, crop):
    if args.fps is not None and not args.fps > 0:
        raise ValueError(f"--fps {args.fps:g}: above 0 expected")
    drive = driving.load(pipeline, args.drive, args.smooth, crop)
    if drive.note:
        print(drive.note, file=sys.stderr)
    return drive
