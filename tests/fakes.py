"""Stand-ins for our own ports: a clock set by hand, and a store that pauses or fails where a test says."""

import asyncio
import inspect
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

PATIENCE = 60.0
"""Seconds. A bound on what must happen, not a wait."""


class HandClock:
    """A clock that a test sets. Unix time in seconds."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let that much time pass."""
        self.now += seconds


@dataclass
class Pause:
    """One call that is held at a method's boundary. `arrived` tells that it got there."""

    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def reached(self) -> None:
        """Wait until the call has come to the boundary."""
        async with asyncio.timeout(PATIENCE):
            await self.arrived.wait()

    def release(self) -> None:
        """Let it go on."""
        self.opened.set()

    async def stand(self) -> None:
        """What the held call does."""
        self.arrived.set()
        async with asyncio.timeout(PATIENCE):
            await self.opened.wait()


@dataclass
class Failure:
    """One call that fails at a method's boundary."""

    error: BaseException

    async def stand(self) -> None:
        """What the failing call does."""
        raise self.error


class Gated:
    """A port whose next calls of a method pause or fail, before the real method or after it.

    What fails after the real method is the case of an unknown outcome: done, but nobody was told.
    """

    def __init__(self, port: Any) -> None:
        self.port = port
        self.calls: list[str] = []
        self._rigged: dict[tuple[str, bool], list[Pause | Failure]] = {}
        for name in dir(port):  # an attribute of its own: from 3.12 on no protocol sees what is made up
            if not name.startswith("_") and not hasattr(type(self), name):
                setattr(self, name, self._guarded(name))

    def pause(self, method: str, *, after: bool = False) -> Pause:
        """Hold the next call of that method."""
        pause = Pause()
        self._rigged.setdefault((method, after), []).append(pause)
        return pause

    def fail(self, method: str, error: BaseException, *, after: bool = False) -> None:
        """Let the next call of that method fail."""
        self._rigged.setdefault((method, after), []).append(Failure(error))

    @property
    def unused(self) -> list[tuple[str, bool]]:
        """Pauses and failures that no call came to: a test that arranged them proved nothing."""
        return [boundary for boundary, waiting in self._rigged.items() if waiting]

    def __getattr__(self, name: str) -> Any:
        return self._guarded(name)

    def _guarded(self, name: str) -> Any:
        method = getattr(self.port, name)
        if inspect.iscoroutinefunction(method):
            return self._around_call(name, method)
        if inspect.isasyncgenfunction(method):
            return self._around_stream(name, method)
        return method

    def _around_call(self, name: str, method: Any) -> Any:
        async def call(*positional: Any, **named: Any) -> Any:
            self.calls.append(name)
            await self._boundary(name, after=False)
            result = await method(*positional, **named)
            await self._boundary(name, after=True)
            return result

        return call

    def _around_stream(self, name: str, method: Any) -> Any:
        async def stream(*positional: Any, **named: Any) -> AsyncIterator[Any]:
            self.calls.append(name)
            await self._boundary(name, after=False)
            items = method(*positional, **named)
            try:
                async for item in items:
                    yield item
            finally:
                await items.aclose()
            await self._boundary(name, after=True)

        return stream

    async def _boundary(self, name: str, *, after: bool) -> None:
        waiting = self._rigged.get((name, after))
        if waiting:
            await waiting.pop(0).stand()
