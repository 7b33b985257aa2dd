"""Using a trained RD-GAN: a photo and landmarks to the face with another expression."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tf_facegan import pipelines
from tf_facegan.config import check_choice
from tf_facegan.engine import run_folder
from tf_facegan.outputs import Video
from tf_facegan.rdgan import reference, stages
from tf_facegan.rdgan.images import from_8_bits, quantised, to_8_bits
from tf_facegan.rdgan.layers import Pass
from tf_facegan.rdgan.networks import FaceGenerator, FineGenerator, TwoWayGenerator
from tf_facegan.rdgan.outputs import Clip, Frame, Output
from tf_facegan.rdgan.retarget import Retargeter
from tf_facegan.sources import drives, landmarks
from tf_facegan.sources.photos import as_list, describe, read_photo
from tf_facegan.utilities.video import frame_rate

if TYPE_CHECKING:
    from tf_facegan.rdgan.config import Config


CROPS = {"box": landmarks.face_box, "square": landmarks.square_box}
_SEEDS = 64  # from a frame to the next: more than a network has dropouts


class RDGANPipeline(pipelines.Pipeline):
    """The generators of a run, ready to use.

    Args:
      config: `config.Config`.
      image_size: int, side of the images.
      generators: {"face": …, "fine": …} (or without "fine"), or {"two_way": …}.
      name: str that names results, "<run>-<snapshot>".

    Raises:
      ValueError: `inference.crop` is unknown.
    """

    system = "rdgan"

    def __init__(
        self,
        config: Config,
        image_size: int,
        generators: dict[str, tf.keras.Model],
        name: str = "rdgan",
    ):
        check_choice("inference.crop", config.inference.crop, CROPS)
        self.config, self.image_size, self.name = config, image_size, name
        self.generators = generators
        self._graphs = {name: _graph(network) for name, network in generators.items()}

    @classmethod
    def _of_run(cls, run, config, path):
        size = config.data.image_size or run.load_dataset().shape[-1]
        there = run_folder.network_names(path)
        generators = {}
        for stage in config.train.stages:
            if not generators or f"{stage}_G" in there:
                generators[stage] = make_generator(config, stage)
                reference.assign(generators[stage], run.load_network(path, f"{stage}_G"))
        return cls(config, size, generators, f"{run.name}-{path.stem}")

    @property
    def used_networks(self) -> tuple[str, ...]:
        return tuple(f"{stage}_G" for stage in self.stages)

    def signature(self) -> tuple:
        """What `export.export` takes: (function of sources and boundaries [N, S, S, 3] in [-1, 1]
        that gives the images of every stage; its signature)."""
        first = self.stages[0]

        def draw(sources, boundaries):
            made = {first: self.generators[first](sources, boundaries)}
            if "fine" in self.generators:
                made["fine"] = self.generators["fine"](sources, self.for_fine(made["face"]))
            return made

        image = tf.TensorSpec([None, self.image_size, self.image_size, 3], tf.float32)
        return draw, {"sources": image, "boundaries": image}

    def preprocessing(self) -> dict:
        crop = self.config.inference.crop
        return {"landmarks": 68, "crop": crop, "image_size": self.image_size, "range": [-1, 1]}

    def _save_dataset(self, saved):
        if self._knows_its_set():
            super()._save_dataset(saved)

    def _data_set(self):
        return super()._data_set() if self._knows_its_set() else {}

    def _knows_its_set(self):
        """Published checkpoints come without."""
        return (self.origin.run.path / run_folder.DATASET).is_file()

    def __call__(
        self,
        photos: Any,
        drive: str | Path | np.ndarray,
        points: Any = None,
        retarget: str = "motion",
        refine: bool = True,
        seed: int | None = None,
    ) -> Clip:
        """Animates photos.

        Args:
          photos: a photo (file, Pillow picture or uint8 [H, W, 3]) or a list of them.
          drive: folder of frames, video or .csv of landmarks, see `sources.drives.read_drive`; or
            landmarks, array [T, 68, 2].
          points: landmarks [68, 2] of the photo, or a list of them; None: those in a file beside
            the photo, else they are found.
          retarget, refine: as of `synthesise`.
          seed: int, of dropout, where the configuration keeps it.

        Returns:
          `Clip`.

        Raises:
          FileNotFoundError, ValueError: a photo or drive that cannot be read or without a face.
          ImportError: landmarks have to be found, and the extra that finds them is missing.
        """
        moments, fps = self._drive(drive)
        photos = as_list(photos)
        if points is None:
            points = [None] * len(photos)
        elif np.ndim(points) == 2:
            points = [points]
        if len(points) != len(photos):
            raise ValueError(f"landmarks of {len(points)} faces for {len(photos)} photos")
        frames = []
        for photo, own in zip(photos, points):
            picture = read_photo(photo)
            if own is None:
                own = drives.photo_landmarks(describe(photo), picture)
            frames.append(list(self.synthesise(picture, own, moments, retarget, refine, seed=seed)))
        beside = [np.concatenate([f.image for f in now], axis=1) for now in zip(*frames)]
        last = [of_photo[-1].image for of_photo in frames]
        return Clip(last, frames, Video(np.stack(beside), fps))

    def _drive(self, drive):
        """(list of landmarks [68, 2] or None, frames a second) of what drives a face."""
        if isinstance(drive, (str, os.PathLike)):
            moments = [moment.points for moment in drives.read_drive(drive)]
            path = Path(drive)
            is_video = path.is_file() and path.suffix.lower() != drives.TABLE
            fps = frame_rate(path) if is_video else self.config.inference.fps
        else:
            moments, fps = list(drive), self.config.inference.fps
        if not any(moment is not None for moment in moments):
            raise ValueError("no face found in any frame of the drive")
        return moments, float(fps)

    @property
    def stages(self) -> list[str]:
        """Names of the networks in their order: "face", "fine"; or "two_way"."""
        return list(self.generators)

    def face(self, photo: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Cuts the source face out of a photo.

        Args:
          photo: uint8 [H, W, 3], RGB.
          points: [68, 2], landmarks in pixels of the photo.

        Returns:
          float32 [S, S, 3] in [-1, 1].

        Raises:
          ValueError: the landmarks are no face's, or outside of the photo.
        """
        return from_8_bits(self.crop(points).image(photo))

    def crop(self, points: np.ndarray) -> landmarks.Letterbox:
        """Returns the `landmarks.Letterbox` of a face with landmarks [68, 2]."""
        return CROPS[self.config.inference.crop](points, self.image_size)

    def boundary(self, points: np.ndarray, crop: landmarks.Letterbox | None = None) -> np.ndarray:
        """Draws the boundary of landmarks [68, 2] in their own crop: uint8 [S, S, 3]."""
        crop = crop or self.crop(points)
        drawing = landmarks.draw_boundary(crop.points(points), self.image_size, self.image_size)
        return drawing.transpose(1, 2, 0)

    def generate(
        self,
        sources: np.ndarray,
        boundaries: np.ndarray,
        refine: bool = True,
        seed: int | None = None,
    ) -> Output:
        """Draws source faces with the expressions of boundaries.

        Args:
          sources: float32 [N, S, S, 3] in [-1, 1], faces.
          boundaries: [N, S, S, 3], drawings, likewise.
          refine: whether FineGAN, if there is one, follows.
          seed: int, of dropout, if the configuration keeps it (`inference.dropout`); None is the
            configuration's.

        Returns:
          `Output`.
        """
        made, count = {}, self.config.inference.predict_batch_size
        for start in range(0, len(sources), count):
            part = slice(start, start + count)
            now = self._stages(sources[part], boundaries[part], refine, self._seed(seed))
            for name, images in now.items():
                made.setdefault(name, []).append(images)
        joined = {name: np.concatenate(parts) for name, parts in made.items()}
        return Output(list(joined.values())[-1], joined)

    def _stages(self, sources, boundaries, refine, seed):
        sources, boundaries = (tf.convert_to_tensor(x, tf.float32) for x in (sources, boundaries))
        first = self.stages[0]
        made = {first: self._run(first, sources, boundaries, seed)}
        if refine and "fine" in self.generators:
            made["fine"] = self._run("fine", sources, self.for_fine(made["face"]), seed)
        return {name: images.numpy() for name, images in made.items()}

    def _run(self, stage, first, second, seed):
        if seed is None or stage == "two_way":
            return self._graphs[stage](first, second)
        return self.generators[stage](first, second, seed=seed)

    def _seed(self, seed):
        if not self.config.inference.dropout:
            return None
        return self.config.random_seed if seed is None else seed

    def for_fine(self, coarse: np.ndarray | tf.Tensor) -> np.ndarray | tf.Tensor:
        """Returns FaceGAN's images as FineGAN was trained to see them."""
        return quantised(coarse) if self.config.train.quantise_coarse else coarse

    def synthesise(
        self,
        photo: np.ndarray,
        points: np.ndarray,
        drive: Iterable[np.ndarray | None],
        retarget: str = "motion",
        refine: bool = True,
        recursive: bool = False,
        seed: int | None = None,
    ) -> Iterator[Frame]:
        """Animates a photo.

        Args:
          photo: uint8 [H, W, 3], RGB; points: [68, 2], its landmarks.
          drive: iterable of landmarks [68, 2] of any face, or None where there are none.
          retarget: as of `retarget.Retargeter`.
          refine, seed: as of `generate`.
          recursive: each result is the next frame's source (ours; published is the photo always).

        Yields:
          `Frame`, one for each of the drive.

        Raises:
          ValueError: landmarks that are no face's.
        """
        retargeted = Retargeter(points, retarget)
        animation = Animation(self, self.face(photo, points), seed)
        for moment in drive:
            target = retargeted(moment)
            crop = self.crop(target)
            boundary = self.boundary(target, crop)
            made = {self.stages[0]: animation.coarse(boundary)}
            if refine and "fine" in self.generators:
                made["fine"] = animation.refined(made["face"])
            last = list(made.values())[-1]
            if recursive:
                animation.replace_source(last)
            pictures = {name: to_8_bits(image) for name, image in made.items()}
            yield Frame(list(pictures.values())[-1], pictures, boundary, crop)


