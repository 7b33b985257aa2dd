"""Pictures of numbers: curves, and tables of pairs. Imports no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tf_facegan.files import atomic_file


def write_curves(
    path: str | Path,
    title: str,
    curves: Mapping[str, np.ndarray],
    x: np.ndarray | None = None,
    xlabel: str = "epoch",
) -> None:
    """Writes a picture of curves.

    Args:
      path: PNG to write.
      title: str, what is measured.
      curves: {name: float [n]}.
      x: float [n], what they are drawn over; None is 1, 2, …
      xlabel: str, what that is.
    """
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    for name, values in curves.items():
        places = np.arange(1, len(values) + 1) if x is None else x
        axes.plot(places, values, marker=".", label=name)
    axes.set(title=title, xlabel=xlabel)
    axes.grid(alpha=0.3)
    axes.legend()
    _save(figure, path)


def write_matrix(path: str | Path, title: str, names: Sequence[str], values: np.ndarray) -> None:
    """Writes a picture of a number for every pair of names.

    Args:
      path: PNG to write.
      title: str, what the numbers are.
      names: K str.
      values: float [K, K].
    """
    figure = Figure(figsize=(6, 5.2), layout="constrained")
    axes = figure.add_subplot()
    drawn = axes.imshow(values, cmap="viridis", vmin=0)
    ticks = np.arange(len(names))
    axes.set_xticks(ticks, names, rotation=45, ha="right")
    axes.set_yticks(ticks, names)
    middle = np.max(values) / 2
    for row, column in np.ndindex(*np.shape(values)):
        value = values[row][column]
        colour = "black" if value > middle else "white"
        axes.text(column, row, f"{value:.3g}", ha="center", va="center", color=colour, fontsize=7)
    figure.colorbar(drawn)
    axes.set_title(title)
    _save(figure, path)


def _save(figure, path):
    with atomic_file(path) as file:
        FigureCanvasAgg(figure).print_png(file)
