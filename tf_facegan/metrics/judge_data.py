"""What judges learn from: toy faces that no data set holds. Imports no TensorFlow."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tf_facegan.sources.toy_faces import casting
from tf_facegan.uv.workers import Workers

if TYPE_CHECKING:
    from tf_facegan.metrics.judges import JudgeConfig


HELD_OUT = 0.15
_CHUNK = 250
_FIRST = 10**6  # numbers of pictures that data sets do not reach


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Toy faces and what is true of them.

    Attributes:
      images: uint8 [N, S, S, 3], RGB.
      aus: float32 [N, 17], intensities from 0 to 5.
      expression: int64 [N].
      identity: int64 [N].
    """

    images: np.ndarray
    aus: np.ndarray
    expression: np.ndarray
    identity: np.ndarray


def cast(config: JudgeConfig) -> tuple[list[casting.Example], list[casting.Example]]:
    """Chooses the pictures of a judge.

    The judge of identities is tested on other pictures of the same faces, the others on faces
    that they have not seen. Half of the pictures for the judge of action units show action units
    on their own.

    Args:
      config: judges.JudgeConfig.

    Returns:
      (list of casting.Example to learn from, list to be tested on).
    """
    examples = casting.pictures(
        config.count,
        config.identities,
        seed=config.seed,
        resolution=config.resolution,
        weakest=0.0 if config.task == "identity" else 0.6,
    )
    examples = [
        dataclasses.replace(example, number=example.number + _FIRST) for example in examples
    ]
    if config.task == "aus":
        examples[::2] = [
            dataclasses.replace(example, expression=casting.ANY) for example in examples[::2]
        ]
    if config.task == "identity":
        first = len(examples) - round(HELD_OUT * len(examples))
        parts = examples[:first], examples[first:]
    else:
        parts = casting.split(examples, HELD_OUT).values()
    # Face by face: what is random on the skin of a face is then worked out once.
    return tuple(sorted(part, key=lambda example: example.identity) for part in parts)


def draw(examples: Sequence[casting.Example], workers: int | None = None) -> Pictures:
    """Draws examples with all cores.

    Args:
      examples: list of casting.Example.
      workers: int, processes; None is one for every core.

    Returns:
      Pictures.
    """
    chunks = [examples[first : first + _CHUNK] for first in range(0, len(examples), _CHUNK)]
    with Workers(workers, len(chunks)) as pool:
        parts = pool.map(_draw_chunk, None, chunks, "toy faces", unit="chunk")
    images, aus = (np.concatenate(arrays) for arrays in zip(*parts))
    expression = np.array([example.expression for example in examples], np.int64)
    identity = np.array([example.identity for example in examples], np.int64)
    return Pictures(images, aus, expression, identity)


def _draw_chunk(_, examples):
    images = np.stack([example.render().image for example in examples])
    return images, np.stack([example.aus for example in examples])
