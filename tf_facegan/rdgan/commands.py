"""What the sub-commands of `python -m tf_facegan.rdgan` do with their parsed arguments.

TensorFlow is imported inside, so that `-h` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

from tf_facegan.files import atomic_file, atomic_folder, check_new_file

_PICTURES = ("*.png", "*.mp4", "FaceGAN", "FineGAN", "TwoWay")
_MOST_FPS = 240
_EVALUATION = ("frames.csv", "curve*", "evaluation.json")


def predict(args: argparse.Namespace) -> None:
    """Writes the predictions of a set as pictures, and as videos if wanted."""
    from tf_facegan.rdgan import pairs, prediction

    pipeline = _pipeline(args)
    records, frames = _frames(args, pipeline)
    if args.mode == "reenact":
        source = pipeline.config.inference.source_frame if args.source is None else args.source
        chosen = pairs.reenactment_pairs(frames, source)
    elif args.source is not None:
        raise ValueError("--source is for --mode reenact")
    else:
        chosen = pairs.prediction_pairs(frames)
    if not len(chosen):
        raise ValueError(f"{records.path}: no sequences of several frames to predict")
    fps = pipeline.config.inference.fps
    with atomic_folder(args.out, args.overwrite, _PICTURES) as folder:
        written = prediction.write_predictions(pipeline, records, chosen, folder, not args.coarse)
        if args.video:
            last = list(written.values())[-1]
            for sequence in prediction.sequences_of(chosen):
                name = last[sequence.start].name.partition("_nface__")[0]
                _write_clip(folder / f"{name}.mp4", fps, _read_all(last[sequence]))
    for stage, paths in written.items():
        print(f"{Path(args.out) / prediction.FOLDERS[stage]}: {len(paths)} pictures")


def synthesise(args: argparse.Namespace) -> None:
    """Writes a clip of a photo animated by other landmarks."""
    from tf_facegan.sources import drives
    from tf_facegan.utilities.video import frame_rate

    _check_clip(args.out)
    if args.fps is not None and not 0 < args.fps <= _MOST_FPS:
        raise ValueError(f"--fps {args.fps:g}: more than 0 and at most {_MOST_FPS} expected")
    pipeline, photo, points = _subject(args)
    seen = _Seen(drives.read_drive(args.drive))
    frames = pipeline.synthesise(
        photo,
        points,
        seen.points(),
        args.retarget,
        refine=not args.coarse,
        recursive=args.recursive,
    )
    fps = args.fps
    if fps is None:
        is_video = Path(args.drive).is_file() and Path(args.drive).suffix.lower() != drives.TABLE
        fps = frame_rate(args.drive) if is_video else pipeline.config.inference.fps
    show = {
        "face": lambda frame: frame.image,
        "photo": lambda frame: frame.pasted(photo),
        "all": lambda frame: _side_by_side(pipeline.crop(points).image(photo), seen, frame),
    }[args.show]
    _write_clip(args.out, fps, (show(frame) for frame in frames))
    seen.report()
    print(args.out)


def real_time_predict(args: argparse.Namespace) -> None:
    """Animates a photo by a camera or a video, and prints the frames a second of every stage."""
    from tf_facegan.rdgan import real_time
    from tf_facegan.sources.landmark_tables import read_table
    from tf_facegan.utilities.video import camera_frames, frame_rate, read_frames

    if not args.window and not args.out:
        raise ValueError("nothing to show it on: give --window, --out FILE or both")
    if args.video and args.camera is not None:
        raise ValueError("--camera and --video exclude each other")
    if args.landmarks and not args.video:
        raise ValueError("--landmarks are those of a --video")
    if args.frames is not None and args.frames < 1:
        raise ValueError(f"--frames {args.frames}: at least 1 expected")
    if args.out:
        _check_clip(args.out)
    pipeline, photo, points = _subject(args)
    table = read_table(args.landmarks) if args.landmarks else None
    stream = read_frames(args.video) if args.video else camera_frames(args.camera or 0)
    fps = frame_rate(args.video) if args.video else pipeline.config.inference.fps
    window = real_time.Window("RD-GAN") if args.window else None
    with _clip(args.out, fps) as append:
        clock, missing = real_time.animate(
            pipeline,
            photo,
            points,
            stream,
            _shower(window, append, args.frames),
            table=table,
            refine=not args.coarse,
            retarget=args.retarget,
        )
    print("\n".join(clock.lines()))
    _report_missing(missing)
    if args.out:
        print(args.out)


def landmarks(args: argparse.Namespace) -> None:
    """Writes the landmarks of a video's frames as a table."""
    from tf_facegan.sources import drives
    from tf_facegan.sources.landmark_tables import write_table

    check_new_file("--out", args.out, drives.TABLE)
    moments = list(drives.read_drive(args.drive))
    found = {moment.number: moment.points for moment in moments if moment.points is not None}
    if not found:
        raise ValueError(f"{args.drive}: no face found in {len(moments)} frames")
    write_table(args.out, found)
    print(f"{args.out}: landmarks of {len(found)} of {len(moments)} frames")


