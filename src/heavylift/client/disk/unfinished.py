"""The file that a download fills: made by itself, known by device and inode, put in place in one step."""

import contextlib
import errno
import os
import re
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Final

from pydantic import BaseModel

from heavylift.client import checksums
from heavylift.client.disk.targets import already_there, refuse_unfit, too_long
from heavylift.client.errors import CorruptedError, RequestAbortedError
from heavylift.client.sources import BLOCK
from heavylift.client.systems import WINDOWS, read_at, write_at

_NAME: Final = re.compile(r"heavylift-[0-9a-f]{12}\.part")

_FLAGS: Final = os.O_RDWR | sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY", "O_NONBLOCK")
)
"""Never through a link; a FIFO that somebody has put there does not hold us."""

_NO_LINKS: Final = frozenset(
    {errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.EACCES, errno.EXDEV}
)
"""How file systems say that they have no hard links: FAT, some network and phone storage."""


class Known(BaseModel):
    """By what such a file is known again: its name alone would not do.

    One that is not made yet has nothing but a name, which is noted first: whoever is killed in
    between leaves no file that nobody knows.
    """

    name: str
    device: int = 0
    inode: int = 0

    @classmethod
    def to_be_made(cls) -> "Known":
        """A short name that nobody has."""
        return cls(name=f"heavylift-{token_hex(6)}.part")

    def is_that_of(self, facts: os.stat_result) -> bool:
        """Whether it is this file. Before anything was known of it, nothing was in it."""
        if not self.inode:
            return facts.st_size == 0
        return (facts.st_dev, facts.st_ino) == (self.device, self.inode)


class Unfinished:
    """One such file, open. Every method is safe to call from threads; nothing is written after `close`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor
        self._lock = threading.Lock()
        facts = os.fstat(descriptor)
        self.known = Known(name=path.name, device=facts.st_dev, inode=facts.st_ino)

    @classmethod
    def made_in(cls, folder: Path, known: Known) -> "Unfinished":
        """A new one under that name. Raises OSError."""
        path = folder / known.name
        return cls(path, os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o666))

    @classmethod
    def found_in(cls, folder: Path, known: Known) -> "Unfinished | None":
        """The one that an earlier run made; None if that name holds nothing, or anything else."""
        if not _NAME.fullmatch(known.name):
            return None
        try:
            descriptor = os.open(folder / known.name, _FLAGS)
        except OSError:
            return None
        facts = os.fstat(descriptor)
        if known.is_that_of(facts) and stat.S_ISREG(facts.st_mode) and facts.st_nlink == 1:
            return cls(folder / known.name, descriptor)
        os.close(descriptor)
        return None

    @classmethod
    def placed_at(cls, target: Path, known: Known) -> "Unfinished | None":
        """The one that an earlier run has put in its place before it was killed."""
        try:
            if not known.inode or not known.is_that_of(os.lstat(target)):
                return None
            descriptor = os.open(target, _FLAGS)
        except OSError:
            return None
        if known.is_that_of(os.fstat(descriptor)):
            return cls(target, descriptor)
        os.close(descriptor)
        return None

    def drop_first_name(self, known: Known) -> None:
        """Remove the name that it was filled under, if that still is a name of it."""
        first = self.path.with_name(known.name)
        with contextlib.suppress(OSError):
            if _NAME.fullmatch(known.name) and known.is_that_of(os.lstat(first)):
                first.unlink()

    def resize(self, size: int) -> None:
        """Make it that long: what is missing becomes zeros."""
        with self._naming(), self._lock:
            os.ftruncate(self._open(), size)

    def write(self, offset: int, block: bytes | memoryview) -> None:
        """Put the bytes there. Raises OSError, and RequestAbortedError once it is closed."""
        rest = memoryview(block)
        with self._naming(), self._lock:
            while rest:
                written = write_at(self._open(), rest, offset)
                rest, offset = rest[written:], offset + written

    def checksum(self, offset: int, length: int, aborted: Callable[[], bool]) -> int | None:
        """CRC-64 of a stretch as it lies on the disk; None if the file ends within it."""
        checksum = 0
        while length:
            if aborted():
                raise RequestAbortedError("Given up while a file was read")
            with self._naming(), self._lock:
                block = read_at(self._open(), min(BLOCK, length), offset)
            if not block:
                return None
            checksum = checksums.extend(checksum, block)
            offset, length = offset + len(block), length - len(block)
        return checksum

    def size(self) -> int:
        """How long it is now."""
        with self._lock:
            return os.fstat(self._open()).st_size

    def settle(self, target: Path, *, overwrite: bool) -> None:
        """Make it durable, and let it take its place in one step.

        Raises FileExistsError for a target that has appeared, unless it may be overwritten; OSError
        for one that is no regular file, whatever may be; CorruptedError if our name is not ours any more.
        """
        with self._naming(), self._lock:
            os.fsync(self._open())
        if not self._still_there():
            raise CorruptedError(
                f"Somebody has put another file in the place of {self.path}. Download it again."
            )
        self.close(windows_alone=True)
        while True:
            try:
                _put(self.path, target)
                break
            except FileExistsError:
                if not overwrite:
                    raise already_there(target) from None
            except OSError as error:
                raise too_long(target) if error.errno == errno.ENAMETOOLONG else error from None
            with contextlib.suppress(FileNotFoundError):  # it has just gone: the way is free
                refuse_unfit(target, os.lstat(target).st_mode)
                os.replace(self.path, target)
                break
        _sync_folder(target.parent)

    def remove(self) -> None:
        """Let go of it for good, if the name still is ours."""
        if self._descriptor is not None and self._still_there():
            self.close(windows_alone=True)
            with contextlib.suppress(FileNotFoundError):
                self.path.unlink()
        self.close()

    def close(self, *, windows_alone: bool = False) -> None:
        """Let go of the descriptor. Windows neither renames nor removes what is open."""
        if windows_alone and not WINDOWS:
            return
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        if self._descriptor is None:
            raise RequestAbortedError("Given up: this download is over")
        return self._descriptor

    def _still_there(self) -> bool:
        try:
            facts = os.lstat(self.path)
        except OSError:
            return False
        return (facts.st_dev, facts.st_ino) == (self.known.device, self.known.inode)

    @contextlib.contextmanager
    def _naming(self) -> Iterator[None]:
        """What the system says of the descriptor, with the file's name."""
        try:
            yield
        except OSError as error:
            if error.filename is None:
                error.filename = str(self.path)
            raise


def _link(path: Path, target: Path) -> None:
    """Another name for what `path` is, a link included where the system can tell."""
    if not hasattr(os, "link"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    os.link(path, target, follow_symlinks=os.link not in os.supports_follow_symlinks)


def _put(path: Path, target: Path) -> None:
    """Give it the target's name if nobody has that. Raises FileExistsError otherwise."""
    if WINDOWS:
        os.rename(path, target)  # there it never replaces
        return
    try:
        _link(path, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _put_on_reserved(path, target)
    else:
        os.unlink(path)


def _put_on_reserved(path: Path, target: Path) -> None:
    """Where there are no links: the name is taken by an empty file of our own, which alone is replaced."""
    reserved = os.open(target, _FLAGS | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        ours, there = os.fstat(reserved), os.lstat(target)
        if not os.path.samestat(ours, there) or there.st_size:
            raise already_there(target)
        os.replace(path, target)
    finally:
        os.close(reserved)


def _sync_folder(folder: Path) -> None:
    """Make the name durable too, where folders can be opened and synced: the file is whole without it."""
    if WINDOWS:
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
