"""Utility run `generate_textured_meshes`: random 3D faces as OBJ + PNG, and a picture of each."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import numpy as np
from tqdm import tqdm

from tf_facegan.config import option
from tf_facegan.utilities.images import as_rgb, to_uint8, write_image

if TYPE_CHECKING:
    from tf_facegan.tbgan.inference import TBGANPipeline


@dataclasses.dataclass(frozen=True)
class Options:
    count: int = option(7, "faces")
    expression: Optional[str] = option(None, "name of a label component; None: all in turn")
    smoothing: float = option(3.0, "width of a Gaussian over the shape, texels at 512 pixels")
    normals: bool = option(True, "shade by the network's normals, if it makes any")
    preview_size: int = option(384, "side of one view in the preview, pixels")
    random_seed: int = option(1000, "seed of the faces")
    minibatch_size: int = option(8, "images of a call of the network")


def describe(run_name: int | str) -> str:
    """Returns the name of the result folder, after its number."""
    return f"textured-meshes-{run_name}"


def run(pipeline: TBGANPipeline, folder: Path, options: Options) -> list[Path]:
    """Writes `000000.obj` (`.mtl`, `.png`) and `000000_preview.png` for each face.

    Where the network makes normals, the mesh has them at its vertices, pictures are shaded by them,
    and `000000_nor.png` shows them.

    Args:
      pipeline: `tbgan.inference.TBGANPipeline`.
      folder: pathlib.Path to write to.
      options: `Options`.

    Returns:
      list of pathlib.Path of meshes and previews, and `previews.png`, all of them in a column.

    Raises:
      ValueError: when the run has no UV layout, no texture or no shape, or an option is wrong.
    """
    from tf_facegan.uv.mesh import mesh_from_maps, save_obj
    from tf_facegan.uv.render import render_views

    if options.count < 1:
        raise ValueError(f"count={options.count}: expected at least 1")
    layout = pipeline.load_uv_layout()
    labels = None
    if options.expression:
        labels = np.repeat(pipeline.label(options.expression)[None], options.count, axis=0)
    parts = pipeline(options.count, labels, options.random_seed, options.minibatch_size).modalities
    written, previews = [], []
    for i in tqdm(range(options.count), unit="mesh", disable=None):
        normals = parts["normals"][i] if options.normals and "normals" in parts else None
        maps = parts["texture"][i], parts["shape"][i]
        mesh = mesh_from_maps(layout, *maps, options.smoothing, normals=normals)
        if normals is not None:
            write_image(folder / f"{i:06d}_nor.png", as_rgb(to_uint8(normals, (-1, 1))))
        save_obj(folder / f"{i:06d}.obj", mesh)
        previews.append(render_views(*mesh, size=options.preview_size))
        write_image(folder / f"{i:06d}_preview.png", previews[-1])
        written += [folder / f"{i:06d}.obj", folder / f"{i:06d}_preview.png"]
    write_image(folder / "previews.png", np.concatenate(previews))
    return [*written, folder / "previews.png"]
