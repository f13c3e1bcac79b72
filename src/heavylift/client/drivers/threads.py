"""Blocking work off the event loop, in threads of our own: on the loop's own ones, names are looked up."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, TypeVar

T = TypeVar("T")

THREADS: Final = 32
"""As many blocks of files are read at once; more would only queue up before the disk."""

GRACE_SECONDS: Final = 0.5
"""How long a thread that was told to stop may take to end the block it is in."""


class _Threads:
    """The pool, made when it is first needed, and anew in a process that was forked off."""

    def __init__(self) -> None:
        self._forget()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """A fork takes along what is written of the threads, and not one of the threads."""
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def pool(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="heavylift-disk")
            return self._pool


_THREADS: Final = _Threads()


async def in_thread(function: Callable[[], T]) -> T:
    """Run something short in a thread of the pool. When cancelled, wait for its end: files stay open
    until then."""
    future = asyncio.get_running_loop().run_in_executor(_THREADS.pool(), function)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await _ended(future, grace=None)
        raise


async def in_own_thread(function: Callable[[Callable[[], bool]], T], *, grace: float | None = None) -> T:
    """Run something long in a thread of its own. When cancelled, tell it by the function that it is given,
    and wait for its end: at most `grace` seconds where that is not in our hands."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    stop = threading.Event()

    def settle(how: Callable[[Any], None], outcome: object) -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(lambda: None if future.done() else how(outcome))

    def run() -> None:
        try:
            result = function(stop.is_set)
        except StopIteration as error:  # which no future takes
            settle(future.set_exception, RuntimeError(f"the source raised {error!r}"))
        except BaseException as error:  # handed to whoever waits
            settle(future.set_exception, error)
        else:
            settle(future.set_result, result)

    threading.Thread(target=run, name="heavylift-work", daemon=True).start()
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        stop.set()
        await _ended(future, grace=grace)
        raise


async def _ended(future: asyncio.Future[Any], *, grace: float | None) -> None:
    """Wait for its end, whatever it is. What does not end within the grace is left behind."""
    await asyncio.wait([future], timeout=grace)
    if not future.done():
        future.cancel()
    elif not future.cancelled():
        future.exception()
