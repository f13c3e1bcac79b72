"""Taking in what the user wants to upload: paths as they are, all else that cannot be re-read spooled."""

import io
import os
import stat
import tempfile
from collections.abc import AsyncIterable, Callable, Iterable
from pathlib import Path

from heavylift.client.calls import Drain, Flow, work
from heavylift.client.errors import InvalidRequestError
from heavylift.client.sources import FileInput, InMemory, Local, LocalFile, path_of


class Spooled(LocalFile):
    """What came as a stream, in a temporary file: an Upload must declare its size, a retry reads again."""

    def __init__(self, spool: "tempfile._TemporaryFileWrapper[bytes]", *, name: str) -> None:
        super().__init__(spool.name, name=name)
        self._spool = spool

    def close(self) -> None:
        """Remove the temporary file."""
        self._spool.close()


def take_in(file: FileInput, *, filename: str | None) -> Flow[Local]:
    """What to upload, sized and readable as often as needed. To be closed afterwards.

    Raises OSError for a path that cannot be read, InvalidRequestError for what is no source of bytes.
    """
    name = filename or _name_of(file)
    _check_unicode(name)
    if isinstance(file, bytes | bytearray | memoryview):
        return InMemory(file, name=_needed(name))
    path = path_of(file)
    if path is None:
        if not isinstance(file, Iterable | AsyncIterable) and not hasattr(file, "read"):
            raise InvalidRequestError(
                f"{type(file).__name__} is neither a path, bytes, a file nor an iterator"
            )
        return (yield from _spool(file, _needed(name)))
    if stat.S_ISREG((yield from work(lambda aborted: os.stat(path))).st_mode):
        return LocalFile(path, name=name)
    return (yield from _spool_pipe(path, _needed(name)))


def _spool_pipe(path: str, name: str) -> Flow[Local]:
    """A named pipe or a device can be read once only. A directory refuses to be opened."""
    pipe: io.FileIO = yield from work(lambda aborted: io.FileIO(path))
    try:
        return (yield from _spool(pipe, name))
    finally:
        pipe.close()


def _spool(file: FileInput, name: str) -> Flow[Local]:
    spool = tempfile.NamedTemporaryFile(prefix="heavylift-")  # noqa: SIM115 - outlives this flow, see close()
    try:
        write: Callable[[bytes], object] = spool.write
        yield Drain(file, write)
        spool.flush()
        return Spooled(spool, name=name)
    except BaseException:
        spool.close()
        raise


def _name_of(file: object) -> str | None:
    """The base name of a path or of an open file that knows its name."""
    name = file if isinstance(file, str | os.PathLike) else getattr(file, "name", None)
    return Path(name).name if isinstance(name, str | os.PathLike) else None


def _needed(name: str | None) -> str:
    if not name:
        raise InvalidRequestError("These bytes have no name of their own. Give one with filename=")
    return name


def _check_unicode(name: str | None) -> None:
    """A name on the disk may be any bytes; one on the wire has to be text."""
    try:
        (name or "").encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidRequestError(
            f"The name {name!r} is not valid Unicode. Give one with filename="
        ) from None
