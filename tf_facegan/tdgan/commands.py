"""What the sub-commands of `python -m tf_facegan.tdgan` do."""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tf_facegan import export_command as shared_export
from tf_facegan.engine import run_folder
from tf_facegan.files import atomic_file, check_new_file, write_text
from tf_facegan.records.reader import RecordSet
from tf_facegan.sources import faces
from tf_facegan.sources.images import SUFFIXES
from tf_facegan.sources.photos import read_photo
from tf_facegan.tdgan import dataset, evaluation, published, reference, sheets
from tf_facegan.tdgan.inference import TDGANPipeline, snapshot_path
from tf_facegan.utilities.images import write_image
from tf_facegan.utilities.video import animation_writer, camera_frames, frame_files, read_frames

STRIP_STEPS, MOVING_STEPS = 11, 21  # of the published figures and animations
_HELD = 5  # times that the last picture of an animation is shown again, as published
_BATCH = 16


def classify_command(args: argparse.Namespace) -> None:
    """Prints or writes a row for each picture; of a camera's, until Ctrl-C or its last one."""
    if args.out:
        check_new_file("--out", args.out, ".csv")
    if (args.camera is None) == (not args.photos):
        raise ValueError("classify takes photos, folders or videos, or --camera N")
    if args.show and args.camera is None:
        raise ValueError("--show is for --camera")
    pipeline = _pipeline(args)
    if args.camera is None:
        pictures = tqdm(_pictures(args.photos), unit="picture", disable=None)
    else:
        pictures = ((f"camera {args.camera}", n, f) for n, f in _numbered(args.camera))
    batch = 1 if args.camera is not None else _BATCH
    show = _Window() if args.show else None
    found, ended = 0, None
    with _rows_to(args.out, ["file", "frame", "expression", *pipeline.names]) as write:
        try:
            for names, images, shown in _batches(pictures, pipeline, batch):
                found += _write_recognised(pipeline, names, images, write, show, shown)
        except (KeyboardInterrupt, ValueError) as error:
            # What a camera has shown by then is kept.
            if args.camera is None or not found:
                raise
            ended = error
    if isinstance(ended, ValueError):
        raise ended
    if not found:
        raise ValueError("no face found in any picture; --crop none takes pictures as they are")
    if args.out:
        print(args.out)


def transfer_command(args: argparse.Namespace) -> None:
    """Writes the picture, or a table of faces by expressions."""
    check_new_file("--out", args.out, ".png")
    pipeline = _pipeline(args)
    codes = [
        pipeline.features(photos, branch)
        for photos, branch in ((args.face, "face"), (args.expression, "expression"))
    ]
    rows = [pipeline.decode(code[None], codes[1], args.seed) for code in codes[0]]
    if len(args.face) == len(args.expression) == 1:
        picture = sheets.to_uint8(rows[0])[0]
    else:
        picture = sheets.table(
            pipeline.prepare(args.face, "face"), pipeline.prepare(args.expression), rows
        )
    write_image(args.out, picture if picture.shape[2] == 3 else picture[:, :, 0])
    print(args.out)


def interpolate_command(args: argparse.Namespace) -> None:
    """Writes the strip or the animation."""
    out = Path(args.out)
    is_strip = out.suffix.lower() == ".png"
    if not is_strip and out.suffix not in (".gif", ".mp4"):
        raise ValueError(f"--out {out}: a .png, .gif or .mp4 file expected")
    check_new_file("--out", out, out.suffix.lower())
    if not args.fps > 0:
        raise ValueError(f"--fps {args.fps:g}: above 0 expected")
    steps = args.steps or (STRIP_STEPS if is_strip else MOVING_STEPS)
    images = _pipeline(args).interpolate(args.face, args.expression, steps, args.seed)
    pictures = sheets.to_uint8(images)
    if is_strip:
        strip = np.concatenate(pictures, axis=1)
        write_image(out, strip if strip.shape[2] == 3 else strip[:, :, 0])
    else:
        with animation_writer(out, args.fps) as append:
            for picture in [*pictures, *[pictures[-1]] * _HELD]:
                append(np.ascontiguousarray(np.broadcast_to(picture, (*picture.shape[:2], 3))))
    print(out)


def features_command(args: argparse.Namespace) -> None:
    """Writes codes as [N, D] and the names of their pictures."""
    out = Path(args.out)
    if out.suffix not in (".npy", ".csv"):
        raise ValueError(f"--out {out}: a .npy or .csv file expected")
    check_new_file("--out", out, out.suffix)
    pipeline = _pipeline(args)
    names, codes = [], []
    pictures = tqdm(_pictures(args.photos), unit="picture", disable=None)
    for files, images, _ in _batches(pictures, pipeline, _BATCH, args.branch):
        kept = [i for i, image in enumerate(images) if image is not None]
        if kept:
            names += [_name(*files[i]) for i in kept]
            codes.append(pipeline.encode(np.stack([images[i] for i in kept]), args.branch))
    if not names:
        raise ValueError("no face found in any picture; --crop none takes pictures as they are")
    codes = np.concatenate(codes).reshape(len(names), -1)
    if out.suffix == ".csv":
        with _rows_to(out, ["file", *range(codes.shape[1])]) as write:
            for name, code in zip(names, codes):
                write([name, *(f"{value:.6g}" for value in code)])
    else:
        with atomic_file(out) as file:
            np.save(file, codes, allow_pickle=False)
        write_text(out.with_suffix(".txt"), "".join(f"{name}\n" for name in names))
    print(out)


