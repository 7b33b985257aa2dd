"""Using a trained TDGAN: which expression a photo shows, and one photo's expression on another's
face."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from tf_facegan import outputs, pipelines
from tf_facegan.config import check_choice
from tf_facegan.engine import run_folder
from tf_facegan.outputs import Recognition
from tf_facegan.sources import faces as face_finder
from tf_facegan.sources.expressions import EXPRESSIONS
from tf_facegan.sources.images import center_square, resized
from tf_facegan.sources.photos import AUTO, as_list, crop_options, describe, read_photo
from tf_facegan.tdgan import reference
from tf_facegan.tdgan.dataset import EXPRESSION
from tf_facegan.tdgan.images import centre_crop
from tf_facegan.tdgan.networks import Discriminator, Generator
from tf_facegan.tdgan.trainer import BEST_SNAPSHOT

BRANCHES = ("expression", "face")
_USED = ("G", "D_ER")  # networks of a snapshot; imported ones may lack the second
_MINIBATCH = 32


@dataclasses.dataclass(frozen=True)
class Transfer(outputs.Pictures):
    """Faces with the expressions of others.

    Attributes:
      images: float32 [N, S, S, C] in [0, 1].
    """

    value_range = (0.0, 1.0)
    images: np.ndarray


class TDGANPipeline(pipelines.Pipeline):
    """A generator, with its classification module, ready to use.

    `from_run` and `from_pretrained` take the option `crop`, and as a snapshot also "final" and
    "best" (of the validation), which is the one taken where there is one.

    Photos are paths, Pillow images or uint8 arrays [H, W, 3] or [H, W]. The face is found and cut
    out as `crop` says, made grey if the network is, and resized to what it saw in training.

    Args:
      generator: `networks.Generator`.
      discriminator: `networks.Discriminator` of expressions, the plain classifier, or None.
      names: list of str, of the expressions; None: the seven basic ones, or numbers.
      expression_size: int, side to which photos are resized before the middle is cut out when their
        expression is asked for (training cuts out random places); None: no more than is seen.
      crop: `sources.faces.CropOptions`, or AUTO: pictures of the networks' size are faces.
      name: str that names results, "<run>-<snapshot>".
    """

    system = "tdgan"

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator | None = None,
        names: Sequence[str] | None = None,
        expression_size: int | None = None,
        crop: str | face_finder.CropOptions = AUTO,
        name: str = "tdgan",
    ):
        self.generator, self.discriminator = generator, discriminator
        classes = generator.num_expressions
        known = EXPRESSIONS if classes == len(EXPRESSIONS) else range(classes)
        self.names = [str(known_name) for known_name in names or known]
        self.expression_size = expression_size or generator.image_size
        self.crop, self.name = crop, name
        self.used_networks = _USED if discriminator is not None else _USED[:1]

    @classmethod
    def _snapshot_path(cls, run, snapshot):
        return snapshot_path(run, snapshot)

    @classmethod
    def _of_run(cls, run, config, path, **options):
        info = run.load_dataset()
        names = [name for name in _USED if name in run_folder.network_names(path)]
        arrays = {name: run.load_network(path, name) for name in names}
        networks = make_networks(arrays, path, config.networks.dropout)
        return cls(
            networks["G"],
            networks.get("D_ER"),
            names=info.fields[EXPRESSION].get("names"),
            expression_size=min(info.shape[1:]),
            name=f"{run.name}-{path.stem}",
            **options,
        )

    @classmethod
    def from_checkpoint(cls, folder: str | Path, **options: Any) -> TDGANPipeline:
        """Loads a published checkpoint (`Enc_FR_G.pkl`, …) without torch.

        Args:
          folder: holds its files; options: as of `from_run`.

        Raises:
          FileNotFoundError, ValueError: naming the file.
        """
        folder = Path(folder)
        networks = make_networks(reference.load_checkpoint(folder), folder)
        return cls(networks["G"], networks.get("D_ER"), name=folder.name, **options)

    def __call__(
        self, photos: Any, expressions: Any = None, seed: int = 0
    ) -> Recognition | Transfer:
        """Says which expressions photos show, or gives them the expressions of others.

        Args:
          photos: a photo (file, Pillow picture or uint8 [H, W, 3]) or a list of them.
          expressions: photos whose expressions they get, one for each or one for all; None: say
            which they show.
          seed: int, of the noise of a transfer.

        Returns:
          `outputs.Recognition`, or `Transfer`.

        Raises:
          FileNotFoundError, ValueError: a photo that cannot be read or without a face (named).
        """
        if expressions is None:
            return self.classify(as_list(photos))
        return Transfer(self.transfer(as_list(photos), as_list(expressions), seed))

    def classify(self, photos: Sequence) -> Recognition:
        """Says which expressions photos show: list of N photos -> `Recognition`.

        Raises:
          FileNotFoundError, ValueError: a photo that cannot be read or without a face (named).
        """
        return self.recognise(self.prepare(photos))

    def recognise(self, images: np.ndarray) -> Recognition:
        """`classify` of prepared images [N, S, S, C] in [0, 1]."""
        logits = self._run(self.generator.classify, images)
        return Recognition(self.names, tf.nn.softmax(logits).numpy())

    def transfer(
        self, faces: Sequence, expressions: Sequence, seed: int = 0, noise: np.ndarray | None = None
    ) -> np.ndarray:
        """Gives faces the expressions of other photos.

        Args:
          faces, expressions: lists of N photos; one alone goes with all of the other list.
          seed: int, of the noise.
          noise: float32 [N, S / 16, S / 16, noise_dim] in [0, 1) instead.

        Returns:
          float32 [N, S, S, C] in [0, 1].
        """
        return self.decode(*self._codes(faces, expressions), seed, noise)

    def interpolate(
        self, faces: Sequence, expressions: Sequence, steps: int = 11, seed: int = 0
    ) -> np.ndarray:
        """Goes from one expression to another, or from one face to another, in even steps.

        The two codes of one encoder are blended, (1 - a) * first + a * second with a from 0 to 1;
        the other code and the noise stay.

        Args:
          faces, expressions: lists of photos, two in one of them and one in the other.
          steps: int, at least 2; published stills have 11.
          seed: int, of the noise.

        Returns:
          float32 [steps, S, S, C] in [0, 1].

        Raises:
          ValueError: other numbers of photos or steps.
        """
        if sorted((len(faces), len(expressions))) != [1, 2] or steps < 2:
            raise ValueError(
                f"{len(faces)} faces, {len(expressions)} expressions, {steps} steps; two photos of "
                "one and one of the other, and at least 2 steps, expected"
            )
        face, expression = (
            np.linspace(codes[0], codes[-1], steps, dtype=np.float32)
            for codes in self._codes(faces, expressions)
        )
        noise = np.repeat(self.noise(1, seed), steps, axis=0)
        return self.decode(face, expression, noise=noise)

    def features(self, photos: Sequence, branch: str = "expression") -> np.ndarray:
        """Codes for use elsewhere.

        Args:
          photos: list of N photos.
          branch: "expression" or "face", the encoder.

        Returns:
          float32 [N, S / 16, S / 16, channels].
        """
        check_choice("branch", branch, BRANCHES)
        return self.encode(self.prepare(photos, branch), branch)

    def encode(self, images: np.ndarray, branch: str = "expression") -> np.ndarray:
        """`features` of prepared images [N, S, S, C] in [0, 1]."""
        G = self.generator
        return self._run(G.encode_face if branch == "face" else G.encode_expression, images)

    def decode(
        self,
        face_codes: np.ndarray,
        expression_codes: np.ndarray,
        seed: int = 0,
        noise: np.ndarray | None = None,
    ) -> np.ndarray:
        """Images [N, S, S, C] in [0, 1] of codes; one alone goes with all of the other."""
        count = max(len(face_codes), len(expression_codes))
        codes = [_repeated(codes, count) for codes in (face_codes, expression_codes)]
        noise = self.noise(count, seed) if noise is None else np.asarray(noise, np.float32)
        return self._run(self.generator.decode, *codes, noise)

    def noise(self, count: int, seed: int = 0) -> np.ndarray:
        """The noise of a seed, float32 [count, S / 16, S / 16, noise_dim] in [0, 1): the same for
        all, so that what becomes of a photo does not depend on those beside it."""
        noise = np.random.default_rng(seed).random(self.generator.noise_shape, np.float32)
        return np.repeat(noise[None], count, axis=0)

    def prepare(
        self, photos: Sequence, branch: str = "expression", sources: Sequence[str] | None = None
    ) -> np.ndarray:
        """Finds, cuts out and resizes the faces of photos.

        Args:
          photos: list of N photos.
          branch: "expression" or "face", the encoder that is to see them.
          sources: list of N str, what errors call the photos; None: their files.

        Returns:
          float32 [N, S, S, C] in [0, 1].

        Raises:
          FileNotFoundError, ValueError: a photo that cannot be read or without a face.
        """
        sources = sources or [describe(photo) for photo in photos]
        images = [self._prepared(*named, branch) for named in zip(photos, sources)]
        return np.stack(images) if images else np.zeros([0, *self.image_shape], np.float32)

    def signature(self) -> tuple:
        """What `export.export` takes, of the classifier: (function of images [N, S, S, C] in [0, 1]
        that gives `logits` and `probabilities` [N, K]; its signature)."""

        def classify(images):
            logits = self.generator.classify(images)
            return {"logits": logits, "probabilities": tf.nn.softmax(logits)}

        return classify, {"images": tf.TensorSpec([None, *self.image_shape], tf.float32)}

    def preprocessing(self) -> dict:
        """See `Pipeline.preprocessing`."""
        return {
            "crop": self.crop if self.crop == AUTO else dataclasses.asdict(self.crop),
            "grey": self.generator.channels == 1,
            "expression_size": self.expression_size,
            "image_size": self.generator.image_size,
            "range": [0, 1],
        }

    def labels(self) -> dict[str, list[str]]:
        """See `Pipeline.labels`."""
        return {"expressions": self.names}

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(S, S, C) of the images that the networks take and give."""
        G = self.generator
        return (G.image_size, G.image_size, G.channels)

    def _prepared(self, photo, source, branch):
        picture = read_photo(photo)
        sides = self.generator.image_size, self.expression_size
        options = crop_options(picture, sides, self.crop)
        if options.crop == "face":
            crop = face_finder.find_crop(picture, options, source=source)
            picture = face_finder.cut(picture, crop)
        elif options.crop == "center":
            picture = center_square(picture)
        size, is_gray = self.generator.image_size, self.generator.channels == 1
        # Grey first, then the size: the published order.
        picture = Image.fromarray(picture).convert("L" if is_gray else "RGB")
        side = self.expression_size if branch == "expression" else size
        values = np.atleast_3d(np.asarray(resized(picture, (side, side)), np.float32))
        return centre_crop(values[None] / 255.0, size)[0]

    def _codes(self, faces, expressions):
        if not len(faces) or not len(expressions):
            raise ValueError("at least one face and one expression expected")
        return self.features(faces, "face"), self.features(expressions, "expression")

    def _run(self, function, *arrays):
        """Calls a network in minibatches."""
        chunks = []
        for begin in range(0, len(arrays[0]), _MINIBATCH):
            part = [tf.constant(array[begin : begin + _MINIBATCH]) for array in arrays]
            chunks.append(tf.cast(function(*part), tf.float32).numpy())
        if not chunks:
            raise ValueError("no pictures")
        return np.concatenate(chunks)


