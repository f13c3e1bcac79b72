"""A stop that loses nothing: finish the bodies under way, then let the server stop.

uvicorn closes its port first and waits afterwards. Here the port stays open while bodies
finish, so that new ones are told 503 and Retry-After instead of finding nobody.
"""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from heavylift.api.gate import Gate

log = structlog.get_logger("heavylift.server")

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def drain_on_signal(gate: Gate, *, grace: float) -> Iterator[None]:
    """Put a drain of up to `grace` seconds before what a signal to stop has been set to do.

    A second interrupt does not wait. Outside the main thread, where there are no signals, nothing happens.
    """
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    stopping: list[asyncio.Task[None]] = []

    async def stop(number: signal.Signals) -> None:
        log.info("server.draining", grace=grace)
        if not await gate.close(grace):
            log.warning("server.drained_late", hint="bodies that are still running are cut off")
        _call(before[number], number)

    def received(number: signal.Signals) -> None:
        if not stopping:
            stopping.append(loop.create_task(stop(number)))
        elif number == signal.SIGINT:
            stopping[0].cancel()
            _call(before[number], number)

    try:
        for number in SIGNALS:
            loop.add_signal_handler(number, received, number)
    except (RuntimeError, ValueError):  # not the main thread
        yield
        return
    yield


def _call(handler: Any, number: int) -> None:
    if callable(handler):
        handler(number, None)
