"""The files of the journal: regular ones alone, locked while in use, and replaced as a whole."""

import contextlib
import hashlib
import os
import stat
import sys
from collections.abc import Iterable
from io import FileIO
from pathlib import Path
from secrets import token_hex
from typing import Final

from heavylift.client.systems import WINDOWS

SUFFIX: Final = ".jsonl"

FIRST_LINE: Final = 64 * 1024
"""Bytes of a first line that are looked at."""

_FLAGS: Final = (
    getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)
"""No link is followed, and a pipe of that name keeps nobody waiting."""


def name_for(about: Iterable[str]) -> str:
    """A file name for what a transfer is about."""
    return hashlib.sha256("\0".join(about).encode("utf-8", "surrogatepass")).hexdigest()[:40] + SUFFIX


def opened(folder: Path, name: str) -> FileIO | None:
    """The file of that name, made if it is not there, and locked. None when somebody else holds it.

    What has its name and is no regular file is removed. Raises OSError when that cannot be.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    while True:
        if _is_odd(path):
            path.unlink()
        file = _open(path, os.O_RDWR | os.O_CREAT)
        if not _locked(file):
            file.close()
            return None
        if os.fstat(file.fileno()).st_nlink:
            _sweep(path)
            return file
        file.close()  # the run that held it has just replaced or removed it


def _sweep(path: Path) -> None:
    """Remove what a run was writing beside it when it was killed: only who holds the lock writes there."""
    with contextlib.suppress(OSError):
        for beside in path.parent.glob(f"{path.name}.*"):
            beside.unlink()


def _is_odd(path: Path) -> bool:
    try:
        return not stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def _open(path: Path, flags: int) -> FileIO:
    file = FileIO(os.open(path, flags | _FLAGS, 0o600), "r+")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(f"{path} is no regular file")
    return file


def read(file: FileIO, *, most: int) -> bytes:
    """All of it. Raises ValueError for a file of more bytes than that."""
    content = file.read(most + 1) or b""
    if len(content) > most:
        raise ValueError("it is too long")
    return content


def first_line(path: Path) -> bytes:
    """Its beginning, up to the first line's end. Raises OSError."""
    with FileIO(os.open(path, os.O_RDONLY | _FLAGS)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return b""
        return (file.read(FIRST_LINE) or b"").partition(b"\n")[0]


def in_folder(folder: Path) -> list[Path]:
    """Every record there is."""
    try:
        return sorted(folder.glob(f"*{SUFFIX}"))
    except (OSError, ValueError):
        return []


def is_empty(file: FileIO) -> bool:
    """Whether nothing is in it."""
    return os.fstat(file.fileno()).st_size == 0


def append(file: FileIO, content: bytes) -> None:
    """Write all of it at the end. Raises OSError."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def remove(file: FileIO, path: Path) -> None:
    """Remove its name and close it. Where nothing that is open can be removed, the other way round."""
    if WINDOWS:
        file.close()
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
    file.close()


if sys.platform == "win32":
    import msvcrt

    _LOCKED_AT: Final = 2**30
    """Where no journal reaches: what is locked there cannot be read either."""

    def _locked(file: FileIO) -> bool:
        """Whether the lock is ours now. The system lets go of it when the file is closed."""
        file.seek(_LOCKED_AT)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            file.seek(0)
        return True

    def replaced(file: FileIO, path: Path, content: bytes) -> FileIO:
        """The same file with this content: an open one cannot be renamed over there."""
        file.seek(0)
        file.truncate()
        append(file, content)
        return file

else:
    try:
        import fcntl
    except ImportError:  # a system without locks: two runs are not told apart
        fcntl = None  # type: ignore[assignment]

    def _locked(file: FileIO) -> bool:
        """Whether the lock is ours now. The system lets go of it when the process ends, however it ends."""
        try:
            if fcntl is not None:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def replaced(file: FileIO, path: Path, content: bytes) -> FileIO:
        """Another file with this content in its place, locked before it gets there; the old one is closed.

        Raises OSError; then the old one is what it was.
        """
        beside = path.with_name(f"{path.name}.{token_hex(4)}")
        new = _open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try:
            _locked(new)
            append(new, content)
            os.replace(beside, path)
        except BaseException:
            new.close()
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
        file.close()
        return new
