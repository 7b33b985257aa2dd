import subprocess
import sys

import pytest

from tf_facegan.uv import check
from tf_facegan.uv.dependency import require_menpo3d


def test_the_command_says_ok():
    done = subprocess.run(
        [sys.executable, "-m", "tf_facegan.uv.check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\n") == 1 and "ok" in done.stdout


@pytest.mark.parametrize("texels", [check.COVERED - 1, NameError("name 'long' is not defined")])
def test_a_wrong_build_is_one_line_that_says_how_to_rebuild(monkeypatch, capsys, texels):
    def rasterised():
        if isinstance(texels, Exception):
            raise texels
        return texels

    monkeypatch.setattr(check, "rasterised_texels", rasterised)
    assert check.main() == 1
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    for word in ("numpy", "cython", "--no-build-isolation", "--no-cache-dir", "menpo3d"):
        assert word in out


def test_without_menpo3d_one_line_says_what_to_type(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "menpo3d"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "menpo3d", None)
    with pytest.raises(ImportError, match="make setup") as caught:
        require_menpo3d("menpo3d.io")
    assert "\n" not in str(caught.value)
