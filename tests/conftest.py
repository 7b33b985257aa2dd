import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest  # noqa: E402


@pytest.fixture(scope="session")
def faces(tmp_path_factory):
    """Folder of a set of 24 random faces, 9 x 8 x 8, with seven class labels."""
    from tests.tiny import write_faces

    return write_faces(tmp_path_factory.mktemp("sets") / "faces")
