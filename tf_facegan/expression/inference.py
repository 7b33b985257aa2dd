"""Using trained expression models: faces of an expression, reconstructions, classification.

A run is of one of three systems, and so is its pipeline; `ExpressionPipeline.from_run` finds which.
Pictures are uint8 [N, H, W, 3], RGB.
"""

import dataclasses
from pathlib import Path

import numpy as np
import tensorflow as tf

from tf_facegan import outputs, pipelines
from tf_facegan.engine import run_folder
from tf_facegan.expression import autoencoder_trainer, epochs, reference, representation, sampling
from tf_facegan.expression.images import unscrambled
from tf_facegan.expression.networks import STATISTICS, Autoencoder, Classifier, Generator
from tf_facegan.sources.photos import AUTO, read_faces

_AT_ONCE = 64


class ExpressionPipeline(pipelines.Pipeline):
    """Base of the three pipelines.

    Attributes:
      system: str, the system whose runs it loads; None for the base, which loads any.
      name: str that names results, "<run>-<snapshot>".
      names: tuple of str, the expressions.
    """

    system = None

    @classmethod
    def from_run(cls, run_id, snapshot=None, result_dir="results", **options):
        """Loads the network of a training run.

        Args:
          run_id: run number, folder, name or `latest`.
          snapshot: kimg of the snapshot, or None for the newest.
          result_dir: folder of run folders.
          **options: of the pipeline of that system.

        Returns:
          `GeneratorPipeline`, `AutoencoderPipeline` or `ClassifierPipeline`; called on one of them
          that one.

        Raises:
          FileNotFoundError, ValueError: naming the run or the file; a run of another system.
        """
        run = run_folder.locate(run_id, result_dir)
        config = run.load_config()
        found = [pipeline for pipeline in PIPELINES if pipeline.system == config.system]
        if not found or not issubclass(found[0], cls):
            expected = cls.system or ", ".join(pipeline.system for pipeline in PIPELINES)
            raise ValueError(f"{run.path}: a run of {config.system}, one of {expected} expected")
        path = run.snapshot(snapshot)
        pipeline = found[0]._of_run(run, config, path, **options)
        pipeline.origin = pipelines.Origin(run, path)
        return pipeline

    @property
    def dataset(self):
        """Folder of the set that it was trained on; None where that is not known."""
        return self.origin and self.origin.run.load_config().data.sets.get("faces")

    def labels(self):
        return {"expressions": list(self.names)}


@dataclasses.dataclass(frozen=True)
class Output(outputs.Pictures):
    """What generating gives.

    Attributes:
      images: uint8 [N, H, W, 3], RGB.
      noise: float32 [N, noise_dim]; condition: float32 [N, condition_dim].
    """

    images: np.ndarray
    noise: np.ndarray
    condition: np.ndarray


