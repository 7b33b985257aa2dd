"""TensorFlow-1 checkpoints from elsewhere, by name, without running code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from tf_facegan.command_line import one_line

# What TensorFlow raises for files that are missing, cut short or something else.
_UNREADABLE = (tf.errors.OpError, ValueError, LookupError, RuntimeError, TypeError, MemoryError)


def read(prefix: str | Path) -> dict[str, np.ndarray]:
    """Reads all variables.

    Args:
      prefix: what the names of its files begin with, as `…/model_000500.ckpt`.

    Returns:
      {name: array}, sorted by name.

    Raises:
      ValueError: it cannot be read, or announces more than its files hold; names it.
    """
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
        announced = sum(
            float(np.prod(shape, dtype=np.float64)) * dtypes[name].size
            for name, shape in shapes.items()
        )
        held = sum(path.stat().st_size for path in _files(prefix))
        if announced > held:
            raise ValueError(f"{announced:.0f} bytes are announced, its files hold {held}")
        return {name: np.asarray(reader.get_tensor(name)) for name in sorted(shapes)}
    except _UNREADABLE as error:
        reason = one_line(error)[:200]
        raise ValueError(f"{prefix}: not a readable checkpoint ({reason})") from None


def newest(folder: str | Path) -> Path | None:
    """The prefix that the `checkpoint` file of a folder names, in that folder: where the files were
    when it was written does not matter.

    Raises:
      ValueError: that file cannot be read.
    """
    try:
        state = tf.train.get_checkpoint_state(str(folder))
    except _UNREADABLE as error:
        raise ValueError(f"{folder}/checkpoint: not readable ({one_line(error)[:200]})") from None
    return Path(folder) / Path(state.model_checkpoint_path).name if state else None


def _files(prefix):
    path = Path(prefix)
    return [file for file in path.parent.iterdir() if file.name.startswith(path.name)]
