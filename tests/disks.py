"""A disk that is soon full."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.wire import not_tested


@contextmanager
def mounted(folder: Path, *, size: int) -> Iterator[Path]:
    """The folder, made with a file system of its own of so many bytes, for the length of a `with` block."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() or not shutil.which("mount") or subprocess.run(mount, check=False).returncode:
        not_tested("THE FULL DISK WAS NOT TESTED: mounting a small tmpfs needs root and the right to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(ballast: Path, *, leave: int) -> None:
    """Take all room but `leave` bytes of the disk that `ballast` lies on."""
    room = os.statvfs(ballast.parent)
    with ballast.open("wb") as file:
        file.write(bytes(room.f_bavail * room.f_frsize - leave))
