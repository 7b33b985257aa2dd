"""How a toy face is seen: pose, light, background."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

_STREAM = 7002
_NO_PATTERN = 0


@dataclasses.dataclass(frozen=True)
class Scene:
    """Everything in a picture that says nothing about who it is or what the face does.

    Attributes:
      yaw: degrees, positive turns the face to the right of the image; to about 25.
      pitch: degrees, positive looks down; to about 15.
      roll: degrees, positive turns the image clockwise.
      zoom: factor of the size.
      shift: (x, y), half face widths, to the right and down.
      gaze: (x, y) in [-1, 1], where the eyes look, to the right and down.
      light_azimuth: degrees, positive comes from the right of the image.
      light_elevation: degrees above the horizon.
      light_contrast: 0 (flat) to 1 (hard).
      brightness: factor.
      warmth: -1 (blue light) to 1 (yellow light).
      background: (R, G, B) in [0, 1].
      background_seed: int, of its pattern; 0 is plain.
      clothes: (R, G, B) in [0, 1].
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    zoom: float = 1.0
    shift: tuple = (0.0, 0.0)
    gaze: tuple = (0.0, 0.0)
    light_azimuth: float = -20.0
    light_elevation: float = 35.0
    light_contrast: float = 0.5
    brightness: float = 1.0
    warmth: float = 0.0
    background: tuple = (0.55, 0.6, 0.66)
    background_seed: int = _NO_PATTERN
    clothes: tuple = (0.25, 0.3, 0.4)

    @classmethod
    def random(cls, seed: int | Sequence[int], variation: float = 1.0) -> Scene:
        """Draws a scene: the same for the same seed.

        Args:
          seed: int of at least 0, or a sequence of them.
          variation: float, factor of how far pose and light stray from the plain scene.

        Returns:
          Scene.
        """
        random = np.random.default_rng((_STREAM, *np.atleast_1d(seed)))

        def around(value, spread):
            offset = spread * np.clip(random.normal(), -2, 2)
            return round(float(value + variation * offset), 4)

        return cls(
            yaw=around(0, 9),
            pitch=around(0, 5),
            roll=around(0, 4),
            zoom=around(1, 0.03),
            shift=(around(0, 0.04), around(0, 0.04)),
            gaze=(around(0, 0.25), around(0, 0.12)),
            light_azimuth=around(0, 30),
            light_elevation=around(35, 12),
            light_contrast=min(1.0, max(0.0, around(0.5, 0.2))),
            brightness=around(1, 0.09),
            warmth=around(0, 0.4),
            background=_colour(random, 0.15, 0.85),
            background_seed=int(random.integers(1, 2**31)),
            clothes=_colour(random, 0.08, 0.8),
        )


def _colour(random, low, high):
    """A colour that is rarely strong: a tuple of float."""
    colour = random.uniform(low, high) + random.uniform(-1, 1, 3) * random.uniform(0, 0.18)
    return tuple(round(float(value), 4) for value in np.clip(colour, 0.03, 0.97))
