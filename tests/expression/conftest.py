import pytest

from tests.expression import tiny
from tf_facegan.engine.devices import make_strategy


@pytest.fixture(scope="session")
def faces(tmp_path_factory):
    """Folder of a set of 40 images of 32 pixels with expressions."""
    return tiny.write_faces(tmp_path_factory.mktemp("expressions") / "faces")


@pytest.fixture(scope="session")
def test_faces(tmp_path_factory):
    """Folder of a set of 14 other images."""
    path = tmp_path_factory.mktemp("expressions") / "test"
    return tiny.write_faces(path, range(100, 114))


@pytest.fixture(scope="session")
def strategy():
    return make_strategy(1)
