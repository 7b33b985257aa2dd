"""`tdgan-toy` learns toy faces: recognition, what codes say, transfer. `-s` shows the values."""

import time

import numpy as np
import pytest

import train
from tests.sources import tool
from tf_facegan.metrics.judges import load_judge
from tf_facegan.records.reader import RecordSet
from tf_facegan.sources.faces import CropOptions
from tf_facegan.tdgan import dataset, evaluation
from tf_facegan.tdgan.inference import TDGANPipeline

pytestmark = pytest.mark.slow

VARIATION = 0.2
PAIRS = 280  # that are transferred
# Red, green and blue of skin for a grey value: the judge has only ever seen faces in colour.
TINT = (1.12, 0.97, 0.86)
SETS = {
    "faces": "--count 1000 --identities 10 --resolution 64 --test_share 0 --seed 1",
    # A fifth of the identities, 560 pictures, is kept for testing.
    "expressions": "--count 2800 --identities 200 --resolution 72 --seed 2",
    "probe": "--count 800 --identities 20 --resolution 72 --test_share 0 --seed 3",
}


@pytest.fixture(scope="module")
def toy_sets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    for name, flags in SETS.items():
        words = ["create_toy_faces", folder / name, "--variation", VARIATION, *flags.split()]
        assert tool.run(*words) == 0
    return folder


@pytest.mark.parametrize("seed", (1000, 1001))
def test_expressions_are_recognised_apart_from_who_shows_them(seed, toy_sets, tmp_path):
    paths = {
        "faces": toy_sets / "faces",
        "expressions": toy_sets / "expressions" / "train",
        "test": toy_sets / "expressions" / "test",
    }
    words = [f"--dataset={role}={path}" for role, path in paths.items()]
    words += [f"--set=random_seed={seed}", "--result_dir", str(tmp_path)]
    began = time.monotonic()
    assert train.main(["--preset", "tdgan-toy", *words]) == 0
    minutes = (time.monotonic() - began) / 60
    whole = CropOptions(crop="none")
    pipeline = TDGANPipeline.from_run("latest", result_dir=tmp_path, crop=whole)
    unseen = dataset.labelled(RecordSet(paths["test"]))
    reports = evaluation.evaluate(pipeline, unseen, {})
    probes = evaluation.identity_probes(pipeline, dataset.labelled(RecordSet(toy_sets / "probe")))
    recognised, real = transferred(pipeline, RecordSet(paths["faces"]), unseen)
    print(
        f"\ntdgan-toy: seed {seed}, {minutes:.1f} minutes: accuracy "
        f"{reports['expression_module'].accuracy:.3f} (plain classifier "
        f"{reports['discriminator'].accuracy:.3f}) on {len(unseen)} pictures of other faces; "
        f"identity read from the expression code {probes['expression_code']:.3f}, from the plain "
        f"classifier's {probes['discriminator_code']:.3f}, from the face code "
        f"{probes['face_code']:.3f} (chance {probes['chance']:.3f}); transferred expressions "
        f"recognised {recognised:.3f} (real ones {real:.3f})"
    )
    assert reports["expression_module"].accuracy >= 0.85
    assert probes["expression_code"] <= 0.75 * probes["discriminator_code"]
    assert recognised >= 0.7


def transferred(pipeline, faces, expressions):
    """Returns which shares of transferred and of real expressions an independent judge reads."""
    random = np.random.default_rng(0)
    places = random.permutation(len(expressions))[:PAIRS]
    face_places = random.integers(0, faces.count, len(places))
    photos = expressions.read(places).transpose(0, 2, 3, 1)
    shown = faces.read(face_places).transpose(0, 2, 3, 1)
    generated = pipeline.transfer(list(shown), list(photos), seed=0)
    judge, labels = load_judge("expression"), expressions.labels[places]
    found = [
        judge(np.clip(images * TINT, 0, 1) * 2 - 1).argmax(axis=1) == labels
        for images in (generated, pipeline.prepare(list(photos)))
    ]
    return [float(np.mean(right)) for right in found]
