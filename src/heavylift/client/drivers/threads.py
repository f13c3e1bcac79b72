"""Blocking work off the event loop, never left behind when its task is cancelled."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(function: Callable[[], T], *, stop: threading.Event | None = None) -> T:
    """Run it in a thread. When cancelled, set `stop` and wait for its end: files stay open until then."""
    future = asyncio.get_running_loop().run_in_executor(None, function)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if stop is not None:
            stop.set()
        await asyncio.wait([future])
        if not future.cancelled():
            future.exception()
        raise
