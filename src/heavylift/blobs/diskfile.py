"""One blob as a file: a DiskSink writes, a DiskSource reads. Synchronous, for any one thread at a time."""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from heavylift.blobs.writeback import begin_writeback
from heavylift.domain.files import Span
from heavylift.private import sync_folder
from heavylift.service.ports import BlobMissing, Buffer, StorageDown, StorageFull

VECTOR = 1024
"""Buffers that Linux takes in one writev (IOV_MAX)."""

WINDOW = 8 * 1024 * 1024
"""Bytes after which the disk is told to begin with them, so that little is left for the sync at the end."""

CHUNK = 256 * 1024
"""Bytes of one read. More gains nothing, measured; less costs more changes of thread."""


@contextmanager
def storage_errors() -> Iterator[None]:
    """What the operating system refuses, in the port's words."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or "input/output error"
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(f"the disk has no room for the blob: {reason}") from error
        raise StorageDown(f"the disk failed: {reason}") from error


class DiskSink:
    """A blob on its way to the disk: any number of `write`, then `commit`, or `abort` at any time.

    The file is made by the first call, under its final name, which must be free. `reserve` in
    bytes is left free on its disk. Every method raises StorageFull or StorageDown; then, and
    whenever the blob is not wanted after all, `abort` it.
    """

    def __init__(self, path: str, *, durable: bool, reserve: int) -> None:
        self._path = path
        self._durable = durable
        self._reserve = reserve
        self._fd: int | None = None
        self._made = False
        self._written = 0
        self._begun = 0

    def write(self, buffers: Sequence[Buffer]) -> None:
        """Append the buffers. They may be used again on return."""
        left = [memoryview(buffer).cast("B") for buffer in buffers if len(buffer)]
        size = sum(map(len, left))
        with storage_errors():
            fd = self._open()
            self._check_room(fd, size)
            left.reverse()
            while left:
                _drop(left, os.writev(fd, left[: -VECTOR - 1 : -1]))
            self._written += size
            if self._durable and self._written - self._begun >= WINDOW:
                begin_writeback(fd, self._begun, self._written - self._begun)
                self._begun = self._written

    def commit(self, last: Sequence[Buffer] = ()) -> None:
        """Append the last buffers and close the file, when durable only after it is safe on the disk."""
        if last or self._fd is None:
            self.write(last)
        with storage_errors():
            if self._durable:
                os.fdatasync(self._open())
            self._close()
            if self._durable:
                sync_folder(os.path.dirname(self._path))

    def abort(self) -> None:
        """Leave no trace, of a committed blob neither. Repeatable."""
        with storage_errors():
            try:
                self._close()
            finally:
                if self._made:
                    with suppress(FileNotFoundError):
                        os.unlink(self._path)
                    self._made = False

    def _open(self) -> int:
        if self._fd is None:
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            self._made = True
        return self._fd

    def _close(self) -> None:
        fd, self._fd = self._fd, None  # Linux frees the number even when close reports an error
        if fd is not None:
            os.close(fd)

    def _check_room(self, fd: int, wanted: int) -> None:
        if self._reserve:
            disk = os.fstatvfs(fd)
            if disk.f_bavail * disk.f_frsize < self._reserve + wanted:
                raise StorageFull(f"the disk has no room for the blob: {self._reserve} bytes stay free")


def _drop(left: list[memoryview], written: int) -> None:
    """Take `written` bytes off the end of a reversed list of buffers."""
    if not written:
        raise OSError(errno.EIO, "nothing was written")
    while written:
        piece = left.pop()
        if len(piece) > written:
            left.append(piece[written:])
        written -= min(written, len(piece))


def open_blob(path: str) -> int:
    """A descriptor to read the blob by. Raises BlobMissing, StorageDown."""
    with storage_errors():
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise BlobMissing(os.path.basename(path)) from error


@dataclass(frozen=True, slots=True)
class DiskBlob:
    """A blob that is open to be sent from."""

    key: str
    descriptor: int

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.descriptor)


class DiskSource:
    """A span of a blob on its way from the disk: `read` until it gives nothing, then `close`."""

    def __init__(self, path: str, span: Span) -> None:
        self._path = path
        self._at = span.start
        self._stop = span.stop
        self._fd: int | None = None

    @property
    def done(self) -> bool:
        """Whether the span is known to hold nothing more."""
        return self._stop is not None and self._at >= self._stop

    def read(self, most: int = CHUNK) -> bytes:
        """The next bytes, that many at most; none at the end. Raises BlobMissing, before the first byte, or
        StorageDown."""
        with storage_errors():
            fd = self._open()
            size = most if self._stop is None else min(most, max(0, self._stop - self._at))
            chunk = os.pread(fd, size, self._at)
        self._at += len(chunk)
        if not chunk:
            self._stop = self._at
        return chunk

    def close(self) -> None:
        """Let go of the file. Repeatable."""
        fd, self._fd = self._fd, None
        if fd is not None:
            with storage_errors():
                os.close(fd)

    def _open(self) -> int:
        if self._fd is None:
            self._fd = open_blob(self._path)
            os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        return self._fd
