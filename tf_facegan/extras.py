"""Packages that not everybody needs: what to say where one is missing."""

from __future__ import annotations


def missing(what: str, extra: str, error: ImportError) -> str:
    """Returns the line for an ImportError.

    Args:
      what: str, what needs it: "the page".
      extra: str, the extra of setup.py that has it.
      error: the ImportError.
    """
    return (
        f"{what} needs more packages ({error}): pip install 'tf_facegan[{extra}]', or "
        f"'.[{extra}]' in a checkout"
    )
