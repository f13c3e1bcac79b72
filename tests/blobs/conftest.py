"""What tests of blobs share: a disk that is soon full."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False).returncode:
        if os.environ.get("CI") == "true":
            pytest.fail("mounting a small disk needs root, and CI must have it")
        pytest.skip("NOT TESTED: mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