class Animation:
    """Draws one source with one boundary after another; what depends on the source only is computed
    once (without dropout).

    Args:
      pipeline: `RDGANPipeline`.
      source: float32 [S, S, 3] in [-1, 1].
      seed: int of dropout, as of a pipeline's `generate`.
    """

    def __init__(self, pipeline: RDGANPipeline, source: np.ndarray, seed: int | None = None):
        self._pipeline, self._frame = pipeline, 0
        self._base = pipeline._seed(seed)
        self._parts = {} if self._base is not None else _parts(pipeline.generators)
        self.replace_source(source)

    def replace_source(self, source: np.ndarray) -> None:
        """Takes another source for the frames to come."""
        self._source = tf.convert_to_tensor(source, tf.float32)[tf.newaxis]
        self._features = {stage: first(self._source) for stage, (first, _) in self._parts.items()}

    def coarse(self, boundary: np.ndarray) -> np.ndarray:
        """The first network's image, float32 [S, S, 3], of a drawing, uint8 [S, S, 3]."""
        self._frame += 1
        drawing = tf.convert_to_tensor(from_8_bits(boundary))[tf.newaxis]
        return self._made(self._pipeline.stages[0], drawing)

    def refined(self, coarse: np.ndarray) -> np.ndarray:
        """FineGAN's image, float32 [S, S, 3], of FaceGAN's."""
        coarse = tf.convert_to_tensor(coarse)[tf.newaxis]
        return self._made("fine", self._pipeline.for_fine(coarse))

    def _made(self, stage, second):
        if stage in self._parts:
            return self._parts[stage][1](self._features[stage], second)[0].numpy()
        seed = None if self._base is None else self._base + _SEEDS * self._frame
        return self._pipeline._run(stage, self._source, second, seed)[0].numpy()


