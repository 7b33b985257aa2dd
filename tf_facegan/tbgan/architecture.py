"""The layers of TBGAN's networks as plain data: names, shapes, widths, where branches begin.

Needs no TensorFlow, so that parameters and memory can be counted, and names checked, without
building anything. Names, order and shapes are the published ones (see `reference.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

PUBLISHED_BRANCHES = ("tex", "shp", "nor")
GAIN = math.sqrt(2.0)  # He's initializer, the default of equalized learning rate


@dataclass(frozen=True)
class LayerShape:
    """One layer: `kind` is "dense", "conv", "up" (conv after doubling) or "down" (conv, then
    halving).

    `inputs` and `outputs` count features or feature maps; `kernel` is the side of the kernel (1
    for dense); `bias` is the number of biases (the generator's first dense layer has fewer than
    outputs); `gain` is the numerator of the equalized learning rate.
    """

    kind: str
    inputs: int
    outputs: int
    kernel: int = 1
    gain: float = GAIN
    bias: Optional[int] = None

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Shape of the weight as published: [in, out], HWIO, or [h, w, out, in] for "up"."""
        if self.kind == "dense":
            return (self.inputs, self.outputs)
        channels = (self.inputs, self.outputs)
        return (self.kernel, self.kernel) + (channels[::-1] if self.kind == "up" else channels)

    @property
    def bias_shape(self) -> tuple[int]:
        return (self.outputs if self.bias is None else self.bias,)

    @property
    def std(self) -> float:
        """The factor of equalized learning rate, gain / sqrt(fan_in) (PGGAN, section 4.1)."""
        return self.gain / math.sqrt(self.kernel**2 * self.inputs)