class GeneratorPipeline(ExpressionPipeline):
    """The conditional generator: faces of an expression.

    Args:
      generator: `networks.Generator`.
      representations: `representation.Representations`, the conditions.
      layout, channel_order: what it was trained with; see `images.py`.
      name: str that names results.
      epoch: int, passes over the set that it was trained for.
    """

    system = "expression-cwgan"

    def __init__(
        self,
        generator,
        representations,
        layout="nhwc",
        channel_order="rgb",
        name="cwgan",
        epoch=0,
    ):
        self.generator, self.representations = generator, representations
        self.layout, self.channel_order = layout, channel_order
        self.name, self.epoch = name, epoch
        self.names = representations.names

    @classmethod
    def _of_run(cls, run, config, path, statistics=None):
        """`statistics` instead of those of the run: "batch" is how the published code samples."""
        data, info = config.data, run.load_dataset()
        representations = _representations(run, data)
        arguments = dataclasses.asdict(config.networks)
        wanted = arguments["statistics"] = statistics or arguments["statistics"]
        if wanted not in STATISTICS:
            raise ValueError(f"statistics is {wanted!r}, one of {', '.join(STATISTICS)} expected")
        arrays = run.load_network(path, "G")
        generator = Generator(
            **arguments,
            condition_dim=representations.rows.shape[1],
            image_size=info.shape[1],
            seed=0,
        )
        _assign(generator, arrays, path, config.networks.statistics, representations)
        epoch = epochs.of_snapshot(path, info.count, config.train)
        name = f"{run.name}-{path.stem}"
        return cls(generator, representations, data.layout, data.channel_order, name, epoch)

    @classmethod
    def from_checkpoint(cls, path, representations, statistics="moving"):
        """Loads a checkpoint of the published code.

        Args:
          path: `model_<epoch>_<iteration>.ckpt`; see `imports.load_checkpoint`.
          representations: `representation.Representations` or where they are; see
            `representation.load`.
          statistics: "moving" gathers the statistics that the published code never did, over
            batches of mixed expressions; "batch" samples as it does.

        Raises:
          FileNotFoundError, ValueError: naming the file.
        """
        from tf_facegan.expression import import_runs, imports

        if not isinstance(representations, representation.Representations):
            representations = representation.load(representations)
        generator = imports.load_checkpoint(path).generator(statistics)
        import_runs.check_conditions(path, generator, representations)
        if statistics == "moving":
            sampling.gather_statistics(generator, representations.rows.astype(np.float32))
        name = Path(str(path).rstrip(".")).name
        epoch = import_runs.epoch_of(path)
        return cls(generator, representations, "scrambled", "bgr", name, epoch)

    def _without_places(self, config):
        config = super()._without_places(config)
        data = dataclasses.replace(config.data, representations=None)
        return dataclasses.replace(config, data=data)

    def _save_further(self, folder):
        self.representations.save(folder / representation.FOLDER)

    def signature(self):
        """What `export.export` takes: (function of noise [N, noise_dim] and condition
        [N, condition_dim] that gives `images`, [N, H, W, 3] in [-1, 1], RGB; its signature)."""

        def generate(noise, condition):
            images = self.generator(noise, condition)
            images = unscrambled(images) if self.layout == "scrambled" else images
            return {"images": images[..., ::-1] if self.channel_order == "bgr" else images}

        sizes = {"noise": self.generator.noise_dim}
        sizes["condition"] = self.representations.rows.shape[1]
        return generate, {n: tf.TensorSpec([None, size], tf.float32) for n, size in sizes.items()}

    def __call__(self, expression, count=1, seed=0):
        """Generates faces of an expression.

        Args:
          expression: str, one of `names`.
          count: int.
          seed: int; repeats a result exactly.

        Returns:
          `Output`.

        Raises:
          ValueError: an expression that is none, or a count below 1.
        """
        condition = np.repeat(self.condition(expression)[None], _positive(count), axis=0)
        return self.generate(self.noise(count, seed), condition)

    def noise(self, count, seed=0):
        """Returns float32 [count, noise_dim], standard normal."""
        random = np.random.RandomState(seed)
        return random.randn(count, self.generator.noise_dim).astype(np.float32)

    def condition(self, expression):
        """Returns the condition of an expression, float32 [condition_dim]; ValueError if none."""
        return self.representations.of([expression])[0].astype(np.float32)

    def generate(self, noise, condition):
        """Runs the generator on noise [N, noise_dim] and conditions [N, condition_dim]."""
        images = sampling.generate(
            self.generator, noise, condition, self.layout, self.channel_order, _AT_ONCE
        )
        return Output(images, noise, condition)

    def generate_classes(self, count, seed=0):
        """Returns faces of every expression from the same noise: uint8 [K, count, H, W, 3]."""
        rows = self.representations.rows.astype(np.float32)
        noise = self.noise(_positive(count), seed)
        return sampling.generate_classes(
            self.generator, rows, noise, self.layout, self.channel_order, _AT_ONCE
        )

    def interpolate(self, expressions, steps=8, count=4, seed=0):
        """Moves faces from expression to expression, on straight lines between their conditions.

        Args:
          expressions: list of at least two names.
          steps: int, pictures from one to the next, without the next.
          count: int, faces.
          seed: int, of the faces.

        Returns:
          uint8 [(len(expressions) - 1) * steps + 1, count, H, W, 3].

        Raises:
          ValueError: fewer than two expressions, an unknown one, or numbers below 1.
        """
        if len(expressions) < 2:
            raise ValueError(f"{len(expressions)} expression, at least 2 to move between expected")
        corners = np.stack([self.condition(name) for name in expressions])
        shares = np.arange((len(corners) - 1) * _positive(steps) + 1) / steps
        at = np.arange(len(corners))
        path = np.stack([np.interp(shares, at, column) for column in corners.T], axis=1)
        noise = self.noise(_positive(count), seed)
        condition = path.astype(np.float32).repeat(count, axis=0)
        images = self.generate(np.tile(noise, (len(path), 1)), condition).images
        return images.reshape(len(path), count, *images.shape[1:])


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
        self, autoencoder, target_range="unit", channel_order="rgb", names=(), name="autoencoder"
    ):
        self.autoencoder, self.target_range = autoencoder, target_range
        self.channel_order, self.names, self.name = channel_order, tuple(names), name

    @classmethod
    def _of_run(cls, run, config, path):
        info = run.load_dataset()
        model = Autoencoder(
            **autoencoder_trainer.network_arguments(config), image_size=info.shape[1], seed=0
        )
        _assign(model, run.load_network(path, "autoencoder"), path)
        options = config.network.target_range, config.data.channel_order
        return cls(model, *options, representation.names_of(info), f"{run.name}-{path.stem}")

    @classmethod
    def from_files(cls, json_path, weights_path):
        """Loads a published autoencoder; see `imports.load_autoencoder`."""
        from tf_facegan.expression import imports

        model = imports.load_autoencoder(json_path, weights_path)
        name = Path(weights_path).stem
        return cls(model, "symmetric", "bgr", representation.EXPRESSIONS, name)

    @property
    def image_size(self):
        """int, side of the pictures it takes."""
        return self.autoencoder.image_size

    def signature(self):
        """What `export.export` takes: (function of images [N, S, S, 3] in [-0.5, 0.5], in the order
        of colours trained with, that gives `codes` and `reconstructions`; its signature)."""

        def code(images):
            model = self.autoencoder
            return {"codes": model.encode(images), "reconstructions": model(images)}

        side = self.image_size
        return code, {"images": tf.TensorSpec([None, side, side, 3], tf.float32)}

    def preprocessing(self):
        return {"image_size": self.image_size, "range": [-0.5, 0.5], "channels": self.channel_order}

    def __call__(self, photos, crop=AUTO, seed=None):
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

    def encode(self, images):
        """Returns the codes of faces, float32 [N, code_size].

        Args:
          images: uint8 [N, S, S, 3], RGB; S is `image_size`.
        """
        return self._each(self.autoencoder.encode, images)

    def reconstruct(self, images):
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
        parts = np.split(images, range(_AT_ONCE, len(images), _AT_ONCE))
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

    def __init__(self, classifier, names, image_size=100, name="classifier"):
        self.classifier, self.names = classifier, tuple(names)
        self.image_size, self.name = image_size, name

    @classmethod
    def _of_run(cls, run, config, path):
        info = run.load_dataset()
        names = representation.names_of(info)
        arguments = {**dataclasses.asdict(config.network), "weights": None}
        model = Classifier(num_classes=len(names), seed=0, **arguments)
        _assign(model, run.load_network(path, "classifier"), path)
        return cls(model, names, info.shape[1], f"{run.name}-{path.stem}")

    def signature(self):
        """What `export.export` takes: (function of images [N, S, S, 3] in [-1, 1] that gives
        `probabilities` [N, K]; its signature)."""
        side = self.image_size
        images = tf.TensorSpec([None, side, side, 3], tf.float32)
        return lambda images: {"probabilities": self.classifier(images)}, {"images": images}

    def preprocessing(self):
        return {"image_size": self.image_size, "range": [-1, 1]}

    def __call__(self, photos, crop=AUTO, seed=None):
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

    def classify(self, images):
        """Says which expression faces show.

        Args:
          images: [N, H, W, 3], RGB: uint8, or float with values in [-1, 1].

        Returns:
          float32 [N, len(names)], probabilities.
        """
        return self._each(self.classifier, images)

    def features(self, images):
        """Returns what the last layer sees of images, float32 [N, D]: for distances of sets."""
        return self._each(self.classifier.features, images)

    def _each(self, function, images):
        images = np.asarray(images)
        if images.ndim != 4 or images.shape[3] != 3 or not len(images):
            raise ValueError(f"images have shape {list(images.shape)}, [N, H, W, 3] expected")
        if images.dtype == np.uint8:
            images = images / np.float32(127.5) - np.float32(1)
        parts = np.split(images.astype(np.float32), range(_AT_ONCE, len(images), _AT_ONCE))
        return np.concatenate([function(part).numpy() for part in parts])


PIPELINES = (GeneratorPipeline, AutoencoderPipeline, ClassifierPipeline)


def _representations(run, data):
    """The conditions of a run: its own copy, else where its configuration says."""
    kept = run.path / representation.FOLDER
    if not kept.exists() and not data.representations:
        raise FileNotFoundError(f"{run.path}: no {representation.FOLDER}, the conditions, in it")
    return representation.load(kept if kept.exists() else data.representations)


def _assign(model, arrays, path, trained="moving", representations=None):
    """Fills a network from a snapshot; gathers the statistics that training did not keep."""
    try:
        reference.assign(model, arrays)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if trained == "batch" and model.statistics == "moving":
        sampling.gather_statistics(model, representations.rows.astype(np.float32))


def _positive(count):
    if count < 1:
        raise ValueError(f"{count}: a positive number expected")
    return count
