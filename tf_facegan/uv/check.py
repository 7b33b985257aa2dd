"""`python -m tf_facegan.uv.check`: does menpo3d's compiled CPU rasteriser work?

menpo3d is built from source. Built beside Cython 3, or before numpy, or taken from a cached wheel
of such a build, it imports and only fails when it rasterises: so a triangle is rasterised here.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np

from tf_facegan.command_line import one_line
from tf_facegan.uv.dependency import HOW_TO_BUILD, require_menpo3d

SIZE = 8
LEG = 7.2  # short of the texels on the hypotenuse, so that rounding cannot matter
COVERED = 28  # texels (x, y) with x + y <= 6


def rasterised_texels() -> int:
    """Rasterises one right triangle into 8x8 texels with menpo3d.

    Returns:
      int: texels covered, `COVERED` if the rasteriser works.

    Raises:
      Exception: whatever a wrongly built menpo3d raises.
    """
    rasterize = require_menpo3d("menpo3d.rasterize")
    from menpo.shape import TriMesh

    corners = np.array([[0.0, 0.0, 0.0], [LEG, 0.0, 0.0], [0.0, LEG, 0.0]]) - [0.5, 0.5, 0.0]
    triangle = TriMesh(corners, trilist=np.array([[0, 1, 2]]))
    texels, _, _ = rasterize.rasterize_barycentric_coordinates(triangle, (SIZE, SIZE))
    return len(texels)


def main() -> int:
    """Prints one line and returns the exit code: 0 when the rasteriser works, else 1."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            texels = rasterised_texels()
    except ImportError as error:  # says itself what to type
        print(one_line(error))
        return 1
    except Exception as error:  # a wrong build fails in many ways, NameError among them
        print(f"menpo3d does not work ({one_line(error)}); rebuild it: {HOW_TO_BUILD}")
        return 1
    if texels != COVERED:
        print(f"menpo3d covers {texels} texels, not {COVERED}; rebuild it: {HOW_TO_BUILD}")
        return 1
    print("menpo3d's CPU rasteriser: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
