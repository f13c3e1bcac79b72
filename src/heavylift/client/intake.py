"""Taking in what the user wants to upload: files as they are, all else that cannot be re-read spooled."""

import errno
import mmap
import os
import stat

from heavylift.client.calls import Drain, Flow, work
from heavylift.client.errors import BadRequestError, InvalidRequestError
from heavylift.client.fileobjects import Stopped, gives_bytes, name_of, open_to_pour, path_of, poured
from heavylift.client.named import named
from heavylift.client.sources import FileInput, InMemory, Local, LocalFile
from heavylift.client.spool import Spooled


def take_in(file: FileInput, *, filename: str | None) -> Flow[Local]:
    """What to upload, sized and readable as often as needed. To be closed afterwards.

    Raises OSError for a path that cannot be read, InvalidRequestError for what is no source of bytes.
    """
    given = named(file)
    file, filename = given.content, filename or given.name
    if isinstance(file, bytes | bytearray | memoryview):
        return InMemory(file, name=_sound(filename))
    path = path_of(file)
    if path is not None:
        name = _sound(filename or name_of(path))
        return (yield from work(lambda aborted: _from_path(path, name, aborted)))
    if not gives_bytes(file):
        hint = ": open it, and give what that gives" if hasattr(file, "open") else ""
        raise InvalidRequestError(
            f"{type(file).__name__} is neither a path, bytes, an open file nor an iterator{hint}"
        )
    spooled = Spooled(name=_sound(filename or name_of(file)))
    try:
        yield Drain(file, spooled.write)
        spooled.finish()
    except BaseException:
        spooled.close()
        raise
    return spooled


def _from_path(path: str, name: str, aborted: Stopped) -> Local:
    """A regular file as it is. A pipe or a device can be read once only; so can what lies about its size."""
    facts = os.stat(path)
    if stat.S_ISDIR(facts.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if stat.S_ISREG(facts.st_mode) and _tells_its_size(facts):
        return LocalFile(path, name=name)
    spooled = _poured_from(path, name, aborted)
    if spooled.size or not stat.S_ISREG(facts.st_mode):
        return spooled
    spooled.close()
    return LocalFile(path, name=name)


def _tells_its_size(facts: os.stat_result) -> bool:
    """Not those that a kernel makes up when they are read: /proc says 0, /sys a page that is not there."""
    made_up = facts.st_size <= mmap.PAGESIZE and getattr(facts, "st_blocks", 1) == 0
    return facts.st_size > 0 and not made_up


def _poured_from(path: str, name: str, aborted: Stopped) -> Spooled:
    descriptor = open_to_pour(path)
    try:
        spooled = Spooled(name=name)
        try:
            for block in poured(descriptor, aborted):
                spooled.write(block)
            spooled.finish()
        except BaseException:
            spooled.close()
            raise
        return spooled
    finally:
        os.close(descriptor)


def explain_empty(error: Exception, local: Local) -> None:
    """Say of a refusal which file was empty, if it was, and what allows that."""
    if not local.size and isinstance(error, BadRequestError):
        error.add_note(
            f"{local.name} holds no bytes; heavylift servers take such files with HEAVYLIFT_EMPTY_FILES=true."
        )


def _sound(name: str | None) -> str:
    """The File's name, which a name on the disk need not be: it has to be text."""
    if not name:
        raise InvalidRequestError("These bytes have no name of their own. Give one with filename=")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidRequestError(
            f"The name {name!r} is not valid Unicode. Give one with filename="
        ) from None
    return name
