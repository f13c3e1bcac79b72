"""Which file a SQLite catalog is, and who serves it: one that is taken away under a service is noticed."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from heavylift import private
from heavylift.catalog.migrating import UnfitCatalog
from heavylift.service.ports import StorageDown

SERVING = "-serving"
"""Behind the database's name: the file that whoever serves it holds a lock on, together with others."""

OWNERS = "Run this as the user whom the data folder belongs to, or give the folder to that user."


class Identity:
    """The file that a path named at first."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = self._now()

    def check(self) -> None:
        """Raises StorageDown if the path names no file any more, or another: what is written into the
        one that we have open is gone with us."""
        if self._now() != self._file:
            raise StorageDown(
                f"The catalog {self._path} was removed or replaced under the running service. Put it back,"
                " or restart the service on the one that is there."
            )

    def _now(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_dev, found.st_ino


def open_file(path: str, flags: int) -> int:
    """A descriptor of that file beside the database at `path`, made if there is none. Raises OSError."""
    private.make_file(path + SERVING, beside=path)
    return os.open(path + SERVING, flags | os.O_CLOEXEC)


@contextmanager
def serving(path: str) -> Iterator[None]:
    """Serve the database for the length of a `with` block, beside others. Raises UnfitCatalog while it is
    being moved."""
    with _locked(path, fcntl.LOCK_SH, "is being moved by `heavylift migrate-data`. Start when that is done"):
        yield


@contextmanager
def alone(path: str) -> Iterator[None]:
    """Have the database to oneself for the length of a `with` block. Raises UnfitCatalog where it is
    served."""
    with _locked(path, fcntl.LOCK_EX, "is served by a running service. Stop that first"):
        yield


@contextmanager
def _locked(path: str, kind: int, otherwise: str) -> Iterator[None]:
    try:
        descriptor = open_file(path, os.O_RDONLY)
    except OSError as error:
        raise UnfitCatalog(
            f"The catalog {path} cannot be used: {error.strerror}: {error.filename}. {OWNERS}"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnfitCatalog(f"The catalog {path} {otherwise}.") from None
        yield
    finally:
        os.close(descriptor)
