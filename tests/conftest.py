import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest  # noqa: E402


@pytest.fixture(scope="session")
def faces(tmp_path_factory):
    """Folder of a set of 24 random faces, 9 x 8 x 8, with seven class labels."""
    from tests.tiny import write_faces

    return write_faces(tmp_path_factory.mktemp("sets") / "faces")


@pytest.fixture(autouse=True)
def determinism_ends_with_the_test():
    """A run that is trained within the process of the tests switches it on for all that follow."""
    yield
    if "tensorflow" in sys.modules:
        # TensorFlow has no public way back.
        from tensorflow.python.framework import config

        config.disable_op_determinism()
