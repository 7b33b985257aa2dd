"""How well a trained run recognises expressions, and what else its codes say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tf_facegan.config import check_choice
from tf_facegan.metrics import classification
from tf_facegan.metrics.linear_probe import linear_probe, turns
from tf_facegan.tdgan import dataset, images

if TYPE_CHECKING:
    from tf_facegan.tdgan.config import Config
    from tf_facegan.tdgan.inference import TDGANPipeline

SPLITS = ("test", "validation", "train")
# Names of the classifiers in files, and what they are.
CLASSIFIERS = {
    "expression_module": "classification module on the expression code (M_ER)",
    "discriminator": "expression discriminator, a plain classifier (D_ER)",
}
_BATCH = 32


def rows_of(config: Config, split: str) -> dataset.Rows:
    """Returns the `dataset.Rows` of a split of a configuration.

    Raises:
      ValueError: an unknown split, or one that the configuration does not have.
    """
    check_choice("split", split, SPLITS)
    data = dataset.load(config)
    rows = {"test": data.test, "validation": data.validation, "train": data.expressions}[split]
    if rows is None:
        how = {"test": "no set for the role `test` and no folds", "validation": "no validation"}
        raise ValueError(f"--split {split}: the run has {how[split]}")
    return rows


def evaluate(
    pipeline: TDGANPipeline, rows: dataset.Rows, protocol: dict[str, Any]
) -> dict[str, classification.Report]:
    """Measures the classifiers of a pipeline.

    Pictures are prepared as for validation: grey if the network is, the middle cut out.

    Args:
      pipeline: `inference.TDGANPipeline`.
      rows: `dataset.Rows`.
      protocol: dict of what is known of the rows; count, resolution and network are added.

    Returns:
      {a name of `CLASSIFIERS`: classification.Report}; the discriminator only if it is there.
    """
    G, D = pipeline.generator, pipeline.discriminator
    found = {"expression_module": _each(rows, pipeline, G.classify)}
    if D is not None:
        found["discriminator"] = _each(rows, pipeline, lambda images: D(images)[1])
    return {
        name: classification.report(
            rows.labels,
            logits,
            pipeline.names,
            {
                **protocol,
                "classifier": CLASSIFIERS[name],
                "network": pipeline.name,
                "resolution": G.image_size,
            },
        )
        for name, logits in found.items()
    }


def identity_probes(pipeline: TDGANPipeline, rows: dataset.Rows) -> dict[str, float | int]:
    """Asks how much the codes say about who is shown (the claim of the paper: little).

    A linear classifier learns to tell the subjects apart from every second picture of each, and is
    tested on the others.

    Args:
      pipeline, rows: as of `evaluate`; the set has a field `subject` or `identity`.

    Returns:
      {"expression_code", "face_code", "discriminator_code": accuracy, "chance": float, "subjects",
      "count": int}; the discriminator's only if it is there.

    Raises:
      ValueError: nobody is named, or fewer than two subjects have two pictures.
    """
    subjects = dataset.subjects_of(rows.set)
    if subjects is None:
        raise ValueError(f"{rows.set.path}: no field `subject` or `identity`, which a probe needs")
    subjects = subjects[rows.rows]
    places = turns(subjects)
    known = np.isin(subjects, subjects[places == 1])
    if len(np.unique(subjects[known])) < 2:
        raise ValueError(f"{rows.set.path}: a probe needs two subjects with two pictures each")
    G, D = pipeline.generator, pipeline.discriminator
    codes = {"expression_code": G.encode_expression, "face_code": G.encode_face}
    if D is not None:
        codes["discriminator_code"] = lambda images: D(images)[0]
    learn, test = (known & (places % 2 == part) for part in (0, 1))
    found = {}
    for name, encode in codes.items():
        code = _each(rows, pipeline, encode)
        found[name] = linear_probe(code[learn], subjects[learn], code[test], subjects[test])
    _, counts = np.unique(subjects[test], return_counts=True)
    return {
        **found,
        "chance": float(counts.max() / counts.sum()),
        "subjects": len(counts),
        "count": int(counts.sum()),
    }


def _each(rows, pipeline, function):
    """Calls a network on all pictures of some rows: float32 [N, …]."""
    G, found = pipeline.generator, []
    for begin in range(0, len(rows), _BATCH):
        records = rows.read(np.arange(begin, min(begin + _BATCH, len(rows))))
        prepared = images.prepare(tf.constant(records), G.channels == 1)
        found.append(function(images.centre_crop(prepared, G.image_size)).numpy())
    return np.concatenate(found)
