"""Who a toy face is: named traits, drawn from a seed."""

from __future__ import annotations

import dataclasses

import numpy as np

HAIR_STYLES = ("bald", "receding", "short", "side", "fringe", "bob", "long", "curly")
_STREAM = 7001  # keeps the draws of identities apart from those of scenes

_SKIN_TONES = np.array(
    [
        (0.97, 0.82, 0.73),
        (0.92, 0.74, 0.61),
        (0.80, 0.59, 0.45),
        (0.60, 0.41, 0.29),
        (0.40, 0.26, 0.19),
    ],
    np.float32,
)
_HAIR_COLOURS = np.array(
    [
        (0.07, 0.06, 0.06),
        (0.17, 0.11, 0.08),
        (0.33, 0.20, 0.12),
        (0.52, 0.34, 0.18),
        (0.80, 0.63, 0.38),
        (0.56, 0.24, 0.11),
        (0.66, 0.65, 0.64),
    ],
    np.float32,
)
_EYE_COLOURS = np.array(
    [
        (0.20, 0.12, 0.07),
        (0.36, 0.22, 0.11),
        (0.38, 0.42, 0.20),
        (0.30, 0.48, 0.62),
        (0.45, 0.52, 0.55),
    ],
    np.float32,
)


def _trait(default, low, high):
    return dataclasses.field(default=default, metadata={"range": (low, high)})


@dataclasses.dataclass(frozen=True)
class Identity:
    """The traits of one face. Sizes are factors of the average face; the rest is said.

    Attributes:
      texture_seed: int, of what is random on the skin and in the hair.
      skin_tone: 0 (lightest) to 1 (darkest).
      skin_warmth: -1 (rosy) to 1 (olive).
      face_width, face_length, jaw_width, chin_width, forehead_height: factors.
      cheek_fullness: 0 to 1.
      hair_style: one of HAIR_STYLES.
      hair_colour: (R, G, B) in [0, 1].
      hair_volume: factor of the skull.
      hairline: lower (negative) or higher (positive) on the forehead, half face widths.
      parting: -1 (image left) to 1, where the hair of style "side" is parted.
      eye_size, eye_distance, eye_roundness: factors.
      eye_tilt: how much the outer corners are raised, half face widths.
      eye_colour: (R, G, B) in [0, 1].
      lashes: factor.
      brow_thickness: factor.
      brow_height, brow_arch, brow_tilt: raised by so many half face widths.
      nose_width, nose_length, nose_height: factors.
      mouth_width, upper_lip, lower_lip: factors.
      mouth_height: raised by so many half face widths.
      lip_redness, freckles, blush, age, stubble: 0 to 1.
    """

    texture_seed: int = 0
    skin_tone: float = _trait(0.3, 0.0, 1.0)
    skin_warmth: float = _trait(0.0, -1.0, 1.0)
    face_width: float = _trait(1.0, 0.9, 1.08)
    face_length: float = _trait(1.0, 0.93, 1.06)
    jaw_width: float = _trait(1.0, 0.84, 1.12)
    chin_width: float = _trait(1.0, 0.75, 1.3)
    cheek_fullness: float = _trait(0.5, 0.0, 1.0)
    forehead_height: float = _trait(1.0, 0.93, 1.06)
    hair_style: str = "short"
    hair_colour: tuple = (0.17, 0.11, 0.08)
    hair_volume: float = _trait(1.06, 1.0, 1.16)
    hairline: float = _trait(0.0, -0.1, 0.12)
    parting: float = _trait(0.5, -1.0, 1.0)
    eye_size: float = _trait(1.0, 0.88, 1.15)
    eye_distance: float = _trait(1.0, 0.92, 1.1)
    eye_roundness: float = _trait(1.0, 0.8, 1.2)
    eye_tilt: float = _trait(0.02, -0.02, 0.06)
    eye_colour: tuple = (0.36, 0.22, 0.11)
    lashes: float = _trait(1.0, 0.6, 1.6)
    brow_thickness: float = _trait(1.0, 0.55, 1.6)
    brow_height: float = _trait(0.0, -0.03, 0.05)
    brow_arch: float = _trait(0.02, -0.02, 0.07)
    brow_tilt: float = _trait(0.0, -0.05, 0.05)
    nose_width: float = _trait(1.0, 0.78, 1.3)
    nose_length: float = _trait(1.0, 0.9, 1.08)
    nose_height: float = _trait(1.0, 0.75, 1.3)
    mouth_width: float = _trait(1.0, 0.85, 1.14)
    mouth_height: float = _trait(0.0, -0.03, 0.05)
    upper_lip: float = _trait(1.0, 0.6, 1.45)
    lower_lip: float = _trait(1.0, 0.7, 1.4)
    lip_redness: float = _trait(0.4, 0.0, 1.0)
    freckles: float = _trait(0.2, 0.0, 1.0)
    blush: float = _trait(0.4, 0.0, 1.0)
    age: float = _trait(0.2, 0.0, 1.0)
    stubble: float = _trait(0.0, 0.0, 1.0)

    @classmethod
    def random(cls, seed: int) -> Identity:
        """Draws an identity: the same for the same seed.

        Args:
          seed: int, at least 0.

        Returns:
          Identity.
        """
        random = np.random.default_rng((_STREAM, seed))
        traits = {
            field.name: round(float(random.uniform(*field.metadata["range"])), 4)
            for field in dataclasses.fields(cls)
            if "range" in field.metadata
        }
        # Few faces have many freckles, a beard or deep wrinkles.
        for name in ("freckles", "age"):
            traits[name] **= 2
        traits["stubble"] = max(0.0, 2.0 * traits["stubble"] - 1.0)
        tone = traits["skin_tone"]
        dark_hair = random.uniform() < tone
        return cls(
            texture_seed=int(random.integers(2**31)),
            hair_style=HAIR_STYLES[random.integers(len(HAIR_STYLES))],
            hair_colour=_varied(_HAIR_COLOURS[: 3 if dark_hair else None], random),
            eye_colour=_varied(_EYE_COLOURS[: 2 if tone > 0.6 else None], random),
            **traits,
        )

    @property
    def skin_colour(self) -> np.ndarray:
        """float32 [3], RGB in [0, 1]."""
        place = min(max(self.skin_tone, 0.0), 1.0) * (len(_SKIN_TONES) - 1)
        low = min(int(place), len(_SKIN_TONES) - 2)
        colour = _SKIN_TONES[low] + (_SKIN_TONES[low + 1] - _SKIN_TONES[low]) * (place - low)
        tint = np.array((-0.012, 0.018, -0.035), np.float32) * self.skin_warmth
        return (colour * (1.0 + tint)).astype(np.float32)

    @property
    def lip_colour(self) -> np.ndarray:
        """float32 [3], RGB in [0, 1]."""
        pale, red = np.array((0.90, 0.70, 0.69)), np.array((0.86, 0.50, 0.53))
        tint = pale + (red - pale) * self.lip_redness
        return (self.skin_colour * tint).astype(np.float32)


def _varied(colours, random):
    """One of the colours [N, 3], a little changed: a tuple of float."""
    colour = colours[random.integers(len(colours))] * random.uniform(0.8, 1.2)
    colour = np.clip(colour * random.uniform(0.93, 1.07, 3), 0.03, 0.95)
    return tuple(round(float(value), 4) for value in colour)
