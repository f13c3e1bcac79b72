"""Files and folders that are nobody else's: 0600 and 0700 from their creation on, their names durable."""

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path

NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
"""A file that was not there, nor a link of its name."""

FILE, FOLDER = 0o600, 0o700

NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS})
"""What file systems say that know no second name of a file."""


def sync_folder(path: str | Path) -> None:
    """Make durable which names a folder holds, where a system lets one ask for that. Raises OSError."""
    if sys.platform == "win32":
        return
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_folder(path: str | Path) -> None:
    """Make the folder, and what is missing above it, their owner's alone, and make their names durable.

    The name of the folder itself is made durable even if it is there: whoever made it may have lost
    power before. Raises OSError.
    """
    folder = Path(path).absolute()
    missing = [above for above in folder.parents if not above.exists()]
    for made in (*reversed(missing), folder):
        try:
            made.mkdir(mode=FOLDER, exist_ok=True)
        except FileExistsError:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(made)) from None
    for made in (folder, *missing):
        with suppress(PermissionError):  # a folder above may be closed to us: then it was made by others
            sync_folder(made.parent)


def make_file(path: str | Path, *, beside: str | Path | None = None) -> None:
    """Make an empty file, its owner's alone, where a link leads if it is one; leave one that is there as it
    is. Made by root, it belongs to the owner of the file `beside` it, if one is given. Raises OSError."""
    real = os.path.realpath(path)
    with suppress(FileExistsError):
        made = os.open(real, NEW, FILE)
        try:
            if beside is not None and os.geteuid() == 0:
                _give(made, real, beside=beside)
        finally:
            os.close(made)
        sync_folder(os.path.dirname(real))


def _give(made: int, path: str, *, beside: str | Path) -> None:
    """Give a file that was just made to the owner of the one beside it; where root may not, it is unmade."""
    try:
        owner = os.stat(beside)
        if owner.st_uid != os.geteuid():
            os.fchown(made, owner.st_uid, owner.st_gid)
    except FileNotFoundError:
        pass
    except OSError as error:
        os.unlink(path)
        raise OSError(error.errno, error.strerror, path) from error


def write_once(path: str | Path, content: str, *, fresh: str | Path) -> None:
    """Make the file durably, whole or not at all, unless there is one: of several that do so at once one
    wins. `fresh` is a name beside it that nobody else uses. Raises OSError."""
    try:
        _write_durably(fresh, content)
        with suppress(FileExistsError):
            _link(fresh, path, content)
    finally:
        Path(fresh).unlink(missing_ok=True)
    sync_folder(Path(path).parent)


def write_anew(path: str | Path, content: str, *, fresh: str | Path) -> None:
    """The same, in the place of what is there."""
    try:
        _write_durably(fresh, content)
        os.replace(fresh, path)
    finally:
        Path(fresh).unlink(missing_ok=True)
    sync_folder(Path(path).parent)


def _link(fresh: str | Path, path: str | Path, content: str) -> None:
    try:
        os.link(fresh, path)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        _write_durably(path, content)  # one wins here too, but a crash may leave it empty


def _write_durably(path: str | Path, content: str) -> None:
    with open(os.open(path, NEW, FILE), "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
