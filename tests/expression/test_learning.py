"""The toy presets learn toy faces; minutes on a core each. `-s` shows what was measured."""

import csv
import time

import numpy as np
import pytest

import train
from tests.sources import tool
from tf_facegan.engine import run_folder
from tf_facegan.expression.inference import (
    AutoencoderPipeline,
    ClassifierPipeline,
    GeneratorPipeline,
)
from tf_facegan.expression.networks import Classifier
from tf_facegan.metrics.judges import load_judge
from tf_facegan.records.reader import RecordSet

pytestmark = pytest.mark.slow

SEED = 1000
FACES = {"few": (32, 2800, 10), "many": (48, 3000, 100)}  # pixels, pictures, identities


def make_faces(folder, which):
    side, count, identities = FACES[which]
    words = ["create_toy_faces", folder, "--resolution", side, "--variation", 0.1]
    words += ["--count", count, "--identities", identities, "--seed", 0]
    assert tool.run(*words) == 0
    return folder / "train", folder / "test"


def learn(kind, results, *flags):
    """Trains a toy preset; returns the folder of the run and minutes."""
    began = time.monotonic()
    words = ["--preset", f"expression-{kind}-toy", "--result_dir", results, *flags]
    words += [f"--set=random_seed={SEED}"]
    assert train.main([str(word) for word in words]) == 0
    return run_folder.locate("latest", results).path, (time.monotonic() - began) / 60


def pictures(path):
    """Returns (uint8 [N, S, S, 3], expressions [N]) of a set."""
    records = RecordSet(path)
    images = records.read(range(records.count)).transpose(0, 2, 3, 1)
    return images, records.fields["expression"]


def say(kind, minutes, **values):
    described = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
    print(f"\n{kind}: seed {SEED}, {minutes:.1f} minutes: {described}")


def test_reconstructions_are_much_nearer_than_class_means(tmp_path):
    learned, unseen = make_faces(tmp_path / "faces", "many")
    run, minutes = learn("autoencoder", tmp_path, "--dataset", learned)
    pipeline = AutoencoderPipeline.from_run(run)
    images, labels = pictures(learned)
    means = np.stack([images[labels == k].mean(axis=0) for k in range(7)])
    images, labels = pictures(unseen)  # other people
    error = np.mean((pipeline.reconstruct(images) / 255 - images / 255) ** 2)
    of_means = np.mean((means[labels] / 255 - images / 255) ** 2)
    say("autoencoder", minutes, error=error, error_of_class_means=of_means)
    assert error < 0.5 * of_means


def test_samples_show_the_expression_that_was_asked_for(tmp_path):
    learned, _ = make_faces(tmp_path / "faces", "few")
    run, minutes = learn("cwgan", tmp_path, "--dataset", learned)
    images, labels = pictures(learned)
    side = images.shape[1]
    judge = load_judge("expression", resolution=side)
    shares = {"real_faces": np.mean(judge(images).argmax(axis=1) == labels)}
    for name, statistics in (("recognised", "moving"), ("as_published", "batch")):
        pipeline = GeneratorPipeline.from_run(run, statistics=statistics)
        faces = pipeline.generate_classes(100, seed=1)
        judged = judge(faces.reshape(-1, side, side, 3)).argmax(axis=1).reshape(7, -1)
        shares[name] = np.mean(judged == np.arange(7)[:, None])
    say("cwgan", minutes, **shares)
    assert shares["recognised"] >= 0.7 and shares["as_published"] < 0.3


def test_a_classifier_with_random_blocks_trains_end_to_end(tmp_path):
    learned, unseen = make_faces(tmp_path / "faces", "many")
    sets = ["--dataset", f"faces={learned}", "--dataset", f"test={unseen}"]
    run, minutes = learn("vgg16", tmp_path, *sets)
    with open(run / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    losses = [float(row["Validation/classifier"]) for row in rows]
    images, labels = pictures(unseen)
    pipeline = ClassifierPipeline.from_run(run)
    accuracy = np.mean(pipeline.classify(images).argmax(axis=1) == labels)
    say("vgg16", minutes, first_loss=losses[0], last_loss=losses[-1], accuracy=accuracy)
    assert losses[-1] < losses[0]
    start = Classifier(image_size=48, seed=SEED).named_variables
    end = pipeline.classifier.named_variables
    moved = {name for name, v in end.items() if not np.array_equal(v, start[name])}
    assert {name.split("_")[0].split("/")[0] for name in moved} == {"block5", "dense"}
    for name in ("curve-accuracy.png", "curve-classifier.png"):
        assert (run / name).is_file()
    assert float(rows[-1]["Validation/accuracy"]) == pytest.approx(accuracy, abs=1e-4)
