"""Where a download may go: a file that it puts in place, or something that takes a stream."""

import errno
import io
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from heavylift.client.disk.names import local_name
from heavylift.client.errors import InvalidRequestError, RequestAbortedError

Destination: TypeAlias = str | os.PathLike[str] | BinaryIO
"""What a download takes as `to`: a path, or a file that is open for writing bytes."""

LOOK_SECONDS: Final = 0.05
"""How often a pipe that nobody reads yet is tried: opening it otherwise could not be given up."""


@dataclass(frozen=True, slots=True)
class Place:
    """A path that holds a regular file or nothing. `path` is as the user said it, `real` where that leads."""

    path: Path
    real: Path
    taken: bool


@dataclass(frozen=True, slots=True)
class Pipe:
    """A path that takes a stream: a FIFO or a character device."""

    path: Path


def find_target(to: str | os.PathLike[str], *, filename: str, file_id: str) -> Place | Pipe:
    """Where `to` leads for a File of that name and id. Into a folder it goes under a harmless name.

    Links are followed, as `cp` does. Raises OSError for what cannot become the File: a folder of
    its name, a socket, a disk, a link into nothing, a name that is too long.
    """
    said = os.fsdecode(to)
    if "\0" in said:
        raise OSError(errno.EINVAL, "a path holds no NUL character", said.replace("\0", "\\0"))
    path = Path(said)
    mode = _mode(path) if said else None
    if mode is not None and stat.S_ISDIR(mode):
        path /= local_name(filename, otherwise=file_id)
        mode = _mode(path)
    elif not said or said.endswith(tuple(filter(None, (os.sep, os.altsep)))):
        raise NotADirectoryError(errno.ENOTDIR, "there is no such folder", said)
    if mode is None:
        return Place(path, Path(os.path.realpath(path)), taken=False)
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        return Pipe(path)
    refuse_unfit(path, mode)
    return Place(path, Path(os.path.realpath(path)), taken=True)


def _mode(path: Path) -> int | None:
    """What kind of thing is there; None for nothing."""
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        if path.is_symlink():
            raise FileNotFoundError(
                errno.ENOENT, "a symbolic link that leads to nothing is not written through", str(path)
            ) from None
        return None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise too_long(path) from error
        raise


def already_there(path: Path) -> OSError:
    """The error for a target that may not be overwritten."""
    return FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))


def too_long(path: Path) -> OSError:
    """The error for a name that the disk does not take."""
    return OSError(
        errno.ENAMETOOLONG, "the name is too long for this disk; give another one with to=", str(path)
    )


def refuse_unfit(path: Path, mode: int) -> None:
    """Raise OSError unless it is a regular file. Nothing else is ever replaced by one."""
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "there is a folder of this name", str(path))
    if not stat.S_ISREG(mode):
        raise OSError(
            errno.EINVAL, "it is neither a regular file nor something that takes a stream", str(path)
        )


def open_pipe(path: Path, aborted: Callable[[], bool]) -> BinaryIO:
    """Open it for writing, once somebody reads there. Raises OSError; RequestAbortedError when given up."""
    flags = (
        os.O_WRONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    )
    while True:
        try:
            descriptor = os.open(path, flags)
            break
        except OSError as error:
            if error.errno != errno.ENXIO or not stat.S_ISFIFO(os.stat(path).st_mode):
                raise
        if aborted():
            raise RequestAbortedError("Given up before anybody read the pipe")
        time.sleep(LOOK_SECONDS)
    file = io.FileIO(descriptor, "w")
    try:
        facts = os.fstat(descriptor).st_mode
        if not (stat.S_ISFIFO(facts) or stat.S_ISCHR(facts)):
            raise OSError(errno.EINVAL, "it takes no stream any more", str(path))
        refuse_terminal(file, str(path))
        if hasattr(os, "O_NONBLOCK"):
            os.set_blocking(descriptor, True)
    except BaseException:
        file.close()
        raise
    return file


def refuse_terminal(file: BinaryIO | io.FileIO, name: str) -> None:
    """Raise InvalidRequestError for a terminal: bytes of somebody's File are no text."""
    if file.isatty():
        raise InvalidRequestError(f"{name} is a terminal, and a File's bytes do not belong there")
