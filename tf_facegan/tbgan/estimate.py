"""How much memory a device needs for a configuration; counted from the layers, no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tf_facegan.tbgan import schedule
from tf_facegan.tbgan.architecture import Architecture, parameter_count

if TYPE_CHECKING:
    from tf_facegan.tbgan.architecture import LayerShape
    from tf_facegan.tbgan.config import Config


PUBLISHED_SET = {"num_channels": 9, "resolution": 512, "label_size": 7}
_FLOAT = 4
# Copies of every layer's output that are alive at the fullest moment of a discriminator step: those
# kept for the reals, the fakes, the mixed images and the second order of the penalty. Fitted to
# the peak memory that benchmarks/native_resolution.py measured.
_COPIES = 12.0


def memory_lines(config: Config) -> str:
    """Estimates the memory of one device (replica) at the largest level that the run reaches.

    Args:
      config: `tbgan.config.Config`; without a data set TBGAN's published one (9 x 512 x 512,
        7 labels) is assumed.

    Returns:
      str, a few lines in GB.
    """
    described, shape = _set_of(config)
    generator = _architecture(config.G, shape).generator_layers(config.G.latent_size)
    discriminator = _architecture(config.D, shape).discriminator_layers(config.D.mbstd_group_size)
    G, D = parameter_count(generator), parameter_count(discriminator)
    state = _FLOAT * (2 * G + D + 2 * (G + D))
    gradients = _FLOAT * max(G, D)
    devices = config.runtime.logical_cpus or config.runtime.num_gpus
    sides = schedule.resolutions(config.schedule, shape["resolution"], config.train.total_kimg)
    each = {s: schedule.images_at_once(s, config.schedule, devices) for s in sides}
    activations = {s: each[s] * activation_bytes(discriminator, s) for s in sides}
    worst = max(activations, key=activations.get)
    total = state + gradients + activations[worst]
    return "\n".join(
        [
            "",
            f"Estimate of memory a device, {described} on {devices} device(s):",
            f"  networks G {G:,} and D {D:,} parameters, average and optimizers: {_gb(state)}",
            f"  gradients: {_gb(gradients)}",
            f"  activations, most at {worst} pixels with {each[worst]} images: "
            f"{_gb(activations[worst])}",
            f"  together about {_gb(total)}",
        ]
    )


def activation_bytes(layers: Mapping[str, LayerShape], resolution: int) -> float:
    """Estimates the activations of a discriminator step for one image.

    Args:
      layers: table of the discriminator's layers (`Architecture.discriminator_layers`).
      resolution: int, native side of the level, pixels.

    Returns:
      float, bytes.
    """
    values = 0
    for path, layer in layers.items():
        scope = path.split("/")[0]
        side = int(scope.split("x")[0]) if "x" in scope else resolution
        if side > resolution or layer.kind == "dense" or scope.startswith("FromRGB"):
            continue
        values += layer.outputs * (side // 2 if layer.kind == "down" else side) ** 2
    return _FLOAT * _COPIES * values


def _set_of(config):
    folder = config.data.sets.get("faces")
    if config.data.synthetic:
        channels, side = config.data.synthetic
        shape = {"num_channels": channels, "resolution": side, "label_size": 0}
        return f"black images {channels}x{side}x{side}", shape
    if not folder:
        return "published set 9x512x512", PUBLISHED_SET
    from tf_facegan.records.reader import RecordSet

    info = RecordSet(folder, max_label_size=config.data.max_label_size).info
    channels, height, _ = info.shape
    labels = info.labels["size"] if info.labels else 0
    shape = {"num_channels": channels, "resolution": height, "label_size": labels}
    return f"{folder} ({channels}x{height}x{height})", shape


def _architecture(network, shape):
    return Architecture(
        **shape,
        fmap_base=network.fmap_base,
        fmap_decay=network.fmap_decay,
        fmap_max=network.fmap_max,
        fmap_mult=network.fmap_mult,
        lod_sep=network.lod_sep,
        fused_scale=network.fused_scale,
        branches=network.branches,
    )


def _gb(count):
    return f"{count / 1e9:.2f} GB"
