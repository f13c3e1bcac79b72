"""The head of an answer comes within the time that silence is borne, or is given up.

The HTTP library bounds each read by itself. A head by drops, or interim answers (1xx) without an end, would
hold a call for as long as the server likes. So the connection knows when it was last written to, and while a
head is awaited that is what the time counts from.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeVar

import httpcore2
import httpx2

TO_POOL: Final = "_pool"
TO_BACKEND: Final = "_network_backend"
"""From a transport of the HTTP library to what opens its connections: only a pool that is made by hand
could be given one. Where its insides are others, a head is bounded as each of its reads is."""

T = TypeVar("T", httpx2.HTTPTransport, httpx2.AsyncHTTPTransport)

Clock = Callable[[], float]

_awaited: ContextVar[bool] = ContextVar("head_awaited", default=False)


@contextmanager
def head_awaited() -> Iterator[None]:
    """Inside, what is read belongs to a head."""
    before = _awaited.set(True)
    try:
        yield
    finally:
        _awaited.reset(before)


def bounded(transport: T) -> T:
    """The same transport, whose connections from now on bound a head."""
    pool = getattr(transport, TO_POOL, None)
    backend = getattr(pool, TO_BACKEND, None)
    if isinstance(backend, httpcore2.NetworkBackend):
        setattr(pool, TO_BACKEND, _Backend(backend))
    elif isinstance(backend, httpcore2.AsyncNetworkBackend):
        setattr(pool, TO_BACKEND, _AsyncBackend(backend))
    return transport


class Patience:
    """How long may still be waited on one connection."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._written = clock()

    def wrote(self) -> None:
        """Something has gone out just now: nobody could answer it before."""
        self._written = self._clock()

    def left(self, seconds: float | None) -> float | None:
        """For one read, of the `seconds` for silence. Raises httpcore2.ReadTimeout once they are used up."""
        if seconds is None or not _awaited.get():
            return seconds
        left = self._written + seconds - self._clock()
        if left <= 0:
            raise httpcore2.ReadTimeout("The head of the answer comes by drops")
        return left


class _Stream(httpcore2.NetworkStream):
    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner
        self._patience = Patience()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._patience.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout)
        self._patience.wrote()

    def close(self) -> None:
        self._inner.close()

    def start_tls(self, *given: Any, **named: Any) -> httpcore2.NetworkStream:
        return _Stream(self._inner.start_tls(*given, **named))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore2.NetworkBackend):
    def __init__(self, inner: httpcore2.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(self, *given: Any, **named: Any) -> httpcore2.NetworkStream:
        return _Stream(self._inner.connect_tcp(*given, **named))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _AsyncStream(httpcore2.AsyncNetworkStream):
    """Its parameters are named as the HTTP library calls them."""

    def __init__(self, inner: httpcore2.AsyncNetworkStream) -> None:
        self._inner = inner
        self._patience = Patience()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        return await self._inner.read(max_bytes, self._patience.left(timeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._inner.write(buffer, timeout)
        self._patience.wrote()

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(self, *given: Any, **named: Any) -> httpcore2.AsyncNetworkStream:
        return _AsyncStream(await self._inner.start_tls(*given, **named))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _AsyncBackend(httpcore2.AsyncNetworkBackend):
    def __init__(self, inner: httpcore2.AsyncNetworkBackend) -> None:
        self._inner = inner

    async def connect_tcp(self, *given: Any, **named: Any) -> httpcore2.AsyncNetworkStream:
        return _AsyncStream(await self._inner.connect_tcp(*given, **named))

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)
