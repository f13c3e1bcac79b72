"""One process that serves, and what signals do to it."""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

import structlog
from starlette.types import ASGIApp

from heavylift.api.running.connections import Connections
from heavylift.api.running.lifespan import StartFailed
from heavylift.api.running.listening import BACKLOG, Listening
from heavylift.api.running.process import Process, Times
from heavylift.api.server.hosting import Hosting

log = structlog.get_logger("heavylift.server")

FAILED: Final = 1
BY_SIGNAL: Final = 128
"""Exit statuses: the application did not start; a second signal came, whose number is added."""

HARMLESS: Final = (signal.SIGUSR1, signal.SIGUSR2)
"""Signals that would end a process by default, and that some tools send to every server."""

STOPS: Final = (signal.SIGTERM, signal.SIGINT)


def make_process(
    app: ASGIApp, listening: Listening, sockets: Sequence[socket.socket], **more: Any
) -> Process:
    """What serves the application there. Raises CannotServe for a certificate that cannot be loaded."""
    return Process(
        app, connection_maker(app), sockets, certificate=listening.certificate(),
        workers=listening.workers, **more,
        times=Times(
            grace=listening.stop_grace, keep_alive=listening.keep_alive, handshake=listening.head_timeout
        ),
    )  # fmt: skip


def connection_maker(app: ASGIApp) -> Callable[[Connections, dict[str, Any]], asyncio.BufferedProtocol]:
    """Makes connections to the application."""
    host: Hosting | None = None

    def make(connections: Connections, state: dict[str, Any]) -> asyncio.BufferedProtocol:
        nonlocal host
        if host is None:
            host = Hosting(app, connections, state, leaving=lambda: connections.leaving)
        return host.connection()

    return make


def serve_alone(
    app: ASGIApp,
    listening: Listening,
    bound: socket.socket,
    *,
    announce: Callable[[], None],
    withdraw: Callable[[], None],
) -> int:
    """Serve in this process until told to stop, and say the exit status. `announce` is called once it serves,
    `withdraw` when it is told to stop."""
    told: list[int] = []
    announced = False

    def alive() -> None:
        nonlocal announced
        if not announced:
            announced = True
            announce()

    process = make_process(app, listening, [bound], alive=alive)
    bound.listen(BACKLOG)  # who connects before the start is over waits, and is not refused

    def stop(number: int) -> None:
        told.append(number)
        withdraw()
        (process.drain if len(told) == 1 else process.end)()

    async def run() -> None:
        loop = asyncio.get_running_loop()
        for number in STOPS:
            loop.add_signal_handler(number, stop, number)
        loop.add_signal_handler(signal.SIGHUP, process.renew)
        for number in HARMLESS:
            signal.signal(number, signal.SIG_IGN)
        await process.run()

    try:
        run_loop(run())
    except StartFailed as failed:
        log.error("server.failed", reason=str(failed), exc_info=failed.__cause__)
        return FAILED
    return leave(BY_SIGNAL + told[1] if len(told) > 1 else 0, at_once=process.cut_off)


def run_loop(main: Coroutine[Any, Any, None]) -> None:
    """Run it to its end in the fastest event loop there is."""
    if sys.platform == "win32":
        asyncio.run(main)
        return
    import uvloop  # noqa: PLC0415 - Unix alone has it

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


def leave(status: int, *, at_once: bool) -> int:
    """The exit status. `at_once`: end the process here, whatever its threads still wait for."""
    if at_once:
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)
    return status
