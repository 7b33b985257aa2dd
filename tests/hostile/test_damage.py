"""Damaged files of every kind: read all the same, or a documented error that names them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import changes, guard
from tests.hostile.readers import READERS

# Damage to these can be to what they say of other files.
DOCUMENTED = (ValueError, FileNotFoundError)


@pytest.mark.parametrize("kind", READERS)
def test_good_files_are_read(kind, tmp_path):
    reader = READERS[kind]
    path = reader.make(tmp_path)
    with guard.watched(tmp_path):
        reader.read(path)


@pytest.mark.parametrize("kind", READERS)
def test_damaged_files_are_named(kind, tmp_path_factory):
    reader = READERS[kind]
    folder = tmp_path_factory.mktemp("hostile")
    path = reader.make(folder)
    good = path.read_bytes()

    @changes.PROFILE
    @given(st.data())
    def check(data):
        path.write_bytes(data.draw(changes.damaged(good)))
        with guard.watched(folder):
            try:
                reader.read(path)
            except DOCUMENTED as error:
                assert str(folder) in str(error), f"names no file: {error}"

    check()
