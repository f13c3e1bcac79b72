"""Runs one transaction on one connection to PostgreSQL."""

import os
import select
import socket
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg.rows import DictRow
from psycopg.types.numeric import Int8Dumper

from heavylift.catalog.postgres_errors import Again, Uncertain
from heavylift.catalog.queries import NOW, load_queries, to_pyformat
from heavylift.catalog.transactions import DURABLY, EXCLUDE_ARRIVALS, UNDO, Row, Statement, Transaction

T = TypeVar("T")

Connection: TypeAlias = psycopg.AsyncConnection[DictRow]

CLOCK = "CAST(extract(epoch FROM clock_timestamp()) AS DOUBLE PRECISION)"

FLUSH = b"SET LOCAL synchronous_commit = on"
"""The commit then makes durable all that was committed before it, by whomever."""

LOCK_ARRIVALS = (
    b"SET LOCAL lock_timeout = '250ms'",
    b"LOCK TABLE arrivals_gate IN EXCLUSIVE MODE",
)
"""All arrivals queue up behind whoever waits for this lock, so it waits for an instant alone. A dump, which
reads every table for as long as it takes, is not in its way, nor it in the dump's."""


@cache
def spelled() -> Mapping[str, bytes]:
    """The statements as psycopg takes them."""
    return {name: to_pyformat(text.replace(NOW, CLOCK)).encode() for name, text in load_queries().items()}


async def configure(connection: Connection) -> None:
    """Prepare a new connection. Asks the server nothing, so that nothing can hang."""
    # one type for every number: else each size of a number makes another prepared statement
    connection.adapters.register_dumper(int, Int8Dumper)


def is_over(connection: Connection) -> bool:
    """Whether the server has ended this connection while it was idle, as it does with all when it restarts.

    Asks the server nothing: a line that has something to say unasked is over.
    """
    if connection.closed:
        return True
    looking = select.poll()
    looking.register(connection.fileno(), select.POLLIN)
    return bool(looking.poll(0))


async def run_reading(connection: Connection, transaction: Transaction[T]) -> T:
    """Run what only reads. Each statement sees what is committed when it begins."""
    value, _ = await drive(connection, transaction)
    return value


async def run_writing(connection: Connection, transaction: Transaction[T]) -> T:
    """Run and commit. Whatever it raises but Uncertain, nothing has happened."""
    await connection.execute("BEGIN")
    try:
        value, undone = await drive(connection, transaction)
    except BaseException:
        with suppress(psycopg.Error):  # the first error is the one to tell
            await connection.execute("ROLLBACK")
        raise
    if undone:
        await connection.execute("ROLLBACK")
    else:
        await commit(connection)
    return value


async def commit(connection: Connection) -> None:
    """Raises Uncertain if no answer came."""
    try:
        await connection.execute("COMMIT")
    except psycopg.Error as error:
        if connection.closed:
            raise Uncertain from error
        raise  # the server said no, so it has taken everything back


async def drive(connection: Connection, transaction: Transaction[T]) -> tuple[T, bool]:
    """The transaction's value, and whether it wants to be taken back."""
    undone = False
    rows: list[Row] | None = None
    try:
        while True:
            statement = next(transaction) if rows is None else transaction.send(rows)
            if statement is UNDO:
                undone, rows = True, []
            else:
                rows = await execute(connection, statement)
    except StopIteration as end:
        return end.value, undone
    finally:
        transaction.close()


async def execute(connection: Connection, statement: Statement) -> list[Row]:
    """The statement's rows."""
    if statement is EXCLUDE_ARRIVALS:
        await exclude_arrivals(connection)
        return []
    if statement is DURABLY:
        await connection.execute(FLUSH)
        return []
    text = spelled()[statement.name]
    if statement.each is not None:
        return await execute_each(connection, text, statement)
    answer = await connection.execute(text, statement.parameters)
    found: list[Any] = await answer.fetchall() if answer.description else []
    return found


async def exclude_arrivals(connection: Connection) -> None:
    """Have the gate's lock. Raises Again if it was not to be had at once: then arrivals pass first."""
    try:
        for command in LOCK_ARRIVALS:
            await connection.execute(command)
    except psycopg.errors.LockNotAvailable as error:
        raise Again(error) from error


async def execute_each(connection: Connection, text: bytes, statement: Statement) -> list[Row]:
    """All its runs in one trip to the server, and their rows."""
    rows: list[Row] = []
    async with connection.cursor() as cursor:
        await cursor.executemany(text, statement.each or (), returning=statement.answers)
        if statement.answers and statement.each:
            async for result in cursor.results():
                rows += await result.fetchall()
    return rows


def hang_up(connection: "psycopg.AsyncConnection[Any] | psycopg.Connection[Any]") -> None:
    """Cut the line. Whoever waits for the server's answer learns that it is lost."""
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)
