"""The server as a connection sees it: what all of them share, and how a request gets its answer."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import structlog
from starlette.types import ASGIApp

from heavylift.api.server.bounds import STATE, Shared
from heavylift.api.server.connection import Connection
from heavylift.api.server.cycle import Cycle

log = structlog.get_logger("heavylift.server")


class Counts(Protocol):
    """What whoever runs the process looks at: who is there, what runs, how much was answered."""

    connections: set[Any]
    tasks: set[asyncio.Task[Any]]
    total_requests: int


class Hosting:
    """One application in one process. `state` is its lifespan's; `leaving` tells that each answer is now the
    last of its connection."""

    def __init__(
        self,
        app: ASGIApp,
        counts: Counts,
        state: dict[str, Any],
        *,
        root_path: str = "",
        leaving: Callable[[], bool] = lambda: False,
    ) -> None:
        self.root_path = root_path
        self.shared: Shared = state[STATE]
        self.state = {name: value for name, value in state.items() if name != STATE}
        self.connections = counts.connections
        self.leaving = leaving
        self._app, self._counts = app, counts
        self._loop = asyncio.get_running_loop()

    def connection(self) -> Connection:
        """A new one."""
        return Connection(self, self._loop)

    def begin(self, connection: Connection, cycle: Cycle) -> None:
        """Let the application answer the request, or what is before it."""
        hot = self.shared.hot
        work = hot.begin(cycle) if hot is not None else False
        if work is True:
            cycle.let_go()
            return
        tasks = self._counts.tasks
        task = self._loop.create_task(self._run(connection, cycle, work or self._asgi(cycle)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def _asgi(self, cycle: Cycle) -> None:
        await self._app(cycle.scope, cycle.receive, cycle.send)

    async def _run(self, connection: Connection, cycle: Cycle, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:
            log.exception("request.failed")
        finally:
            connection.abandoned(cycle)
            cycle.let_go()

    def count(self) -> None:
        """One more request is answered."""
        self._counts.total_requests += 1