@dataclass(frozen=True)
class Architecture:
    """What generator and discriminator share; see `networks.Generator` for the meaning of the
    fields.

    Raises:
      ValueError: the values do not describe a network; the message names the argument.
    """

    num_channels: int
    resolution: int
    label_size: int
    fmap_base: int
    fmap_decay: float
    fmap_max: int
    fmap_mult: int
    lod_sep: int
    fused_scale: bool
    branches: Optional[tuple[tuple[str, int], ...]] = None

    def __post_init__(self):
        if self.resolution < 4 or self.resolution & (self.resolution - 1):
            raise ValueError(
                f"resolution is {self.resolution}, expected a power of two of at least 4"
            )
        for name, least in (("num_channels", 1), ("label_size", 0), ("fmap_mult", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}, expected at least {least}")
        if self.branches is not None:
            self._check_branches()
        for stage in range(self.top_level + 2):
            if self.fmaps(stage) < 1:
                raise ValueError(
                    f"fmap_base={self.fmap_base} leaves no feature maps at stage {stage} of "
                    f"resolution {self.resolution}; expected a larger fmap_base"
                )

    def _check_branches(self):
        names = [name for name, _ in self.branches]
        widths = [channels for _, channels in self.branches]
        if len(set(names)) != len(names) or not all(names):
            raise ValueError(f"branches are named {names}, expected different names")
        if any(width < 1 for width in widths) or sum(widths) != self.num_channels:
            raise ValueError(
                f"branches have {widths} channels, expected positive numbers that add up to "
                f"num_channels={self.num_channels}"
            )

    @property
    def top_level(self) -> int:
        """The highest level of detail, at which images are 4x4."""
        return int(math.log2(self.resolution)) - 2

    @property
    def resolution_log2(self) -> int:
        return self.top_level + 2

    @property
    def branch_channels(self) -> tuple[tuple[str, int], ...]:
        """((name, channels), ...) of the branches; thirds tex, shp and nor if none were given."""
        if self.branches is not None:
            return tuple(self.branches)
        if self.num_channels % 3:
            raise ValueError(
                f"num_channels is {self.num_channels}, expected a multiple of 3 to split into "
                f"{', '.join(PUBLISHED_BRANCHES)}; name the branches, or raise lod_sep above "
                f"{self.resolution_log2 + 1} for none"
            )
        return tuple((name, self.num_channels // 3) for name in PUBLISHED_BRANCHES)

    def fmaps(self, stage: int) -> int:
        """Returns the number of feature maps of a stage, nf(stage) (PGGAN, times `fmap_mult`)."""
        return self.fmap_mult * int(
            min(int(self.fmap_base / 2.0 ** (stage * self.fmap_decay)), self.fmap_max)
        )

    def branch_fmaps(self, stage: int) -> int:
        """Returns the number of feature maps of one branch at a stage: an even share."""
        count = len(self.branch_channels)
        if self.fmaps(stage) % count:
            raise ValueError(
                f"{self.fmaps(stage)} feature maps of stage {stage} cannot be divided over {count} "
                f"branches; choose fmap_mult={count}, or fmap_base and fmap_max accordingly"
            )
        return self.fmaps(stage) // count

    def splits(self, first_branched: int, res: int) -> bool:
        """Whether a layer of resolution 2**res is split, if branches start at 2**first_branched."""
        return res >= first_branched and len(self.branch_channels) > 1

    def scopes(self, path: str, split: bool) -> list[str]:
        """Returns the scopes of a block: itself, or one per branch."""
        return [f"{path}/{name}" for name, _ in self.branch_channels] if split else [path]

    def generator_splits(self, res: int) -> bool:
        """Whether generator block and ToRGB of resolution 2**res have branches."""
        return self.splits(self.lod_sep + 1, res)

    def discriminator_splits(self, res: int) -> bool:
        """Whether the discriminator block of resolution 2**res has branches."""
        return self.splits(self.lod_sep, res)

    def from_rgb_splits(self, res: int) -> bool:
        """Whether FromRGB of resolution 2**res has branches: one level below the blocks already."""
        return self.splits(self.lod_sep - 1, res)

    def _maps(self, stage, split):
        return self.branch_fmaps(stage) if split else self.fmaps(stage)

    def _rgb(self, direction, res, split):
        """Yields (name, channels of the image) of the 1x1 layers between features and image."""
        path = f"{direction}_lod{self.resolution_log2 - res}"
        channels = [c for _, c in self.branch_channels] if split else [self.num_channels]
        return zip(self.scopes(path, split), channels)

    def generator_layers(self, latent_size: int | None = None) -> dict[str, LayerShape]:
        """Returns the generator's {local name: LayerShape} in published order."""
        latent_size = self.fmaps(0) if latent_size is None else latent_size
        if latent_size < 1:
            raise ValueError(f"latent_size is {latent_size}, expected at least 1")
        if self.lod_sep < 2 and self.generator_splits(self.resolution_log2):
            raise ValueError(
                f"lod_sep is {self.lod_sep}, expected at least 2 for a generator with branches"
            )
        nf1 = self.fmaps(1)
        layers = {
            "4x4/Dense": LayerShape(
                "dense", latent_size + self.label_size, nf1 * 16, gain=GAIN / 4, bias=nf1
            ),
            "4x4/Conv": LayerShape("conv", nf1, nf1, 3),
        }
        for res in range(2, self.resolution_log2 + 1):
            split = self.generator_splits(res)
            below, maps = self._maps(res - 2, split), self._maps(res - 1, split)
            first, kind = ("Conv0_up", "up") if self.fused_scale else ("Conv0", "conv")
            for scope in self.scopes(f"{2**res}x{2**res}", split) if res > 2 else ():
                layers[f"{scope}/{first}"] = LayerShape(kind, below, maps, 3)
                layers[f"{scope}/Conv1"] = LayerShape("conv", maps, maps, 3)
            for name, channels in self._rgb("ToRGB", res, split):
                layers[name] = LayerShape("conv", maps, channels, 1, gain=1.0)
        return layers

    def discriminator_layers(self, mbstd_group_size: int = 4) -> dict[str, LayerShape]:
        """Returns the discriminator's {local name: LayerShape} in published order."""
        if self.lod_sep < 3 and self.from_rgb_splits(self.resolution_log2):
            raise ValueError(
                f"lod_sep is {self.lod_sep}, expected at least 3 for a discriminator with branches"
            )
        layers = {}
        for res in range(self.resolution_log2, 1, -1):
            split = self.from_rgb_splits(res)
            for name, channels in self._rgb("FromRGB", res, split):
                layers[name] = LayerShape("conv", channels, self._maps(res - 1, split), 1)
            split = self.discriminator_splits(res)
            second, kind = ("Conv1_down", "down") if self.fused_scale else ("Conv1", "conv")
            for scope in self.scopes(f"{2**res}x{2**res}", split) if res > 2 else ():
                maps, below = self._maps(res - 1, split), self._maps(res - 2, split)
                layers[f"{scope}/Conv0"] = LayerShape("conv", maps, maps, 3)
                layers[f"{scope}/{second}"] = LayerShape(kind, maps, below, 3)
        nf1, nf0 = self.fmaps(1), self.fmaps(0)
        statistics = 1 if mbstd_group_size > 1 else 0
        layers["4x4/Conv"] = LayerShape("conv", nf1 + statistics, nf1, 3)
        layers["4x4/Dense0"] = LayerShape("dense", nf1 * 16, nf0)
        layers["4x4/Dense1"] = LayerShape("dense", nf0, 1 + self.label_size, gain=1.0)
        return layers


def variable_shapes(layers: Mapping[str, LayerShape]) -> dict[str, tuple[int, ...]]:
    """Returns {local name of the variable: shape} of a table of layers, in published order."""
    shapes = {}
    for name, layer in layers.items():
        shapes[f"{name}/weight"] = layer.weight_shape
        shapes[f"{name}/bias"] = layer.bias_shape
    return shapes


def parameter_count(layers: Mapping[str, LayerShape]) -> int:
    """Returns the number of trainable parameters of a table of layers."""
    return sum(math.prod(shape) for shape in variable_shapes(layers).values())