def evaluate_command(args: argparse.Namespace) -> None:
    """Writes and prints reports."""
    run = run_folder.locate(args.run_id, args.result_dir)
    config, snapshot = run.load_config(), _snapshot(args)
    if args.dataset:
        rows = dataset.labelled(RecordSet(args.dataset))
        protocol = {"data": str(args.dataset), "split": "all"}
    else:
        rows = evaluation.rows_of(config, args.split)
        protocol = {"data": str(rows.set.path), "split": args.split}
        if config.data.folds:
            protocol["fold"] = (
                f"{config.data.fold} of {config.data.folds}, seed {config.random_seed}"
            )
    protocol["snapshot"] = snapshot_path(run, snapshot).name
    if protocol["snapshot"].startswith("network-best"):
        protocol["chosen on"] = config.validation.source
    pipeline = TDGANPipeline.from_run(run.path, snapshot)
    folder = Path(args.out) if args.out else run.path / "evaluation"
    split = protocol["split"]
    for name, report in evaluation.evaluate(pipeline, rows, protocol).items():
        report.save(folder / f"{split}-{name}")
        print(
            f"{name}: accuracy {report.accuracy:.4f}, mean of classes "
            f"{report.mean_class_accuracy:.4f}, {report.count} pictures, "
            f"{protocol['snapshot']}: {folder / f'{split}-{name}'}.json, .csv, .png"
        )
    if args.probe:
        probes = evaluation.identity_probes(pipeline, rows)
        described = json.dumps({"protocol": protocol, **probes}, indent=2)
        write_text(folder / f"{split}-identity_probe.json", described + "\n")
        print("identity read from " + ", ".join(f"{k}: {_number(v)}" for k, v in probes.items()))


def import_command(args: argparse.Namespace) -> None:
    """Makes the run folder and prints its path."""
    print(published.import_checkpoint(args.folder, args.out_dir).path)


def export_command(args: argparse.Namespace) -> None:
    """Writes the classifier and prints how far it is from the network's results."""
    shared_export.carry_out(args, _pipeline)


def _number(value):
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _snapshot(args):
    if args.snapshot in (None, "best", "final"):
        return args.snapshot
    if not args.snapshot.isdigit():
        raise ValueError(f"--snapshot {args.snapshot}: best, final or a number (kimg) expected")
    return int(args.snapshot)


def _pipeline(args):
    """The pipeline of a command line: a run, or a folder of published files."""
    options = {}
    if hasattr(args, "crop"):
        names = ("crop", "margin", "faces", "min_face", "detector")
        chosen = {name: getattr(args, name) for name in names}
        options["crop"] = faces.CropOptions(align=bool(args.align), **chosen)
    folder = Path(args.run_id)
    if reference.is_checkpoint(folder):
        if args.snapshot:
            raise ValueError(f"--snapshot {args.snapshot}: {folder} holds published files only")
        return TDGANPipeline.from_checkpoint(folder, **options)
    return TDGANPipeline.from_run(args.run_id, _snapshot(args), args.result_dir, **options)


def _pictures(paths):
    """Iterates over (file, number of the frame or "", photo)."""
    for path in map(Path, paths):
        if path.is_dir():
            yield from ((str(file), "", file) for file in frame_files(path))
        elif path.suffix.lower() in SUFFIXES or not path.exists():
            yield str(path), "", path
        else:
            yield from ((str(path), number, f) for number, f in enumerate(read_frames(path)))


def _numbered(camera):
    return enumerate(camera_frames(camera))


def _batches(pictures, pipeline, size, branch="expression"):
    """Prepares pictures: iterates over ([(file, frame)], [image, or None without a face],
    [photo])."""
    names, images, photos = [], [], []
    for file, frame, photo in pictures:
        photo = read_photo(photo)
        try:
            image = pipeline.prepare([photo], branch, [_name(file, frame)])[0]
        except ValueError as error:  # no face
            print(f"warning: {error}", file=sys.stderr)
            image = None
        names.append((file, frame))
        images.append(image)
        photos.append(photo)
        if len(names) == size:
            yield names, images, photos
            names, images, photos = [], [], []
    if names:
        yield names, images, photos


def _write_recognised(pipeline, names, images, write, show, photos):
    """Writes the rows of a batch; returns how many faces were found."""
    kept = [image for image in images if image is not None]
    results = iter(())
    if kept:
        recognised = pipeline.recognise(np.stack(kept))
        results = zip(recognised.expressions, recognised.probabilities)
    for name, image, photo in zip(names, images, photos):
        expression, probabilities = next(results) if image is not None else ("", ())
        write([*name, expression, *(f"{p:.6f}" for p in probabilities)])
        if show:
            show(photo, expression, max(probabilities, default=0.0))
    return len(kept)


def _name(file, frame):
    return file if frame == "" else f"{file}, frame {frame}"


@contextlib.contextmanager
def _rows_to(path, header):
    """Yields a function that writes a row to a CSV file, or without one prints it."""
    if path is None:

        def show(row):
            file, frame, expression, *probabilities = row
            best = f"{expression} {max(map(float, probabilities)):.2f}" if expression else "no face"
            print(f"{_name(file, frame)}: {best}", flush=True)

        yield show
        return
    with atomic_file(path, "w") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        yield writer.writerow


class _Window:
    """Shows pictures and what was recognised, where there is a display."""

    def __call__(self, photo, expression, probability):
        import cv2

        shown = np.ascontiguousarray(photo[:, :, ::-1])
        text = f"{expression} {probability:.2f}" if expression else "no face"
        cv2.putText(shown, text, (10, 30), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (0, 255, 0), 2)
        try:
            cv2.imshow("expression", shown)
            cv2.waitKey(1)
        except cv2.error as error:
            raise ValueError(f"--show: no display ({str(error).splitlines()[0]})") from None
