"""Which toy faces a data set consists of: everything about a picture follows from a few numbers."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tf_facegan.sources.expressions import EXPRESSIONS
from tf_facegan.sources.toy_faces.acting import expression_aus, random_aus, sequence_aus
from tf_facegan.sources.toy_faces.identity import Identity
from tf_facegan.sources.toy_faces.render import landmarks, render
from tf_facegan.sources.toy_faces.scene import Scene

if TYPE_CHECKING:
    from tf_facegan.sources.toy_faces.render import Face


_STREAM = 7003
ANY = -1  # in place of an expression: action units on their own
_DRIFT = 0.12  # of the pose in the course of a sequence


@dataclasses.dataclass(frozen=True)
class Example:
    """One picture.

    Attributes:
      seed: int, of the data set.
      number: int, of the picture, or of the sequence it belongs to.
      identity: int, number of the face.
      turn: int, how many pictures or sequences of this face come before.
      expression: int, number in `EXPRESSIONS`, or ANY.
      resolution: int, side in pixels.
      variation: float, see `Scene.random`.
      weakest: float in [0, 1], the least strength of its expression.
      frame: int, place in the sequence, from 0.
      frames: int, length of the sequence; 0 is a picture of its own.
    """

    seed: int
    number: int
    identity: int
    turn: int
    expression: int
    resolution: int
    variation: float = 1.0
    weakest: float = 0.6
    frame: int = 0
    frames: int = 0

    def __str__(self):
        return f"toy face {self.number}"

    @property
    def aus(self) -> np.ndarray:
        """float32 [17], intensities from 0 to 5."""
        random = np.random.default_rng((_STREAM, self.seed, self.number))
        if self.frames:
            return sequence_aus(self.expression, self.frames, random)[self.frame]
        if self.expression == ANY:
            return random_aus(random)
        return expression_aus(self.expression, random.uniform(self.weakest, 1.0), random)

    @property
    def scene(self) -> Scene:
        """Scene."""
        scene = Scene.random((self.seed, self.number), self.variation)
        if not self.frame:
            return scene
        other = Scene.random((self.seed, self.number, 1), self.variation)
        share = _DRIFT * self.frame / self.frames
        pose = {
            name: getattr(scene, name) + share * getattr(other, name)
            for name in ("yaw", "pitch", "roll")
        }
        return dataclasses.replace(scene, **pose)

    @property
    def landmarks(self) -> np.ndarray:
        """float32 [68, 2], pixels."""
        return landmarks(self.person, self.aus, self.scene, self.resolution)

    @property
    def person(self) -> Identity:
        """Identity."""
        return _person(self.seed, self.identity)

    def render(self) -> Face:
        """Face."""
        return _render(self)


@functools.lru_cache(maxsize=2)
def _render(example):
    # A set asks for the picture and for its regions one after the other.
    return render(example.person, example.aus, example.scene, example.resolution)


@functools.lru_cache(maxsize=256)
def _person(seed, number):
    """The Identity with a number in the data set of a seed."""
    return Identity.random(int(np.random.default_rng((_STREAM, seed, number)).integers(2**31)))


def pictures(count: int, identities: int, **common: Any) -> list[Example]:
    """Casts pictures: identities take turns, and so do the expressions of each.

    Args:
      count: int.
      identities: int; fewer if there are not so many pictures.
      common: fields of Example that all share: seed, resolution, …

    Returns:
      list of Example.
    """
    identities = min(identities, count)
    examples = []
    for number in range(count):
        turn, person = divmod(number, identities)
        fixed = {"number": number, "identity": person, "turn": turn, **common}
        examples.append(Example(expression=(turn + person) % len(EXPRESSIONS), **fixed))
    return examples


def sequences(count: int, identities: int, frames: int, **common: Any) -> list[list[Example]]:
    """Casts sequences from neutral to peak: identities take turns, and so do the expressions.

    Args:
      count: int, sequences.
      identities: int; fewer if there are not so many sequences.
      frames: int, pictures in a sequence, at least 2.
      common: as for `pictures`.

    Returns:
      list of `count` lists of Example.
    """
    identities = min(identities, count)
    neutral = EXPRESSIONS.index("Neutral")
    shown = [number for number in range(len(EXPRESSIONS)) if number != neutral]
    cast = []
    for number in range(count):
        turn, person = divmod(number, identities)
        fixed = {"number": number, "identity": person, "turn": turn, "frames": frames, **common}
        expression = shown[(turn + person) % len(shown)]
        cast.append([Example(expression=expression, frame=k, **fixed) for k in range(frames)])
    return cast


def split(examples: Sequence[Example], test_share: float) -> dict[str, list[Example]]:
    """Divides examples by identity.

    Args:
      examples: list of Example.
      test_share: float above 0 and below 1, of the identities.

    Returns:
      {"train": list, "test": list}.

    Raises:
      ValueError: fewer than two identities.
    """
    identities = 1 + max(example.identity for example in examples)
    if identities < 2:
        raise ValueError("--identities is 1, at least 2 expected to divide train from test")
    first = min(max(round(identities * (1 - test_share)), 1), identities - 1)
    return {
        "train": [example for example in examples if example.identity < first],
        "test": [example for example in examples if example.identity >= first],
    }
