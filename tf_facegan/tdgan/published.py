"""Published checkpoints as run folders."""

from __future__ import annotations

from pathlib import Path

from tf_facegan import config as configuration
from tf_facegan.engine import run_folder
from tf_facegan.files import atomic_folder, write_text
from tf_facegan.records import schema
from tf_facegan.sources.expressions import EXPRESSIONS
from tf_facegan.tdgan import reference
from tf_facegan.tdgan.config import Config
from tf_facegan.tdgan.dataset import EXPRESSION
from tf_facegan.tdgan.inference import make_networks


def import_checkpoint(folder: str | Path, out_dir: str | Path) -> run_folder.RunFolder:
    """Makes a run folder of the files of a published checkpoint, without torch.

    Args:
      folder: see `reference.load_checkpoint`.
      out_dir: run folder to make.

    Returns:
      `RunFolder`.

    Raises:
      FileNotFoundError: a file of the generator is missing.
      ValueError: `out_dir` exists, or files that are none of networks or of different ones.
    """
    out_dir = Path(out_dir)
    if out_dir.exists():
        raise ValueError(f"{out_dir}: exists; a folder to make expected")
    arrays = reference.load_checkpoint(folder)
    networks = make_networks(arrays, folder)
    generator = reference.arguments(arrays["G"])
    classes = generator.pop("num_expressions")
    identities = None
    if "D_FR" in networks:
        identities = reference.arguments(arrays["D_FR"])["num_classes"] - 1
    changes = {f"networks.{name}": value for name, value in generator.items()}
    config = configuration.override(
        Config(), {"desc": out_dir.name, "data.num_identities": identities, **changes}
    )
    names = {"names": list(EXPRESSIONS)} if classes == len(EXPRESSIONS) else {}
    channels, size = (1 if generator["grayscale"] else 3), generator["image_size"]
    info = schema.SetInfo(
        name="published",
        kind=schema.SINGLE_SIZE,
        shape=[channels, size, size],
        dtype="uint8",
        count=0,
        modalities=schema.guess_modalities(channels),
        range=[0, 255],
        fields={EXPRESSION: {"shape": [], "dtype": "int64", **names}},
    )
    with atomic_folder(out_dir) as temporary:
        run = run_folder.RunFolder(temporary)
        run.save_config(config)
        run.save_dataset(info)
        named = {name: reference.extract(network) for name, network in networks.items()}
        run.save_snapshot(run_folder.FINAL_SNAPSHOT, named)
        write_text(temporary / run_folder.DONE, "")
    return run_folder.RunFolder(out_dir)
