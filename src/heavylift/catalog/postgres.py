"""The PostgreSQL driver: a pool of connections, and transactions that outlive a lost one."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from heavylift.catalog.postgres_errors import Again, Uncertain, is_outdated, trouble, verdict
from heavylift.catalog.postgres_session import (
    Connection,
    configure,
    hang_up,
    is_over,
    run_reading,
    run_writing,
)
from heavylift.catalog.postgres_url import POOL_SIZE, Address
from heavylift.catalog.transactions import Begin, Transaction
from heavylift.service.ports import NotDone

T = TypeVar("T")

PREPARE_AFTER = 5
"""Times that a connection sees a statement before the server prepares it."""

QUEUE = 1_000
"""The most that may wait for one of them. Beyond it, the answer is "down" at once."""

PATIENCE = 10.0
"""Seconds in which a transaction that writes is begun again, if that is safe: a Part's bytes have been sent
for it, and a server that restarts is back by then."""

READ_PATIENCE = 2.5
"""The same for one that reads, and for how long a brief one may take. Requests begin with such: who comes
while the server is down, or hangs, hears so soon."""

WAIT = 1.0
"""Seconds to wait for a connection before asking anew, which makes the pool try to connect again."""

LIMIT = 12.0
"""The most seconds that one attempt may take before its connection is cut."""

RECONNECT = 1.0
"""Seconds in which the pool by itself tries to connect again. It is asked anew anyhow."""

FIRST_PAUSE, LAST_PAUSE = 0.01, 0.5
"""Seconds between two attempts: they double."""

Session: TypeAlias = Callable[[Connection, Transaction[T]], Awaitable[T]]


class Postgres:
    """The driver for one database. For one event loop: the first that asks.

    `connections` is the most that this process holds; `prepared`, whether the server is to remember
    statements.
    """

    def __init__(
        self,
        address: Address,
        *,
        connections: int = POOL_SIZE,
        prepared: bool = True,
        queue: int = QUEUE,
        patience: float = PATIENCE,
        limit: float = LIMIT,
    ) -> None:
        self._patience = patience
        self._limit = limit
        self._lists = asyncio.Semaphore(max(1, connections // 2))  # the others are left for look-ups
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            make_conninfo(**address.parameters),
            kwargs={
                "autocommit": True,
                "row_factory": dict_row,
                "prepare_threshold": PREPARE_AFTER if prepared else None,
            },
            configure=configure,
            min_size=1,
            max_size=connections,
            max_waiting=queue,
            reconnect_timeout=RECONNECT,
            name=address.name,
            open=False,
        )

    async def write(self, begin: Begin[T]) -> T:
        return await self._apart(begin, run_writing, self._patience, self._limit)

    async def read(
        self, begin: Begin[T], *, brief: bool = False, point: bool = False, dear: bool = False
    ) -> T:
        if dear:
            async with self._list_turn():
                return await self.read(begin, brief=brief, point=point)
        patience = min(self._patience, READ_PATIENCE)
        limit = min(self._limit, patience) if brief else self._limit
        return await self._apart(begin, run_reading, patience, limit)

    @asynccontextmanager
    async def _list_turn(self) -> AsyncIterator[None]:
        """One of the connections that lists may use. Raises NotDone when there is none in time."""
        try:
            async with asyncio.timeout(min(self._patience, READ_PATIENCE)):
                await self._lists.acquire()
        except TimeoutError:
            raise NotDone("As many lists are being read as there are connections for.") from None
        try:
            yield
        finally:
            self._lists.release()

    async def close(self) -> None:
        self._closed = True
        while self._running:
            await asyncio.wait(self._running)
        await self._pool.close()

    async def _apart(self, begin: Begin[T], session: Session[T], patience: float, limit: float) -> T:
        """Whoever stops waiting does not stop the work: a connection is never left in mid-sentence."""
        if self._closed:
            raise NotDone("The catalog is closed.")
        task = asyncio.create_task(self._insist(begin, session, patience, limit))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _insist(self, begin: Begin[T], session: Session[T], patience: float, limit: float) -> T:
        """Run the transaction, from the start again where that is safe, as long as patience lasts."""
        deadline = time.monotonic() + patience
        pause = 0.0  # a pooled connection that was lost unnoticed is replaced at once
        while True:
            remaining = max(deadline - time.monotonic(), FIRST_PAUSE)
            try:
                return await self._attempt(begin, session, wait=min(WAIT, remaining), limit=limit)
            except Again as again:
                if time.monotonic() + pause >= deadline:
                    raise trouble(again.error) from again.error
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spread, no secret
            pause = min(max(pause * 2, FIRST_PAUSE), LAST_PAUSE)

    async def _attempt(self, begin: Begin[T], session: Session[T], *, wait: float, limit: float) -> T:
        """Run it once. Raises Again, or what the port promises."""
        connection = await self._connection(wait)
        alarm = asyncio.get_running_loop().call_later(limit, hang_up, connection)
        try:
            return await session(connection, begin())
        except Uncertain as error:
            raise trouble(error) from error
        except psycopg.Error as error:
            lost = connection.closed
            if is_outdated(error):
                await connection.close()
            raise verdict(error, lost=lost) from error
        finally:
            alarm.cancel()
            if connection.info.transaction_status is not TransactionStatus.IDLE:
                await connection.close()  # the server takes back what was begun
            await self._pool.putconn(connection)

    async def _connection(self, wait: float) -> Connection:
        """One of the pool's, after at most `wait` seconds."""
        try:
            if self._pool.closed:
                await self._pool.open()
            deadline = time.monotonic() + wait
            while is_over(connection := await self._pool.getconn(deadline - time.monotonic())):
                await connection.close()
                await self._pool.putconn(connection)  # which begins to replace it
            return connection
        except psycopg.Error as error:
            raise verdict(error, lost=False) from error
