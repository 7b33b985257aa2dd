"""What the pipelines of the three expression systems share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tf_facegan import pipelines
from tf_facegan.expression import reference, sampling

if TYPE_CHECKING:
    import tensorflow as tf

    from tf_facegan.expression.representation import Representations


AT_ONCE = 64  # images of a call of a network


class ExpressionPipeline(pipelines.Pipeline):
    """Base of the three pipelines; its own `from_run` loads a run of any of them.

    Attributes:
      name: str that names results, "<run>-<snapshot>".
      names: tuple of str, the expressions.
    """

    name: str
    names: tuple[str, ...]

    @classmethod
    def _loaders(cls):
        from tf_facegan.expression.inference import PIPELINES

        return [pipeline for pipeline in PIPELINES if issubclass(pipeline, cls)]

    @property
    def dataset(self) -> str | None:
        """Folder of the set that it was trained on; None where that is not known."""
        return self.origin and self.origin.run.load_config().data.sets.get("faces")

    def labels(self) -> dict[str, list[str]]:
        return {"expressions": list(self.names)}


def assign(
    model: tf.keras.Model,
    arrays: dict[str, np.ndarray],
    path: str | Path,
    trained: str = "moving",
    representations: Representations | None = None,
) -> None:
    """Fills a network from a snapshot; gathers the statistics that training did not keep."""
    try:
        reference.assign(model, arrays)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if trained == "batch" and model.statistics == "moving":
        sampling.gather_statistics(model, representations.rows.astype(np.float32))
