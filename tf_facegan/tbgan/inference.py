"""Using a trained TBGAN: latents and labels to full-size images, modalities and meshes."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.special
import tensorflow as tf

from tf_facegan import outputs, pipelines
from tf_facegan.config import nearest
from tf_facegan.records.schema import UV_LAYOUT
from tf_facegan.sources.action_units import INTENSITY_RANGE
from tf_facegan.tbgan import reference
from tf_facegan.tbgan.networks import Generator
from tf_facegan.utilities.images import as_rgb, split_modalities, to_uint8

if TYPE_CHECKING:
    from tf_facegan.records.schema import SetInfo
    from tf_facegan.tbgan.config import Config
    from tf_facegan.uv.layout import UVLayout
    from tf_facegan.uv.mesh import TexturedMesh


# Keras policies by the dtype of the convolutions; None is Keras's current one.
_POLICIES = {"float32": None, "float16": "mixed_float16", "bfloat16": "mixed_bfloat16"}
_ONE_HOT_LOGIT = 4.0  # softmax of 4 against six zeros is 0.90: how sure the published labels are


@dataclasses.dataclass(frozen=True)
class Output(outputs.Pictures):
    """What a pipeline call gives. Its pictures show the first modality.

    Attributes:
      images: float32 [N, C, R, R], nominally in [-1, 1], all modalities.
      modalities: dict of name ("texture", "shape", "normals") to float32 [N, channels, R, R].
      latents: float32 [N, latent_size]; labels: float32 [N, label_size], as the network got them.
      make_meshes: function without arguments that makes `meshes`.
    """

    images: np.ndarray
    modalities: dict
    latents: np.ndarray
    labels: np.ndarray
    make_meshes: Callable[[], list[TexturedMesh]] | None = None

    @functools.cached_property
    def meshes(self) -> list[TexturedMesh]:
        """list of N `uv.mesh.TexturedMesh`, made when they are asked for; `uv.mesh.save_obj` writes
        one. ValueError without a UV layout."""
        return self.make_meshes()

    def _shown(self):
        first = next(iter(self.modalities.values()))
        return [as_rgb(to_uint8(image, self.value_range)) for image in first]


class TBGANPipeline(pipelines.Pipeline):
    """A generator ready to use.

    `from_run` and `from_pretrained` take the option `network`: "Gs" (moving average) or "G".

    Args:
      generator: `networks.Generator`.
      lod: float, level of detail at which its weights were taken; 0 is the full resolution.
      info: `SetInfo` of the set it was trained on.
      uv_layout: path of the UV layout, or None.
      name: str that names results, "<run>-<snapshot>".
    """

    system = "tbgan"
    used_networks = ("Gs",)

    def __init__(
        self,
        generator: Generator,
        lod: float,
        info: SetInfo,
        uv_layout: str | Path | None = None,
        name: str = "tbgan",
    ):
        self.generator, self.lod, self.info = generator, lod, info
        self.uv_layout, self.name = uv_layout, name

    @classmethod
    def _of_run(cls, run, config, path, network="Gs"):
        info, arrays = run.load_dataset(), run.load_network(path, network)
        generator = Generator(**network_arguments(config, "G", info), seed=0)
        reference.assign(generator, arrays)
        name = f"{run.name}-{path.stem}"
        pipeline = cls(generator, float(arrays["lod"]), info, run.uv_layout, name)
        pipeline._network = network
        return pipeline

    def signature(self) -> tuple:
        """What `export.export` takes: (function of latents [N, latent_size] and, where there are
        any, labels [N, label_size] that gives every modality, [N, R, R, channels]; its
        signature)."""
        widths = dict(self.info.modalities)
        factor = 2 ** math.floor(self.lod)

        def generate(latents, labels=None):
            labels = tf.zeros([tf.shape(latents)[0], 0]) if labels is None else labels
            images = tf.cast(self.generator(latents, labels, lod=self.lod), tf.float32)
            images = tf.repeat(tf.repeat(images, factor, 1), factor, 2) if factor > 1 else images
            return dict(zip(widths, tf.split(images, list(widths.values()), axis=-1)))

        signature = {"latents": tf.TensorSpec([None, self.generator.latent_size], tf.float32)}
        if self.label_size:
            signature["labels"] = tf.TensorSpec([None, self.label_size], tf.float32)
        return generate, signature

    def labels(self) -> dict[str, list[str]]:
        return {"expressions": self.label_names} if self.label_size else {}

    def _networks(self):
        # Users of a model folder look for Gs, whichever network it is that was found the better.
        return {"Gs": self.origin.run.load_network(self.origin.snapshot, self._network)}

    def _save_further(self, folder):
        if self.uv_layout is not None:
            self.load_uv_layout().save(folder / UV_LAYOUT)

    @property
    def label_size(self) -> int:
        return self.generator.architecture.label_size

    @property
    def label_names(self) -> list[str]:
        """Names of the label components; their numbers where the set names none."""
        names = self.info.labels["names"] if self.info.labels else ()
        return [str(name) for name in names or range(self.label_size)]

    def load_uv_layout(self) -> UVLayout:
        """Returns the `UVLayout` that makes meshes of the network's maps.

        Raises:
          ValueError: the run has none, or its images no texture or no shape.
        """
        from tf_facegan.uv.layout import UVLayout

        names = [name for name, _ in self.info.modalities]
        if self.uv_layout is None or "texture" not in names or "shape" not in names:
            raise ValueError(
                f"{self.name}: meshes need texture, shape and uv_layout.npz; the run has "
                f"{', '.join(names)} and {'a' if self.uv_layout else 'no'} uv_layout.npz"
            )
        return UVLayout.load(self.uv_layout)

    def __call__(
        self,
        count: int = 1,
        labels: np.ndarray | None = None,
        seed: int = 0,
        minibatch: int = 8,
        expression: str | None = None,
    ) -> Output:
        """Generates `count` random faces.

        Args:
          count: int.
          labels: float32 [count, label_size] as the network takes them (probabilities, or AUs in
            0-1), or None: the classes in turn, or neutral AUs.
          seed: int; repeats a result exactly, and the first faces of a larger count are the same.
          minibatch: int, images of a call of the network.
          expression: name of a label component for all of them, instead of labels.

        Returns:
          `Output`.

        Raises:
          ValueError: a count below 1, an expression that the network does not know.
        """
        if count < 1:
            raise ValueError(f"count is {count}, at least 1 expected")
        random = np.random.RandomState(seed)
        latents = random.randn(count, self.generator.latent_size).astype(np.float32)
        if labels is None:
            whiches = range(count) if expression is None else [expression] * count
            labels = np.stack([self.label(which) for which in whiches])
        return self.generate(latents, labels, minibatch)

    def generate(self, latents: np.ndarray, labels: np.ndarray, minibatch: int = 8) -> Output:
        """Runs the generator on latents [N, latent_size] and labels [N, label_size] -> `Output`."""
        images = generate_full_size(self.generator, latents, labels, self.lod, minibatch)
        images = images.transpose(0, 3, 1, 2)
        parts = split_modalities(images, self.info.modalities)
        return Output(images, parts, latents, labels, lambda: self.meshes(parts))

    def meshes(
        self, modalities: dict[str, np.ndarray], smoothing: float = 3.0
    ) -> list[TexturedMesh]:
        """Makes a `uv.mesh.TexturedMesh` of every face of `Output.modalities`.

        Args:
          modalities: dict of float32 [N, channels, R, R].
          smoothing: float, width of a Gaussian over the shape, texels at 512 pixels.

        Raises:
          ValueError: as `load_uv_layout`.
        """
        from tf_facegan.uv.mesh import mesh_from_maps

        layout, normals = self.load_uv_layout(), modalities.get("normals")
        return [
            mesh_from_maps(
                layout,
                texture,
                modalities["shape"][i],
                smoothing,
                normals=None if normals is None else normals[i],
            )
            for i, texture in enumerate(modalities["texture"])
        ]

    def label(self, which: int | str) -> np.ndarray:
        """Makes one label row.

        Args:
          which: int (modulo the number of classes) or name of a component.

        Returns:
          float32 [label_size]: mostly that class, or for AUs that one at full intensity (a number
          gives the neutral face).

        Raises:
          ValueError: for a name that the network does not know.
        """
        if isinstance(which, str):
            if which not in self.label_names:
                known = ", ".join(self.label_names) or "none: the network has no labels"
                near = nearest(which, self.label_names)
                raise ValueError(f"unknown expression {which!r}{near}; the network knows {known}")
            component, weight = self.label_names.index(which), 1.0
        else:
            component, weight = which % max(self.label_size, 1), 0.0
        row = np.zeros([self.label_size], np.float32)
        if not self.label_size:
            return row
        if label_kind(self.info) == "intensity":
            row[component] = weight
            return row
        row[component] = _ONE_HOT_LOGIT
        return scipy.special.softmax(row)

    def labels_of_records(self, labels: np.ndarray) -> np.ndarray:
        """Turns label rows of a set [N, label_size] into what the network takes."""
        if label_kind(self.info) == "intensity":
            return labels / INTENSITY_RANGE[1]
        return scipy.special.softmax(labels, axis=-1) if self.label_size else labels

    def labels_from_noise(self, noise: np.ndarray) -> np.ndarray:
        """Turns normal noise [..., label_size] into labels: softmax, or clipped to 0-1 for AUs."""
        if label_kind(self.info) == "intensity":
            return np.clip(noise, 0, 1)
        return scipy.special.softmax(noise, axis=-1) if self.label_size else noise


def generate_full_size(
    generator: Generator, latents: np.ndarray, labels: np.ndarray, lod: float, minibatch: int = 8
) -> np.ndarray:
    """Runs a generator in chunks and doubles its images up to the full resolution.

    Args:
      generator: `networks.Generator`.
      latents: float32 [N, latent_size]; labels: float32 [N, label_size].
      lod: float, level of detail.
      minibatch: int, images of a call.

    Returns:
      float32 array [N, R, R, C], nearest-neighbour enlarged by 2**floor(lod), as PGGAN shows it.
    """
    factor = 2 ** math.floor(lod)
    chunks = []
    for start in range(0, len(latents), minibatch):
        stop = start + minibatch
        native = generator(
            tf.convert_to_tensor(latents[start:stop]),
            tf.convert_to_tensor(labels[start:stop]),
            lod=lod,
        )
        chunks.append(tf.cast(native, tf.float32).numpy().repeat(factor, 1).repeat(factor, 2))
    return np.concatenate(chunks)


def network_arguments(config: Config, network: str, info: SetInfo) -> dict[str, Any]:
    """Returns the constructor arguments of network "G" or "D" for a set.

    Args:
      config: `tbgan.config.Config`.
      network: "G" or "D".
      info: `SetInfo` of the set, labels already limited to those used.
    """
    section = getattr(config, network)
    arguments = {field.name: getattr(section, field.name) for field in dataclasses.fields(section)}
    if section.dtype not in _POLICIES:
        known = ", ".join(_POLICIES)
        raise ValueError(f"{network}.dtype is {section.dtype!r}, one of {known} expected")
    arguments["dtype"] = _POLICIES[section.dtype]
    label_size = info.labels["size"] if info.labels else 0
    return {
        **arguments,
        "num_channels": info.shape[0],
        "resolution": info.shape[-1],
        "label_size": label_size,
    }


def label_kind(info: SetInfo) -> str:
    """Returns "class" (softmax) or "intensity" (AUs: sigmoid and squared error) for a set."""
    return info.labels["kind"] if info.labels else "class"
