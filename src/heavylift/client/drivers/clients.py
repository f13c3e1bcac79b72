"""Which client of the HTTP library sends: one for each process, and with asyncio one for each event loop.

Connections cannot be shared beyond that: after a fork two processes would read each other's answers, and
what one event loop has opened, another cannot wait for.
"""

import asyncio
import os
from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

import httpx2

from heavylift.client.errors import InvalidRequestError

C = TypeVar("C", httpx2.Client, httpx2.AsyncClient)


class _Clients(Generic[C]):
    """A client that was given is used alone, and only where it was used first."""

    def __init__(self, given: C | None, make: Callable[[], C]) -> None:
        self.owned = given is None
        self._make: Callable[[], C] = make
        self._first: C | None = given or make()
        self._process = os.getpid()
        self._used = False
        self._closed = False

    def _forked(self) -> bool:
        """Whether this is another process than the one so far. The parent's clients are not closed, only
        let go of: a farewell on a shared connection would end the parent's."""
        here = os.getpid()
        if here == self._process:
            return False
        if self._used and not self.owned:
            raise InvalidRequestError(
                "The http_client was used in another process, from which this one was forked: "
                "their answers would cross. Make it after the fork"
            )
        self._process = here
        return True

    def _open(self, client: C) -> C:
        if self._closed or client.is_closed:
            raise InvalidRequestError(
                "This client is closed. Make a new one, or use it inside its `with` block"
            )
        self._used = True
        return client


class BlockingClients(_Clients[httpx2.Client]):
    """For every thread of a process the same."""

    def current(self) -> httpx2.Client:
        """The one to send with now. Raises InvalidRequestError for one that is closed."""
        if (self._forked() and self.owned) or self._first is None:
            self._first = self._make()
        return self._open(self._first)

    def close(self) -> None:
        """Close the connections of this process, if they are ours."""
        self._closed = self._closed or self.owned
        if self.owned and self._first is not None and os.getpid() == self._process:
            self._first.close()


class AsyncClients(_Clients[httpx2.AsyncClient]):
    """For every event loop its own, until that is closed: what is open hangs on it, and it on that."""

    def __init__(self, given: httpx2.AsyncClient | None, make: Callable[[], httpx2.AsyncClient]) -> None:
        super().__init__(given, make)
        self._by_loop: WeakKeyDictionary[AbstractEventLoop, httpx2.AsyncClient] = WeakKeyDictionary()

    def current(self) -> httpx2.AsyncClient:
        """The one to send with now. Raises InvalidRequestError for one that is closed, or a loop too far."""
        loop = asyncio.get_running_loop()
        if self._forked() and self.owned:
            self._by_loop, self._first = WeakKeyDictionary(), None
        client: httpx2.AsyncClient | None = self._by_loop.get(loop)
        if client is None:
            for ended in [known for known in list(self._by_loop) if known.is_closed()]:
                self._by_loop.pop(ended, None)
            client = self._by_loop[loop] = self._for_another_loop()
        return self._open(client)

    def _for_another_loop(self) -> httpx2.AsyncClient:
        client: httpx2.AsyncClient | None = self._first
        self._first = None
        if client is not None:
            return client
        if not self.owned:
            raise InvalidRequestError(
                "The http_client was used on another event loop, and its connections belong to that. "
                "Make it anew inside this one, or do all within one asyncio.run"
            )
        return self._make()

    async def close(self) -> None:
        """Close the connections of this event loop, if they are ours. Those of loops that have ended are
        gone with them."""
        self._closed = self._closed or self.owned
        client = self._by_loop.pop(asyncio.get_running_loop(), self._first)
        if self.owned and client is not None and os.getpid() == self._process:
            await client.aclose()
