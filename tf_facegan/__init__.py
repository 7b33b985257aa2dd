"""Facial-expression and 3D-face GANs in TensorFlow 2 / Keras.

Example:
  pipeline = tf_facegan.load("latest")
"""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    import os

    from tf_facegan.pipelines import Pipeline

__version__ = "0.1.0"
__all__ = ["load"]


def load(
    path_or_run_id: str | int | os.PathLike,
    snapshot: int | str | None = None,
    result_dir: str | os.PathLike = "results",
    **options: typing.Any,
) -> Pipeline:
    """Loads the pipeline of any trained run or model folder: see `tf_facegan.pipelines.load`."""
    from tf_facegan import pipelines

    return pipelines.load(path_or_run_id, snapshot, result_dir, **options)