def make_generator(config: Config, stage: str) -> tf.keras.Model:
    """Returns the generator of a stage ("face", "fine" or "two_way") of a configuration."""
    arguments, keep = stages.network_arguments(config), config.networks.dropout_keep
    if stage == "two_way":
        return TwoWayGenerator(**arguments, seed=0)
    return {"face": FaceGenerator, "fine": FineGenerator}[stage](keep, **arguments, seed=0)


def _graph(network):
    return tf.function(lambda first, second: network(first, second), reduce_retracing=True)


def _parts(generators):
    """{stage: (function of the source, function of its result and the other image)}, as graphs."""
    made = {}
    if "face" in generators:
        G = generators["face"]
        made["face"] = (
            tf.function(lambda source, G=G: G.image_features(Pass(G), source)),
            tf.function(
                lambda features, drawing, G=G: G.join(
                    Pass(G), features, G.boundary_features(Pass(G), drawing)
                )
            ),
        )
    if "fine" in generators:
        fine = generators["fine"]
        made["fine"] = (
            tf.function(lambda source, G=fine: G.image_features(Pass(G), source, 1)),
            tf.function(
                lambda features, coarse, G=fine: G.join(
                    Pass(G), features, G.image_features(Pass(G), coarse, 2)
                )
            ),
        )
    return made
