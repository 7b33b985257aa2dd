"""Small and read-only disks for tests."""

import contextlib
import shutil
import subprocess

import pytest


@contextlib.contextmanager
def mounted(folder, options):
    """Mounts a temporary disk on a folder; skips the test where that is not allowed."""
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount, "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if not mount or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a disk of a few megabytes cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder, free=0):
    """Fills a disk up to some bytes."""
    left = shutil.disk_usage(folder).free - free
    (folder / "filling").write_bytes(bytes(max(0, left)))
