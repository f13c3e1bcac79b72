"""Where bytes to send come from: descriptions, opened when they are sent and again for each retry."""

import io
import os
from collections.abc import AsyncIterable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, TypeAlias

from heavylift.client.errors import FileChangedError

BLOCK: Final = 256 * 1024
"""Bytes read and sent at a time: big enough to be cheap, small enough for 16 parts in flight."""

FileContent: TypeAlias = (
    str
    | os.PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | BinaryIO
    | Iterable[bytes]
    | AsyncIterable[bytes]
)
"""What can be uploaded. A string is a path."""

FileInput: TypeAlias = (
    FileContent | tuple[str | None, FileContent] | tuple[str | None, FileContent, str | None]
)
"""The same, or that with the File's name before it and its MIME type behind it."""


class Reader(Protocol):
    """One reading of a source, from its start to its end."""

    def read(self) -> bytes:
        """The next block, empty at the end."""
        ...

    def close(self) -> None:
        """Let go of the file. Harmless when repeated."""
        ...


class Source(Protocol):
    """Bytes that can be read as often as it takes."""

    @property
    def length(self) -> int:
        """How many bytes."""
        ...

    def open(self) -> Reader:
        """A new reading, from the first byte."""
        ...


@dataclass(frozen=True, slots=True)
class FileSlice:
    """`length` bytes of a local file from `offset` on."""

    path: str
    offset: int
    length: int

    def open(self) -> Reader:
        """A new reading. Raises OSError when the file cannot be opened."""
        return _SliceReader(self)


class _SliceReader:
    def __init__(self, piece: FileSlice) -> None:
        self._piece = piece
        self._left = piece.length
        self._file = io.FileIO(piece.path)
        self._file.seek(piece.offset)

    def read(self) -> bytes:
        wanted = min(BLOCK, self._left)
        if not wanted:
            return b""
        block = self._file.read(wanted)
        if not block:
            raise FileChangedError(
                f"{self._piece.path} became shorter while it was being read. Upload it again."
            )
        self._left -= len(block)
        return block

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True)
class Bytes:
    """Bytes that are in memory already."""

    data: bytes | bytearray | memoryview

    @property
    def length(self) -> int:
        """How many bytes."""
        return memoryview(self.data).nbytes

    def open(self) -> Reader:
        """A new reading."""
        return _MemoryReader(memoryview(self.data).cast("B"))


class _MemoryReader:
    def __init__(self, view: memoryview) -> None:
        self._view = view

    def read(self) -> bytes:
        block = bytes(self._view[:BLOCK])
        self._view = self._view[BLOCK:]
        return block

    def close(self) -> None:
        self._view.release()


def blocks(source: Source) -> Iterator[bytes]:
    """All of a source, block by block, closed afterwards."""
    reader = source.open()
    try:
        while block := reader.read():
            yield block
    finally:
        reader.close()


@dataclass(frozen=True, slots=True)
class Stamp:
    """By what a change of a file is noticed: another file, another size, another time of change."""

    device: int
    inode: int
    size: int
    modified_ns: int

    @classmethod
    def of(cls, path: str) -> "Stamp":
        """As it is now. Raises OSError when there is no such file."""
        facts = os.stat(path)
        return cls(facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns)


class Local(Protocol):
    """A whole thing to upload: its name, its size, and any stretch of it."""

    name: str
    size: int

    def slice(self, offset: int, length: int) -> Source:
        """A stretch of it, as a description."""
        ...

    def check_unchanged(self) -> None:
        """Raise FileChangedError if it is no longer what it was at the start."""
        ...

    def close(self) -> None:
        """Let go of what was made for it."""
        ...


class LocalFile:
    """A regular file, watched for changes from the moment this is made."""

    def __init__(self, path: str, *, name: str | None = None) -> None:
        """Raises OSError when it is missing, a directory or unreadable."""
        io.FileIO(path).close()
        self.path = path
        self.name = name or Path(path).name
        self._stamp = Stamp.of(path)
        self.size = self._stamp.size

    def slice(self, offset: int, length: int) -> FileSlice:
        """A stretch of it, as a description."""
        return FileSlice(self.path, offset, length)

    def check_unchanged(self) -> None:
        """Raise FileChangedError if it is no longer what it was at the start."""
        try:
            now = Stamp.of(self.path)
        except FileNotFoundError:
            raise FileChangedError(f"{self.path} was removed while it was being read.") from None
        if now != self._stamp:
            raise FileChangedError(f"{self.path} was changed while it was being read. Upload it again.")

    def close(self) -> None:
        """The file stays: it is the user's."""


class InMemory:
    """Bytes that are in memory already."""

    def __init__(self, data: "bytes | bytearray | memoryview[Any]", *, name: str) -> None:
        view = memoryview(data)
        self._view = (view if view.c_contiguous else memoryview(bytes(view))).cast("B")
        self.name = name
        self.size = self._view.nbytes

    def slice(self, offset: int, length: int) -> Bytes:
        """A stretch of it, without copying."""
        return Bytes(self._view[offset : offset + length])

    def check_unchanged(self) -> None:
        """Nothing to notice: who changes a buffer that is being sent, does so knowingly."""

    def close(self) -> None:
        """The buffer stays: it is the user's."""
