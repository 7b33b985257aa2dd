"""What the critic is shown while it trains: photos and edited photos, moved at random and with
noise.

As in DiffAugment (Zhao et al., 2020), real and edited photos alike, and in both networks' steps: an
edit has to hold wherever and however it is seen, so that the critic cannot be pleased with textures
that nobody else sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from tf_facegan.engine.draws import Draws
    from tf_facegan.ganimation.config import Train


KINDS = ("real", "fake")


def draw(random: Draws, train: Train, batch: int, side: int) -> dict[str, tf.Tensor]:
    """Draws how images are shown.

    Args:
      random: `engine.draws.Draws`.
      train: `config.Train`.
      batch: int, images.
      side: int, pixels.

    Returns:
      {name: tensor}, where they are asked for: `real_noise` and `fake_noise`
      [N, side, side, 3]; `real_shift` and `fake_shift`, int64 [N, 2], pixels down and to the right.
    """
    draws = {}
    for kind in KINDS:
        if train.critic_noise:
            level = train.critic_noise * random.uniform(f"{kind}/level", [batch, 1, 1, 1])
            noise = random.normal(f"{kind}/noise", [batch, side, side, 3])
            draws[f"{kind}_noise"] = level * noise
        if train.critic_shift:
            steps = random.integers(f"{kind}/shift", [batch, 2], 2 * train.critic_shift + 1)
            draws[f"{kind}_shift"] = steps - train.critic_shift
    return draws


def show(images: tf.Tensor, draws: dict[str, tf.Tensor], kind: str) -> tf.Tensor:
    """Returns images [N, S, S, 3] as the critic sees them.

    Args:
      images: in [-1, 1].
      draws: as of `draw`, with others.
      kind: one of KINDS.
    """
    if f"{kind}_shift" in draws:
        images = moved(images, draws[f"{kind}_shift"])
    if f"{kind}_noise" in draws:
        images += draws[f"{kind}_noise"]
    return images


def moved(images: tf.Tensor, offsets: tf.Tensor) -> tf.Tensor:
    """Moves images [N, S, S, C] by `offsets`, int64 [N, 2], pixels down and to the right; pixels of
    the border are repeated.

    A product with matrices of ones and zeros, whose gradient is as fast.
    """
    side = images.shape[1]
    places = tf.range(side, dtype=offsets.dtype) - offsets[:, :, None]
    places = tf.one_hot(tf.clip_by_value(places, 0, side - 1), side, dtype=images.dtype)
    images = tf.einsum("nyh,nhwc->nywc", places[:, 0], images)
    return tf.einsum("nxw,nywc->nyxc", places[:, 1], images)
