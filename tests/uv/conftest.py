"""Without menpo3d (the extra `[mesh]`) there is nothing to test here."""

import pytest

from tf_facegan.uv.dependency import require_menpo3d
from tf_facegan.uv.samples import create_sample_scans

collect_ignore_glob = []
try:
    require_menpo3d()
except ImportError:
    collect_ignore_glob.append("test_*.py")


@pytest.fixture(scope="session")
def sample_scans(tmp_path_factory):
    """Three sample scans: a folder."""
    folder = tmp_path_factory.mktemp("samples") / "scans"
    create_sample_scans(folder, count=3, seed=5, workers=1)
    return folder
