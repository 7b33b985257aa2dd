"""The one place that imports menpo3d, which is the extra `[mesh]`."""

from __future__ import annotations

import importlib
from types import ModuleType

HOW_TO_BUILD = (
    "pip install 'numpy==1.26.*' 'setuptools<81' wheel && pip uninstall --yes cython && "
    "pip install --no-build-isolation --no-cache-dir --no-deps --force-reinstall 'menpo3d==0.8.*' "
    "&& pip install vtk"
)


def require_menpo3d(module: str = "menpo3d") -> ModuleType:
    """Imports menpo3d, one of its modules, or what it reads meshes with, when first needed.

    Args:
      module: dotted name, e.g. "menpo3d.io" or "vtk".

    Returns:
      The module.

    Raises:
      ImportError: it is missing; one line says what to type.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"this needs menpo3d, the extra [mesh], which cannot be imported ({error}); in a "
            f"checkout type `make setup`, elsewhere: {HOW_TO_BUILD}"
        ) from error
