import pytest


@pytest.fixture(scope="session")
def sequences(tmp_path_factory):
    """Folder of a set of random sequences with boundaries, see `tiny`."""
    from tests.rdgan.tiny import write_sequences

    return write_sequences(tmp_path_factory.mktemp("sets") / "sequences")
