import pickle

import numpy as np
import pytest

from tests.expression import tiny
from tf_facegan.expression import representation
from tf_facegan.expression.networks import Autoencoder
from tf_facegan.expression.representation import PUBLISHED, RepresentationBuilder
from tf_facegan.records.reader import RecordSet
from tf_facegan.sources.expressions import EXPRESSIONS

ROWS = np.random.RandomState(0).randn(7, 20)


def test_saved_representations_come_back(tmp_path):
    saved = representation.Representations(EXPRESSIONS, ROWS, {"components": 13})
    saved.save(tmp_path / "made")
    for path in (tmp_path / "made", tmp_path / "made" / "representations.json"):
        loaded = representation.load(path)
        assert loaded.names == EXPRESSIONS and loaded.made == {"components": 13}
        np.testing.assert_array_equal(loaded.rows, ROWS)
    row = np.load(tmp_path / "made" / "Anger.npy", allow_pickle=False)
    np.testing.assert_array_equal(row, ROWS[5])
    np.testing.assert_array_equal(loaded.of(["Anger", "Fear"]), ROWS[[5, 1]])
    with pytest.raises(ValueError, match="no representation of 'Joy'; there are those of Surpr"):
        loaded.of(["Joy"])


def test_published_files_are_read(tmp_path):
    for name, row in zip(EXPRESSIONS, ROWS):
        np.save(tmp_path / f"{name}.npy", row)
    np.testing.assert_array_equal(representation.load(tmp_path).rows, ROWS)
    content = {label: row for label, row in enumerate(ROWS, 1)}
    path = tmp_path / "label_representation.pickle"
    path.write_bytes(pickle.dumps(content, protocol=0))
    np.testing.assert_array_equal(representation.load(path).rows, ROWS)
    (tmp_path / "Fear.npy").unlink()
    with pytest.raises(FileNotFoundError, match="no Fear.npy"):
        representation.load(tmp_path)
    (tmp_path / "bad.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match="bad.json: not a file of representations"):
        representation.load(tmp_path / "bad.json")


@pytest.mark.parametrize("builder", [RepresentationBuilder(), PUBLISHED])
def test_a_set_is_represented(builder, faces):
    autoencoder = Autoencoder(image_size=32, dim=8, seed=1)
    made = builder.build_from_set(autoencoder, RecordSet(faces))
    assert made.names == EXPRESSIONS and made.rows.shape == (7, 20)
    np.testing.assert_array_equal(made.rows[:, 13:], np.eye(7))
    assert np.isfinite(made.rows).all()
    assert made.distances().shape == (7, 7) and made.distances()[0, 1] > 1


def test_an_expression_without_images_is_refused(tmp_path):
    records = RecordSet(tiny.write_faces(tmp_path / "few", range(4)))
    with pytest.raises(ValueError, match="few: no image of Sadness, Anger, Neutral"):
        RepresentationBuilder().build_from_set(Autoencoder(image_size=32, dim=8), records)
