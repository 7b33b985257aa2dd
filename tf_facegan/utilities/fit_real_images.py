"""Utility run `fit_real_images`: latents whose faces look like given images (TBGAN)."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import numpy as np
from tqdm import tqdm

from tf_facegan import array_files, pickles
from tf_facegan.config import option
from tf_facegan.files import atomic_file
from tf_facegan.sources import images as sources_images
from tf_facegan.sources import uv_maps
from tf_facegan.sources.matching import files_in
from tf_facegan.utilities.images import as_rgb, split_modalities, to_uint8, write_image
from tf_facegan.uv import crops

if TYPE_CHECKING:
    from tf_facegan.records.schema import SetInfo
    from tf_facegan.tbgan.inference import TBGANPipeline


REPORTED = 100  # steps between losses

_ARRAYS = (".pkl", ".npy")
_MAPS = ("texture", "shape", "normals")


@dataclasses.dataclass(frozen=True)
class Options:
    images: str = option(
        "",
        "folder of targets: images, arrays [C, R, R] (.pkl, .npy), or UV maps (texture, shape and "
        "normals in it, as create_uv_maps makes them)",
    )
    modality: Optional[str] = option(
        None, "what images or arrays of one modality show; None: the network's first"
    )
    crop: bool = option(False, "images are published textures of 595 x 377, to be cut to 512 x 512")
    expression: Optional[str] = option(
        None, "name of a label component; None: labels are fitted as well"
    )
    rates: tuple[float, ...] = option((0.1, 0.01, 0.001), "learning rates, one after the other")
    steps: int = option(500, "steps at each rate")
    keep_state: bool = option(
        False, "begin an image with latents and optimizer of the one before, as published"
    )
    random_seed: int = option(1000, "seed of the first latents")
    minibatch_size: int = option(8, "images fitted at a time")


@dataclasses.dataclass(frozen=True)
class Target:
    """An image to fit: its name as a file, and float32 [C, R, R] in [-1, 1]."""

    name: str
    values: np.ndarray


def describe(run_number: int | str) -> str:
    """Returns the name of the result folder, after its number."""
    return f"fit-real-images-{run_number}"


def run(pipeline: TBGANPipeline, folder: Path, options: Options) -> list[Path]:
    """Writes a picture of each target above what the network makes of it.

    `<stem>.npz` beside it holds `latents` [latent_size], `labels` [label_size] and `loss`;
    `losses.csv` the losses of every image along the way.

    Args:
      pipeline: `tbgan.inference.TBGANPipeline`.
      folder: pathlib.Path to write to.
      options: `Options`.

    Returns:
      list of pathlib.Path of the pictures, and of `losses.csv`.

    Raises:
      ValueError, FileNotFoundError: targets that do not fit the network, or an option is wrong.
    """
    if options.steps < 1 or options.minibatch_size < 1 or not min(options.rates, default=0) > 0:
        raise ValueError(
            f"steps={options.steps}, rates={list(options.rates)}, "
            f"minibatch_size={options.minibatch_size}: positive numbers expected"
        )
    modalities, targets = read_targets(options, pipeline.info)
    label = pipeline.label(options.expression) if options.expression else None
    size = 1 if options.keep_state else min(options.minibatch_size, len(targets))
    fit = _fit(pipeline, size, modalities, label, options.random_seed)
    written, rows = [], []
    for first in range(0, len(targets), size):
        batch = targets[first : first + size]
        if len(batch) < size:
            fit = _fit(pipeline, len(batch), modalities, label, options.random_seed)
        elif not options.keep_state:
            fit.reset()
        rows += _descend(fit, batch, options)
        found = fit.images().numpy().transpose(0, 3, 1, 2)
        for i, target in enumerate(batch):
            path = folder / target.name
            write_image(path, _picture(target.values, found[i], modalities, options.crop))
            arrays = {"latents": fit.latents.numpy()[i], "labels": fit.labels().numpy()[i]}
            arrays["loss"] = rows[first + i][-1]
            array_files.write_npz(path.with_suffix(".npz"), arrays)
            written.append(path)
    return [*written, _write_losses(folder / "losses.csv", rows, options)]


def read_targets(
    options: Options, info: SetInfo
) -> tuple[list[tuple[str, int, int]], list[Target]]:
    """Reads what is to be fitted.

    Args:
      options: `Options`.
      info: `SetInfo` of the network's set.

    Returns:
      (list of (modality, first channel of the network, channels), list of `Target`).

    Raises:
      ValueError, FileNotFoundError: naming the file or the option.
    """
    if not options.images:
        raise ValueError("images is not set: --set images=DIR names a folder of targets")
    folder = Path(options.images)
    starts = np.cumsum([0] + [channels for _, channels in info.modalities])
    places = {name: (name, int(s), c) for (name, c), s in zip(info.modalities, starts)}
    inside = [name for name in places if name in _MAPS and (folder / name).is_dir()]
    if inside:
        faces = uv_maps.find_faces({name: folder / name for name in inside})
        targets = [Target(f"{f.stem}.png", uv_maps.load_maps(f, tuple(inside))) for f in faces]
        chosen = [places[name] for name in inside]
    else:
        modality = options.modality or next(iter(places))
        if modality not in places:
            known = ", ".join(places)
            raise ValueError(f"modality={modality}: the network has {known}")
        chosen = [places[modality]]
        paths = files_in(folder, (*sources_images.SUFFIXES, *_ARRAYS))
        targets = [_read(path, options.crop) for path in paths]
        if {len(target.values) for target in targets} == {info.shape[0]}:
            chosen = list(places.values())
    expected = (sum(channels for *_, channels in chosen), *info.shape[1:])
    for target in targets:
        if target.values.shape != expected:
            raise ValueError(
                f"{folder}: {Path(target.name).stem} is {list(target.values.shape)}, "
                f"{list(expected)} expected"
            )
        if not np.isfinite(target.values).all():
            raise ValueError(f"{folder}: {Path(target.name).stem} holds NaN or infinite values")
    return chosen, targets


def _read(path, crop):
    if path.suffix.lower() in _ARRAYS:
        return Target(f"{path.stem}.png", pickles.load_array(path).astype(np.float32))
    image = sources_images.read_grey_or_rgb(path)
    if crop:
        try:
            image = crops.to_square(image)
        except ValueError as error:
            raise ValueError(f"{path}: {error} (crop=True)") from None
    name = path.name if path.suffix.lower() in (".png", ".jpg", ".jpeg") else f"{path.stem}.png"
    return Target(name, image.transpose(2, 0, 1).astype(np.float32) / 127.5 - 1)


def _fit(pipeline, count, modalities, label, seed):
    from tf_facegan.tbgan.fitting import LatentFit

    channels = [start + i for _, start, width in modalities for i in range(width)]
    return LatentFit(pipeline, count, channels, label, seed)


def _descend(fit, batch, options):
    """Runs all steps; returns a row for each target: name, losses every 100 steps, last loss."""
    import tensorflow as tf

    targets = np.stack([target.values for target in batch]).transpose(0, 2, 3, 1)
    targets = tf.constant(targets)
    columns, step = [], 0
    with tqdm(total=len(options.rates) * options.steps, unit="step", disable=None) as bar:
        for rate in map(tf.constant, options.rates):
            for _ in range(options.steps):
                losses = fit.step(targets, rate)
                if step % REPORTED == 0:
                    columns.append(losses.numpy())
                    bar.set_postfix_str(f"loss {columns[-1].mean():.1f}")
                step += 1
                bar.update()
    columns.append(fit.losses(targets).numpy())
    return [[target.name, *column] for target, column in zip(batch, np.stack(columns, axis=1))]


def _picture(target, found, modalities, crop):
    """The target above the reconstruction; modalities side by side: uint8 [2 H, W, 3]."""
    widths = [(name, channels) for name, _, channels in modalities]
    rows = []
    for values in (target, found):
        parts = split_modalities(to_uint8(values, (-1, 1)), widths).values()
        row = np.concatenate([as_rgb(part) for part in parts], axis=1)
        rows.append(crops.rows_of_texture(row) if crop else row)
    return np.concatenate(rows)


def _write_losses(path, rows, options):
    steps = range(0, len(options.rates) * options.steps, REPORTED)
    header = ["image", *(f"step {step}" for step in steps), "end"]
    with atomic_file(path, "w") as file:
        csv.writer(file).writerows([header, *rows])
    return path
