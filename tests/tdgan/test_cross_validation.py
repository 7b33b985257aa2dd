"""All folds in one command: a run for each, going on where it stopped, mean and deviation."""

import json

import numpy as np
import pytest
import tensorflow as tf

import train
from tests.tdgan import tiny
from tf_facegan.engine import run_folder
from tf_facegan.tdgan import cross_validation, evaluation
from tf_facegan.tdgan.trainer import Trainer

pytestmark = pytest.mark.filterwarnings("ignore:Even though the .tf.config")


@pytest.fixture(autouse=True)
def eager():
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def flags(roles, results):
    changes = {**tiny.CHANGES, "train.epochs": 1, "validation.groups": 2, "train.batch_size": 8}
    words = ["--preset", "tdgan-ck", "--folds", "3", "--fold", "all"]
    words += [f"--dataset={role}={roles[role]}" for role in ("faces", "expressions")]
    words += [f"--set={name}={value}" for name, value in changes.items()]
    return [*words, "--result_dir", str(results)]


def test_all_folds_are_trained_and_their_accuracies_reported(roles, tmp_path, monkeypatch, capsys):
    iteration, left = Trainer.iteration, [1]

    def stopping(self, *args):
        left[0] -= 1
        if left[0] < 0:
            raise ValueError("the power went off")
        return iteration(self, *args)

    monkeypatch.setattr(Trainer, "iteration", stopping)
    assert train.main(flags(roles, tmp_path)) == 1
    (parent,) = tmp_path.iterdir()
    assert parent.name == "000-tdgan-faces-preset-tdgan-ck-3-folds"
    first = json.loads((parent / "folds.json").read_text())
    assert first["protocol"]["done"] == len(first["folds"]) < 3
    left[0] = 100
    assert train.main(["--resume", "latest", "--result_dir", str(tmp_path)]) == 0
    described = json.loads((parent / "folds.json").read_text())
    assert [fold["fold"] for fold in described["folds"]] == [0, 1, 2]
    assert sum(fold["count"] for fold in described["folds"]) == tiny.EXPRESSION_PICTURES
    assert described["folds"][: len(first["folds"])] == first["folds"]
    values = [fold["last"] for fold in described["folds"]]
    found = described["summary"]["last"]
    np.testing.assert_allclose(found["mean"], np.mean(values))
    np.testing.assert_allclose(found["deviation"], np.std(values, ddof=1))
    assert f"last: mean {found['mean']:.4f}, deviation" in capsys.readouterr().out
    assert len((parent / "folds.csv").read_text().splitlines()) == 4
    one = run_folder.RunFolder(parent / "001-fold1")
    assert (one.path / run_folder.DONE).is_file() and one.load_config().data.fold == 1
    assert cross_validation.accuracies(one) == described["folds"][1]
    rows = [evaluation.rows_of(one.load_config(), split) for split in evaluation.SPLITS]
    subjects = [set(part.set.fields["subject"][part.rows]) for part in rows]
    assert sum(map(len, subjects)) == len(set.union(*subjects)) == tiny.SUBJECTS
    assert train.main(["--resume", "0", "--result_dir", str(tmp_path)]) == 1
    assert "is finished (_training-done.txt is there)" in capsys.readouterr().err


def test_a_second_process_refuses(roles, tmp_path, capsys):
    config = train.new_config(train.parse(flags(roles, tmp_path)))
    parent = run_folder.create(tmp_path, "tdgan-3-folds")
    parent.save_config(config)
    with parent.locked():
        assert train.main(["--resume", "0", "--result_dir", str(tmp_path)]) == 1
    assert f"{parent.path}: another process is training there" in capsys.readouterr().err
    assert not list(parent.path.glob("*fold0"))


@pytest.mark.parametrize(
    "words, message",
    [
        (["--fold", "x"], "--fold x: expected a number from 0, or all"),
        (["--fold", "3"], "data.fold is 3, 0 to 2 expected"),
        (["--fold", "all", "--folds", "1"], "data.folds is 1, at least 2 expected"),
        (["--fold", "all", "--folds", "8"], "8 folds of 7 subjects; expected 2 to 7"),
        (["--preset", "demo", "--folds", "3"], "--folds: tbgan has no folds"),
        (["--resume", "0", "--folds", "3"], "cannot be given with --resume"),
    ],
)
def test_a_mistake_leaves_nothing(words, message, roles, tmp_path, capsys):
    given = flags(roles, tmp_path)
    if "--preset" in words:
        given = [word for word in given if not word.startswith(("--dataset", "--set"))]
    assert train.main([*given, *words]) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
