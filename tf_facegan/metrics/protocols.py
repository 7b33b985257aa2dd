"""The metrics that `evaluate_metrics` knows, each with its published protocol.

A metric takes in a set of images part by part, and compares the summaries of two sets.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tf_facegan.config import check_choice
from tf_facegan.metrics import frechet_distance, inception_score, kernel_distance, ms_ssim
from tf_facegan.metrics.sliced_wasserstein import SlicedWassersteinDistance

if TYPE_CHECKING:
    from tf_facegan.metrics.inception_network import KerasInception, PublishedInception


INCEPTION, KERAS = "inception", "keras"


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How a metric is evaluated by default.

    Attributes:
      num_images: int, images of a set.
      real_passes: int, how many sets of reals are evaluated.
      network: None, "inception" (the published graph) or "keras".
      width: int, of a column in the published table.
    """

    num_images: int
    real_passes: int = 1
    network: str | None = None
    width: int = 10


PROTOCOLS = {
    "swd": Protocol(16384, real_passes=2, width=13),
    "fid": Protocol(10000, network=INCEPTION),
    "is": Protocol(50000, network=INCEPTION),
    "kid": Protocol(10000, network=INCEPTION),
    "msssim": Protocol(20000),
    "fid-keras": Protocol(10000, network=KERAS),
    "kid-keras": Protocol(10000, network=KERAS),
}


def make(
    name: str, shape: Sequence[int], network: PublishedInception | KerasInception | None = None
) -> Any:
    """Makes a metric.

    Args:
      name: one of PROTOCOLS.
      shape: (3, H, W) of the images.
      network: of `inception_network`, for the metrics that need one.

    Returns:
      An object with `names` (list of str); `part(images)` of some images of a set, uint8
      [n, 3, H, W]; `summary(parts)` of all its parts; `values(reals, fakes)` of two summaries:
      list of float, one for every name; and `is_kept`, whether a summary is a tuple of arrays small
      enough to be kept.

    Raises:
      ValueError: an unknown name, or images that the metric cannot take.
    """
    check_choice("metric", name, PROTOCOLS)
    suffix = "-keras" if PROTOCOLS[name].network == KERAS else ""
    if name == "swd":
        return _SlicedWasserstein(shape)
    if name == "msssim":
        return _Variation()
    if name == "is":
        return _Score(network, "IS_mean", "IS_std")
    if name.startswith("fid"):
        return _Frechet(network, f"FID{suffix}")
    return _Kernel(network, f"KID{suffix}", f"KID{suffix}_std")


class _SlicedWasserstein:
    is_kept = False  # descriptors are larger than the images

    def __init__(self, shape):
        metric = SlicedWassersteinDistance(shape)
        self.names, self.part = metric.names, metric.part
        self.summary, self.values = metric.summary, metric.distance


class _Variation:
    names = ["MS-SSIM"]
    is_kept = True

    def part(self, images):
        return ms_ssim.variation(images)

    def summary(self, parts):
        values, pairs = zip(*parts)
        if not any(pairs):
            raise ValueError("MS-SSIM compares pairs: at least 2 images, 2 at a time, expected")
        return (np.average(values, weights=pairs),)

    def values(self, reals, fakes):
        return [float(value) for value in fakes]


class _Activations:
    is_kept = True

    def __init__(self, network, *names):
        self._network, self.names = network, list(names)

    def part(self, images):
        return self._network.activations(images.transpose(0, 2, 3, 1))

    def summary(self, parts):
        return (np.concatenate(parts),)


class _Frechet(_Activations):
    def summary(self, parts):
        return frechet_distance.statistics(*super().summary(parts))

    def values(self, reals, fakes):
        return [frechet_distance.frechet_distance(reals, fakes)]


class _Kernel(_Activations):
    def values(self, reals, fakes):
        return list(kernel_distance.kernel_distance(*reals, *fakes))


class _Score(_Activations):
    def summary(self, parts):
        return inception_score.inception_score(self._network.probabilities(*super().summary(parts)))

    def values(self, reals, fakes):
        return [float(value) for value in fakes]
