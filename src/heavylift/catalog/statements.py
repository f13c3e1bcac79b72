"""Runs a transaction's statements on a SQLite connection, and names what can go wrong with it."""

import errno
import os
import sqlite3
from contextlib import suppress
from typing import Any, TypeVar

from heavylift.catalog.queries import load_queries
from heavylift.catalog.transactions import DURABLY, EXCLUDE_ARRIVALS, UNDO, Row, Statement, Transaction
from heavylift.service.ports import NotDone, StorageDown, StorageFull

T = TypeVar("T")

SAVEPOINT = "SAVEPOINT one"
ROLLBACK = "ROLLBACK TO one"
RELEASE = "RELEASE one"
"""Around each transaction of those that share a commit."""

PRIMARY_CODE = 0xFF
"""The part of an extended result code that names the kind of error."""

NO_ROOM = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
"""What SQLite says on a full disk: of its files, and of the index of its log, made when it opens."""


def run(connection: sqlite3.Connection, transaction: Transaction[T]) -> T:
    """Drive the transaction to its end. The caller has begun it; UNDO fails without SAVEPOINT."""
    rows: list[Row] | None = None
    try:
        while True:
            statement = next(transaction) if rows is None else transaction.send(rows)
            rows = execute(connection, statement)
    except StopIteration as end:
        value: T = end.value
        return value


def execute(connection: sqlite3.Connection, statement: Statement) -> list[Row]:
    """The statement's rows."""
    if statement is EXCLUDE_ARRIVALS:
        return []  # whoever writes is alone anyhow
    if statement is UNDO:
        return connection.execute(ROLLBACK).fetchall()
    if statement is DURABLY:
        sync_log(connection)
        return []
    text = load_queries()[statement.name]
    if statement.each is not None and statement.answers:
        return [row for entry in statement.each for row in connection.execute(text, entry)]
    if statement.each is not None:
        return connection.executemany(text, statement.each).fetchall()
    return connection.execute(text, statement.parameters).fetchall()


def sync_log(connection: sqlite3.Connection) -> None:
    """Make durable what any process has committed: it is in the log, or was synced when it left that."""
    [path] = [row[2] for row in connection.execute("PRAGMA database_list") if row[1] == "main"]
    with suppress(FileNotFoundError):  # in memory, or all of it is in the database already
        log = os.open(f"{path}-wal", os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fdatasync(log)
        finally:
            os.close(log)


def lacks_room(error: Exception) -> bool:
    """Whether the disk is full, or as full as its user may make it."""
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT}
    code: Any = getattr(error, "sqlite_errorcode", None)
    return code is not None and bool({code, code & PRIMARY_CODE} & NO_ROOM)


def trouble(error: Exception, *, in_commit: bool = False) -> Exception:
    """A fresh error for one caller: SQLite's in the port's words, any other as it is.

    `in_commit`: the whole transaction may be in the log already, and only its sync have failed. If the log
    has no room its last page is not there.
    """
    if isinstance(error, OSError):
        return StorageDown(f"The catalog failed: {error}.")
    if not isinstance(error, sqlite3.Error):
        return error
    if lacks_room(error):
        told: Exception = StorageFull(f"There is no room for the catalog to grow: {error}.")
    else:
        told = (StorageDown if in_commit else NotDone)(f"The catalog failed: {error}.")
    told.__cause__ = error
    return told
