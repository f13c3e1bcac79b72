"""The server's side of ASGI's lifespan: the application is started, and stopped in the end."""

import asyncio
from typing import Any, Self

from starlette.types import ASGIApp, Message


class StartFailed(Exception):
    """The application did not start. The message says why, or the cause does."""


class Lifespan:
    """One run of an application. `state` is what it gives to each of its requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self.state: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        """Start it. Raises StartFailed."""
        scope = {
            "type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state,
        }  # fmt: skip
        self._running = asyncio.ensure_future(self._app(scope, self._to_app.get, self._from_app.put))
        await self._ask("startup")
        return self

    async def stop(self, *, within: float) -> bool:
        """Stop it. Whether it has stopped after so many seconds; raises what it raises."""
        try:
            async with asyncio.timeout(within):
                await self._ask("shutdown")
                await self._running
        except TimeoutError:
            return False
        return True

    async def __aexit__(self, *_: object) -> None:
        self._running.cancel()
        await asyncio.wait([self._running])

    async def _ask(self, what: str) -> None:
        """Say that it may begin with this, and wait until it is through."""
        await self._to_app.put({"type": f"lifespan.{what}"})
        answering = asyncio.ensure_future(self._from_app.get())
        await asyncio.wait([answering, self._running], return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            answering.cancel()
            raise StartFailed(f"The application ended in its {what}.") from self._running.exception()
        answer = answering.result()
        if answer["type"] != f"lifespan.{what}.complete":
            raise StartFailed(answer.get("message") or f"The application's {what} failed.")
