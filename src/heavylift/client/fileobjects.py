"""What a user's file object is: the path it stands for, its name, and its bytes, block by block."""

import inspect
import io
import os
import select
import stat
import sys
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, TypeGuard

from heavylift.client.errors import InvalidRequestError, RequestAbortedError
from heavylift.client.sources import BLOCK

TURN_MS: Final = 100
"""How long a pipe that gives nothing is waited for before it is asked whether to go on."""

_UNPACKING: Final = ("gzip", "bz2", "lzma", "compression")
"""Modules of files that give other bytes than the file of their name holds."""

Stopped = Callable[[], bool]


def path_of(file: object) -> str | None:
    """The path of the file that `file` names, or that it is and nothing but that; None for all else.

    An open file is its path only if it is surely that file, read raw and from its start: of the exact
    types that `open(path, "rb")` gives. What unpacks, decodes or counts on the way is another thing.
    Raises InvalidRequestError for what cannot be a path.
    """
    if hasattr(file, "read"):
        return _path_of_open(file)
    if not isinstance(file, str | os.PathLike):
        return None
    try:
        path = os.fsdecode(file)
        os.fsencode(path)
    except (AttributeError, TypeError, NotImplementedError):  # what fsspec's raise that lie elsewhere
        raise InvalidRequestError(
            f"This {type(file).__name__} has no path on this machine: open it, and give what that gives"
        ) from None
    except UnicodeEncodeError:
        raise InvalidRequestError(f"The path {file!r} is not valid Unicode") from None
    if "\0" in path:
        raise InvalidRequestError(f"The path {path!r} holds a NUL, which no path does")
    return path


def _raw_file(file: object) -> io.FileIO | None:
    """The raw file under an open file of exactly the types that read it as it is."""
    raw = file.raw if isinstance(file, io.BufferedReader | io.BufferedRandom) else file
    exact = type(file) in {io.FileIO, io.BufferedReader, io.BufferedRandom}
    return raw if exact and type(raw) is io.FileIO else None


def _path_of_open(file: Any) -> str | None:
    check_readable(file)
    raw = _raw_file(file)
    if raw is None or not isinstance(raw.name, str | bytes):
        return None
    name = os.fsdecode(raw.name)
    try:
        facts = os.fstat(raw.fileno())
        same = file.tell() == 0 and os.path.samestat(facts, os.stat(name))
    except OSError:
        return None
    return name if same and stat.S_ISREG(facts.st_mode) else None


def check_readable(file: Any) -> None:
    """Raise InvalidRequestError for a file that is closed, or open for writing alone."""
    try:
        closed = file.closed is True if hasattr(file, "closed") else False
        readable = getattr(file, "readable", None)
        asked = closed or not callable(readable) or inspect.iscoroutinefunction(readable)
        unreadable = False if asked else readable() is False  # type: ignore[misc]
    except ValueError:  # a buffer that was detached from its file
        closed = True
    if closed:
        raise InvalidRequestError(f"This {type(file).__name__} is closed: open it, and upload before it is")
    if unreadable:
        raise InvalidRequestError(f"This {type(file).__name__} is not open for reading. Open it with 'rb'")


def name_of(file: object) -> str | None:
    """The base name of a path, or of a file that knows its name; None for what has none of its own."""
    if isinstance(file, str | os.PathLike):
        return Path(os.fsdecode(file)).name
    name = getattr(file, "name", None) or getattr(file, "filename", None)
    if not isinstance(name, str | bytes | os.PathLike):
        return None
    base = Path(os.fsdecode(name)).name
    if base.startswith("<"):  # <stdin>, <fdopen>, <urllib response>: said for want of a name
        return None
    unpacks = type(file).__module__.partition(".")[0] in _UNPACKING
    return Path(base).stem if unpacks and Path(base).suffix in {".gz", ".bz2", ".xz", ".zst"} else base


def reads_awaited(file: object) -> bool:
    """Whether its `read` is a coroutine function, as that of Starlette's and aiofiles' is."""
    return inspect.iscoroutinefunction(getattr(file, "read", None))


def gives_bytes(file: object) -> TypeGuard[Iterable[bytes] | AsyncIterable[bytes]]:
    """Whether it may be read from or iterated over."""
    return callable(getattr(file, "read", None)) or isinstance(file, Iterable | AsyncIterable)


def drain(file: object, write: Callable[[bytes], object], stopped: Stopped = lambda: False) -> None:
    """Hand every block of an open file or an iterable of bytes to `write`, until `stopped`.

    Raises InvalidRequestError for anything that gives something else than bytes, RequestAbortedError
    when stopped.
    """
    try:
        for block in _given(file, stopped):
            kept = as_bytes(block)
            if stopped():
                raise RequestAbortedError("Given up while taking in what is to be uploaded")
            write(kept)
    except ValueError:
        check_readable(file)  # closed meanwhile: Python's own word for that is a bare ValueError
        raise


def _given(file: Any, stopped: Stopped) -> Iterable[object]:
    read = getattr(file, "read", None)
    if not callable(read):
        blocks: Iterable[object] = file
        return blocks
    raw = _raw_file(file)
    if raw is not None and not stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
        return poured(raw.fileno(), stopped, getattr(file, "read1", raw.read))
    return iter(lambda: read(BLOCK), b"")


def poured(
    descriptor: int, stopped: Stopped, read: Callable[[int], bytes | None] | None = None
) -> Iterator[bytes]:
    """What comes out of a pipe or a device to its end. On Linux it can be stopped while nothing comes."""
    take = read or (lambda count: os.read(descriptor, count))
    ready = _readiness(descriptor)
    while True:
        if stopped():
            raise RequestAbortedError("Given up while taking in what is to be uploaded")
        if not ready():
            continue
        try:
            block = take(BLOCK)
        except BlockingIOError:
            continue
        if block is None:
            continue
        if not block:
            return
        yield block


if sys.platform == "linux" and hasattr(select, "poll"):  # some take it away to be awaited

    def open_to_pour(path: str) -> int:
        """A descriptor of a pipe or a device. Whoever writes into a pipe may come late, or never."""
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def _readiness(descriptor: int) -> Callable[[], object]:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return lambda: poll.poll(TURN_MS)

else:

    def open_to_pour(path: str) -> int:
        """A descriptor of a pipe or a device, once somebody writes into it."""
        return os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0))

    def _readiness(descriptor: int) -> Callable[[], object]:
        return lambda: True


def as_bytes(block: object) -> bytes:
    """A block that a source has given. Raises InvalidRequestError for what is none."""
    if isinstance(block, bytes | bytearray | memoryview):
        return bytes(block)
    if inspect.isawaitable(block):
        if inspect.iscoroutine(block):
            block.close()
        raise InvalidRequestError("A file whose read() must be awaited needs AsyncHeavylift")
    if block is None:
        raise InvalidRequestError("The source does not block, and had nothing to give. Make it blocking")
    raise InvalidRequestError(
        f"The source gave {type(block).__name__} instead of bytes. Open files in binary mode ('rb')"
    )
