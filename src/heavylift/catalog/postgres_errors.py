"""What can go wrong with PostgreSQL: what may be tried again, and the port's words for the rest."""

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from heavylift.service.ports import NotDone, StorageDown, StorageFull

DISK_FULL = "53100"

REPEATABLE = {
    "40001",  # two transactions that cannot both be right
    "40P01",  # a deadlock, and this one had to give way
}
"""The server took the whole transaction back and says: try again."""

OUTDATED = {
    "0A000",  # a prepared statement from before a migration: "cached plan must not change result type"
    "25006",  # a server that only reads: another one has taken over
    "26000",  # a prepared statement that is not known, behind a pooler
}
"""Another connection may do better."""


class Uncertain(Exception):
    """The connection was lost after COMMIT was sent: whether it happened is not known."""


class Again(Exception):
    """The transaction failed, nothing has happened, and it may be run from the start."""

    def __init__(self, error: psycopg.Error) -> None:
        super().__init__(str(error))
        self.error = error


def verdict(error: psycopg.Error, *, lost: bool) -> Exception:
    """What to raise for a transaction that was not committed: Again, or the port's words.

    `lost`: its connection is gone.
    """
    if isinstance(error, PoolClosed | TooManyRequests):
        return trouble(error)
    if lost or isinstance(error, PoolTimeout) or error.sqlstate in REPEATABLE | OUTDATED:
        return Again(error)
    return trouble(error)


def is_outdated(error: psycopg.Error) -> bool:
    """Whether the connection should be given up, though it works."""
    return error.sqlstate in OUTDATED


def trouble(error: psycopg.Error | Uncertain) -> Exception:
    """The driver's error in the port's words."""
    if isinstance(error, Uncertain):
        return StorageDown("The catalog's connection was lost in a commit; whether it happened is unknown.")
    if isinstance(error, PoolClosed):
        return NotDone("The catalog is closed.")
    if isinstance(error, PoolTimeout | TooManyRequests):
        return NotDone(f"There is no connection to the catalog: {error}.")
    text = " ".join(str(error).split()) or type(error).__name__
    if error.sqlstate == DISK_FULL:
        return StorageFull(f"There is no room for the catalog to grow: {text}.")
    return NotDone(f"The catalog failed: {text}.")
