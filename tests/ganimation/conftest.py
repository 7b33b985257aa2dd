import pytest


@pytest.fixture(scope="session")
def au_faces(tmp_path_factory):
    """Folder of a set of random faces with AUs, see `tiny`."""
    from tests.ganimation.tiny import write_faces

    return write_faces(tmp_path_factory.mktemp("sets") / "au_faces")