def evaluate(args: argparse.Namespace) -> None:
    """Writes scores, curves and means of the predictions of a set, and prints the means."""
    from tf_facegan.rdgan import evaluation

    pipeline = _pipeline(args)
    records, frames = _frames(args, pipeline)
    about = {"run": pipeline.name, "set": str(records.path), "subjects": args.subjects}
    with atomic_folder(args.out, args.overwrite, _EVALUATION) as folder:
        rows = evaluation.evaluate(pipeline, records, frames, not args.coarse)
        written = evaluation.write(rows, folder, about)
    print(f"{len(rows)} pairs of {args.subjects} subjects, {pipeline.image_size} pixels")
    for name, value in evaluation.means(rows).items():
        print(f"{name:<14} {value:.4f}")
    for path in written:
        print(Path(args.out) / path.name)


def rank(args: argparse.Namespace) -> None:
    """Prints (and writes) the TrueSkill ranking of runs."""
    from tf_facegan.metrics import skill

    if bool(args.evaluations) == bool(args.choices):
        raise ValueError("give NAME=DIR of at least two evaluations, or --choices CSV")
    if args.out:
        check_new_file("--out", args.out, ".csv")
    if args.choices:
        choices = skill.read_choices(args.choices)
    else:
        choices = skill.choices_of_scores(_scores(args.evaluations, args.metric))
    ranking = skill.rank(choices)
    columns = ("rank", "name", "mu", "sigma", "mu-3sigma", "wins", "losses", "draws")
    rows = [
        (
            place,
            s.name,
            f"{s.mu:.3f}",
            f"{s.sigma:.3f}",
            f"{s.certain:.3f}",
            s.wins,
            s.losses,
            s.draws,
        )
        for place, s in enumerate(ranking, 1)
    ]
    width = max(len(s.name) for s in ranking)
    for number, name, *others in (columns, *rows):
        print(f"{number!s:>4} {name:<{width}}", *(f"{cell!s:>9}" for cell in others))
    if args.out:
        with atomic_file(args.out, "w") as file:
            file.writelines(",".join(map(str, row)) + "\n" for row in (columns, *rows))
        print(args.out)


def import_checkpoints(args: argparse.Namespace) -> None:
    """Makes a folder to use as a run out of published checkpoints."""
    from tf_facegan.rdgan import reference
    from tf_facegan.rdgan.config import PUBLISHED

    given = {stage: getattr(args, stage) for stage in ("face", "fine", "two_way")}
    checkpoints = {stage: path for stage, path in given.items() if path}
    if tuple(checkpoints) not in (("face",), ("face", "fine"), ("two_way",)):
        raise ValueError("give --face, --face and --fine, or --two_way")
    changes = PUBLISHED if args.published else None
    print(reference.import_checkpoints(args.out, checkpoints, changes))


def export(args: argparse.Namespace) -> None:
    """Writes the generators and prints how far the file is from the Keras networks."""
    from tf_facegan import export_command

    export_command.carry_out(args, _pipeline)