def snapshot_path(run: run_folder.RunFolder, snapshot: int | str | None = None) -> Path:
    """The file of a snapshot of a `RunFolder`; see `TDGANPipeline.from_run`."""
    best = run.path / BEST_SNAPSHOT
    if snapshot == "best" and not best.is_file():
        raise FileNotFoundError(f"{run.path}: no {BEST_SNAPSHOT}: no validation was above chance")
    if best.is_file() and snapshot in (None, "best"):
        return best
    return run.snapshot(None if snapshot in (None, "final") else snapshot)


def make_networks(
    arrays: Mapping[str, dict[str, np.ndarray]], source: str | Path, dropout: float = 0.5
) -> dict[str, tf.keras.Model]:
    """Makes networks of published arrays.

    Args:
      arrays: {"G", "D_FR", "D_ER": published arrays}, some of them.
      source: where they are from, for errors.
      dropout: float, rate of the heads, which the arrays do not tell.

    Returns:
      {name: network}.

    Raises:
      ValueError: arrays that are none of such a network; names the source.
    """
    networks = {}
    for name, values in arrays.items():
        kind = Generator if name == "G" else Discriminator
        try:
            networks[name] = kind(**reference.arguments(values), dropout=dropout, seed=0)
            reference.assign(networks[name], values)
        except ValueError as error:
            raise ValueError(f"{source}: {name}: {error}") from None
    return networks


def _repeated(codes, count):
    if len(codes) not in (1, count):
        raise ValueError(f"{len(codes)} and {count} photos; as many of both, or one of one of them")
    return np.repeat(codes, count // len(codes), axis=0)
