"""Utility run `evaluate_editing`: does an editor of action units do what it was asked for?

Held-out toy faces get the action units of other faces of their set. A judge that has learned from
real toy faces alone reads what the edited photos show; the renderer knows where background and hair
are.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import numpy as np

from tf_facegan.config import option
from tf_facegan.files import write_text
from tf_facegan.utilities.images import save_image_grid

if TYPE_CHECKING:
    from tf_facegan.ganimation.inference import GANimationPipeline


_TEST_SET = "test"
_FIELDS = ("aus", "identity")
_REGIONS = "regions"


@dataclasses.dataclass(frozen=True)
class Options:
    dataset: Optional[str] = option(
        None, "set of toy faces to edit; None: `test` beside the set trained on"
    )
    count: int = option(500, "faces; fewer if the set has fewer")
    random_seed: int = option(0, "seed of the choice of faces and of whose action units they get")
    sheet: int = option(10, "faces on the picture of results")


def describe(run_number: int | str) -> str:
    """Returns the name of the result folder, after its number."""
    return f"evaluate-editing-{run_number}"


def run(pipeline: GANimationPipeline, folder: Path, options: Options) -> list[Path]:
    """Writes `editing.json` (`metrics.editing.editing_report` and its protocol) and `editing.png`.

    A column of the picture is a face; from top to bottom the photo, the mask (white keeps the
    photo), the colour image, the edited photo, and the face whose action units were asked for.

    Args:
      pipeline: `GANimationPipeline`.
      folder: pathlib.Path to write to.
      options: `Options`.

    Returns:
      list of pathlib.Path written.

    Raises:
      ValueError, FileNotFoundError: no set, one without regions, or none of it.
    """
    report, pictures = evaluate(pipeline, options)
    path = folder / "editing.json"
    write_text(path, json.dumps(report, indent=2) + "\n")
    print("\n".join(summary(report)))
    rows = [2 * row - 1 if row.shape[3] == 1 else row for row in pictures]
    rows = np.concatenate([np.broadcast_to(row, (*row.shape[:3], 3)) for row in rows])
    sheet = folder / "editing.png"
    size = (len(pictures[0]), len(pictures))
    return [path, *save_image_grid(rows.transpose(0, 3, 1, 2), sheet, size=size)]


def evaluate(pipeline: GANimationPipeline, options: Options) -> tuple[dict, list[np.ndarray]]:
    """Edits faces and measures the result.

    Args:
      pipeline, options: as of `run`.

    Returns:
      (dict: `metrics.editing.editing_report`, with `protocol`; list of float arrays, the rows of
      the picture: photos, masks, colours, edited photos, faces with the asked action units).
    """
    from tf_facegan.metrics.editing import editing_report
    from tf_facegan.metrics.judges import load_judge
    from tf_facegan.sources.action_units import AUS
    from tf_facegan.sources.toy_faces import REGIONS

    if options.count < 2:
        raise ValueError(f"count={options.count}: expected at least 2")
    faces = _open(pipeline, options)
    columns = [AUS.index(name) for name in pipeline.au_names]
    photos, others = _choose(faces.fields["identity"], options)
    before, models = (
        pipeline.from_records(faces.read(rows, pipeline.image_size), faces.range)
        for rows in (photos, others)
    )
    asked = faces.fields["aus"][others][:, columns]
    edit = pipeline.generate(before, asked)
    regions = faces.read(photos, pipeline.image_size, _REGIONS)[:, 0]
    judge = load_judge("aus")
    judged_before, judged_after = (judge(images)[:, columns] for images in (before, edit.images))
    own = faces.fields["aus"][photos][:, columns]
    report = editing_report(
        asked,
        judged_before,
        judged_after,
        before,
        edit.images,
        edit.attention[..., 0],
        regions,
        REGIONS,
        pipeline.au_names,
    )
    report["protocol"] = {
        "network": pipeline.name,
        "data": str(faces.path),
        "asked": "action units of faces of other identities of the set",
        "action_units": pipeline.au_names,
        "count": len(photos),
        "seed": options.random_seed,
        "resolution": pipeline.image_size,
        "judge": judge.report["protocol"],
        "judge_error_on_photos": float(np.abs(judged_before - own).mean()),
    }
    shown = slice(options.sheet)
    rows = (before, edit.attention, edit.color, edit.images, models)
    return report, [row[shown] for row in rows]


def summary(report: dict) -> list[str]:
    """Returns the report as lines of text."""
    names = ("au_error_before", "au_error_after", "au_error_ratio", "kept_change", "attention_mean")
    protocol, asked = report["protocol"], [name[:4] for name in report["aus"]]
    return [
        f"{protocol['count']} faces of {protocol['data']}, asked for {', '.join(asked)}",
        *(f"{name:<16} {report[name]:.4f}" for name in names),
    ]


def _open(pipeline, options):
    from tf_facegan.records.reader import RecordSet

    path = options.dataset
    if path is None:
        if pipeline.dataset is None:
            raise ValueError(f"{pipeline.name}: names no set; give --set dataset=FOLDER")
        path = Path(pipeline.dataset).parent / _TEST_SET
    faces = RecordSet(path)
    missing = [name for name in _FIELDS if name not in faces.fields]
    missing += [_REGIONS] * (_REGIONS not in faces.info.companions)
    if missing:
        raise ValueError(
            f"{path}: no {', '.join(missing)} in it; a set of dataset_tool.py create_toy_faces "
            "expected"
        )
    return faces


def _choose(identities, options):
    """Returns (rows of the photos, rows of faces of other identities whose AUs they get)."""
    random = np.random.RandomState(options.random_seed)
    count = min(options.count, len(identities))
    photos = random.permutation(len(identities))[:count]
    others = np.empty(count, np.int64)
    for place, row in enumerate(photos):
        strangers = np.flatnonzero(identities != identities[row])
        if not strangers.size:
            raise ValueError("dataset: faces of one identity only, several expected")
        others[place] = random.choice(strangers)
    return photos, others