class _Seen:
    """Passes a drive on, remembers the present picture, and counts what had no face."""

    def __init__(self, moments):
        self._moments = moments
        self.picture, self.missing, self.count = None, 0, 0

    def points(self):
        for moment in self._moments:
            self.picture = moment.picture
            self.count += 1
            self.missing += moment.points is None
            yield moment.points
        if self.missing == self.count:
            raise ValueError("no face found in any frame of the drive")

    def report(self):
        _report_missing(self.missing)


def _report_missing(missing):
    if missing:
        print(f"{missing} frames without a face repeat the landmarks before them")


def _pipeline(args):
    from tf_facegan.rdgan.inference import RDGANPipeline

    return RDGANPipeline.from_run(args.run_id, args.snapshot, args.result_dir)


def _subject(args):
    """(pipeline, photo uint8 [H, W, 3], its landmarks [68, 2])"""
    from tf_facegan.sources import drives
    from tf_facegan.sources.photos import read_photo

    photo = read_photo(args.photo)
    points = drives.photo_landmarks(args.photo, photo, args.photo_landmarks)
    return _pipeline(args), photo, points


def _frames(args, pipeline):
    """(RecordSet, Frames) that --dataset and --subjects choose; settles `args.subjects`."""
    from tf_facegan.rdgan.prediction import frames_of
    from tf_facegan.rdgan.trainer import check_set
    from tf_facegan.records.reader import RecordSet

    own = pipeline.config.data.sets.get("faces")
    dataset = args.dataset or own
    if not dataset:
        raise ValueError(f"{pipeline.name} was not trained here: give --dataset DIR")
    records = RecordSet(dataset)
    check_set(records.info, pipeline.image_size)
    is_own = own is not None and Path(dataset).resolve() == Path(own).resolve()
    args.subjects = args.subjects or ("held_out" if is_own else "all")
    if args.subjects == "held_out" and not is_own:
        raise ValueError(f"--subjects held_out: {dataset} is not the set trained on, {own}")
    return records, frames_of(records, pipeline.config, args.subjects)


def _scores(words, metric):
    """{name: {(source, target): score of its last network}} of words NAME=DIR."""
    from tf_facegan.rdgan import evaluation

    scores = {}
    for word in words:
        name, equals, folder = word.partition("=")
        if not equals or not name or name in scores:
            raise ValueError(f"{word}: NAME=DIR expected, every name once")
        path = Path(folder) / evaluation.FRAMES
        if not path.is_file():
            raise FileNotFoundError(
                f"{word}: no {evaluation.FRAMES} in it, a folder that `evaluate` made expected"
            )
        rows = evaluation.read_rows(path)
        columns = [c for c in evaluation.score_names(rows) if c.endswith(f"_{metric}")]
        if not columns:
            raise ValueError(f"{path}: no column of {metric}")
        scores[name] = {f"{r['source']} {r['target']}": r[columns[-1]] for r in rows}
    return scores


def _check_clip(path):
    suffix = Path(path).suffix.lower()
    if suffix not in (".mp4", ".gif"):
        raise ValueError(f"--out {path}: a .mp4 or .gif file expected")
    check_new_file("--out", path, suffix)


def _clip(path, fps):
    from tf_facegan.utilities.video import animation_writer

    return animation_writer(path, fps) if path else contextlib.nullcontext()


def _write_clip(path, fps, pictures):
    with _clip(path, fps) as append:
        for picture in pictures:
            append(picture)


def _read_all(paths):
    from tf_facegan.sources.images import read_rgb

    return (read_rgb(path) for path in paths)


def _shower(window, append, limit):
    """The function that `real_time.animate` shows its frames with."""
    shown = 0

    def show(picture, boundary, image, rate):
        nonlocal shown
        shown += 1
        if append is not None:
            append(image)
        is_ended = window is not None and window(picture, boundary, image, rate)
        return is_ended or shown == limit

    return show


def _side_by_side(source, seen, frame):
    """Source, drive (where there is a picture), boundary and what every network made of it."""
    import cv2
    import numpy as np

    side = source.shape[0]
    drive = [] if seen.picture is None else [cv2.resize(seen.picture, (side, side))]
    return np.concatenate([source, *drive, frame.boundary, *frame.stages.values()], axis=1)
