"""Packages that not everybody needs: what to say where one is missing."""


def missing(what, extra, error):
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
