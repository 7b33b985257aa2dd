"""The demo preset learns what its faces look like; minutes of training. `-s` shows the values."""

import json
import shutil

import pytest

import train
from tf_facegan.engine import run_folder
from tf_facegan.sources import uv_maps

pytest.importorskip("menpo3d")

from tf_facegan.uv.build import FOLDERS, create_uv_maps  # noqa: E402
from tf_facegan.uv.samples import create_sample_scans  # noqa: E402

COUNT = 64  # faces of the demo, and as many that are held out
# Faces after the demo's that its training was chosen by: not these are the held-out.
LOOKED_AT = 64
HALF = COUNT // 2


def write_sets(folder):
    """The demo's set, and one of further variations in the same units: two paths."""
    first = COUNT + LOOKED_AT
    create_sample_scans(folder / "scans", count=first + COUNT)
    create_uv_maps(folder / "maps", folder / "scans", resolution=64)
    sets = []
    for part, stems in (("faces", range(COUNT)), ("held_out", range(first, first + COUNT))):
        for name in FOLDERS:
            (folder / part / name).mkdir(parents=True)
            for stem in (f"scan{number:05d}" for number in stems):
                (source,) = (folder / "maps" / name).glob(f"{stem}.*")
                shutil.copy(source, folder / part / name)
        maps = {name: folder / part / name for name in FOLDERS}
        sets.append(folder / f"set_{part}")
        uv_maps.create_set(sets[-1], maps, labels=folder / "maps" / "labels.csv")
    return sets


@pytest.mark.slow
def test_the_demo_comes_near_faces_that_were_held_out(tmp_path):
    """In every modality, at most twice as far from them as one half of them from the other."""
    faces, held_out = write_sets(tmp_path)
    flags = ["--result_dir", str(tmp_path / "results")]
    assert train.main(["--preset", "demo", "--dataset", str(faces), *flags]) == 0
    options = {"dataset": held_out, "num_images": HALF, "snapshots": 1, "cache": tmp_path / "kept"}
    words = [word for k, v in options.items() for word in ("--set", f"{k}={v}")]
    assert train.main(["--utility", "evaluate_metrics", *words, *flags]) == 0
    run = run_folder.locate("latest", tmp_path / "results")
    lines = (run.path / f"metric-swd-{HALF}.jsonl").read_text().splitlines()
    _, other_half, fakes = (json.loads(line)["values"] for line in lines)
    print("\nfakes", fakes, "\nhalves", other_half)
    ratios = {
        modality: fakes[f"{modality}_SWDx1e3_avg"] / other_half[f"{modality}_SWDx1e3_avg"]
        for modality in ("tex", "shp", "nor")
    }
    print("ratios", ratios)
    assert max(ratios.values()) <= 2
