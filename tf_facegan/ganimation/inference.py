"""Using a trained GANimation: faces with other action units, in photos, clips and sheets.

Action units (AUs) are intensities from 0 to 5 here, as OpenFace writes them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tf_facegan import pipelines
from tf_facegan.engine import run_folder
from tf_facegan.ganimation import dataset, driving, losses, published, reference
from tf_facegan.ganimation.networks import Discriminator, Generator
from tf_facegan.ganimation.outputs import Output, Photos
from tf_facegan.ganimation.photo_editing import BATCH, PhotoEditing
from tf_facegan.ganimation.sheets import side_by_side
from tf_facegan.outputs import Video
from tf_facegan.records.reader import RecordSet
from tf_facegan.records.values import to_signed
from tf_facegan.sources import faces
from tf_facegan.sources.action_units import AUS, INTENSITY_RANGE
from tf_facegan.sources.photos import AUTO, as_list
from tf_facegan.utilities.images import to_uint8

_SCALE = np.float32(INTENSITY_RANGE[1])


class GANimationPipeline(PhotoEditing, pipelines.Pipeline):
    """A generator ready to use, and its critic, which reads AUs.

    Args:
      G: `networks.Generator`.
      D: `networks.Discriminator`, or None where there is none.
      au_names: names of the AUs that they know, in order ("AU12_r").
      name: str that names results, "<run>-<snapshot>".
      dataset: folder of the set trained on, or None.

    Attributes:
      The arguments, and
      image_size: int, side of the faces that the generator sees.
      crop_options: `faces.CropOptions`, how faces are found where `crop` is AUTO.
    """

    system = "ganimation"

    def __init__(
        self,
        G: Generator,
        D: Discriminator | None,
        au_names: Sequence[str],
        name: str = "ganimation",
        dataset: str | Path | None = None,
    ):
        self.G, self.D, self.au_names, self.name = G, D, list(au_names), name
        self.image_size, self.dataset = G.image_size, dataset
        self.crop_options = faces.CropOptions()
        sides = [None, G.image_size, G.image_size, 3]
        images, aus = tf.TensorSpec(sides), tf.TensorSpec([None, G.c_dim])
        self._edit = tf.function(lambda x, c: losses.edit(G, x, c), [images, aus])
        self._read = None if D is None else tf.function(lambda x: D(x)[1], [images])

    @classmethod
    def _of_run(cls, run, config, path):
        info = run.load_dataset()
        arguments = dataset.network_arguments(config, info)
        G = Generator(**arguments["G"], seed=0)
        reference.assign(G, run.load_network(path, "G"))
        D = None
        if "D" in run_folder.network_names(path):
            D = Discriminator(**arguments["D"], seed=0)
            reference.assign(D, run.load_network(path, "D"))
        names = dataset.au_names(info, config.data)
        faces_set = config.data.sets.get("faces")
        return cls(G, D, names, f"{run.name}-{path.stem}", faces_set)

    @classmethod
    def from_checkpoint(cls, path: str | Path) -> GANimationPipeline:
        """Loads published checkpoints.

        Args:
          path: a `…G.ckpt`, whose `…D.ckpt` is taken along if it lies beside it, or the folder of
            one.

        Raises:
          FileNotFoundError, ValueError: as `published.read`.
        """
        found = published.read(*published.find(path))
        models = published.networks(found)
        return cls(models["G"], models.get("D"), AUS[: models["G"].c_dim], found.name)

    @property
    def used_networks(self) -> tuple[str, ...]:
        return ("G",) if self.D is None else ("G", "D")

    def labels(self) -> dict[str, list[str]]:
        return {"aus": self.au_names}

    def preprocessing(self) -> dict:
        crop = dataclasses.asdict(self.crop_options)
        return {"face": crop, "image_size": self.image_size, "range": [-1, 1], "aus": [0, 5]}

    def __call__(
        self,
        photos: Any,
        aus: Mapping[str, float] | np.ndarray | None = None,
        expression: str | None = None,
        like: Any = None,
        drive: str | Path | np.ndarray | None = None,
        strength: float = 1.0,
        crop: str | faces.CropOptions = AUTO,
        seed: int | None = None,
    ) -> Photos:
        """Edits photos, or animates them.

        Args:
          photos: a photo (file, Pillow picture or uint8 [H, W, 3]) or a list of them.
          aus, expression, like, strength, crop: as of `edit`, the same for all photos.
          drive: instead of these: file, folder or video, see `driving.load`, or float [T, c_dim].
          seed: not used, as nothing here is random; all pipelines take one.

        Returns:
          `Photos`.

        Raises:
          ValueError, FileNotFoundError: as `edit` and `driving.load`.
        """
        photos = as_list(photos)
        if drive is None:
            edits = [self.edit(photo, aus, expression, like, strength, crop) for photo in photos]
            return Photos([edit.image for edit in edits], edits)
        if not (aus is None and expression is None and like is None):
            raise ValueError("a drive and an expression were both given, one of them expected")
        if not isinstance(drive, np.ndarray):
            drive = driving.load(self, drive, crop=crop)
        else:
            drive = driving.Drive([], drive)
        frames = list(self.animate(photos, drive.aus, crop))
        beside = np.stack([side_by_side(pictures) for pictures in frames])
        return Photos(frames[-1], [], Video(beside, drive.fps))

    # Faces

    def generate(self, images: np.ndarray, aus: np.ndarray) -> Output:
        """Edits faces.

        Args:
          images: [N, S, S, 3], float in [-1, 1] or uint8; S = image_size.
          aus: float [N, c_dim] or [c_dim], 0 to 5.

        Returns:
          `Output`.

        Raises:
          ValueError: other shapes.
        """
        images = self._faces(images)
        aus = np.asarray(aus, np.float32)
        if aus.ndim == 1:
            aus = np.broadcast_to(aus, (len(images), *aus.shape))
        if aus.shape != (len(images), len(self.au_names)):
            raise ValueError(
                f"AUs of shape {list(aus.shape)}, {[len(images), len(self.au_names)]} expected"
            )
        made = [self._edit(*part) for part in _batches(images, aus / _SCALE)]
        return Output(*(np.concatenate(values) for values in zip(*made)), aus)

    def read_aus(self, images: np.ndarray) -> np.ndarray:
        """Reads AUs with the critic.

        Args:
          images: as of `generate`.

        Returns:
          float32 [N, c_dim], 0 to 5.

        Raises:
          ValueError: there is no critic.
        """
        if self.D is None:
            raise ValueError(f"{self.name}: has no critic, which is needed to read action units")
        images = self._faces(images)
        found = np.concatenate([self._read(*part) for part in _batches(images)])
        return np.clip(found * _SCALE, *INTENSITY_RANGE)

    def from_records(self, records: np.ndarray, value_range: Sequence[float]) -> np.ndarray:
        """Turns records [N, 3, S, S] of a set's range into float32 [N, S, S, 3] in [-1, 1]."""
        return np.asarray(to_signed(records, value_range))

    def faces_of_set(
        self, path: str | Path | None = None, count: int = 7, seed: int = 0
    ) -> np.ndarray:
        """Takes random faces of a set.

        Args:
          path: folder of the set; None for the one trained on.
          count: int; seed: int, of the choice.

        Returns:
          uint8 [count, S, S, 3].

        Raises:
          FileNotFoundError, ValueError: no set, or one of other or too few pictures.
        """
        path = path or self.dataset
        if path is None:
            raise ValueError(f"{self.name}: names no set of faces, --dataset expected")
        found = RecordSet(path)
        if found.count < count:
            raise ValueError(f"{path}: {found.count} faces, {count} expected")
        if found.channels != 3:
            raise ValueError(f"{path}: images of {found.channels} channels, RGB expected")
        rows = np.random.RandomState(seed).permutation(found.count)[:count]
        images = found.read(rows, self.image_size)
        return to_uint8(images.transpose(0, 2, 3, 1), found.range)

    def signature(self) -> tuple:
        """What `export.export` takes: (function of images [N, S, S, 3] in [-1, 1] and aus
        [N, c_dim], 0 to 5, that gives `edited`, `attention` and `color`; its signature)."""
        side = self.image_size

        def edit(images, aus):
            edited, attention, color = losses.edit(self.G, images, aus / _SCALE)
            return {"edited": edited, "attention": attention, "color": color}

        return edit, {
            "images": tf.TensorSpec([None, side, side, 3], tf.float32),
            "aus": tf.TensorSpec([None, len(self.au_names)], tf.float32),
        }

    def _faces(self, images):
        images = np.asarray(images)
        side = self.image_size
        if images.ndim != 4 or images.shape[1:] != (side, side, 3):
            raise ValueError(
                f"images of shape {list(images.shape)}, [N, {side}, {side}, 3] expected"
            )
        if images.dtype == np.uint8:
            return np.float32(1 / 127.5) * images - np.float32(1)
        return images.astype(np.float32)


def _batches(*arrays):
    """Yields parts of at most BATCH rows, of all arrays alike."""
    for start in range(0, len(arrays[0]), BATCH):
        yield [tf.constant(array[start : start + BATCH]) for array in arrays]
