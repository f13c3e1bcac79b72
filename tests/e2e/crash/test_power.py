"""The power goes while clients upload: what a strict service acknowledged is there afterwards.

The data lie on an ext4 file system of its own, in a file. Shutting it down drops everything
that no sync has made durable, as a power loss does. Unlike one it lets the processes live:
a sync that is under way at that moment may still report success, and an answer be sent that
no real client could have received. So only what was acknowledged before counts.
"""

import fcntl
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.crash.busy import CLIENTS, check_promises, clients_of
from tests.e2e.crash.shelf import check_disk, sweep
from tests.e2e.wire import eventually
from tests.serving import serving

SHUTDOWN, NOLOGFLUSH = 0x8004587D, (2).to_bytes(4, "little")
"""EXT4_IOC_SHUTDOWN of <linux/ext4.h>, which spares nothing that only memory holds."""


class Disk:
    """A file system that can lose its power."""

    def __init__(self, image: Path, folder: Path) -> None:
        self._image = image
        self.folder = folder

    def mount(self) -> None:
        run("mount", "-o", "loop", str(self._image), str(self.folder))

    def unmount(self) -> None:
        run("umount", str(self.folder))

    def lose_power(self) -> None:
        """From now on it takes and gives nothing, and what it had not synced is lost."""
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, SHUTDOWN, NOLOGFLUSH)
        finally:
            os.close(folder)


def run(*command: str) -> None:
    """Run a command to its good end."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    image, folder = tmp_path / "image", tmp_path / "mounted"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(256 * 1024 * 1024)
    if (
        os.geteuid() != 0
        or subprocess.run(["losetup", "--find"], capture_output=True, check=False).returncode
    ):
        pytest.skip("POWER LOSS IS NOT TESTED: to mount a file system takes root and a loop device")
    run("mkfs.ext4", "-q", "-m0", str(image))
    disk = Disk(image, folder)
    disk.mount()
    try:
        yield disk
    finally:
        disk.unmount()


@pytest.mark.parametrize("promises", [1, 60])
def test_what_was_acknowledged_before_the_power_went_is_there_when_it_is_back(
    disk: Disk, promises: int
) -> None:
    data = disk.folder / "made" / "at the first start"
    unsynced = disk.folder / "unsynced"
    with serving(data) as served:
        with clients_of(served) as ledger:
            eventually(lambda: ledger.promises >= promises, seconds=60)
            unsynced.write_bytes(b"nobody asked for this to last")
            promised = ledger.so_far()
            disk.lose_power()
            eventually(lambda: ledger.failures >= promised.failures + 2 * CLIENTS, seconds=60)
        served.kill()
    disk.unmount()
    disk.mount()
    assert not unsynced.exists() or unsynced.read_bytes() == b"", "the power was not lost"
    with serving(data) as served:
        check_promises(served, promised)
    sweep(data)
    check_disk(data)
