import pytest


@pytest.fixture(scope="session")
def roles(tmp_path_factory):
    """{role: folder} of tiny gray sets: 10 faces, 14 expressions of 7 subjects, 5 to test."""
    from tests.tdgan.tiny import write_sets

    return write_sets(tmp_path_factory.mktemp("tdgan"))
