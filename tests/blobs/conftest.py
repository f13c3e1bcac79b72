"""What tests of blobs share: a disk that is soon full."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.disks import mounted

MIB = 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    with mounted(tmp_path / "disk", size=4 * MIB) as folder:
        yield folder
