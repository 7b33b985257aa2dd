"""Pipelines that take photos: the autoencoder and the classifier."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tf_facegan import outputs
from tf_facegan.expression import autoencoder_trainer, representation
from tf_facegan.expression.networks import Autoencoder, Classifier
from tf_facegan.expression.pipeline import AT_ONCE, ExpressionPipeline, assign
from tf_facegan.sources.photos import AUTO, read_faces

if TYPE_CHECKING:
    from tf_facegan.sources.faces.preparation import CropOptions


@dataclasses.dataclass(frozen=True)
class Reconstruction(outputs.Pictures):
    """What the autoencoder makes of photos.

    Attributes:
      images: uint8 [N, S, S, 3], RGB, what is left of the faces on the way through their codes.
      faces: uint8 [N, S, S, 3], RGB, the faces.
      codes: float32 [N, code_size].
    """

    images: np.ndarray
    faces: np.ndarray
    codes: np.ndarray


class AutoencoderPipeline(ExpressionPipeline):
    """The autoencoder: codes and reconstructions of faces.

    Args:
      autoencoder: `networks.Autoencoder`.
      target_range: "unit" or "symmetric", what it was trained to give.
      channel_order: what it was trained with.
      names: tuple of str, the expressions of its set.
      name: str that names results.
    """

    system = "expression-autoencoder"
    used_networks = ("autoencoder",)

    def __init__(
        self,
        autoencoder: Autoencoder,
        target_range: str = "unit",
        channel_order: str = "rgb",
        names: Sequence[str] = (),
        name: str = "autoencoder",
    ):
        self.autoencoder, self.target_range = autoencoder, target_range
        self.channel_order, self.names, self.name = channel_order, tuple(names), name

    @classmethod
    def _of_run(cls, run, config, path):
        info = run.load_dataset()
        model = Autoencoder(
            **autoencoder_trainer.network_arguments(config), image_size=info.shape[1], seed=0
        )
        assign(model, run.load_network(path, "autoencoder"), path)
        options = config.network.target_range, config.data.channel_order
        return cls(model, *options, representation.names_of(info), f"{run.name}-{path.stem}")

    @classmethod
    def from_files(cls, json_path: str | Path, weights_path: str | Path) -> AutoencoderPipeline:
        """Loads a published autoencoder; see `imports.load_autoencoder`."""
        from tf_facegan.expression import imports

        model = imports.load_autoencoder(json_path, weights_path)
        name = Path(weights_path).stem
        return cls(model, "symmetric", "bgr", representation.EXPRESSIONS, name)

    @property
    def image_size(self) -> int:
        """int, side of the pictures it takes."""
        return self.autoencoder.image_size

    def signature(self) -> tuple:
        """What `export.export` takes: (function of images [N, S, S, 3] in [-0.5, 0.5], in the order
        of colours trained with, that gives `codes` and `reconstructions`; its signature)."""

        def code(images):
            model = self.autoencoder
            return {"codes": model.encode(images), "reconstructions": model(images)}

        side = self.image_size
        return code, {"images": tf.TensorSpec([None, side, side, 3], tf.float32)}

    def preprocessing(self) -> dict:
        return {"image_size": self.image_size, "range": [-0.5, 0.5], "channels": self.channel_order}

    def __call__(
        self, photos: Any, crop: str | CropOptions = AUTO, seed: int | None = None
    ) -> Reconstruction:
        """Sends photos through their codes.

        Args:
          photos: a photo (file, Pillow picture or uint8 [H, W, 3]) or a list of them.
          crop: as of `sources.photos.crop_options`.
          seed: not used, as nothing here is random; all pipelines take one.

        Returns:
          `Reconstruction`.

        Raises:
          FileNotFoundError, ValueError: a photo that cannot be read, or without a face.
        """
        faces = read_faces(photos, self.image_size, crop)
        return Reconstruction(self.reconstruct(faces), faces, self.encode(faces))

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Returns the codes of faces, float32 [N, code_size].

        Args:
          images: uint8 [N, S, S, 3], RGB; S is `image_size`.
        """
        return self._each(self.autoencoder.encode, images)

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Returns what is left of faces on the way through their codes.

        Args:
          images: as of `encode`.

        Returns:
          uint8 [N, S, S, 3], RGB.
        """
        made = self._each(self.autoencoder, images)
        made = made + 0.5 if self.target_range == "symmetric" else made
        made = made[..., ::-1] if self.channel_order == "bgr" else made
        return np.clip(np.rint(made * 255), 0, 255).astype(np.uint8)

    def _each(self, function, images):
        side = self.image_size
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.shape[1:] != (side, side, 3) or not len(images):
            raise ValueError(
                f"{images.dtype} {list(images.shape)}: pictures of uint8 [N, {side}, {side}, 3] "
                "expected"
            )
        images = images[..., ::-1] if self.channel_order == "bgr" else images
        parts = np.split(images, range(AT_ONCE, len(images), AT_ONCE))
        return np.concatenate(
            [function(part / np.float32(255) - np.float32(0.5)).numpy() for part in parts]
        )


class ClassifierPipeline(ExpressionPipeline):
    """The VGG16 classifier.

    Args:
      classifier: `networks.Classifier`.
      names: tuple of str, the expressions.
      image_size: int, side of the pictures that it was trained with.
      name: str that names results.
    """

    system = "expression-vgg16"
    used_networks = ("classifier",)

    def __init__(
        self,
        classifier: Classifier,
        names: Sequence[str],
        image_size: int = 100,
        name: str = "classifier",
    ):
        self.classifier, self.names = classifier, tuple(names)
        self.image_size, self.name = image_size, name

    @classmethod
    def _of_run(cls, run, config, path):
        info = run.load_dataset()
        names = representation.names_of(info)
        arguments = {**dataclasses.asdict(config.network), "weights": None}
        model = Classifier(num_classes=len(names), seed=0, **arguments)
        assign(model, run.load_network(path, "classifier"), path)
        return cls(model, names, info.shape[1], f"{run.name}-{path.stem}")

    def signature(self) -> tuple:
        """What `export.export` takes: (function of images [N, S, S, 3] in [-1, 1] that gives
        `probabilities` [N, K]; its signature)."""
        side = self.image_size
        images = tf.TensorSpec([None, side, side, 3], tf.float32)
        return lambda images: {"probabilities": self.classifier(images)}, {"images": images}

    def preprocessing(self) -> dict:
        return {"image_size": self.image_size, "range": [-1, 1]}

    def __call__(
        self, photos: Any, crop: str | CropOptions = AUTO, seed: int | None = None
    ) -> outputs.Recognition:
        """Says which expressions photos show.

        Args:
          photos, crop, seed: as of `AutoencoderPipeline`.

        Returns:
          `outputs.Recognition`.

        Raises:
          FileNotFoundError, ValueError: a photo that cannot be read, or without a face.
        """
        faces = read_faces(photos, self.image_size, crop)
        return outputs.Recognition(list(self.names), self.classify(faces))

    def classify(self, images: np.ndarray) -> np.ndarray:
        """Says which expression faces show.

        Args:
          images: [N, H, W, 3], RGB: uint8, or float with values in [-1, 1].

        Returns:
          float32 [N, len(names)], probabilities.
        """
        return self._each(self.classifier, images)

    def features(self, images: np.ndarray) -> np.ndarray:
        """Returns what the last layer sees of images, float32 [N, D]: for distances of sets."""
        return self._each(self.classifier.features, images)

    def _each(self, function, images):
        images = np.asarray(images)
        if images.ndim != 4 or images.shape[3] != 3 or not len(images):
            raise ValueError(f"images have shape {list(images.shape)}, [N, H, W, 3] expected")
        if images.dtype == np.uint8:
            images = images / np.float32(127.5) - np.float32(1)
        parts = np.split(images.astype(np.float32), range(AT_ONCE, len(images), AT_ONCE))
        return np.concatenate([function(part).numpy() for part in parts])
