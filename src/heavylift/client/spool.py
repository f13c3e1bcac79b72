"""What can be read only once, kept for as long as it is being sent: in a file that has no name."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

from heavylift.client.errors import FileChangedError
from heavylift.client.sources import BLOCK, Reader
from heavylift.client.systems import read_at


class Spooled:
    """A stream in a temporary file: an Upload must declare its size, a retry reads again.

    The file is unlinked before the first byte is in it, so that it is gone with the process,
    however that ends. Raises OSError that names TMPDIR when there is no room.
    """

    def __init__(self, *, name: str) -> None:
        self.name = name
        self.size = 0
        with _naming_the_folder():
            self._file: BinaryIO = tempfile.TemporaryFile(prefix="heavylift-")  # noqa: SIM115 - see close()

    def write(self, block: bytes) -> None:
        """Some more of it."""
        with _naming_the_folder():
            self._file.write(block)
        self.size += len(block)

    def finish(self) -> None:
        """That was all of it."""
        with _naming_the_folder():
            self._file.flush()

    def slice(self, offset: int, length: int) -> "SpoolSlice":
        """A stretch of it, as a description."""
        return SpoolSlice(self._file, offset, length)

    def check_unchanged(self) -> None:
        """Nothing to notice: nobody else has this file."""

    def close(self) -> None:
        """Let go of it, and so of its bytes."""
        with suppress(OSError):  # what a full disk did not take is not missed any more
            self._file.close()


@contextmanager
def _naming_the_folder() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        said = f"{error.strerror or error}. It is the folder for temporary files: name another with TMPDIR"
        folder = None
        with suppress(FileNotFoundError):
            folder = tempfile.gettempdir()
        raise OSError(error.errno, said, folder) from error


@dataclass(frozen=True, slots=True)
class SpoolSlice:
    """`length` bytes of a spooled stream from `offset` on."""

    file: BinaryIO
    offset: int
    length: int

    def open(self) -> Reader:
        """A new reading."""
        return _SpoolReader(self)


class _SpoolReader:
    def __init__(self, piece: SpoolSlice) -> None:
        self._file = piece.file
        self._offset = piece.offset
        self._end = piece.offset + piece.length

    def read(self) -> bytes:
        wanted = min(BLOCK, self._end - self._offset)
        block = read_at(self._file.fileno(), wanted, self._offset) if wanted else b""
        if wanted and not block:
            raise FileChangedError("The temporary file became shorter while it was being read")
        self._offset += len(block)
        return block

    def close(self) -> None:
        """The file stays open for the other slices."""
