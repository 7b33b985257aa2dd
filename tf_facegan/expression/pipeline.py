"""What the pipelines of the three expression systems share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tf_facegan import pipelines
from tf_facegan.engine import run_folder
from tf_facegan.expression import reference, sampling

if TYPE_CHECKING:
    import tensorflow as tf

    from tf_facegan.expression.representation import Representations


AT_ONCE = 64  # images of a call of a network


class ExpressionPipeline(pipelines.Pipeline):
    """Base of the three pipelines.

    Attributes:
      system: str, the system whose runs it loads; None for the base, which loads any.
      name: str that names results, "<run>-<snapshot>".
      names: tuple of str, the expressions.
    """

    system = None

    @classmethod
    def from_run(
        cls,
        run_id: int | str | Path,
        snapshot: int | None = None,
        result_dir: str | Path = "results",
        **options: Any,
    ) -> ExpressionPipeline:
        """Loads the network of a training run.

        Args:
          run_id: run number, folder, name or `latest`.
          snapshot: kimg of the snapshot, or None for the newest.
          result_dir: folder of run folders.
          **options: of the pipeline of that system.

        Returns:
          `GeneratorPipeline`, `AutoencoderPipeline` or `ClassifierPipeline`; called on one of them
          that one.

        Raises:
          FileNotFoundError, ValueError: naming the run or the file; a run of another system.
        """
        run = run_folder.locate(run_id, result_dir)
        config = run.load_config()
        from tf_facegan.expression.inference import PIPELINES

        found = [pipeline for pipeline in PIPELINES if pipeline.system == config.system]
        if not found or not issubclass(found[0], cls):
            expected = cls.system or ", ".join(pipeline.system for pipeline in PIPELINES)
            raise ValueError(f"{run.path}: a run of {config.system}, one of {expected} expected")
        path = run.snapshot(snapshot)
        pipeline = found[0]._of_run(run, config, path, **options)
        pipeline.origin = pipelines.Origin(run, path)
        return pipeline

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
